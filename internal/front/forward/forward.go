// Package forward is the station at which a request leaves for a worker. What
// comes in is an Exchange whose Target is a rule, what goes out is the
// worker's answer, or one error with a Cause, one log line and one field for
// the access log, each saying what to do next.
package forward

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/catflap/catflap/internal/front/exchange"
)

// A Forwarder is a worker of any type: ajp13, lb or status.
type Forwarder interface {
	// Forward sends the request of x to this worker and its answer to w. nil
	// means the answer is complete; otherwise the error is an *exchange.Error
	// or an *exchange.Refusal.
	Forward(w http.ResponseWriter, r *http.Request, x *exchange.Exchange) error
}

// A Worker is a Forwarder and its type, as the note JK_WORKER_TYPE has it.
type Worker struct {
	Forwarder
	Type string // "ajp13", "lb", "status"
}

// A Station forwards to the workers by name. It is immutable; many goroutines
// may use it.
type Station struct {
	workers map[string]Worker
	log     *slog.Logger
}

// New returns the station of workers; log is mod_jk's log.
func New(workers map[string]Worker, log *slog.Logger) *Station {
	return &Station{workers, log}
}

// Note is the name of the note that holds Field for a request that failed.
const Note = "CATFLAP_ERROR"

// Forward forwards x to the worker that its rule names. The error is that of
// the worker; it was logged, and stands in x.
func (s *Station) Forward(w http.ResponseWriter, r *http.Request, x *exchange.Exchange) error {
	name := x.Target.Rule.Worker
	x.Response.Handler = "jakarta-servlet"
	x.Notes.Set("JK_WORKER_NAME", name)
	worker, known := s.workers[name]
	if !known {
		return s.failed(r, x, &exchange.Error{Worker: name, Cause: exchange.CauseUnknownWorker})
	}
	x.Notes.Set("JK_WORKER_TYPE", worker.Type)
	err := worker.Forward(w, r, x)
	failure, failed := errors.AsType[*exchange.Error](err)
	if failed && failure.Reached != exchange.ReachedClient {
		x.Session.Answered = "" // none did
	}
	if x.Session.Answered != "" && x.Session.Balancer != "" {
		x.Notes.Set("JK_WORKER_ROUTE", x.Session.Answered)
	}
	if failed {
		return s.failed(r, x, failure)
	}
	return err
}

// failed records and logs the failure of x.
func (s *Station) failed(r *http.Request, x *exchange.Exchange, failure *exchange.Error) error {
	x.Failure = failure
	x.Notes.Set(Note, Field(failure))
	Log(r.Context(), s.log, x, failure)
	return failure
}

// Log writes the one line about a request that failed: what mod_jk says of it,
// what its client gets, why, how far it had come, and what to do.
func Log(ctx context.Context, log *slog.Logger, x *exchange.Exchange, failure *exchange.Error) {
	level := slog.LevelError
	switch failure.Cause {
	case exchange.CauseClientRead, exchange.CauseClientWrite, exchange.CauseBadBody:
		level = slog.LevelInfo
	}
	attrs := []slog.Attr{
		slog.String("worker", failure.Worker),
		slog.String("cause", failure.Cause.String()),
		slog.String("reached", failure.Reached.String()),
		slog.Int("status", Status(failure)),
		slog.Int("attempts", len(x.Attempts)),
		slog.String("request", x.Request.Method+" "+x.Request.Path.Mount),
		slog.String("do", failure.Cause.Advice()),
	}
	if failure.Err != nil {
		attrs = append(attrs, slog.String("err", failure.Err.Error()))
	}
	said := failure.Said()
	if failure.AllFailed {
		said = exchange.AllFailed
	}
	log.LogAttrs(ctx, level, said, attrs...)
}

// Field is what the note CATFLAP_ERROR holds, for LogFormat
// %{CATFLAP_ERROR}n: cause, worker, and what to do.
func Field(failure *exchange.Error) string {
	return failure.Cause.String() + "@" + failure.Worker + ": " + failure.Cause.Advice()
}

// Status returns the status that the client gets, 0 if its connection is
// broken off.
func Status(failure *exchange.Error) int {
	if failure.Reached == exchange.ReachedClient {
		return 0
	}
	return failure.Cause.Status()
}
