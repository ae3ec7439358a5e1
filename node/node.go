package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/catflap/catflap/internal/flood"
)

// A Node is a server of web applications. Many goroutines may use it.
type Node struct {
	cfg      Config
	log      *slog.Logger
	faults   faults // of New
	services []*service
	groups   []*group
	alone    []keeper // whose sessions are this node's alone
	logs     []*accessLog
	ready    chan struct{}
	ended    chan struct{} // closed at the end of Run
	ran      atomic.Bool
	patience time.Duration // with requests at the end: drainTime
}

// A service is connectors with their engine.
type service struct {
	engine     *engine
	connectors []*connector
}

// New returns a node of cfg with applications, or everything that is wrong with
// them at once. It listens nowhere yet.
func New(cfg *Config, apps ...App) (*Node, error) {
	n := &Node{cfg: copied(cfg), log: flood.Limit(cmp.Or(cfg.Log, slog.Default())), ready: make(chan struct{}), ended: make(chan struct{}), faults: faults{file: cfg.File}, patience: drainTime}
	if len(cfg.Services) == 0 {
		n.faults.add(0, "there is no Service", "a Service has Connectors and an Engine")
	}
	for i := range n.cfg.Services {
		n.addService(&n.cfg.Services[i])
	}
	n.place(slices.Clone(apps))
	for _, s := range n.services {
		n.serve(s.engine)
	}
	if err := n.faults.err(); err != nil {
		return nil, err
	}
	return n, nil
}

// addService makes a service with its connectors and hosts.
func (n *Node) addService(cfg *Service) {
	s := &service{engine: n.buildEngine(cfg)}
	for i := range cfg.Connectors {
		s.connectors = append(s.connectors, n.newConnector(&cfg.Connectors[i], s.engine))
	}
	n.services = append(n.services, s)
}

// serve joins the clusters of e, and lets its contexts serve.
func (n *Node) serve(e *engine) {
	e.group = n.join(e.cfg.Cluster, e.cfg.Name, false)
	for _, h := range e.hosts {
		h.group = e.group
		if h.cfg.Cluster != nil {
			h.group = n.join(h.cfg.Cluster, h.cfg.Name, true)
		}
		n.serveFiles(h)
		n.serveApps(e, h)
	}
}

// Ready is closed once the node serves requests.
func (n *Node) Ready() <-chan struct{} { return n.ready }

func (n *Node) isReady() bool {
	select {
	case <-n.ready:
		return true
	default:
		return false
	}
}

// Addrs are the addresses at which the Connectors listen, in their order. It
// waits until the node is Ready, and is nil if Run ends before.
func (n *Node) Addrs() []net.Addr {
	select {
	case <-n.ready:
	case <-n.ended:
		if !n.isReady() {
			return nil
		}
	}
	var all []net.Addr
	for _, s := range n.services {
		for _, c := range s.connectors {
			all = append(all, c.addrs[0])
		}
	}
	return all
}

// drainTime is how long requests may take once the node is to stop.
const drainTime = 10 * time.Second

// Run serves until ctx is done or the shutdown port hears its word. Requests
// are taken once this node has the sessions of its cluster. At the end those
// that run may come to theirs, for at most 10 s; then the cluster is told
// goodbye. When Run returns nothing of the node is left but Apps that do not
// end although the context of their request has. A node runs once.
func (n *Node) Run(ctx context.Context) error {
	if n.ran.Swap(true) {
		return errors.New("node: a node runs once")
	}
	defer close(n.ended)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if err := n.probe(); err != nil {
		return err
	}
	n.makeFolders()
	inner, leave := context.WithCancel(context.WithoutCancel(ctx)) // what requests need
	defer leave()
	var parts errgroup.Group
	part := func(run func(ctx context.Context) error) {
		parts.Go(func() error {
			defer stop()
			return run(inner)
		})
	}
	for _, l := range n.logs {
		part(l.run)
	}
	for _, k := range n.alone {
		part(k.Run)
	}
	for _, g := range n.groups {
		part(func(ctx context.Context) error { return n.explain(g, g.cluster.Run(ctx, g.managers...)) })
	}
	err := n.open(ctx, stop)
	leave()
	return errors.Join(parts.Wait(), err)
}

// open serves requests until ctx is done.
func (n *Node) open(ctx context.Context, stop func()) error {
	if !n.await(ctx) {
		return nil
	}
	var serving errgroup.Group
	var connectors []*connector
	err := func() error {
		for _, s := range n.services {
			for _, c := range s.connectors {
				open, err := c.listen()
				if err != nil {
					return n.unbound(c, err)
				}
				c.serve(&serving, open, stop)
				connectors = append(connectors, c)
			}
		}
		port, err := n.listenShutdown()
		if err != nil {
			return err
		}
		if port != nil {
			serving.Go(func() error { return port.run(ctx, stop) })
		}
		close(n.ready)
		<-ctx.Done()
		return nil
	}()
	stop()
	n.drain(connectors)
	ended := make(chan error, 1)
	go func() { ended <- serving.Wait() }()
	last := time.NewTimer(n.patience / 5)
	defer last.Stop()
	select {
	case failed := <-ended:
		return errors.Join(err, failed)
	case <-last.C: // the rest are applications that do not end
		n.log.Error("an application does not end although its request was broken off: it is left behind")
		return err
	}
}

// readyTime is after how long a word is said about what a start waits for.
const readyTime = 5 * time.Second

// await waits until this node has the sessions of its clusters. It reports
// false if ctx ended before.
func (n *Node) await(ctx context.Context) bool {
	word := time.AfterFunc(readyTime, func() { n.log.Info("waiting for the sessions of other members") })
	defer word.Stop()
	for _, g := range n.groups {
		waits := []<-chan struct{}{g.cluster.Ready()}
		for _, m := range g.managers {
			if r, ok := m.(interface{ Ready() <-chan struct{} }); ok {
				waits = append(waits, r.Ready())
			}
		}
		for _, ready := range waits {
			select {
			case <-ready:
			case <-ctx.Done():
				return false
			}
		}
	}
	return ctx.Err() == nil
}

// drain ends connectors, all at the same time.
func (n *Node) drain(connectors []*connector) {
	ctx, cancel := context.WithTimeout(context.Background(), n.patience)
	defer cancel()
	var ending errgroup.Group
	for _, c := range connectors {
		ending.Go(func() error {
			if !c.stop(ctx) {
				n.log.Warn("requests were broken off: they took too long", "connector", c.protocol(), "address", c.where())
			}
			return nil
		})
	}
	ending.Wait()
}

// makeFolders makes those of applications that are missing.
func (n *Node) makeFolders() {
	for _, s := range n.services {
		for _, h := range s.engine.hosts {
			if _, err := os.Stat(h.appBase); err == nil || h.cfg.AppBase == "" && h.cfg.NoDeploy {
				continue
			}
			if err := os.MkdirAll(h.appBase, 0o755); err != nil {
				n.log.Warn("the folder of applications is missing", "host", h.cfg.Name, "err", err)
				continue
			}
			n.log.Warn("the folder of applications was missing: it was made", "host", h.cfg.Name, "appBase", h.appBase)
		}
	}
}

// probe looks whether the ports of the connectors are free, before other nodes
// are told of this one.
func (n *Node) probe() error {
	var all []error
	for _, s := range n.services {
		for _, c := range s.connectors {
			if c.cfg.Port == 0 {
				continue
			}
			open, err := c.listen()
			if err != nil {
				all = append(all, n.unbound(c, err))
			}
			for _, l := range open {
				l.Close()
			}
		}
	}
	port, err := n.listenShutdown()
	if err != nil {
		all = append(all, err)
	} else if port != nil {
		port.listener.Close()
	}
	return errors.Join(all...)
}

// unbound is the mistake of a connector that cannot listen.
func (n *Node) unbound(c *connector, err error) error {
	return n.faultAt(c.cfg.Line, err.Error(), portFix(err, c.cfg.Port, "give this Connector another port or address"))
}

// portFix says what to do about a port that cannot be listened on, or else.
func portFix(err error, port int, otherwise string) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Sprintf("end what listens there (ss -ltnp 'sport = :%d' shows it), or %s", port, otherwise)
	case errors.Is(err, syscall.EACCES):
		return "ports below 1024 are root's: systemd gives one with AmbientCapabilities=CAP_NET_BIND_SERVICE, setcap cap_net_bind_service=+ep the program; or " + otherwise
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "this machine does not have the address (ip address shows those it has): " + otherwise
	}
	return otherwise
}
