package interceptor

import (
	"context"
	"errors"
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/catflap/catflap/tribes"
)

// DispatchConfig are Tomcat's attributes of MessageDispatchInterceptor. A zero
// field means its default.
type DispatchConfig struct {
	Base
	MaxQueueSize int64 // maxQueueSize: bytes of messages that wait; default 64 MiB
	NeverSend    bool  // alwaysSend="false": what does not fit is refused with ErrQueueFull
	Threads      int   // maxThreads: messages that are sent at once; default 10
	// OnError is told of messages that could not be sent; may be nil.
	OnError func(m *tribes.Message, err error)
}

// A Dispatch sends asynchronous messages (tribes.OptionAsync) in the background:
// who sends one does not wait. Messages with the same Order leave in theirs.
// When the queue is full the sender waits until its message has left, and is told
// what became of it.
//
// Source: MessageDispatchInterceptor.
type Dispatch struct {
	tribes.Pass
	cfg    DispatchConfig
	seed   maphash.Seed
	lines  []*line
	mixed  chan struct{} // holds a value when lines have what may leave together
	queued atomic.Int64  // bytes that wait
	next   atomic.Uint32
	began  time.Time
	last   atomic.Int64                    // when a message came last, in ns since began
	joined atomic.Int64                    // when several left together last, likewise
	whom   atomic.Pointer[[]tribes.Member] // whom the last message was for
}

// ErrQueueFull says that a message was refused because too many wait.
var ErrQueueFull = errors.New("the queue of asynchronous messages is full")

// NewDispatch returns a MessageDispatchInterceptor.
func NewDispatch(cfg DispatchConfig) *Dispatch {
	cfg.Base = cfg.withDefaults()
	if cfg.MaxQueueSize == 0 {
		cfg.MaxQueueSize = 64 << 20
	}
	if cfg.Threads <= 0 {
		cfg.Threads = 10
	}
	d := &Dispatch{cfg: cfg, seed: maphash.MakeSeed(), lines: make([]*line, cfg.Threads), mixed: make(chan struct{}, 1), began: time.Now()}
	d.last.Store(-int64(quiet))
	d.joined.Store(-int64(joint))
	for i := range d.lines {
		d.lines[i] = &line{wake: make(chan struct{}, 1), mixed: d.mixed}
	}
	return d
}

// quiet is how long no message must have come for the next one to be sent by who
// hands it over, if that need not wait: waking another goroutine costs more.
// Messages that come faster are cheaper when several leave together, and while
// they do, which is so until joint has passed, a short pause tells nothing.
const (
	quiet = 200 * time.Microsecond
	joint = time.Millisecond
)

// alone are the options of messages that do not leave together with others.
const alone = tribes.OptionAck | tribes.OptionUDP | tribes.OptionMulticast

// Send implements tribes.Lower.
func (d *Dispatch) Send(ctx context.Context, to []tribes.Member, m *tribes.Message) error {
	if !m.Options.Has(tribes.OptionAsync) || !d.cfg.mine(m) {
		return d.Below.Send(ctx, to, m)
	}
	l := d.lines[d.choose(m.Order)]
	claimed := d.prompt(m) && l.claim()
	var rest func(context.Context) error
	if claimed {
		var ok bool
		if rest, ok = d.Below.(tribes.Prompter).SendNow(to, m); ok && rest == nil {
			l.release()
			return nil
		}
	}
	size := int64(len(m.Data))
	full := d.queued.Add(size) > d.cfg.MaxQueueSize && rest == nil
	if full && d.cfg.NeverSend {
		d.queued.Add(-size)
		if claimed {
			l.release()
		}
		return ErrQueueFull
	}
	q := queued{to: d.keep(to), m: newMessage(m), rest: rest, mixes: d.mixes(m) && rest == nil}
	if full {
		q.sent = make(chan error, 1)
	}
	if claimed {
		l.release(q)
	} else if !l.add(q) {
		d.queued.Add(-size)
		return tribes.ErrClosed
	}
	if q.sent == nil {
		return nil
	}
	select {
	case err := <-q.sent:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// prompt reports whether m is to be sent by who hands it over, if it can.
func (d *Dispatch) prompt(m *tribes.Message) bool {
	now := int64(time.Since(d.began))
	if now-d.last.Swap(now) < int64(quiet) || now-d.joined.Load() < int64(joint) || m.Options&alone != 0 {
		return false
	}
	_, ok := d.Below.(tribes.Prompter)
	return ok
}

// keep returns a copy of to. Most messages are for the same members, and have
// one copy.
func (d *Dispatch) keep(to []tribes.Member) []tribes.Member {
	if last := d.whom.Load(); last != nil && sameMembers(*last, to) {
		return *last
	}
	kept := slices.Clone(to)
	d.whom.Store(&kept)
	return kept
}

// messages are such as have been sent, for the next ones.
var messages = sync.Pool{New: func() any { return new(tribes.Message) }}

// newMessage returns a copy of m.
func newMessage(m *tribes.Message) *tribes.Message {
	kept := messages.Get().(*tribes.Message)
	*kept = *m
	return kept
}

// choose returns the line for an order, the next one for none.
func (d *Dispatch) choose(order string) int {
	if order == "" {
		return int(d.next.Add(1)) % len(d.lines)
	}
	return int(maphash.String(d.seed, order) % uint64(len(d.lines)))
}

// lastTime is how long what waits at the end may take to leave.
const lastTime = 3 * time.Second

// Run implements tribes.Interceptor.
func (d *Dispatch) Run(ctx context.Context) error {
	sending, stop := context.WithCancel(context.WithoutCancel(ctx)) // what is on its way when ctx ends has that time, too
	defer stop()
	defer context.AfterFunc(ctx, func() {
		timer := time.NewTimer(lastTime)
		defer timer.Stop()
		select {
		case <-timer.C:
			stop()
		case <-sending.Done():
		}
	})()
	var g errgroup.Group
	g.Go(func() error {
		d.together(ctx, sending)
		return nil
	})
	for _, l := range d.lines {
		g.Go(func() error {
			for ctx.Err() == nil {
				select {
				case <-l.wake:
					d.drain(sending, l)
				case <-ctx.Done():
				}
			}
			for !l.end() {
				<-l.wake
			}
			d.drain(sending, l)
			return nil
		})
	}
	return g.Wait()
}

// maxBatch is how many bytes leave in one piece.
const maxBatch = 32 << 10

// batch returns how many of all, from the first on, may leave in one piece.
func (d *Dispatch) batch(all []queued) int {
	if _, ok := d.Below.(tribes.Batcher); !ok {
		return 1
	}
	first, size := all[0], 0
	for n, q := range all {
		size += len(q.m.Data)
		if q.m.Options&alone != 0 || q.rest != nil || !mix(&q, &first) || n > 0 && size > maxBatch || !sameMembers(q.to, first.to) {
			return max(1, n)
		}
	}
	return len(all)
}

// mix reports whether two messages are of one order, or of any two that mix.
func mix(a, b *queued) bool { return a.m.Order == b.m.Order || a.mixes && b.mixes }

func sameMembers(a, b []tribes.Member) bool {
	return slices.EqualFunc(a, b, func(x, y tribes.Member) bool { return x.ID == y.ID && x.Port == y.Port && x.Host == y.Host })
}

// drain sends what waits in a line until nothing does.
func (d *Dispatch) drain(ctx context.Context, l *line) {
	for all := l.take(); len(all) > 0; all = l.take() {
		d.send(ctx, all)
	}
}

// send sends all of a line. What waits when ctx is done gets a last chance.
func (d *Dispatch) send(ctx context.Context, all []queued) {
	for len(all) > 0 {
		n := d.batch(all)
		now := all[:n]
		all = all[n:]
		sending, cancel := ctx, context.CancelFunc(func() {})
		if ctx.Err() != nil {
			sending, cancel = context.WithTimeout(context.WithoutCancel(ctx), lastTime/4)
		}
		err := d.pass(sending, now)
		cancel()
		for _, q := range now {
			d.queued.Add(-int64(len(q.m.Data)))
			if q.sent != nil { // it is told, as Tomcat tells who sends such a message itself
				q.sent <- err
				continue
			}
			if err == nil {
				*q.m = tribes.Message{}
				messages.Put(q.m)
				continue
			}
			d.cfg.Log.Warn("asynchronous message not sent", "err", err)
			if d.cfg.OnError != nil {
				d.cfg.OnError(q.m, err)
			}
		}
	}
}

// pass hands on a batch.
func (d *Dispatch) pass(ctx context.Context, batch []queued) error {
	if batch[0].rest != nil {
		return batch[0].rest(ctx)
	}
	if len(batch) == 1 {
		return d.Below.Send(ctx, batch[0].to, batch[0].m)
	}
	d.joined.Store(int64(time.Since(d.began)))
	all := make([]*tribes.Message, len(batch))
	for i, q := range batch {
		all[i] = q.m
	}
	return d.Below.(tribes.Batcher).SendAll(ctx, batch[0].to, all)
}
