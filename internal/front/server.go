// Package front turns one request into one response. What comes in is a
// Config and the connections of clients; what goes out are the answers of
// files and workers, and log lines.
//
// A request passes the stations in the order of docs/architecture.md: the
// listener, the virtual host, the canonical path, translate, the settings
// merged for its Target, access control, and the Target itself. A Server runs
// one line of such stations and swaps it whole on reload.
package front

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/catflap/catflap/internal/privilege"
	"github.com/catflap/catflap/internal/web/listener"
)

// A Server serves. Reload, Reopen and Shutdown may be called by many
// goroutines while Run runs.
type Server struct {
	opener    privilege.Opener
	logs      *logs // of the first line; its set is that of all
	listeners *listener.Group
	current   atomic.Pointer[line]
	desk      desk
	gate      gate
	fullLog   atomic.Int64 // Unix time at which AH00484 was last logged

	reloads  chan reload
	drain    chan time.Duration
	stopping chan struct{} // closed when the drain begins
	ready    chan struct{} // closed once it serves
	commit   func()        // serves the first sockets

	pid pidFile
}

// ErrStopping tells that there is no reload any more.
var ErrStopping = errors.New("the server is stopping")

// A reload is a Config on its way to Run.
type reload struct {
	cfg  *Config
	done chan error // buffered
}

// New opens logs and sockets as cfg says. Nothing is served before Run.
func New(cfg *Config, opener privilege.Opener) (*Server, error) {
	s := &Server{
		opener:   opener,
		reloads:  make(chan reload),
		drain:    make(chan time.Duration, 4),
		stopping: make(chan struct{}),
		ready:    make(chan struct{}),
		pid:      pidFile{opener: opener},
	}
	var err error
	if s.logs, err = openLogs(cfg, s.newSet()); err != nil {
		return nil, err
	}
	s.desk.current = &s.current
	l, err := newLine(cfg, s.logs, opener, &s.desk)
	if err != nil {
		return nil, errors.Join(err, s.logs.close())
	}
	s.listeners = listener.New(listener.Config{
		Handler: http.HandlerFunc(s.ServeHTTP),
		Refuse:  s.refuseUnread,
		Way:     s.way,
		Astray:  http.HandlerFunc(s.astray),
		Failed:  s.handshakeFailed,
		Done:    finished,
		Log:     slog.New(latest{s}),

		Unlisten: opener.Unlisten,
	}, opener.Listen)
	s.listeners.SetLimits(unreadLimits(cfg))
	commit, _, err := s.listeners.Prepare(addresses(cfg))
	if err != nil {
		return nil, errors.Join(placed(err, cfg), s.logs.close())
	}
	s.commit = commit
	s.gate.set(cfg.Process.MaxRequestWorkers)
	s.current.Store(l)
	return s, nil
}

// Run serves until Shutdown has drained, or at once until ctx is done. It
// writes the PidFile and removes it at the end. When it returns no goroutine
// of the server is left.
func (s *Server) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	first := s.current.Load()
	if err := s.pid.move(first.config.Process.PidFile); err != nil {
		return errors.Join(err, s.logs.close())
	}
	defer s.pid.move("")
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.logs.run(ctx) })
	start := func(l *line) (stop func()) {
		lineCtx, stop := context.WithCancel(ctx)
		g.Go(func() error { return l.run(lineCtx) })
		return stop
	}
	stop := start(first)
	s.commit()
	s.log().Log(ctx, levelNotice, "catflap configured -- resuming normal operations", "module", "core", "code", "AH00489")
	close(s.ready)
	for {
		select {
		case r := <-s.reloads:
			old := s.current.Load()
			next, err := s.swap(r.cfg)
			if err == nil {
				stop() // what both have is the new one's from here on
				stop = start(next)
				g.Go(func() error { s.retire(ctx, old); return nil })
			}
			r.done <- err
		case limit := <-s.drain:
			close(s.stopping)
			s.log().Log(ctx, levelNotice, "shutting down", "module", "core", "code", "AH00491")
			err := s.shutdown(ctx, limit)
			cancel()
			return errors.Join(err, s.end(g))
		case <-ctx.Done():
			close(s.stopping)
			err := s.shutdown(ctx, time.Nanosecond)
			cancel()
			return errors.Join(err, s.end(g))
		}
	}
}

// swap builds the line of cfg and lets it run. A mistake leaves everything as
// it was.
func (s *Server) swap(cfg *Config) (*line, error) {
	logs, err := openLogs(cfg, s.logs.set)
	if err != nil {
		return nil, err
	}
	commit, abort, err := s.listeners.Prepare(addresses(cfg))
	if err != nil {
		return nil, errors.Join(placed(err, cfg), logs.close())
	}
	old := s.current.Load()
	next, err := newLine(cfg, logs, s.opener, &s.desk)
	if err == nil {
		err = s.pid.move(cfg.Process.PidFile)
	}
	if err != nil {
		abort()
		return nil, errors.Join(err, logs.close())
	}
	s.desk.takeOver(next)
	old.leave(next)
	s.gate.set(cfg.Process.MaxRequestWorkers)
	s.listeners.SetLimits(unreadLimits(cfg))
	commit()
	s.log().Log(context.Background(), levelNotice, "graceful restart done -- resuming normal operations", "module", "core", "code", "AH00493")
	return next, nil
}

// retire waits until no request is on old, then closes it.
func (s *Server) retire(ctx context.Context, old *line) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for (old.inside.Load() > 0 || old.logs.later.Load() > 0) && ctx.Err() == nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	old.close()
	old.logs.close()
}

// Reload lets the line of cfg take over. It returns once new requests go to
// it, or with the mistake because of which the old one goes on: ErrStopping
// once Shutdown was called.
func (s *Server) Reload(ctx context.Context, cfg *Config) error {
	r := reload{cfg, make(chan error, 1)}
	select {
	case s.reloads <- r:
		return <-r.done
	case <-s.stopping:
		return ErrStopping
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Ready is closed once the server serves and its PidFile is written.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Tell writes how the server is beside its PidFile. After Run it does nothing.
func (s *Server) Tell(state []byte) error { return s.pid.tell(state) }

// Reopen opens all logs again by name, as log rotation wants it. A log that
// cannot be opened goes on as it was, and is in the error.
func (s *Server) Reopen() error { return s.logs.reopen() }

// end waits for every goroutine and closes what is open.
func (s *Server) end(g *errgroup.Group) error {
	err := g.Wait()
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	last := s.current.Load()
	last.leave(nil)
	last.close()
	return errors.Join(err, s.logs.set.Close())
}

// Addresses returns the addresses on which clients come in, as the sockets
// have them.
func (s *Server) Addresses() []string {
	var all []string
	for _, a := range s.listeners.Addresses() {
		all = append(all, a.String())
	}
	return all
}

// GracefulShutdown is GracefulShutdownTimeout; 0 waits for ever.
func (s *Server) GracefulShutdown() time.Duration {
	return s.current.Load().config.Process.GracefulShutdown
}

// Log is where the server tells of itself: the main server's ErrorLog.
func (s *Server) Log() *slog.Logger { return s.log() }

func (s *Server) log() *slog.Logger { return s.current.Load().sites[0].log }

// A latest is the slog.Handler of the line that runs when a record is written.
type latest struct{ s *Server }

func (l latest) Enabled(ctx context.Context, level slog.Level) bool {
	return l.s.log().Enabled(ctx, level)
}

func (l latest) Handle(ctx context.Context, r slog.Record) error {
	return l.s.log().Handler().Handle(ctx, r)
}

func (l latest) WithAttrs(attrs []slog.Attr) slog.Handler {
	return l.s.log().Handler().WithAttrs(attrs)
}
func (l latest) WithGroup(group string) slog.Handler { return l.s.log().Handler().WithGroup(group) }

// enterLine puts a request on the line that runs now.
func (s *Server) enterLine() *line {
	for {
		l := s.current.Load()
		l.inside.Add(1)
		if l == s.current.Load() {
			return l
		}
		l.inside.Add(-1)
	}
}

func (s *Server) leaveLine(l *line) { l.inside.Add(-1) }

// full logs, at most once a minute, that requests had to wait for a place.
func (s *Server) full(l *line) {
	now := time.Now().Unix()
	last := s.fullLog.Load()
	if now-last >= 60 && s.fullLog.CompareAndSwap(last, now) {
		l.sites[0].log.Error("server reached MaxRequestWorkers setting, consider raising the MaxRequestWorkers setting",
			"module", "core", "code", "AH00484", "MaxRequestWorkers", l.config.Process.MaxRequestWorkers)
	}
}

// addresses returns what cfg listens on. All IPv4 addresses of a port are
// among all addresses of it: 0.0.0.0 beside [::] gets no socket of its own.
//
// Source: httpd server/listen.c, open_listeners, as seen at work.
func addresses(cfg *Config) []string {
	whole := map[string]bool{} // ports of which all addresses are listened on
	for _, l := range cfg.Listen {
		if host, port, err := net.SplitHostPort(l.Address); err == nil && (host == "" || host == "::") {
			whole[port] = true
		}
	}
	var all []string
	for _, l := range cfg.Listen {
		if port, ok := strings.CutPrefix(l.Address, "0.0.0.0:"); !ok || !whole[port] {
			all = append(all, l.Address)
		}
	}
	return all
}

// A ListenError tells that a Listen cannot be opened.
type ListenError struct {
	Listen
	Own bool  // this server itself listens on that port, at another address
	Err error // of the system
}

func (e *ListenError) Error() string {
	return fmt.Sprintf("%s: could not bind to address %s: %v", e.Place, e.Address, e.Err)
}

func (e *ListenError) Unwrap() error { return e.Err }

// placed is err of Prepare with the place of each Listen: *ListenErrors,
// joined.
func placed(err error, cfg *Config) error {
	var all []error
	for _, each := range unjoin(err) {
		bind, ok := errors.AsType[*listener.BindError](each)
		if !ok {
			all = append(all, each)
			continue
		}
		for _, l := range cfg.Listen {
			if l.Address == bind.Address {
				all = append(all, &ListenError{l, bind.Own, bind.Err})
			}
		}
	}
	return errors.Join(all...)
}

// unjoin undoes errors.Join.
func unjoin(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

// unreadLimits bound a request before its site is known.
func unreadLimits(cfg *Config) listener.Limits {
	most := 64 << 10
	for i := range cfg.Sites {
		l := cfg.Sites[i].Limits
		most = max(most, l.RequestLine+max(l.Fields, 100)*l.FieldSize)
	}
	return listener.Limits{HeaderBytes: min(most, 4<<20), HeaderTimeout: cfg.Sites[0].Limits.Timeout}
}
