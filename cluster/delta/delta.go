// Package delta is Tomcat's DeltaManager: every node has every session of a web
// application. What comes in are requests that use sessions, and session
// messages of other nodes; what goes out are deltas, once at the end of each
// request, and sessions that are the same on all nodes.
//
// Source: org.apache.catalina.ha.session.DeltaManager and DeltaSession,
// ha.tcp.ReplicationValve, ha.session.JvmRouteBinderValve of Tomcat 10.1.
package delta

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/catflap/catflap/cluster"
	"github.com/catflap/catflap/cluster/internal/replica"
	"github.com/catflap/catflap/cluster/internal/wire"
	"github.com/catflap/catflap/session"
	"github.com/catflap/catflap/tribes"
)

// Config says what a Manager is like. A zero field means its default; each names
// Tomcat's attribute of <Manager> where there is one.
type Config struct {
	Context     string        // of Cluster.Context; the same on all nodes
	Route       string        // jvmRoute: ends each id; may be empty
	MaxInactive time.Duration // of a new session; default session.DefaultMaxInactive, less than 0 is for ever
	MaxActive   int           // maxActiveSessions: the most sessions that Create makes; 0 is no limit

	// NameFilter and ClassFilter say which attributes other nodes get: those
	// whose name, and value's class, match as a whole. Empty: all.
	NameFilter  string // sessionAttributeNameFilter
	ClassFilter string // sessionAttributeValueClassNameFilter
	RecordAll   bool   // recordAllActions

	ExpireOnShutdown bool // expireSessionsOnShutdown: everywhere

	TransferTimeout time.Duration // stateTransferTimeout; default 1 minute, less than 0 is no limit
	TransferLater   bool          // stateTransferTimeout="0": Ready does not wait for it
	BatchSize       int           // sendAllSessionsSize, with sendAllSessions="false"; 0 is as many as make a message of 256 KiB, without waiting
	BatchWait       time.Duration // sendAllSessionsWaitTime; default 2 s

	Listener func(session.Event) // is told what happens; nil is nobody
	// NoReplicatedSessions and NoReplicatedAttributes do not tell it what other
	// nodes did.
	NoReplicatedSessions   bool // notifySessionListenersOnReplication="false"
	NoReplicatedAttributes bool // notifyListenersOnReplication="false"

	ExpireEvery time.Duration // how often sessions that nobody uses are looked for; default 1 minute
	Log         *slog.Logger  // lines have the Context; default: nothing is logged
}

// A Manager is a session.Binder whose sessions are on all nodes. Many goroutines
// may use it.
type Manager struct {
	cfg      Config
	listener replica.Listener
	cluster  *cluster.Cluster
	watch    session.Watch
	ready    chan struct{}
	seed     maphash.Seed
	turns    [256]chan struct{} // who sends changes of a session has that of its order

	mu       sync.RWMutex
	sessions map[string]*held // by id
	early    early
	former   former
	transfer *transfer       // nil once it is over
	giving   context.Context // of answering, which may grow; nil while Run does not run
	answers  answers

	answering sync.WaitGroup
	conflicts atomic.Int64
}

// A held is a session with what the Manager knows of it.
type held struct {
	entry *session.Entry
	order string       // of its messages: the id that it had first here
	sent  atomic.Int64 // when others were told of it last, in ns since 1970
}

func newHeld(e *session.Entry) *held {
	h := &held{entry: e, order: e.ID()}
	h.sent.Store(time.Now().UnixNano())
	return h
}

var _ session.Binder = (*Manager)(nil)

// New returns a Manager of c without a session, or what is wrong with cfg.
func New(cfg Config, c *cluster.Cluster) (*Manager, error) {
	cfg.MaxInactive = cmp.Or(cfg.MaxInactive, session.DefaultMaxInactive)
	cfg.TransferTimeout = cmp.Or(cfg.TransferTimeout, time.Minute)
	cfg.BatchWait = cmp.Or(cfg.BatchWait, 2*time.Second)
	cfg.ExpireEvery = cmp.Or(cfg.ExpireEvery, time.Minute)
	cfg.Log = replica.Log(cfg.Log, cfg.Context)
	listener := replica.Listener{To: cfg.Listener, NoSessions: cfg.NoReplicatedSessions, NoAttributes: cfg.NoReplicatedAttributes}
	watch, err := replica.Watch(cfg.NameFilter, cfg.ClassFilter, cfg.RecordAll, listener)
	if err != nil {
		return nil, fmt.Errorf("delta: %w", err)
	}
	m := &Manager{
		cfg: cfg, listener: listener, cluster: c, watch: watch, ready: make(chan struct{}), seed: maphash.MakeSeed(),
		sessions: map[string]*held{}, early: newEarly(), former: newFormer(), transfer: newTransfer(), answers: answers{},
	}
	for i := range m.turns {
		m.turns[i] = make(chan struct{}, 1)
	}
	return m, nil
}

// Run takes part in the context on all nodes until ctx is done: it takes over
// the sessions of the others, hears what they change, and ends sessions that
// nobody uses any more. It fails if the cluster has the context already.
func (m *Manager) Run(ctx context.Context) error {
	if err := m.cluster.Add(m.cfg.Context, receiver{m}); err != nil {
		return err
	}
	giving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	m.mu.Lock()
	m.giving = giving
	m.mu.Unlock()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		m.takeOver(ctx)
		return nil
	})
	g.Go(func() error {
		m.look(ctx)
		return nil
	})
	g.Go(func() error { <-ctx.Done(); return nil })
	err := g.Wait()
	if m.cfg.ExpireOnShutdown {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), replica.EndTime)
		defer cancel()
		for _, h := range m.all() {
			m.end(last, h)
		}
	}
	m.cluster.Remove(m.cfg.Context)
	m.mu.Lock()
	m.giving = nil
	m.mu.Unlock()
	stop()
	m.answering.Wait()
	return err
}

// Ready is closed once this node has the sessions of the others, or once it is
// clear that it does not get them.
func (m *Manager) Ready() <-chan struct{} { return m.ready }

// Len returns how many sessions there are.
func (m *Manager) Len() int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return len(m.sessions)
}

// Conflicts returns how often another node has changed a session while this one
// was changing it, too.
func (m *Manager) Conflicts() int64 { return m.conflicts.Load() }

// all returns all sessions.
func (m *Manager) all() []*held {
	m.mu.RLock()
	defer m.mu.RUnlock()
	all := make([]*held, 0, len(m.sessions))
	for _, h := range m.sessions {
		all = append(all, h)
	}
	return all
}

func (m *Manager) lookUp(id string) *held {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.sessions[id]
}

// look ends sessions that nobody uses, until ctx is done.
func (m *Manager) look(ctx context.Context) {
	replica.Every(ctx, m.cfg.ExpireEvery, func(now time.Time) {
		for _, h := range m.all() {
			if h.entry.Expired(now) {
				m.expire(ctx, h)
			}
		}
		m.mu.Lock()
		m.early.forget(now)
		m.former.forget(now)
		m.mu.Unlock()
	})
}

// expire ends a session that was not used for too long: the primary tells the
// others, a replica that has waited for that in vain ends alone.
func (m *Manager) expire(ctx context.Context, h *held) {
	if h.entry.Primary() {
		m.end(ctx, h)
	} else {
		m.drop(h, false)
	}
}

// drop ends a session here alone.
func (m *Manager) drop(h *held, replicated bool) bool {
	m.mu.Lock()
	id := h.entry.ID()
	if m.sessions[id] == h {
		delete(m.sessions, id)
	}
	m.mu.Unlock()
	if !h.entry.End() {
		return false
	}
	m.listener.Tell(session.Event{Kind: session.EventEnded, ID: id, Replicated: replicated})
	return true
}

// turn waits until nobody else sends changes of the session with that order.
func (m *Manager) turn(ctx context.Context, order string) (leave func(), err error) {
	t := m.turns[maphash.String(m.seed, order)%uint64(len(m.turns))]
	select {
	case t <- struct{}{}:
		return func() { <-t }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// send tells the others something about h.
func (m *Manager) send(ctx context.Context, h *held, msg *wire.Message) error {
	return m.cluster.Send(ctx, m.cluster.Members(), msg, 0, h.order)
}

// sendChanges sends a delta of the session with an id, stamped at a time.
func (m *Manager) sendChanges(ctx context.Context, to []tribes.Member, id, order string, changes []session.Change, at time.Time) error {
	payload, err := replica.Delta(id, m.cfg.RecordAll, changes).Encode()
	if err != nil {
		return err
	}
	msg := wire.About(wire.EventDelta, m.cfg.Context, id, at)
	msg.Payload = payload
	return m.cluster.Send(ctx, to, msg, 0, order)
}
