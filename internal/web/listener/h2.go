package listener

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// H2 is how HTTP/2 is spoken. A zero field means its default.
type H2 struct {
	Streams int           // H2MaxSessionStreams: at once on one connection; default 100
	Idle    time.Duration // KeepAliveTimeout: how long a connection without streams is kept; default 5 s
	Timeout time.Duration // Timeout: how long a client may take nothing; default 60 s

	headerBytes int // Limits.HeaderBytes when the connection began
}

// speaking is the phase of a connection that is HTTP/2's.
const speaking = 100

// h2Servers speak HTTP/2: net/http does. There is one for each H2 that is in
// use.
type h2Servers struct {
	group *Group

	mu     sync.Mutex // guards what follows
	all    map[H2]*h2Server
	closed bool
}

// An h2Server speaks HTTP/2 on the connections that it is handed.
type h2Server struct {
	*http.Server
	handed chan net.Conn
	done   chan struct{} // closed with it
	once   sync.Once
	open   int // connections that have it; guarded by h2Servers.mu
}

// serve speaks HTTP/2 on c until its end.
func (s *h2Servers) serve(c *Conn, h H2) {
	h.headerBytes = s.group.limits.Load().HeaderBytes
	server := s.enter(h)
	if server == nil {
		c.Close()
		return
	}
	defer s.leave(server)
	c.limit.set(c, 0)
	c.timeout.Store(0) // the server limits writes
	c.phase.Store(speaking)
	c.ended = make(chan struct{})
	var conn net.Conn = c.secure
	if c.secure == nil {
		conn = &wire{Conn: c.Conn, c: c, looked: true}
	}
	select {
	case server.handed <- conn:
		<-c.ended
		c.cut()
	case <-server.done:
		c.Close()
	}
}

// enter returns the server for h, nil if it is too late. Servers for settings
// that nobody has any more are ended.
func (s *h2Servers) enter(h H2) *h2Server {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	server := s.all[h]
	if server == nil {
		for old, unused := range s.all {
			if unused.open == 0 {
				unused.Server.Close()
				delete(s.all, old)
			}
		}
		server = s.start(h)
	}
	server.open++
	return server
}

func (s *h2Servers) leave(server *h2Server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	server.open--
}

// start starts the server for h. It is called with mu held.
func (s *h2Servers) start(h H2) *h2Server {
	g := s.group
	server := &h2Server{handed: make(chan net.Conn), done: make(chan struct{})}
	orElse := func(d, standard time.Duration) time.Duration {
		if d <= 0 {
			return standard
		}
		return d
	}
	streams := h.Streams
	if streams <= 0 {
		streams = 100
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	server.Server = &http.Server{
		Handler:        http.HandlerFunc(g.serveStream),
		Protocols:      protocols,
		MaxHeaderBytes: h.headerBytes,
		IdleTimeout:    orElse(h.Idle, 5*time.Second),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: streams,
			MaxReadFrameSize:     16 << 10, // what every client may send; more would only take memory
			SendPingTimeout:      orElse(h.Timeout, time.Minute),
			PingTimeout:          orElse(h.Timeout, time.Minute),
			WriteByteTimeout:     orElse(h.Timeout, time.Minute),
			// Which suites there are the configuration says.
			PermitProhibitedCipherSuites: true,
		},
		ErrorLog: slog.NewLogLogger(g.config.Log.Handler(), slog.LevelDebug),
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, connOf(conn))
		},
		ConnState: func(conn net.Conn, state http.ConnState) {
			if state == http.StateClosed {
				close(connOf(conn).ended)
			}
		},
	}
	if s.all == nil {
		s.all = map[H2]*h2Server{}
	}
	s.all[h] = server
	g.serving.Go(func() { server.Serve(server) })
	return server
}

// connOf returns the connection below one that HTTP/2 is spoken on.
func connOf(conn net.Conn) *Conn {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	return conn.(*wire).c
}

// shutdown tells all clients of HTTP/2 that no more requests are wanted. Their
// connections end with their last stream.
func (s *h2Servers) shutdown(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, server := range s.all {
		s.group.serving.Go(func() { server.Shutdown(ctx) })
	}
}

// close ends all connections.
func (s *h2Servers) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, server := range s.all {
		server.Server.Close()
	}
}

// Accept implements net.Listener.
func (s *h2Server) Accept() (net.Conn, error) {
	select {
	case conn := <-s.handed:
		return conn, nil
	case <-s.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (s *h2Server) Close() error {
	s.once.Do(func() { close(s.done) })
	return nil
}

// Addr implements net.Listener.
func (s *h2Server) Addr() net.Addr { return &net.TCPAddr{} }
