// Package listener owns the sockets on which clients come in. What comes in
// is a list of addresses and a handler; what goes out are requests with the
// record of their connection.
package listener

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/catflap/catflap/internal/front/exchange"
)

// Open makes a listening socket on host:port.
type Open func(address string) (net.Listener, error)

// A Group serves one handler on a changing set of addresses. Many goroutines
// may use it.
type Group struct {
	open   Open
	server *http.Server

	mu      sync.Mutex
	sockets map[string]net.Listener
	serving sync.WaitGroup
	closed  bool

	conns conns
	done  chan struct{} // closed by Shutdown
	once  sync.Once
}

// Config is what a Group is told once.
type Config struct {
	Handler        http.Handler
	MaxHeaderBytes int                    // of one request; default 1 MiB
	HeaderTimeout  time.Duration          // for the head of a request; default 60 s
	Done           func(*exchange.Client) // after each response is with the client; may be nil
	Log            *slog.Logger           // what net/http complains of, at level debug
}

// New returns a group with no socket yet.
func New(cfg Config, open Open) *Group {
	if cfg.HeaderTimeout == 0 {
		cfg.HeaderTimeout = 60 * time.Second
	}
	g := &Group{
		open:    open,
		sockets: map[string]net.Listener{},
		conns:   conns{all: map[*Conn]bool{}},
		done:    make(chan struct{}),
	}
	g.server = &http.Server{
		Handler:           cfg.Handler,
		MaxHeaderBytes:    cfg.MaxHeaderBytes,
		ReadHeaderTimeout: cfg.HeaderTimeout,
		IdleTimeout:       time.Hour, // Conn knows better

		DisableGeneralOptionsHandler: true,

		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, c.(*Conn))
		},
		ConnState: func(c net.Conn, state http.ConnState) {
			if state == http.StateIdle {
				c.(*Conn).nextIsIdle()
			}
			if state == http.StateClosed {
				g.conns.remove(c.(*Conn))
			}
			if cfg.Done != nil && (state == http.StateIdle || state == http.StateClosed) {
				cfg.Done(&c.(*Conn).Client)
			}
		},
		ErrorLog: log.New(debugWriter{cfg.Log}, "", 0),
	}
	return g
}

type connKey struct{}

// Of returns the connection of a request that a Group serves.
func Of(r *http.Request) *Conn {
	c, _ := r.Context().Value(connKey{}).(*Conn)
	return c
}

// debugWriter logs each line of net/http's own log.
type debugWriter struct{ log *slog.Logger }

var _ io.Writer = debugWriter{}

func (w debugWriter) Write(line []byte) (int, error) {
	w.log.Debug("connection", "module", "core", "text", string(line))
	return len(line), nil
}

// Prepare opens the sockets of addresses that are not open yet, without
// serving them. commit serves them and closes those that are no longer wanted,
// whose connections go on; abort closes what was opened. One of them is called.
func (g *Group) Prepare(addresses []string) (commit, abort func(), err error) {
	fresh := map[string]net.Listener{}
	abort = func() {
		for _, l := range fresh {
			l.Close()
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, address := range addresses {
		if g.sockets[address] != nil || fresh[address] != nil {
			continue
		}
		l, err := g.open(address)
		if err != nil {
			abort()
			return nil, nil, fmt.Errorf("could not bind to address %s: %w", address, err)
		}
		fresh[address] = l
	}
	return func() { g.commit(addresses, fresh) }, abort, nil
}

func (g *Group) commit(addresses []string, fresh map[string]net.Listener) {
	wanted := map[string]bool{}
	for _, address := range addresses {
		wanted[address] = true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for address, l := range g.sockets {
		if !wanted[address] {
			l.Close()
			delete(g.sockets, address)
		}
	}
	for address, l := range fresh {
		if g.closed {
			l.Close()
			continue
		}
		g.sockets[address] = l
		g.once.Do(func() { g.serving.Go(func() { g.conns.run(g.done) }) })
		g.serving.Go(func() {
			g.server.Serve(accepting{l, &g.conns}) // ends when the socket is closed
		})
	}
}

// accepting wraps what it accepts.
type accepting struct {
	net.Listener
	conns *conns
}

func (a accepting) Accept() (net.Conn, error) {
	c, err := a.Listener.Accept()
	if err != nil {
		return nil, err
	}
	conn := newConn(c)
	a.conns.add(conn)
	return conn, nil
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
	g.mu.Lock()
	first := !g.closed
	g.closed = true
	g.mu.Unlock()
	err := g.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, g.server.Close())
	}
	if first {
		close(g.done)
	}
	g.serving.Wait()
	return err
}
