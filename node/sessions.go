package node

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"time"

	"github.com/catflap/catflap/cluster"
	"github.com/catflap/catflap/cluster/backup"
	"github.com/catflap/catflap/cluster/delta"
	"github.com/catflap/catflap/session"
)

// A keeper is a session.Manager that does its work until ctx is done, and tells
// how many sessions it has.
type keeper interface {
	session.Manager
	Run(ctx context.Context) error
	Len() int
}

// serveApps gives each App its sessions.
func (n *Node) serveApps(e *engine, h *host) {
	for _, a := range h.contexts {
		if a.app == nil || a.cfg.Refuse != "" {
			continue
		}
		k, err := n.keep(e, h, a)
		if err != nil {
			n.faults.add(a.cfg.Line, fmt.Sprintf("Context %q: Manager: %v", a.path, err), "")
			continue
		}
		a.keeper = k
		n.withSessions(h, a)
	}
}

// manager is the <Manager> of a, and whether its sessions are the group's.
func (h *host) manager(a *webapp) (m Manager, shared bool) {
	if h.group != nil {
		m = h.group.cfg.Manager
	}
	if a.cfg.Manager != nil {
		m = *a.cfg.Manager
	}
	return m, h.group != nil && !a.app.LocalSessions && m.Kind != StandardManager
}

// keep makes what keeps the sessions of a.
func (n *Node) keep(e *engine, h *host, a *webapp) (keeper, error) {
	m, shared := h.manager(a)
	maxInactive := cmp.Or(a.app.MaxInactive, a.cfg.MaxInactive)
	if !shared {
		k := session.NewMemory(session.MemoryConfig{Route: e.cfg.Route, MaxInactive: maxInactive, MaxActive: max(0, m.MaxActive), Listener: a.app.Listener})
		n.alone = append(n.alone, k)
		return k, nil
	}
	k, err := shareSessions(m, h.group.cluster, share{
		context: h.group.cluster.Context(h.cfg.Name, a.name()), route: e.cfg.Route, maxInactive: maxInactive, expireEvery: expireEvery(e.cfg, m),
		listener: a.app.Listener, log: n.log,
	})
	if err != nil {
		return nil, err
	}
	h.group.managers = append(h.group.managers, k)
	return k, nil
}

// A share is what a manager of shared sessions is told beyond the Manager.
type share struct {
	context, route string
	maxInactive    time.Duration
	expireEvery    time.Duration
	listener       func(session.Event)
	log            *slog.Logger
}

// expireEvery is how often sessions that nobody uses are looked for.
//
// Source: ContainerBase.threadStart, ManagerBase.backgroundProcess.
func expireEvery(e *Engine, m Manager) time.Duration {
	return cmp.Or(e.Background, 10*time.Second) * time.Duration(cmp.Or(m.ExpireRounds, 6))
}

// shareSessions makes what keeps sessions that c shares, as m says.
func shareSessions(m Manager, c *cluster.Cluster, s share) (keeper, error) {
	if m.Kind == BackupManager {
		return backup.New(backup.Config{
			Context: s.context, Route: s.route, MaxInactive: s.maxInactive, MaxActive: max(0, m.MaxActive),
			NameFilter: m.NameFilter, ClassFilter: m.ClassFilter, RecordAll: m.RecordAll, ExpireOnShutdown: m.ExpireOnShutdown,
			MapSendOptions: m.MapSendOptions, RPCTimeout: m.RPCTimeout, AccessTimeout: m.AccessTimeout, TerminateOnStartFailure: m.TerminateOnStartFailure,
			Listener: s.listener, NoReplicatedSessions: m.NoReplicatedSessions, NoReplicatedAttributes: m.NoReplicatedAttributes,
			ExpireEvery: s.expireEvery, Log: s.log,
		}, c)
	}
	return delta.New(delta.Config{
		Context: s.context, Route: s.route, MaxInactive: s.maxInactive, MaxActive: max(0, m.MaxActive),
		NameFilter: m.NameFilter, ClassFilter: m.ClassFilter, RecordAll: m.RecordAll, ExpireOnShutdown: m.ExpireOnShutdown,
		TransferTimeout: m.TransferTimeout, TransferLater: m.TransferLater, BatchSize: m.BatchSize, BatchWait: m.BatchWait,
		Listener: s.listener, NoReplicatedSessions: m.NoReplicatedSessions, NoReplicatedAttributes: m.NoReplicatedAttributes,
		ExpireEvery: s.expireEvery, Log: s.log,
	}, c)
}

var _ cluster.Runner = keeper(nil)

// unbound is a Manager whose sessions keep their route.
type unbound struct{ session.Manager }

// withSessions makes the handler of a: its App, with sessions.
func (n *Node) withSessions(h *host, a *webapp) {
	var m session.Manager = a.keeper
	cfg := session.Config{
		ContextPath: a.path, Cookie: a.cfg.Cookie, NoCookies: a.cfg.NoCookies, URLRewriting: a.cfg.URLRewriting, Log: n.log,
		Secure: func(r *http.Request) bool { return From(r.Context()).Secure },
	}
	if g := h.group; g != nil {
		if g.cfg.NotBound {
			m = unbound{m}
		}
		cfg.Unreplicated = g.unreplicated
	}
	handler, err := session.Handler(cfg, m, remember(a.app.Handler))
	if err != nil {
		n.faults.add(a.cfg.Line, fmt.Sprintf("Context %q: %v", a.path, err), "")
		return
	}
	a.handler = handler
}

// remember notes the session of each request, for access logs.
func remember(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := r.Context().Value(requestKey{}).(*call); ok {
			c.session = session.From(r.Context())
		}
		next.ServeHTTP(w, r)
	})
}

// unreplicated returns which requests other nodes are not told of; nil is none.
//
// Source: ReplicationValve: the whole path has to match.
func (n *Node) unreplicated(c *Cluster) func(*http.Request) bool {
	if c.NotReplicated {
		return func(*http.Request) bool { return true }
	}
	if c.Filter == "" {
		return nil
	}
	whole, err := regexp.Compile(`\A(?:` + c.Filter + `)\z`)
	if err != nil {
		n.faults.add(c.Line, fmt.Sprintf("ReplicationValve filter=%q: %v", c.Filter, err), "write it without what Java's expressions have beyond RE2, such as look-ahead")
		return nil
	}
	return func(r *http.Request) bool { return whole.MatchString(From(r.Context()).Path) }
}
