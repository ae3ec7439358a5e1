package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/internal/web/http1"
)

// httpDefaults are Tomcat's where nothing is said.
const (
	defaultHeaderSize  = 8192
	defaultHeaderCount = 100
	defaultConnections = 8192
	defaultKeepAlive   = 100
	defaultPostSize    = 2 << 20
)

type keptKey struct{}

// A kept is a connection of HTTP, which serves one request after the other.
type kept struct {
	requests int
	guard    *guard
}

// An httpServer is a connector of HTTP/1.1.
type httpServer struct {
	*http.Server
	connector *connector
	tls       *tls.Config
	most      int // requests of a connection; 0 is no limit
	headers   int // of a request; 0 is no limit
	post      int64
	slots     chan struct{} // a place for each connection; nil is no limit
	told      atomic.Int64  // when a client that speaks something else was last told of, in s since 1970
	stumbled  atomic.Int64  // when a connection that could not be accepted was
}

// makeHTTP makes c one of HTTP/1.1.
func (n *Node) makeHTTP(c *connector) {
	cfg := c.cfg
	s := &httpServer{
		connector: c, most: positive(cfg.MaxKeepAlive, defaultKeepAlive), headers: positive(cfg.MaxHeaderCount, defaultHeaderCount), post: cfg.MaxPostSize,
	}
	if s.post == 0 {
		s.post = defaultPostSize
	}
	if most := positive(cfg.MaxConnections, defaultConnections); most > 0 {
		s.slots = make(chan struct{}, most)
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	s.Server = &http.Server{
		Handler: s, DisableGeneralOptionsHandler: true, ReadHeaderTimeout: cfg.ConnectionTimeout, IdleTimeout: max(0, cfg.KeepAliveTimeout), Protocols: &protocols,
		MaxHeaderBytes: positive(cfg.MaxHeaderSize, defaultHeaderSize), ErrorLog: slog.NewLogLogger(n.log.Handler(), slog.LevelDebug),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			k := &kept{}
			switch c := c.(type) {
			case *guard:
				k.guard = c
			case *secureGuard:
				k.guard = c.guard
			}
			return context.WithValue(ctx, keptKey{}, k)
		},
	}
	if cfg.TLS != nil {
		var err error
		if s.tls, err = n.tlsConfig(cfg.TLS); err != nil {
			n.faults.add(cfg.Line, fmt.Sprintf("Connector at %s: %v", c.where(), err), certificateFix(err))
		}
	}
	c.server = s
}

// Serve implements server.
func (s *httpServer) Serve(l net.Listener) error {
	return s.Server.Serve(&guarded{&bounded{Listener: l, slots: s.slots, timeout: s.connector.cfg.ConnectionTimeout, closed: make(chan struct{})}, s})
}

// A guarded is a listener whose connections are guards.
type guarded struct {
	net.Listener
	server *httpServer
}

// Accept implements net.Listener.
func (l *guarded) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		if !errors.Is(err, net.ErrClosed) { // out of descriptors, mostly; net/http tries again
			l.server.stumble(err)
		}
		return nil, err
	}
	most, timeout := l.server.MaxHeaderBytes, l.server.connector.cfg.ConnectionTimeout
	if l.server.tls == nil {
		return newGuard(c, most, timeout), nil
	}
	secure := tls.Server(c, l.server.tls)
	return &secureGuard{newGuard(secure, most, timeout), secure, l.server.connector.log}, nil
}

// stumble tells that a connection could not be accepted, once a minute.
func (s *httpServer) stumble(err error) {
	now := time.Now().Unix()
	if last := s.stumbled.Load(); now-last >= 60 && s.stumbled.CompareAndSwap(last, now) {
		s.connector.log.Error("a connection could not be accepted", "connector", s.connector.where(), "err", reason(err))
	}
}

// ServeHTTP implements http.Handler: it holds a request to the connector's
// limits.
func (s *httpServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if k, ok := r.Context().Value(keptKey{}).(*kept); ok {
		if k.requests++; s.most > 0 && k.requests >= s.most {
			w.Header().Set("Connection", "close")
		}
		if refused := k.guard.refused.Load(); refused != nil && refused.number == k.requests {
			s.refuse(w, r, k.guard, refused)
			return
		}
	}
	if s.headers > 0 {
		fields := 1 // Host
		for _, values := range r.Header {
			fields += len(values)
		}
		if fields > s.headers {
			fail(w, http.StatusBadRequest, "The request has too many headers.")
			return
		}
	}
	if r.Body != nil && r.Body != http.NoBody {
		if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); s.post > 0 && kind == "application/x-www-form-urlencoded" {
			r.Body = http.MaxBytesReader(w, r.Body, s.post)
		}
		if timeout := s.connector.cfg.ConnectionTimeout; timeout > 0 {
			p := &patient{r.Body, http.NewResponseController(w), timeout}
			p.wait()
			r.Body = p
		}
	}
	s.connector.ServeHTTP(w, r)
}

// lingering is how long a client may take to read why it was refused.
const lingering = time.Second

// refuse answers a request whose head was refused; r stands in for it.
func (s *httpServer) refuse(w http.ResponseWriter, r *http.Request, g *guard, why *refusal) {
	seen := r.Clone(r.Context())
	seen.Method, seen.RequestURI, seen.Proto, seen.Host, seen.Header = why.Method, why.Target, why.Proto, "", http.Header{}
	_, query, _ := strings.Cut(why.Target, "?")
	seen.URL = &url.URL{RawQuery: query}
	s.tell(r.RemoteAddr, why.Fault)
	s.connector.refuse(w, seen, why.Fault.Status, why.Fault.Reason)
	http.NewResponseController(w).Flush()
	g.CloseWrite()
	select {
	case <-r.Context().Done(): // it has closed its side
	case <-time.After(lingering):
	}
}

// tell logs why a request was refused; that a client was led to the wrong port
// is worth a warning, once a minute.
func (s *httpServer) tell(client string, why *http1.Fault) {
	log := s.connector.log.With("client", client, "why", why.Reason)
	now := time.Now().Unix()
	if last := s.told.Load(); (why == spokenAJP || why == spokenTLS) && now-last >= 60 && s.told.CompareAndSwap(last, now) {
		log.Warn("a client does not speak HTTP", "connector", s.connector.where(), "fix", "give it the port of a Connector that speaks what it does")
		return
	}
	log.Debug("a request was refused")
}

// A patient is a body each part of which has to come in time, whoever reads it:
// net/http reads what an application leaves.
type patient struct {
	io.ReadCloser
	control *http.ResponseController
	timeout time.Duration
}

func (p *patient) wait() { p.control.SetReadDeadline(time.Now().Add(p.timeout)) }

// Read implements io.Reader.
func (p *patient) Read(b []byte) (int, error) {
	p.wait()
	n, err := p.ReadCloser.Read(b)
	if err == io.EOF {
		p.control.SetReadDeadline(time.Time{})
	} else {
		p.wait()
	}
	return n, err
}
