package transport

import (
	"context"
	"hash/maphash"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/catflap/catflap/tribes/internal/wire"
)

// SenderConfig says how messages are sent. A zero field means its default;
// each names Tomcat's attribute of <Transport>.
type SenderConfig struct {
	PoolSize        int           // poolSize: connections to one member at once; default 25
	Lanes           int           // of those, how many carry messages with an Order; default 4. Those without acknowledgement have the first one
	MaxWait         time.Duration // maxWait: for a free connection; default 3 s
	Timeout         time.Duration // timeout: to connect, to write, for an acknowledgement; default 3 s
	MaxRetries      int           // maxRetryAttempts; default 1, negative for none
	KeepAliveTime   time.Duration // keepAliveTime: how long a connection is kept unused; default for ever
	KeepAliveCount  int           // keepAliveCount: messages of one connection; default no limit
	AcceptFailedAck bool          // throwOnFailedAck="false": FAIL_ACK is no error
}

func (c SenderConfig) withDefaults() SenderConfig {
	if c.PoolSize <= 0 {
		c.PoolSize = 25
	}
	if c.Lanes <= 0 {
		c.Lanes = 4
	}
	c.Lanes = min(c.Lanes, c.PoolSize)
	if c.MaxWait == 0 {
		c.MaxWait = 3 * time.Second
	}
	if c.Timeout == 0 {
		c.Timeout = 3 * time.Second
	}
	if c.MaxRetries == 0 {
		c.MaxRetries = 1
	}
	c.MaxRetries = max(0, c.MaxRetries)
	return c
}

// A Sender sends messages to members on connections that it keeps. Many
// goroutines may use it.
//
// Messages with the same Order go to a member on the same connection, one after
// the other: none overtakes an earlier one that was handed over before it.
type Sender struct {
	cfg  SenderConfig
	dial Dial
	seed maphash.Seed

	ctx      context.Context // of goroutines in carrying
	stop     context.CancelFunc
	carrying sync.WaitGroup

	deliveries sync.Pool // of *delivery, to be used again

	mu     sync.Mutex
	peers  map[wire.Key]*peer
	closed bool
}

// A peer is a member with the connections to it.
type peer struct {
	s     *Sender
	addr  netip.AddrPort
	lanes []*lane
}

// NewSender returns a Sender without connections.
func NewSender(cfg SenderConfig, dial Dial) *Sender {
	s := &Sender{cfg: cfg.withDefaults(), dial: dial, seed: maphash.MakeSeed(), peers: map[wire.Key]*peer{}}
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s
}

// Send sends m to all of to at the same time, and returns when all have it, or
// with a *SendError that names those that do not. from are the bytes of the
// sending member.
func (s *Sender) Send(ctx context.Context, to []wire.Member, m *wire.Message, from []byte) error {
	frame := newFrame(wire.MessageSize(m, len(from)))
	defer frame.free()
	frame.b = wire.AppendMessage(frame.b, m, from)
	return s.deliver(ctx, to, m, 1, frame.b)
}

// SendAll is Send for messages without acknowledgement that all have an Order, or
// none: they leave in one piece.
func (s *Sender) SendAll(ctx context.Context, to []wire.Member, all []*wire.Message, from []byte) error {
	size := 0
	for _, m := range all {
		size += wire.MessageSize(m, len(from))
	}
	frames := newFrame(size)
	defer frames.free()
	for _, m := range all {
		frames.b = wire.AppendMessage(frames.b, m, from)
	}
	return s.deliver(ctx, to, all[0], len(all), frames.b)
}

// A frame is memory for the bytes of one.
type frame struct{ b []byte }

// maxKept is how big a frame is that is used again.
const maxKept = 64 << 10

var frames = sync.Pool{New: func() any { return &frame{} }}

// newFrame returns an empty frame with room for size bytes.
func newFrame(size int) *frame {
	f := frames.Get().(*frame)
	f.b = slices.Grow(f.b[:0], size)
	return f
}

// free lets others use f. Nobody uses it any more.
func (f *frame) free() {
	if cap(f.b) <= maxKept {
		frames.Put(f)
	}
}

// peer returns the connections to a member.
func (s *Sender) peer(to *wire.Member) (*peer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	p := s.peers[to.Key()]
	if p == nil {
		p = &peer{s: s, addr: to.Addr(), lanes: make([]*lane, s.cfg.PoolSize)}
		for i := range p.lanes {
			p.lanes[i] = newLane(s, p.addr)
		}
		s.peers[to.Key()] = p
	}
	return p, nil
}

// board finds a lane for r without waiting: the lane is entered, or r waits for
// it; nil if there is none.
func (p *peer) board(r *rider, ack bool) (l *lane, entered bool) {
	if r.order != "" {
		l = p.laneOf(r.order, ack)
		if entered, riding := l.join(r); entered || riding {
			return l, entered
		}
		return nil, false
	}
	for _, l := range p.lanes {
		if entered, riding := l.join(r); entered || riding {
			return l, entered
		}
	}
	return nil, false
}

// enter waits for a lane: that of order, else any. home is set if it is not the
// one that order has else: who leaves tells home that it is back.
func (p *peer) enter(ctx context.Context, order string, ack bool) (l, home *lane, err error) {
	if order != "" {
		return p.enterOrdered(ctx, order, ack)
	}
	for _, l := range p.lanes {
		if l.tryEnter(nil) {
			return l, nil, nil
		}
	}
	l = p.laneOf(p.addr.String(), true) // all are busy: wait for one of them
	return l, nil, l.enter(ctx, p.s.cfg.MaxWait)
}

// laneOf is the one that carries all messages of an order. Those without
// acknowledgement have one lane for all orders, so that many leave in one piece:
// none of them waits for an answer. Until it is known that they have arrived,
// what is acknowledged follows them.
func (p *peer) laneOf(order string, ack bool) *lane {
	if first := p.lanes[0]; !ack || first.followed.Load() {
		return first
	}
	return p.lanes[maphash.String(p.s.seed, order)%uint64(p.s.cfg.Lanes)]
}

// Forget closes the connections to a member that is no longer there.
func (s *Sender) Forget(who wire.Key) {
	s.mu.Lock()
	p := s.peers[who]
	delete(s.peers, who)
	s.mu.Unlock()
	if p != nil {
		p.end()
	}
}

// Check closes connections that the other side has closed, and those that were
// not used for KeepAliveTime.
func (s *Sender) Check() {
	s.mu.Lock()
	var all []*lane
	for _, p := range s.peers {
		all = append(all, p.lanes...)
	}
	s.mu.Unlock()
	for _, l := range all {
		l.check(s.cfg.KeepAliveTime)
	}
}

// Close closes all connections; Send then fails with ErrClosed.
func (s *Sender) Close() {
	s.mu.Lock()
	s.closed = true
	peers := s.peers
	s.peers = nil
	s.mu.Unlock()
	s.stop()
	for _, p := range peers {
		p.end()
	}
	s.carrying.Wait()
}

// end closes the lanes of p for good; who is sending on one fails.
func (p *peer) end() {
	for _, l := range p.lanes {
		l.end()
	}
}
