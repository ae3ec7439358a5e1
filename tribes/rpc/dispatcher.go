package rpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/internal/flood"
	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
)

// A Group is what a Dispatcher needs of a tribes.Channel.
type Group interface {
	Send(ctx context.Context, to []tribes.Member, m *tribes.Message) error
	Members() []tribes.Member
	Local() tribes.Member
	Listen(l tribes.Listener)
}

// Objects takes objects that are neither questions nor answers.
type Objects interface {
	// Object takes an object of another member, and reports whether it was for
	// it. An error is told to the sender if it wants to know. Many goroutines
	// call it.
	Object(n javaserial.Node, m *tribes.Message) (mine bool, err error)
	// Joined and Left are those of tribes.Listener.
	Joined(m tribes.Member)
	Left(m tribes.Member)
}

// Streams may be what Objects is, too: it takes some objects before they are
// read.
type Streams interface {
	// Stream is Object for the stream of an object, of which it knows whether it
	// is for it without reading all of it.
	Stream(stream []byte, m *tribes.Message) (mine bool, err error)
}

// A Dispatcher reads the objects in the messages of a group. Many goroutines
// may use it.
type Dispatcher struct {
	group  Group
	limits javaserial.Limits
	log    *slog.Logger

	mu       sync.Mutex // for changes
	channels atomic.Pointer[map[string]*Channel]
	takers   atomic.Pointer[[]Objects]

	leaving   leaving
	answering sync.WaitGroup
	lifetime  context.Context
	end       context.CancelFunc
}

// NewDispatcher returns a Dispatcher that listens to group. log may be nil.
func NewDispatcher(group Group, limits javaserial.Limits, log *slog.Logger) *Dispatcher {
	d := &Dispatcher{group: group, limits: limits, log: flood.Limit(log)}
	d.leaving.less = sync.NewCond(&d.leaving.mu)
	d.lifetime, d.end = context.WithCancel(context.Background())
	d.channels.Store(&map[string]*Channel{})
	d.takers.Store(&[]Objects{})
	group.Listen(d)
	return d
}

// Close waits until no answer is under way. The group must have ended.
func (d *Dispatcher) Close() {
	d.end()
	d.answering.Wait()
}

// Take adds who takes objects.
func (d *Dispatcher) Take(o Objects) {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := append(slices.Clone(*d.takers.Load()), o)
	d.takers.Store(&all)
}

// Drop removes who Take added.
func (d *Dispatcher) Drop(o Objects) {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := slices.DeleteFunc(slices.Clone(*d.takers.Load()), func(each Objects) bool { return each == o })
	d.takers.Store(&all)
}

// Group is what d stands on.
func (d *Dispatcher) Group() Group { return d.group }

// Send sends an object to members.
func (d *Dispatcher) Send(ctx context.Context, to []tribes.Member, n javaserial.Node, options tribes.Options, order string) error {
	return d.SendStream(ctx, to, javaserial.Encode(n), options, order)
}

// SendStream is Send for an object that is a stream already.
func (d *Dispatcher) SendStream(ctx context.Context, to []tribes.Member, stream []byte, options tribes.Options, order string) error {
	m := messages.Get().(*tribes.Message)
	*m = tribes.Message{Options: options &^ tribes.OptionBytes, Data: stream, Order: order}
	err := d.group.Send(ctx, to, m) // which does not keep m
	*m = tribes.Message{}
	messages.Put(m)
	return err
}

// messages are such as have been sent, for the next ones.
var messages = sync.Pool{New: func() any { return new(tribes.Message) }}

// Joined implements tribes.Listener.
func (d *Dispatcher) Joined(m tribes.Member) {
	for _, each := range *d.takers.Load() {
		each.Joined(m)
	}
}

// Left implements tribes.Listener.
func (d *Dispatcher) Left(m tribes.Member) {
	for _, c := range *d.channels.Load() {
		c.left(m)
	}
	for _, each := range *d.takers.Load() {
		each.Left(m)
	}
}

// Returned implements tribes.Returner.
func (d *Dispatcher) Returned(m tribes.Member) {
	for _, each := range *d.takers.Load() {
		if r, ok := each.(tribes.Returner); ok {
			r.Returned(m)
		}
	}
}

// Heartbeat implements tribes.Beater.
func (d *Dispatcher) Heartbeat(ctx context.Context) {
	for _, each := range *d.takers.Load() {
		if beater, ok := each.(tribes.Beater); ok {
			beater.Heartbeat(ctx)
		}
	}
}

// Received implements tribes.Listener. What cannot be read is told in the log,
// and acknowledged as if it were, as Tomcat does.
func (d *Dispatcher) Received(m *tribes.Message) (bool, error) {
	if m.Options.Has(tribes.OptionBytes) {
		return false, nil
	}
	for _, each := range *d.takers.Load() {
		if s, ok := each.(Streams); ok {
			if mine, err := s.Stream(m.Data, m); mine || err != nil {
				return true, err
			}
		}
	}
	limits := d.limits
	limits.Room = m.Take
	n, err := javaserial.Decode(m.Data, limits)
	if err != nil {
		d.log.Error("message cannot be read", "from", m.From, "id", m.ID.String(), "err", err, "hint", hint(m.Data, m.Options))
		return true, nil
	}
	var asked message
	mine, err := asked.parse(n)
	if err != nil {
		d.log.Error("message cannot be read", "from", m.From, "id", m.ID.String(), "err", err)
		return true, nil
	}
	if mine {
		d.rpc(&asked, m, limits)
		return true, nil
	}
	for _, each := range *d.takers.Load() {
		if mine, err := each.Object(n, m); mine || err != nil {
			return true, err
		}
	}
	return false, nil
}

// rpc hands a question or an answer to its channel. Who asks for one that is not
// here is told so, or it would wait.
func (d *Dispatcher) rpc(asked *message, m *tribes.Message, limits javaserial.Limits) {
	c := (*d.channels.Load())[asked.id]
	switch {
	case (c == nil || c.handler == nil && !asked.reply) && !asked.noChannel:
		d.answer(m.From, &message{noChannel: true, uuid: asked.uuid, id: asked.id}, tribes.OptionAsync)
	case c == nil:
	case asked.reply:
		c.answered(asked, m.From, limits)
	default:
		d.leaving.wait()
		content, ok := c.handler.Asked(asked.content, m.From)
		if ok {
			d.answer(m.From, &message{reply: true, uuid: asked.uuid, id: asked.id, content: content}, 0)
		}
	}
}

// answerTime is how long an answer may take to leave.
const answerTime = 5 * time.Second

// answer sends an answer on its way, without waiting for it: the goroutine that
// received the question goes on reading.
func (d *Dispatcher) answer(to tribes.Member, answer *message, options tribes.Options) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.lifetime.Err() != nil {
		return
	}
	data := javaserial.Encode(answer.object())
	d.leaving.add(len(data))
	d.answering.Go(func() {
		defer d.leaving.add(-len(data))
		ctx, cancel := context.WithTimeout(d.lifetime, answerTime)
		defer cancel()
		if err := d.group.Send(ctx, []tribes.Member{to}, &tribes.Message{Options: options, Data: data}); err != nil && d.lifetime.Err() == nil {
			d.log.Warn("answer not sent", "to", to, "rpc", answer.id, "err", err)
		}
	})
}

// leaving counts answers that have not left yet. An answer may be much longer than
// its question, and is kept for answerTime if who asks takes nothing.
type leaving struct {
	mu    sync.Mutex
	bytes int
	less  *sync.Cond
}

// mostLeaving is how many bytes of answers may be here for a question to be
// answered at once. Else its connection waits.
const mostLeaving = 64 << 20

func (l *leaving) add(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bytes += n; n < 0 {
		l.less.Broadcast()
	}
}

func (l *leaving) wait() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.bytes > mostLeaving {
		l.less.Wait()
	}
}

// Handler answers questions of other members.
type Handler interface {
	// Asked returns the answer to a question, which may be nil, and whether
	// there is one. Many goroutines call it.
	Asked(question javaserial.Node, from tribes.Member) (answer javaserial.Node, ok bool)
	// Leftover takes an answer that came after its question was done with.
	Leftover(answer javaserial.Node, from tribes.Member)
}

// ErrExists says that there is a channel with that id already.
var ErrExists = errors.New("there is an RPC channel with that id already")

// Open returns a channel for questions with an id, which all members that are to
// answer have. Its characters are Latin-1. Without a handler it only asks:
// others are told that nobody has it here.
func (d *Dispatcher) Open(id string, handler Handler) (*Channel, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	old := *d.channels.Load()
	if old[id] != nil {
		return nil, fmt.Errorf("%w: %q", ErrExists, id)
	}
	c := &Channel{d: d, id: id, handler: handler, open: map[tribes.ID]*question{}}
	fresh := map[string]*Channel{id: c}
	for k, v := range old {
		fresh[k] = v
	}
	d.channels.Store(&fresh)
	return c, nil
}
