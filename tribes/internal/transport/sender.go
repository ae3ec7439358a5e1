package transport

import (
	"context"
	"errors"
	"hash/maphash"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/catflap/catflap/tribes/internal/wire"
)

// SenderConfig says how messages are sent. A zero field means its default;
// each names Tomcat's attribute of <Transport>.
type SenderConfig struct {
	PoolSize        int           // poolSize: connections to one member at once; default 25
	Lanes           int           // of those, how many carry messages with an Order; default 4
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

	mu     sync.Mutex
	peers  map[wire.Key]*peer
	closed bool
}

// A peer is a member with the connections to it.
type peer struct {
	addr  netip.AddrPort
	lanes []*lane
}

// NewSender returns a Sender without connections.
func NewSender(cfg SenderConfig, dial Dial) *Sender {
	return &Sender{cfg: cfg.withDefaults(), dial: dial, seed: maphash.MakeSeed(), peers: map[wire.Key]*peer{}}
}

// Send sends m to all of to at the same time, and returns when all have it, or
// with a *SendError that names those that do not. from are the bytes of the
// sending member.
func (s *Sender) Send(ctx context.Context, to []wire.Member, m *wire.Message, from []byte) error {
	frame := wire.AppendMessage(make([]byte, 0, wire.MessageSize(m, len(from))), m, from)
	return s.sendFrame(ctx, to, m, frame)
}

// SendAll is Send for messages without acknowledgement that have the same Order:
// they leave in one piece.
func (s *Sender) SendAll(ctx context.Context, to []wire.Member, all []*wire.Message, from []byte) error {
	size := 0
	for _, m := range all {
		size += wire.MessageSize(m, len(from))
	}
	frames := make([]byte, 0, size)
	for _, m := range all {
		frames = wire.AppendMessage(frames, m, from)
	}
	return s.sendFrame(ctx, to, all[0], frames)
}

// sendFrame sends frame, which is that of m, to all of to.
func (s *Sender) sendFrame(ctx context.Context, to []wire.Member, m *wire.Message, frame []byte) error {
	if len(to) == 1 {
		if err := s.sendTo(ctx, &to[0], m, frame); err != nil {
			return &SendError{[]Faulty{{to[0], err}}}
		}
		return nil
	}
	failed := make([]error, len(to))
	sent := make([]under, len(to))
	ack := m.Options.Has(wire.OptionAck)
	var sending sync.WaitGroup
	for i := range to {
		if sent[i] = s.offer(&to[i], m, frame); sent[i].lane == nil {
			sending.Go(func() { failed[i] = s.sendTo(ctx, &to[i], m, frame) })
		} else if len(sent[i].rest) > 0 {
			sending.Go(func() { failed[i] = s.finish(ctx, sent[i], ack, frame) })
		}
	}
	for i, u := range sent {
		if u.lane != nil && len(u.rest) == 0 {
			failed[i] = s.finish(ctx, u, ack, frame)
		}
	}
	sending.Wait()
	return faulty(to, failed)
}

// An under is a frame that is under way: its lane is entered, and left when it
// was acknowledged.
type under struct {
	lane *lane // nil if it is not
	conn net.Conn
	rest []byte // of the frame, not written yet
}

// offer begins to write frame to one member if there is nothing to wait for.
// Most often there is not, and then no goroutine is needed to send to several.
func (s *Sender) offer(to *wire.Member, m *wire.Message, frame []byte) under {
	p, err := s.peer(to)
	if err != nil {
		return under{}
	}
	l := s.tryEnter(p, m.Order)
	if l == nil {
		return under{}
	}
	if conn, n := l.offer(frame, m.Options.Has(wire.OptionAck)); n > 0 {
		return under{l, conn, frame[n:]}
	}
	l.leave()
	return under{}
}

// finish writes the rest of what is under way, and waits for its
// acknowledgement.
func (s *Sender) finish(ctx context.Context, u under, ack bool, frame []byte) error {
	defer u.lane.leave()
	err := u.lane.writeRest(u.conn, u.rest)
	if err == nil && ack {
		err = u.lane.await(u.conn)
	}
	return s.settle(ctx, u.lane, u.lane.judge(err), ack, frame)
}

// faulty is the error for those of to that failed; nil if none did.
func faulty(to []wire.Member, failed []error) error {
	var all *SendError
	for i, err := range failed {
		if err == nil {
			continue
		}
		if all == nil {
			all = &SendError{}
		}
		all.Faulty = append(all.Faulty, Faulty{to[i], err})
	}
	if all != nil {
		return all
	}
	return nil
}

// sendTo sends frame to one member.
func (s *Sender) sendTo(ctx context.Context, to *wire.Member, m *wire.Message, frame []byte) error {
	p, err := s.peer(to)
	if err != nil {
		return err
	}
	l, err := s.enter(ctx, p, m.Order)
	if err != nil {
		return err
	}
	defer l.leave()
	ack := m.Options.Has(wire.OptionAck)
	return s.settle(ctx, l, l.send(ctx, frame, ack), ack, frame)
}

// settle sends frame again, as often as it may, if err says that it did not
// arrive.
func (s *Sender) settle(ctx context.Context, l *lane, err error, ack bool, frame []byte) error {
	for retries := s.cfg.MaxRetries; ; retries-- {
		if errors.Is(err, ErrFailAck) && s.cfg.AcceptFailedAck {
			return nil
		}
		if err == nil || retries <= 0 || isTimeout(err) || ctx.Err() != nil {
			return err
		}
		err = l.send(ctx, frame, ack)
	}
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && timeout.Timeout()
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
		p = &peer{addr: to.Addr(), lanes: make([]*lane, s.cfg.PoolSize)}
		for i := range p.lanes {
			p.lanes[i] = newLane(s, p.addr)
		}
		s.peers[to.Key()] = p
	}
	return p, nil
}

// enter returns a lane that is the caller's until it leaves it: that of order,
// else any.
func (s *Sender) enter(ctx context.Context, p *peer, order string) (*lane, error) {
	if order == "" {
		if l := s.tryEnter(p, ""); l != nil {
			return l, nil
		}
		order = p.addr.String() // all are busy: wait for one of them
	}
	l := s.laneOf(p, order)
	return l, l.enter(ctx, s.cfg.MaxWait)
}

// tryEnter is enter without waiting; nil if none is free.
func (s *Sender) tryEnter(p *peer, order string) *lane {
	if order != "" {
		if l := s.laneOf(p, order); l.tryEnter() {
			return l
		}
		return nil
	}
	for _, l := range p.lanes {
		if l.tryEnter() {
			return l
		}
	}
	return nil
}

// laneOf is the one that carries all messages of an order.
func (s *Sender) laneOf(p *peer, order string) *lane {
	return p.lanes[maphash.String(s.seed, order)%uint64(s.cfg.Lanes)]
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
	for _, p := range peers {
		p.end()
	}
}

// end closes the lanes of p for good; who is sending on one fails.
func (p *peer) end() {
	for _, l := range p.lanes {
		l.end()
	}
}
