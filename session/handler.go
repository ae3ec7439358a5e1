package session

import (
	"bufio"
	"cmp"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"

	"github.com/catflap/catflap/internal/flood"
)

// Config says how the sessions of a web application are tied to its clients.
type Config struct {
	ContextPath  string // of the application: "/shop"; empty is the root context
	Cookie       Cookie
	NoCookies    bool         // cookies are neither read nor set: ids are in URLs only
	URLRewriting bool         // EncodeURL writes the id into URLs for clients without cookies
	Log          *slog.Logger // nil is slog.Default()

	// Unreplicated says of which requests other nodes are told nothing, as those
	// for pictures; what they change is told with the next request. nil is none.
	// Source: ReplicationValve's filter.
	Unreplicated func(r *http.Request) bool

	// Secure says whether the client of a request has an encrypted connection, so
	// that its cookie is Secure. nil is those with r.TLS.
	Secure func(r *http.Request) bool
}

// Handler returns an http.Handler that gives each request its Session, to be
// had by From, and passes it on to next. The id comes from the cookie or, if
// there is none, from the path parameter ;jsessionid, which next does not see.
// An id that the Manager does not know is not taken on: nobody can choose
// somebody else's id.
//
// It returns what is wrong with cfg.
func Handler(cfg Config, manager Manager, next http.Handler) (http.Handler, error) {
	if err := cfg.Cookie.check(); err != nil {
		return nil, err
	}
	cfg.Log = flood.Limit(cmp.Or(cfg.Log, slog.Default()))
	if cfg.Secure == nil {
		cfg.Secure = func(r *http.Request) bool { return r.TLS != nil }
	}
	cfg.ContextPath = strings.TrimSuffix(cfg.ContextPath, "/")
	h := &handler{cfg: cfg, manager: manager, next: next, log: cfg.Log, parameter: cmp.Or(cfg.Cookie.Name, defaultParameter)}
	h.find = manager.Find
	if b, ok := manager.(Binder); ok {
		h.find, h.binds = b.Bind, true
	}
	return h, nil
}

type handler struct {
	cfg       Config
	manager   Manager
	next      http.Handler
	log       *slog.Logger
	parameter string // of paths
	find      func(ctx context.Context, id string) (*Entry, error)
	binds     bool // manager is a Binder
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	inner, parameter := cutParameter(r, h.parameter)
	s := &Session{handler: h, answer: answer{ResponseWriter: w}, asked: h.askedFor(r, parameter)}
	s.request = inner.WithContext(context.WithValue(r.Context(), sessionKey{}, s))
	defer s.release()
	if h.binds {
		s.current()
	}
	h.next.ServeHTTP(&s.answer, s.request)
}

// An answer notes when an answer begins: from then on it cannot set a cookie.
type answer struct {
	http.ResponseWriter
	committed bool
}

func (a *answer) WriteHeader(status int) {
	if status >= 200 {
		a.committed = true
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(p []byte) (int, error) {
	a.committed = true
	return a.ResponseWriter.Write(p)
}

func (a *answer) WriteString(s string) (int, error) {
	a.committed = true
	return io.WriteString(a.ResponseWriter, s)
}

func (a *answer) ReadFrom(r io.Reader) (int64, error) {
	a.committed = true
	return io.Copy(a.ResponseWriter, r)
}

// Flush implements http.Flusher.
func (a *answer) Flush() { a.FlushError() }

func (a *answer) FlushError() error {
	a.committed = true
	return http.NewResponseController(a.ResponseWriter).Flush()
}

// Hijack implements http.Hijacker, if what is below does: for WebSockets.
func (a *answer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(a.ResponseWriter).Hijack()
	if err == nil {
		a.committed = true
	}
	return conn, buffered, err
}

// Unwrap gives http.ResponseController the rest.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
