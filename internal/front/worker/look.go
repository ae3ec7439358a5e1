package worker

import (
	"context"
	"errors"
	"time"

	"github.com/catflap/catflap/ajp"
	"github.com/catflap/catflap/internal/front/exchange"
)

// Look asks for a sign of life, as Ping does, until ctx is done. nil means that
// it came, else the error is an *exchange.Error: CauseRefused,
// CauseConnectTimeout, CauseAddress, CauseCPing if it did not come in time, or
// CauseProtocol if what came is none.
func (w *Worker) Look(ctx context.Context) error {
	s := w.now.Load()
	fail := func(cause exchange.Cause, err error) error {
		return &exchange.Error{Worker: w.name, Cause: cause, Reached: exchange.ReachedNobody, Err: err}
	}
	conn, err := s.pool.open(ctx)
	switch {
	case errors.Is(err, errNoPort):
		return fail(exchange.CauseAddress, err)
	case err != nil:
		return fail(dialCause(err), err)
	}
	defer conn.Close()
	wait := s.cfg.Ping.Timeout
	if end, ok := ctx.Deadline(); ok {
		wait = max(min(wait, time.Until(end)), time.Millisecond)
	}
	err = conn.Ping(wait)
	if _, wrong := errors.AsType[*ajp.ProtocolError](err); wrong {
		return fail(exchange.CauseProtocol, err)
	}
	if err != nil {
		return fail(exchange.CauseCPing, err)
	}
	return nil
}
