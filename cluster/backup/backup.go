// Package backup is Tomcat's BackupManager: a session is on the node that its
// requests come to, and on one other; all others know where it is. What comes in
// are requests that use sessions, and messages of the map that the nodes have in
// common; what goes out are what each request has changed, to one node, once at
// its end, and sessions that come to the node whose request needs them.
//
// Source: org.apache.catalina.ha.session.BackupManager and DeltaSession,
// ha.tcp.ReplicationValve, ha.session.JvmRouteBinderValve of Tomcat 10.1.
package backup

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/catflap/catflap/cluster"
	"github.com/catflap/catflap/cluster/internal/replica"
	"github.com/catflap/catflap/session"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/replicated"
)

// Config says what a Manager is like. A zero field means its default; each names
// Tomcat's attribute of <Manager> where there is one.
type Config struct {
	Context     string        // of Cluster.Context; the same on all nodes
	Route       string        // jvmRoute: ends each id; may be empty
	MaxInactive time.Duration // of a new session; default session.DefaultMaxInactive, less than 0 is for ever
	MaxActive   int           // maxActiveSessions: the most sessions that are here when Create makes one; 0 is no limit

	// NameFilter and ClassFilter say which attributes other nodes get: those
	// whose name, and value's class, match as a whole. Empty: all.
	NameFilter  string // sessionAttributeNameFilter
	ClassFilter string // sessionAttributeValueClassNameFilter
	RecordAll   bool   // recordAllActions

	MapSendOptions tribes.Options // mapSendOptions; default 6: acknowledged once it is done
	RPCTimeout     time.Duration  // rpcTimeout, of fetching and joining; default 15 s
	AccessTimeout  time.Duration  // accessTimeout, of a node's sign of life; default 5 s
	// TerminateOnStartFailure has Run fail if no member answers when it joins.
	TerminateOnStartFailure bool

	// ExpireOnShutdown ends the sessions of this node, everywhere, with it.
	// Tomcat's BackupManager has no such attribute.
	ExpireOnShutdown bool

	Listener func(session.Event) // is told what happens; nil is nobody
	// NoReplicatedSessions and NoReplicatedAttributes do not tell it what other
	// nodes did.
	NoReplicatedSessions   bool
	NoReplicatedAttributes bool // notifyListenersOnReplication="false"

	ExpireEvery time.Duration // how often sessions that nobody uses are looked for; default 1 minute
	Log         *slog.Logger  // lines have the Context; default: nothing is logged
}

// A Manager is a session.Binder whose sessions are on two nodes. Many goroutines
// may use it.
type Manager struct {
	cfg      Config
	listener replica.Listener
	cluster  *cluster.Cluster
	sessions *replicated.Map // of *session.Entry by id
	watch    session.Watch

	conflicts atomic.Int64

	mu       sync.Mutex
	creating int // sessions that Create makes now
}

var _ session.Binder = (*Manager)(nil)

// New returns a Manager of c without a session, or what is wrong with cfg. c must
// not have the context of cfg yet.
func New(cfg Config, c *cluster.Cluster) (*Manager, error) {
	cfg.MaxInactive = cmp.Or(cfg.MaxInactive, session.DefaultMaxInactive)
	cfg.ExpireEvery = cmp.Or(cfg.ExpireEvery, time.Minute)
	cfg.Log = replica.Log(cfg.Log, cfg.Context)
	listener := replica.Listener{To: cfg.Listener, NoSessions: cfg.NoReplicatedSessions, NoAttributes: cfg.NoReplicatedAttributes}
	watch, err := replica.Watch(cfg.NameFilter, cfg.ClassFilter, cfg.RecordAll, listener)
	if err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	m := &Manager{cfg: cfg, cluster: c, listener: listener, watch: watch}
	m.sessions, err = replicated.New(replicated.Config{
		Name: cfg.Context + "-map", SendOptions: cfg.MapSendOptions, RPCTimeout: cfg.RPCTimeout, AccessTimeout: cfg.AccessTimeout,
		MustJoin: cfg.TerminateOnStartFailure, ProxyAge: m.proxyAge(), Values: values{m}, Owner: owner{m}, Limits: c.Limits(), Log: cfg.Log,
	}, c.Dispatcher())
	if err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	return m, nil
}

// proxyAge is after which time without news a session of other nodes is looked
// for: with the time that sessions commonly have it would be over by then.
func (m *Manager) proxyAge() time.Duration {
	if m.cfg.MaxInactive < 0 {
		return 2 * session.DefaultMaxInactive
	}
	return max(2*m.cfg.MaxInactive, time.Minute)
}

// Run takes part in the context on all nodes until ctx is done: it learns of the
// sessions of the others, keeps those that it is to keep, and ends its own that
// nobody uses any more. Then its sessions are those of the nodes that have their
// backups.
func (m *Manager) Run(ctx context.Context) error {
	select {
	case <-m.cluster.Ready():
	case <-ctx.Done():
	}
	joined, leave := context.WithCancel(context.WithoutCancel(ctx))
	defer leave()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return m.sessions.Run(joined) })
	g.Go(func() error {
		defer leave()
		m.look(ctx)
		if m.cfg.ExpireOnShutdown {
			m.endOwn()
		}
		return nil
	})
	return g.Wait()
}

// endOwn ends the sessions of this node.
func (m *Manager) endOwn() {
	ctx, cancel := context.WithTimeout(context.Background(), replica.EndTime)
	defer cancel()
	for _, each := range m.sessions.Entries() {
		if e := entryOf(each.Value); e != nil && each.Role == replicated.Primary {
			m.end(ctx, each.Key.(string), e)
		}
	}
}

// Ready is closed once this node knows of the sessions of the others, or once it
// is clear that nobody tells it.
func (m *Manager) Ready() <-chan struct{} { return m.sessions.Ready() }

// Len returns how many sessions there are, on whatever node.
func (m *Manager) Len() int {
	all, _ := m.sessions.Len()
	return all
}

// Held returns how many sessions are here, as this node's or as a backup.
func (m *Manager) Held() int {
	_, here := m.sessions.Len()
	return here
}

// Conflicts returns how often another node has changed or taken a session while
// this one was changing or taking it, too.
func (m *Manager) Conflicts() int64 { return m.conflicts.Load() + m.sessions.Contested() }

// look ends sessions that nobody uses, until ctx is done.
func (m *Manager) look(ctx context.Context) {
	replica.Every(ctx, m.cfg.ExpireEvery, func(now time.Time) {
		for _, each := range m.sessions.Entries() {
			m.lookAt(ctx, each, now)
		}
	})
}

// lookAt ends a session that nobody uses. Of one that is used by requests that
// its backup is not told of, that is told: it would end it.
func (m *Manager) lookAt(ctx context.Context, each replicated.Entry, now time.Time) {
	e, own := entryOf(each.Value), each.Role == replicated.Primary
	if e == nil {
		return
	}
	if own {
		e.SetPrimary(true)
	}
	if e.Expired(now) {
		m.expire(ctx, each.Key.(string), e, own)
	} else if limit := e.MaxInactive(); own && limit > 0 {
		if err := m.sessions.Touch(ctx, each.Key, limit); err != nil {
			m.cfg.Log.Warn("the backup of a session does not know that it is used", "err", err)
		}
	}
}

// expire ends a session that was not used for too long: the primary everywhere, a
// backup that has waited for that in vain alone.
func (m *Manager) expire(ctx context.Context, id string, e *session.Entry, own bool) {
	if own {
		m.end(ctx, id, e)
	} else if m.sessions.Drop(id) && e.End() {
		m.listener.Tell(session.Event{Kind: session.EventEnded, ID: id})
	}
}

// end ends a session everywhere.
func (m *Manager) end(ctx context.Context, id string, e *session.Entry) {
	if m.sessions.Remove(ctx, id) && e.End() {
		m.listener.Tell(session.Event{Kind: session.EventEnded, ID: id})
	}
}

func entryOf(value any) *session.Entry {
	e, _ := value.(*session.Entry)
	return e
}
