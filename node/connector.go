package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
)

// A connector is where requests come in: sockets, and the protocol on them.
type connector struct {
	cfg    *Connector
	engine *engine
	log    *slog.Logger
	hosts  []string // what is listened on; "" is all addresses
	also   int      // how many of hosts, from the end, may be missing
	server server

	addrs []net.Addr    // once it listens
	slots chan struct{} // a place for each request; nil is no limit
}

// A server speaks a protocol on sockets. http.Server and ajp.Server do.
type server interface {
	Serve(net.Listener) error
	Shutdown(context.Context) error
	Close() error
}

// protocol is that of c, as Tomcat names it.
func (c *connector) protocol() string {
	switch {
	case c.cfg.AJP != nil:
		return "AJP/1.3"
	case c.cfg.TLS != nil:
		return "HTTPS"
	}
	return "HTTP/1.1"
}

// where is the address of c in messages.
func (c *connector) where() string {
	return net.JoinHostPort(c.cfg.Address, strconv.Itoa(c.cfg.Port))
}

// newConnector makes a connector that listens nowhere yet.
func (n *Node) newConnector(cfg *Connector, e *engine) *connector {
	c := &connector{cfg: cfg, engine: e, log: n.log, hosts: []string{cfg.Address}}
	if cfg.MaxThreads > 0 {
		c.slots = make(chan struct{}, cfg.MaxThreads)
	}
	if cfg.Port < 0 || cfg.Port > 65535 {
		n.faults.add(cfg.Line, fmt.Sprintf("Connector port=\"%d\" is none", cfg.Port), "it is 1 to 65535; 0 takes a free one")
	}
	if cfg.Address != "" {
		if _, err := net.ResolveIPAddr("ip", cfg.Address); err != nil {
			n.faults.add(cfg.Line, fmt.Sprintf("Connector address=%q: %v", cfg.Address, err), "give an IP address of this machine, or a name that leads to one")
		}
	}
	cfg.ConnectionTimeout = positive(cfg.ConnectionTimeout, map[bool]time.Duration{false: time.Minute}[cfg.AJP != nil])
	cfg.KeepAliveTimeout = cmp.Or(cfg.KeepAliveTimeout, cfg.ConnectionTimeout)
	if cfg.AJP != nil {
		n.makeAJP(c)
	} else {
		n.makeHTTP(c)
	}
	return c
}

// positive returns set, or otherwise if it is 0; less than 0 is 0, which is
// none.
func positive[T int | time.Duration](set, otherwise T) T { return max(0, cmp.Or(set, otherwise)) }

// listen opens the sockets of c.
func (c *connector) listen() ([]net.Listener, error) {
	var open []net.Listener
	port := c.cfg.Port
	for i, host := range c.hosts {
		l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil && i >= len(c.hosts)-c.also && len(open) > 0 {
			c.log.Debug("a connector does not listen everywhere", "address", host, "err", err)
			continue
		}
		if err != nil {
			for _, l := range open {
				l.Close()
			}
			return nil, fmt.Errorf("%s connector at %s: %w", c.protocol(), c.where(), reason(err))
		}
		port = l.Addr().(*net.TCPAddr).Port
		open = append(open, l)
	}
	return open, nil
}

// reason is why it was not listened, without the address.
func reason(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err
	}
	return err
}

// serve serves on open sockets, until stop.
func (c *connector) serve(g *errgroup.Group, open []net.Listener, stop func()) {
	for _, l := range open {
		c.addrs = append(c.addrs, l.Addr())
		g.Go(func() error {
			defer stop()
			if err := c.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("%s connector at %s: %w", c.protocol(), c.where(), err)
			}
			return nil
		})
	}
}

// stop takes no more requests, and waits for those that run until ctx is done;
// it reports whether all have ended.
func (c *connector) stop(ctx context.Context) bool {
	if c.server.Shutdown(ctx) == nil {
		return true
	}
	c.server.Close()
	return false
}

// ServeHTTP implements http.Handler: it answers what comes in at c.
func (c *connector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if c.slots != nil {
		select {
		case c.slots <- struct{}{}:
			defer func() { <-c.slots }()
		case <-r.Context().Done():
			return
		}
	}
	x := &call{Context: r.Context(), ResponseWriter: w, began: time.Now(), head: r.Method == http.MethodHead}
	c.seen(x, r)
	original := r.Host
	c.rename(x, r)
	defer c.engine.log(x, r, original)
	defer c.recover(x, r)
	c.engine.serve(x, r)
}

// refuse answers a request that is not taken.
func (c *connector) refuse(w http.ResponseWriter, r *http.Request, status int, why string) {
	x := &call{Context: r.Context(), ResponseWriter: w, began: time.Now()}
	c.seen(x, r)
	defer c.engine.log(x, r, r.Host)
	fail(x, status, "The request was not taken: "+why+".")
}

// seen tells how the client has connected.
//
// Source: Tomcat's CoyoteAdapter.postParseRequest.
func (c *connector) seen(x *call, r *http.Request) {
	x.request.Scheme, x.request.Secure = cmp.Or(c.cfg.Scheme, "http"), c.cfg.Secure
	if r.TLS != nil {
		x.request.Scheme, x.request.Secure = "https", true
	}
}

// rename lets r be one for proxyName and proxyPort.
func (c *connector) rename(x *call, r *http.Request) {
	if c.cfg.ProxyName == "" && c.cfg.ProxyPort == 0 {
		return
	}
	name, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		name, port = r.Host, ""
	}
	if c.cfg.ProxyName != "" {
		name = c.cfg.ProxyName
	}
	if c.cfg.ProxyPort > 0 {
		port = strconv.Itoa(c.cfg.ProxyPort)
		if usual := map[string]string{"http": "80", "https": "443"}[x.request.Scheme]; port == usual {
			port = ""
		}
	}
	if r.Host = name; port != "" {
		r.Host = net.JoinHostPort(name, port)
	}
}

// recover answers 500 for a request whose application has panicked.
func (c *connector) recover(x *call, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler {
		panic(v) // it means to break the answer off
	}
	c.log.Error("panic in an application", "method", r.Method, "path", x.request.Path, "context", x.request.ContextPath, "panic", v, "stack", string(debug.Stack()))
	if x.status != 0 {
		panic(http.ErrAbortHandler) // it must not look whole
	}
	fail(x, http.StatusInternalServerError, "")
}
