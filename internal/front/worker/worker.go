// Package worker is one Tomcat as the front sees it. What comes in is an
// Exchange on its way to a container, what goes out is the container's answer
// to the client, or an *exchange.Error that says why there is none and how far
// the request had come.
//
// A Worker keeps a pool of connections. A request holds one of them for as
// long as it takes, on one goroutine: AJP/1.3 is half duplex.
package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/ajp"
	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/overlay"
)

// Dial opens a connection, as net.Dialer.DialContext does.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// A Worker is one endpoint with its pool. Many goroutines may use it.
type Worker struct {
	name  string
	now   atomic.Pointer[setup]
	stats *Stats
	dial  Dial // nil opens TCP connections as the settings say
	log   *slog.Logger
}

// A setup is what holds for a request from its beginning to its end. It never
// changes.
type setup struct {
	cfg     Config          // file with overlay over it
	file    Config          // as the files have it, with defaults filled in
	overlay overlay.Overlay // what the operator changed
	pool    *pool
}

// New returns a worker with no connection yet, or every mistake in cfg at
// once. dial is for tests; nil opens TCP connections as cfg.Socket says.
func New(cfg Config, dial Dial, log *slog.Logger) (*Worker, error) {
	var mistakes []error
	if cfg.Name == "" {
		mistakes = append(mistakes, errors.New("worker without a name"))
	}
	if cfg.Port > 65535 {
		mistakes = append(mistakes, fmt.Errorf("worker %s: port %d: there is none above 65535", cfg.Name, cfg.Port))
	}
	if source := cfg.Socket.Source; source != "" && net.ParseIP(source) == nil {
		mistakes = append(mistakes, fmt.Errorf("worker %s: source %q: not an IP address", cfg.Name, source))
	}
	if len(mistakes) > 0 {
		return nil, errors.Join(mistakes...)
	}
	cfg = cfg.Filled()
	w := &Worker{name: cfg.Name, log: log, stats: newStats(), dial: dial}
	w.now.Store(&setup{cfg: cfg, file: cfg, pool: newPool(cfg, dial)})
	return w, nil
}

// Filled returns cfg with defaults in place of zero fields.
func (cfg Config) Filled() Config {
	def(&cfg.Host, "localhost")
	def(&cfg.Port, 8009)
	def(&cfg.Route, cfg.Name)
	def(&cfg.Retries, 2)
	def(&cfg.RetryInterval, 100*time.Millisecond)
	def(&cfg.MaxPacket, ajp.DefaultMaxPacket)
	def(&cfg.Socket.ConnectTimeout, 5*time.Second)
	def(&cfg.Ping.Timeout, 2*time.Second)
	def(&cfg.Pool.IdleTimeout, 60*time.Second)
	def(&cfg.Pool.AcquireTimeout, 5*time.Second)
	return cfg
}

func def[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Config returns the settings, with defaults filled in.
func (w *Worker) Config() Config { return w.now.Load().cfg }

// Name returns the name of the worker.
func (w *Worker) Name() string { return w.name }

// address is host:port as it is dialled.
func (cfg *Config) address() string { return net.JoinHostPort(cfg.Host, strconv.Itoa(cfg.Port)) }

// key tells which workers may share connections.
func (cfg *Config) key() string {
	return fmt.Sprintf("%s|%s|%s|%d|%+v", cfg.Name, cfg.address(), cfg.Secret, cfg.MaxPacket, cfg.Socket)
}

// Adopt takes over what the operator changed in old, as far as the files say
// what they said then, and returns what ended. Connections and counters are
// taken over if both have the same name, address, secret, packet size and
// socket settings. It is called before the first request.
func (w *Worker) Adopt(old *Worker) (ended overlay.Overlay) {
	was, now := old.now.Load(), *w.now.Load()
	now.overlay, ended = Settings.Carry(now.file.Lines, was.overlay)
	now.cfg = Settings.Apply(now.file, now.overlay)
	if was.cfg.key() == now.cfg.key() {
		w.stats = old.stats
	}
	now.pool = w.poolFor(was, &now)
	w.now.Store(&now)
	return ended
}

// Adopted reports whether w has taken over the connections of old.
func (w *Worker) Adopted(old *Worker) bool { return w.now.Load().pool == old.now.Load().pool }

// Forward sends the request of x to this worker and its answer to rw, up to
// Retries times if that is safe. nil means the answer is complete; otherwise
// the error is an *exchange.Error, or an *exchange.Refusal for an answer that
// use_server_errors replaces.
func (w *Worker) Forward(rw http.ResponseWriter, r *http.Request, x *exchange.Exchange) error {
	x.Session.Activation = "ACT"
	s := w.now.Load()
	x.Session.Answered = s.cfg.Route
	for sends := 1; ; sends++ {
		err := w.Try(rw, r, x)
		failure, ok := errors.AsType[*exchange.Error](err)
		if !ok || sends >= s.cfg.Retries || !w.MayRepeat(x, failure) || x.Body.Rewind() != nil {
			return err
		}
		w.log.Info("sending request to tomcat failed (recoverable)", "worker", w.name, "cause", failure.Cause.String(), "attempt", sends)
		timer := time.NewTimer(s.cfg.RetryInterval)
		select {
		case <-timer.C:
		case <-r.Context().Done():
			timer.Stop()
			return err
		}
	}
}

// Try is one attempt of Forward. It is recorded in x, whose Session names the
// route and the activation that the container is told.
func (w *Worker) Try(rw http.ResponseWriter, r *http.Request, x *exchange.Exchange) error {
	began := time.Now()
	s := w.now.Load()
	if !w.stats.enter(s.cfg.BusyLimit) {
		return w.attempted(x, began, &exchange.Error{Worker: w.name, Cause: exchange.CauseBusy, Err: errBusyLimit})
	}
	defer w.stats.leave()
	err := w.once(rw, r, x, s)
	return w.attempted(x, began, err)
}

var errBusyLimit = errors.New("busy_limit is reached")

// attempted records an attempt and its outcome.
func (w *Worker) attempted(x *exchange.Exchange, began time.Time, err error) error {
	attempt := exchange.Attempt{Worker: w.name, Route: x.Session.Answered, Began: began, Took: time.Since(began)}
	if failure, ok := errors.AsType[*exchange.Error](err); ok {
		attempt.Err = failure
		w.stats.failed(failure.Cause)
	}
	x.Attempts = append(x.Attempts, attempt)
	return err
}

// MayRepeat reports whether a request that failed may be sent again, here or
// elsewhere: nothing reached the client, the body can be read again, and
// either the container cannot have begun or the method is safe to repeat.
// recovery_options can forbid more (1: nothing once it was sent) and cannot
// allow what could run twice.
func (w *Worker) MayRepeat(x *exchange.Exchange, failure *exchange.Error) bool {
	switch failure.Cause {
	case exchange.CauseClientRead, exchange.CauseClientWrite, exchange.CauseTooLarge, exchange.CauseBodyTooLarge, exchange.CauseBadBody,
		exchange.CauseInternal:
		return false
	}
	if failure.Reached == exchange.ReachedClient || !x.Body.Replayable() {
		return false
	}
	if failure.Reached == exchange.ReachedNobody {
		return true
	}
	if !idempotent(x.Request.Method) {
		return false
	}
	recovery := w.now.Load().cfg.Recovery
	if recovery&RecoverNotAfterSend == 0 {
		return true
	}
	return x.Request.Method == http.MethodHead && recovery&RecoverHead != 0 ||
		x.Request.Method == http.MethodGet && recovery&RecoverGet != 0
}

// idempotent reports whether a request of method may run twice.
//
// Source: RFC 9110, section 9.2.2.
func idempotent(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete, "PROPFIND":
		return true
	}
	return false
}

// Run keeps the pool until ctx is done: idle connections are closed in time,
// and sent CPING if connection_ping_interval says so.
func (w *Worker) Run(ctx context.Context) error {
	period := w.now.Load().pool.period()
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case now := <-tick.C:
			s := w.now.Load()
			s.pool.maintain(now, s.cfg.Ping)
			if wanted := s.pool.period(); wanted != period {
				period = wanted
				tick.Reset(period)
			}
		}
	}
}

// Close closes idle connections, and those in use when they come back.
func (w *Worker) Close() { w.now.Load().pool.close() }

// Ping opens a connection of its own and asks for a sign of life.
func (w *Worker) Ping(ctx context.Context) error {
	s := w.now.Load()
	conn, err := s.pool.open(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Ping(s.cfg.Ping.Timeout)
}

// Traffic returns the bytes of bodies from and to the container.
func (w *Worker) Traffic() (read, transferred int64) {
	return w.stats.read.Load(), w.stats.transferred.Load()
}

// Free reports whether a request would get a connection at once.
func (w *Worker) Free() bool {
	s := w.now.Load()
	return (s.cfg.BusyLimit <= 0 || w.stats.busy.Load() < int64(s.cfg.BusyLimit)) && s.pool.free()
}
