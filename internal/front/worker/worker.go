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
	"time"

	"github.com/catflap/catflap/ajp"
	"github.com/catflap/catflap/internal/front/exchange"
)

// Dial opens a connection, as net.Dialer.DialContext does.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// A Worker is one endpoint with its pool. Its settings never change; many
// goroutines may use it.
type Worker struct {
	cfg   Config
	pool  *pool
	stats *Stats
	log   *slog.Logger
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
	cfg = cfg.filled()
	if dial == nil {
		dial = dialer(cfg.Socket)
	}
	return &Worker{cfg: cfg, log: log, stats: newStats(), pool: newPool(cfg, dial)}, nil
}

// filled returns cfg with defaults in place of zero fields.
func (cfg Config) filled() Config {
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
func (w *Worker) Config() Config { return w.cfg }

// Name returns the name of the worker.
func (w *Worker) Name() string { return w.cfg.Name }

// address is host:port as it is dialled.
func (cfg *Config) address() string { return net.JoinHostPort(cfg.Host, strconv.Itoa(cfg.Port)) }

// key tells which workers may share connections.
func (cfg *Config) key() string {
	return fmt.Sprintf("%s|%s|%s|%d|%+v", cfg.Name, cfg.address(), cfg.Secret, cfg.MaxPacket, cfg.Socket)
}

// Adopt takes over connections and counters of old if both have the same name,
// address, secret, packet size and socket settings; otherwise it does nothing.
// It is called before the first request.
func (w *Worker) Adopt(old *Worker) {
	if w.cfg.key() != old.cfg.key() {
		return
	}
	w.pool, w.stats = old.pool, old.stats
	w.pool.resize(w.cfg.Pool)
}

// Adopted reports whether w has taken over from old.
func (w *Worker) Adopted(old *Worker) bool { return w.pool == old.pool }

// Forward sends the request of x to this worker and its answer to rw, up to
// Retries times if that is safe. nil means the answer is complete; otherwise
// the error is an *exchange.Error, or an *exchange.Refusal for an answer that
// use_server_errors replaces.
func (w *Worker) Forward(rw http.ResponseWriter, r *http.Request, x *exchange.Exchange) error {
	x.Session.Activation = "ACT"
	for sends := 1; ; sends++ {
		err := w.Try(rw, r, x)
		failure, ok := errors.AsType[*exchange.Error](err)
		if !ok || sends >= w.cfg.Retries || !w.MayRepeat(x, failure) || x.Body.Rewind() != nil {
			return err
		}
		w.log.Info("sending request to tomcat failed (recoverable)", "worker", w.cfg.Name, "cause", failure.Cause.String(), "attempt", sends)
		timer := time.NewTimer(w.cfg.RetryInterval)
		select {
		case <-timer.C:
		case <-r.Context().Done():
			timer.Stop()
			return err
		}
	}
}

// Try is one attempt of Forward. It is recorded in x.
func (w *Worker) Try(rw http.ResponseWriter, r *http.Request, x *exchange.Exchange) error {
	began := time.Now()
	if !w.stats.enter(w.cfg.BusyLimit) {
		return w.attempted(x, began, &exchange.Error{Worker: w.cfg.Name, Cause: exchange.CauseBusy, Err: errBusyLimit})
	}
	defer w.stats.leave()
	err := w.once(rw, r, x)
	return w.attempted(x, began, err)
}

var errBusyLimit = errors.New("busy_limit is reached")

// attempted records an attempt and its outcome.
func (w *Worker) attempted(x *exchange.Exchange, began time.Time, err error) error {
	attempt := exchange.Attempt{Worker: w.cfg.Name, Route: w.cfg.Route, Began: began, Took: time.Since(began)}
	if failure, ok := errors.AsType[*exchange.Error](err); ok {
		attempt.Err = failure
		w.stats.failed(failure.Cause)
	}
	x.Attempts = append(x.Attempts, attempt)
	x.Session.Answered = w.cfg.Route
	return err
}

// MayRepeat reports whether a request that failed may be sent again, here or
// elsewhere: nothing reached the client, the body can be read again, and
// either the container cannot have begun or the method is safe to repeat.
// recovery_options can forbid more (1: nothing once it was sent) and cannot
// allow what could run twice.
func (w *Worker) MayRepeat(x *exchange.Exchange, failure *exchange.Error) bool {
	switch failure.Cause {
	case exchange.CauseClientRead, exchange.CauseClientWrite, exchange.CauseTooLarge, exchange.CauseBodyTooLarge,
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
	if w.cfg.Recovery&RecoverNotAfterSend == 0 {
		return true
	}
	return x.Request.Method == http.MethodHead && w.cfg.Recovery&RecoverHead != 0 ||
		x.Request.Method == http.MethodGet && w.cfg.Recovery&RecoverGet != 0
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
	tick := time.NewTicker(w.pool.period())
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case now := <-tick.C:
			w.pool.maintain(now, w.cfg.Ping)
		}
	}
}

// Close closes idle connections, and those in use when they come back.
func (w *Worker) Close() { w.pool.close() }

// Ping opens a connection of its own and asks for a sign of life.
func (w *Worker) Ping(ctx context.Context) error {
	conn, err := w.pool.open(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Ping(w.cfg.Ping.Timeout)
}

// Free reports whether a request would get a connection at once.
func (w *Worker) Free() bool {
	return (w.cfg.BusyLimit <= 0 || w.stats.busy.Load() < int64(w.cfg.BusyLimit)) && w.pool.free()
}
