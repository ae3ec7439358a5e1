// Package ajptest is a scripted container, as httptest is for HTTP. What comes
// in are AJP/1.3 requests on loopback, what goes out is what a script does
// with them: answer, be slow, break off, send nonsense.
package ajptest

import (
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/catflap/catflap/ajp"
)

// A Script answers one request. When it returns without having sent an End
// Response with reuse, the connection is closed.
type Script func(c *Call)

// Config says how a container behaves outside of its script.
type Config struct {
	Script     Script
	Secret     string // wanted in each request; a request without it gets 403 and no reuse
	PacketSize int    // the largest packet that is read; default 8192
	Mute       bool   // CPing is not answered
}

// A Server is a container that listens on loopback. Many goroutines may use
// its methods.
type Server struct {
	cfg      Config
	listener net.Listener
	done     chan struct{} // closed by Close
	running  sync.WaitGroup

	mu       sync.Mutex
	conns    map[net.Conn]bool
	accepted int
	requests []*ajp.ForwardRequest
	pings    int
}

// NewServer starts a container that answers by script.
func NewServer(script Script) *Server { return Start(Config{Script: script}) }

// Start starts a container on a free port of loopback. It panics if there is
// none, as httptest does.
func Start(cfg Config) *Server {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic("ajptest: " + err.Error())
	}
	return StartOn(l, cfg)
}

// StartOn starts a container on l, which it closes.
func StartOn(l net.Listener, cfg Config) *Server {
	if cfg.PacketSize == 0 {
		cfg.PacketSize = ajp.DefaultMaxPacket
	}
	s := &Server{cfg: cfg, listener: l, done: make(chan struct{}), conns: map[net.Conn]bool{}}
	s.running.Go(s.accept)
	return s
}

// Addr returns the address, host:port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Port returns the port.
func (s *Server) Port() int { return s.listener.Addr().(*net.TCPAddr).Port }

// Close ends all connections and waits for their scripts.
func (s *Server) Close() {
	s.mu.Lock()
	select {
	case <-s.done:
	default:
		close(s.done)
	}
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.listener.Close()
	s.running.Wait()
}

// Requests returns the requests that came so far.
func (s *Server) Requests() []*ajp.ForwardRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*ajp.ForwardRequest(nil), s.requests...)
}

// Count returns how many requests came for a path.
func (s *Server) Count(path string) int {
	n := 0
	for _, r := range s.Requests() {
		if r.URI == path {
			n++
		}
	}
	return n
}

// Accepted returns how many connections came, Pings how many CPings.
func (s *Server) Accepted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted
}

// Open returns how many connections there are.
func (s *Server) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// Pings returns how many CPings came.
func (s *Server) Pings() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pings
}

// CloseIdle closes the connections as a container does that was restarted.
func (s *Server) CloseIdle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Close()
	}
}

func (s *Server) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		select {
		case <-s.done:
			c.Close()
		default:
			s.conns[c] = true
			s.accepted++
			s.running.Go(func() { s.serve(c) })
		}
		s.mu.Unlock()
	}
}

// serve answers the requests of one connection.
func (s *Server) serve(nc net.Conn) {
	defer func() {
		s.mu.Lock()
		delete(s.conns, nc)
		s.mu.Unlock()
		nc.Close()
	}()
	conn := ajp.NewContainerConn(nc, s.cfg.PacketSize)
	for {
		bytes, err := conn.ReadPacket()
		if err != nil || len(bytes) == 0 {
			return
		}
		if ajp.Prefix(bytes[0]) == ajp.PrefixCPing {
			s.mu.Lock()
			s.pings++
			s.mu.Unlock()
			if s.cfg.Mute {
				continue
			}
			conn.Send(ajp.CPong{})
			if conn.Flush() != nil {
				return
			}
			continue
		}
		request, err := ajp.ParseForwardRequest(bytes)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.requests = append(s.requests, request)
		s.mu.Unlock()
		if !s.answer(conn, nc, request) {
			return
		}
	}
}

// answer runs the script, and reports whether the connection goes on.
func (s *Server) answer(conn *ajp.ContainerConn, nc net.Conn, request *ajp.ForwardRequest) bool {
	c := &Call{Request: request, Conn: conn, nc: nc, done: s.done, left: declared(request)}
	c.unsolicited = c.left != 0 && c.left != unknown
	if s.cfg.Secret != "" && request.Attributes.Secret != s.cfg.Secret {
		c.Headers(403)
		c.End(false)
	} else {
		s.cfg.Script(c)
	}
	if conn.Flush() != nil || !c.reuse {
		return false
	}
	if c.unsolicited { // as a container swallows what the application did not read
		_, err := conn.ReadPacket()
		return err == nil
	}
	return true
}

// unknown is the length of a body that is not declared.
const unknown = -1

// declared returns the Content-Length of r, or unknown.
func declared(r *ajp.ForwardRequest) int64 {
	for _, h := range r.Headers {
		if strings.EqualFold(h.Name, "Content-Length") {
			n, err := strconv.ParseInt(h.Value, 10, 64)
			if err == nil {
				return n
			}
		}
	}
	return unknown
}

// wait waits, or returns early once the Server is closed.
func wait(done <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-done:
		return false
	}
}
