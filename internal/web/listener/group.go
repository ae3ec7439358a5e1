// Package listener owns the sockets on which clients come in. What comes in
// is a list of addresses and a handler; what goes out are requests with the
// record of their connection.
package listener

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/internal/web/handshake"
	"github.com/catflap/catflap/internal/web/http1"
)

// Open makes a listening socket on host:port.
type Open func(address string) (net.Listener, error)

// A Group serves one handler on a changing set of addresses. Many goroutines
// may use it.
type Group struct {
	config    Config
	limits    atomic.Pointer[Limits]
	open      Open
	server    *http1.Server
	astray    *http1.Server // answers HTTP in clear where TLS is wanted
	handshake *handshake.Server
	h2        h2Servers

	mu      sync.Mutex
	sockets map[string]*socket
	serving sync.WaitGroup // sockets and connections

	conns   conns
	closing atomic.Bool   // Shutdown was called
	closed  atomic.Bool   // so it was, and not just now
	done    chan struct{} // closed when all connections have ended
	once    sync.Once     // starts the clock
}

// Config is what a Group is told once.
type Config struct {
	Handler http.Handler
	// Refuse answers requests that could not be read; nil answers without a
	// body. The reason is for the log, in words.
	Refuse func(w http.ResponseWriter, r *http.Request, status int, reason string)
	// Way says how to speak to clients; nil: HTTP/1 in clear. The name is that
	// of SNI, lower case; empty before it is known, and if there is none.
	Way func(local netip.AddrPort, serverName string) Way
	// Astray answers HTTP in clear on an address that is TLS; nil: 400 without
	// a body.
	Astray http.Handler
	// Failed is told of a handshake that failed; may be nil.
	Failed func(c *Conn, err error)
	// Unlisten is told of an address whose socket is about to be closed, so that
	// nobody else keeps it open; may be nil.
	Unlisten func(address string) error
	Done     func(*Conn)  // after each response is with the client; may be nil
	Log      *slog.Logger // of defects
}

// Limits are what holds for a request before it is known which site it is for.
// A zero field means its default.
type Limits struct {
	HeaderBytes   int           // of one request; default 64 KiB; a connection keeps what held when it began
	HeaderTimeout time.Duration // for the head of a request; default 60 s
}

// New returns a group with no socket yet.
func New(cfg Config, open Open) *Group {
	g := &Group{
		config:    cfg,
		open:      open,
		sockets:   map[string]*socket{},
		conns:     conns{all: map[*Conn]bool{}},
		done:      make(chan struct{}),
		handshake: handshake.NewServer(),
	}
	g.SetLimits(Limits{})
	g.server = &http1.Server{Handler: cfg.Handler, MaxHead: func() int { return g.limits.Load().HeaderBytes }, Log: cfg.Log}
	if cfg.Refuse != nil {
		g.server.Refuse = func(w http.ResponseWriter, r *http.Request, fault *http1.Fault) {
			cfg.Refuse(w, r, fault.Status, fault.Reason)
		}
	}
	astray := cfg.Astray
	if astray == nil {
		astray = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusBadRequest) })
	}
	g.astray = &http1.Server{MaxHead: g.server.MaxHead, Log: cfg.Log}
	g.astray.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		astray.ServeHTTP(w, r)
	})
	g.astray.Refuse = func(w http.ResponseWriter, r *http.Request, _ *http1.Fault) { g.astray.Handler.ServeHTTP(w, r) }
	g.h2.group = g
	return g
}

// SetLimits lets l hold from now on.
func (g *Group) SetLimits(l Limits) {
	if l.HeaderBytes == 0 {
		l.HeaderBytes = 64 << 10
	}
	if l.HeaderTimeout == 0 {
		l.HeaderTimeout = 60 * time.Second
	}
	g.limits.Store(&l)
}

type connKey struct{}

// Of returns the connection of a request that a Group serves.
func Of(r *http.Request) *Conn {
	c, _ := r.Context().Value(connKey{}).(*Conn)
	return c
}

// Prepare opens the sockets of addresses that are not open yet, without
// serving them. commit serves them and closes those that are no longer wanted,
// whose connections go on; abort closes what was opened. One of them is called.
// The error joins a *BindError for each address that cannot be opened.
func (g *Group) Prepare(addresses []string) (commit, abort func(), err error) {
	fresh := map[string]net.Listener{}
	abort = func() {
		for _, l := range fresh {
			l.Close()
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	var failed []error
	for _, address := range addresses {
		if g.sockets[address] != nil || fresh[address] != nil {
			continue
		}
		l, err := g.open(address)
		if err != nil {
			failed = append(failed, &BindError{address, g.has(portOf(address)), err})
			continue
		}
		fresh[address] = l
	}
	if len(failed) > 0 {
		abort()
		return nil, nil, errors.Join(failed...)
	}
	return func() { g.commit(addresses, fresh) }, abort, nil
}

// A BindError tells that an address cannot be listened on.
type BindError struct {
	Address string
	Own     bool // the Group itself listens on that port, at another address
	Err     error
}

func (e *BindError) Error() string {
	return fmt.Sprintf("could not bind to address %s: %v", e.Address, e.Err)
}

func (e *BindError) Unwrap() error { return e.Err }

// has reports whether a socket has port. It is called with mu held.
func (g *Group) has(port string) bool {
	for address := range g.sockets {
		if portOf(address) == port {
			return true
		}
	}
	return false
}

func portOf(address string) string { return address[strings.LastIndexByte(address, ':')+1:] }

func (g *Group) commit(addresses []string, fresh map[string]net.Listener) {
	wanted := map[string]bool{}
	for _, address := range addresses {
		wanted[address] = true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for address, l := range fresh {
		if g.closing.Load() {
			l.Close()
			continue
		}
		s := newSocket(l)
		g.sockets[address] = s
		g.once.Do(func() { go g.conns.run(g.done) })
		g.serving.Go(func() { g.accept(s) })
	}
	g.leave(func(address string) bool { return !wanted[address] })
}

// leave closes sockets. It is called with mu held.
func (g *Group) leave(unwanted func(address string) bool) {
	var left []*socket
	for address, s := range g.sockets {
		if unwanted(address) {
			if g.config.Unlisten != nil {
				if err := g.config.Unlisten(address); err != nil {
					g.config.Log.Warn("a socket is not closed everywhere", "module", "core", "address", address, "err", err)
				}
			}
			s.finish()
			left = append(left, s)
			delete(g.sockets, address)
		}
	}
	for _, s := range left {
		<-s.closed
	}
}

// accept serves what comes in on s until it is finished.
func (g *Group) accept(s *socket) {
	defer s.close()
	serve := func(c net.Conn) { g.serving.Go(func() { g.serve(newConn(c, g)) }) }
	for {
		c, err := s.Accept()
		switch {
		case err == nil:
			serve(c)
		case errors.Is(err, net.ErrClosed):
			return
		case errors.Is(err, os.ErrDeadlineExceeded):
			s.rest(serve)
			return
		default: // out of descriptors, mostly: others may end meanwhile
			g.config.Log.Error("could not accept a connection", "module", "core", "address", s.Addr().String(), "err", err)
			select {
			case <-s.leaving:
			case <-time.After(pause):
			}
		}
	}
}

// pause is how long nothing is accepted after a connection could not be.
const pause = 50 * time.Millisecond

// serve answers the requests of one connection.
func (g *Group) serve(c *Conn) {
	ctx := context.WithValue(context.Background(), connKey{}, c)
	ctx, c.cancel = context.WithCancel(ctx)
	defer c.cancel()
	g.conns.add(c)
	defer g.conns.remove(c)
	server, h2 := g.begin(c)
	switch {
	case h2 != nil:
		g.h2.serve(c, *h2)
		return
	case server == nil:
		c.cut()
		return
	}
	server.Serve(ctx, c)
	if c.used.Load() && g.config.Done != nil {
		g.config.Done(c)
	}
}

// Addresses returns the addresses that are open, as the sockets have them.
func (g *Group) Addresses() []net.Addr {
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []net.Addr
	for _, l := range g.sockets {
		all = append(all, l.Addr())
	}
	return all
}

// Shutdown takes no new connection, lets the requests that run come to their
// end until ctx is done, then breaks off the rest, and waits until no
// goroutine of the group is left but those of handlers that do not end. It
// returns nil if all ended by themselves.
func (g *Group) Shutdown(ctx context.Context) error {
	first := !g.closing.Swap(true)
	g.mu.Lock()
	g.leave(func(string) bool { return true })
	g.mu.Unlock()
	g.conns.each(func(c *Conn) {
		if c.used.Load() {
			c.expireIdle()
		}
	})
	g.h2.shutdown(ctx)
	ended := make(chan struct{})
	go func() {
		g.serving.Wait()
		if first {
			close(g.done)
		}
		close(ended)
	}()
	moment := time.NewTimer(firstRequest)
	defer moment.Stop()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	case <-moment.C:
		g.closed.Store(true)
		g.conns.each((*Conn).expireIdle)
		select {
		case <-ended:
			return nil
		case <-ctx.Done():
		}
	}
	g.conns.each(func(c *Conn) { c.cut() })
	g.h2.close()
	select {
	case <-ended:
	case <-time.After(time.Second): // the rest are handlers that do not end
	}
	return ctx.Err()
}

// firstRequest is how long a client that has just connected may take to ask,
// when no more is wanted.
const firstRequest = time.Second

// expireIdle ends the wait for a request.
func (c *Conn) expireIdle() {
	if until := c.limit.until.Load(); c.phase.Load() == int32(http1.Idle) {
		c.limit.expire(c, until)
	}
}
