package tribes

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// A Listener is told what happens in the group.
type Listener interface {
	// Received takes a message of another member, which it may keep, and
	// reports whether it was for this listener. An error is told to the sender
	// if it wants to know. Many goroutines call it.
	Received(m *Message) (mine bool, err error)
	// Joined and Left tell who comes and goes: each member once, in order, by
	// one goroutine at a time.
	Joined(m Member)
	Left(m Member)
}

// A Beater is a Listener that is called every HeartbeatEvery. One may be a
// Returner, too.
type Beater interface{ Heartbeat(ctx context.Context) }

// A Channel is a member of a group. Many goroutines may use it while Run runs.
type Channel struct {
	cfg    Config
	top    Lower // the first interceptor, or the bottom
	bottom *bottom
	ready  chan struct{}

	mu        sync.Mutex // for changes of listeners
	listeners atomic.Pointer[[]Listener]
	running   atomic.Bool
}

// New returns a channel that is no member yet.
func New(cfg Config) (*Channel, error) {
	cfg = cfg.withDefaults()
	c := &Channel{cfg: cfg, ready: make(chan struct{}), bottom: newBottom(cfg)}
	c.listeners.Store(&[]Listener{})
	c.link()
	if len(cfg.Domain)+len(cfg.Payload) > 60000 {
		return nil, fmt.Errorf("tribes: domain and payload have %d bytes, too many for a datagram", len(cfg.Domain)+len(cfg.Payload))
	}
	for i, each := range cfg.Interceptors {
		if checked, ok := each.(interface {
			Check(below []Interceptor) error
		}); ok {
			if err := checked.Check(cfg.Interceptors[i+1:]); err != nil {
				return nil, fmt.Errorf("tribes: %w", err)
			}
		}
	}
	return c, nil
}

// link tells all parts their neighbours.
func (c *Channel) link() {
	var below Lower = c.bottom
	all := c.cfg.Interceptors
	for i := len(all) - 1; i >= 0; i-- {
		var above Upper = (*top)(c)
		if i > 0 {
			above = all[i-1]
		}
		all[i].Link(above, below)
		below = all[i]
	}
	c.top = below
	c.bottom.above = (*top)(c)
	if len(all) > 0 {
		c.bottom.above = all[len(all)-1]
	}
}

// Listen adds a listener. Who joined before is among Members.
func (c *Channel) Listen(l Listener) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := append(append([]Listener{}, *c.listeners.Load()...), l)
	c.listeners.Store(&all)
}

// Leave removes a listener that Listen added.
func (c *Channel) Leave(l Listener) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []Listener
	for _, each := range *c.listeners.Load() {
		if each != l {
			all = append(all, each)
		}
	}
	c.listeners.Store(&all)
}

// Run makes this node a member of the group until ctx is done; then it says
// goodbye. When it returns no goroutine of the channel is left and no listener
// is called again. It fails if the receiver cannot listen or the group cannot
// be joined. A channel runs once.
func (c *Channel) Run(ctx context.Context) error {
	if !c.running.CompareAndSwap(false, true) {
		return errors.New("tribes: a channel runs once")
	}
	defer c.bottom.close()
	if err := c.bottom.bind(); err != nil {
		return fmt.Errorf("tribes: %w", err)
	}
	kept, former, err := openIdentity(c.cfg.Folder, c.cfg.Name)
	if err == nil {
		err = kept.keep(c.bottom.Local())
	}
	if err != nil {
		c.cfg.Log.Warn("after a crash the group will not know that this node was restarted", "err", err)
	}
	inner, stop := context.WithCancel(context.WithoutCancel(ctx)) // what stays until membership has said goodbye
	defer stop()
	g, inner := errgroup.WithContext(inner)
	g.Go(func() error { return c.bottom.receive(inner) })
	g.Go(func() error { return c.bottom.tell(inner) })
	for _, each := range c.cfg.Interceptors {
		g.Go(func() error { return each.Run(inner) })
	}
	g.Go(func() error { return c.beat(inner) })
	failed := c.join(ctx, inner, former)
	stop()
	err = errors.Join(failed, g.Wait())
	if err := kept.close(failed == nil); err != nil {
		c.cfg.Log.Warn("the file with this node's identity cannot be removed", "err", err)
	}
	if err != nil {
		return fmt.Errorf("tribes: %w", err)
	}
	return nil
}

// join is in the group until ctx is done, or until what inner is for fails.
func (c *Channel) join(ctx, inner context.Context, former Member) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(inner, cancel)()
	wait := 2 * c.bottom.frequency()
	timer := time.AfterFunc(wait, func() { close(c.ready) })
	defer timer.Stop()
	c.cfg.Log.LogAttrs(ctx, slog.LevelInfo, "joining the group", slog.Any("member", c.bottom.Local()))
	if c.cfg.NoMembership {
		<-ctx.Done()
		return nil
	}
	return c.bottom.join(ctx, former)
}

// Ready is closed once this node has been in the group for two heartbeats, so
// that it has heard all others.
func (c *Channel) Ready() <-chan struct{} { return c.ready }

// beat calls who wants to be called regularly.
func (c *Channel) beat(ctx context.Context) error {
	tick := time.NewTicker(c.cfg.HeartbeatEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		for _, each := range c.cfg.Interceptors {
			each.Heartbeat(ctx)
		}
		c.bottom.sender.Check()
		for _, l := range *c.listeners.Load() {
			if beater, ok := l.(Beater); ok {
				beater.Heartbeat(ctx)
			}
		}
	}
}

// ErrNobody says that a message has no members to go to.
var ErrNobody = errors.New("tribes: no members to send to")

// Send sends m to all of to. Without acknowledgement and asynchronous messages
// it returns when they have left; a *SendError names the members that did not
// get it.
func (c *Channel) Send(ctx context.Context, to []Member, m *Message) error {
	if len(to) == 0 {
		return ErrNobody
	}
	m.ID = NewID()
	m.Timestamp = time.Now().UnixMilli()
	m.From = c.top.Local()
	return c.top.Send(ctx, to, m)
}

// Members are the other members of the group, the oldest first.
func (c *Channel) Members() []Member { return c.top.Members() }

// Local is this member.
func (c *Channel) Local() Member { return c.top.Local() }

// top is the Channel as what stands above all interceptors.
type top Channel

// Deliver implements Upper.
func (t *top) Deliver(m *Message) error {
	for _, l := range *t.listeners.Load() {
		if mine, err := l.Received(m); mine || err != nil {
			return err
		}
	}
	return nil
}

// Joined implements Upper.
func (t *top) Joined(m Member) {
	t.cfg.Log.LogAttrs(context.Background(), slog.LevelDebug, "member joined", slog.Any("member", m))
	for _, l := range *t.listeners.Load() {
		l.Joined(m)
	}
}

// Left implements Upper.
func (t *top) Left(m Member) {
	t.cfg.Log.LogAttrs(context.Background(), slog.LevelDebug, "member left", slog.Any("member", m))
	t.bottom.sender.Forget(m.Key()) // not earlier: one that is silent, and lives, is to get what is on its way
	for _, l := range *t.listeners.Load() {
		l.Left(m)
	}
}

// Returned implements Returner.
func (t *top) Returned(m Member) {
	for _, l := range *t.listeners.Load() {
		if r, ok := l.(Returner); ok {
			r.Returned(m)
		}
	}
}
