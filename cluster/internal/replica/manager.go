package replica

import (
	"context"
	"log/slog"
	"time"

	"github.com/catflap/catflap/internal/flood"
	"github.com/catflap/catflap/session"
)

// Watch returns what a Manager knows of its sessions: what requests change, for
// other nodes, but for attributes that the patterns leave out; and what l is to
// be told of attributes.
func Watch(namePattern, classPattern string, recordAll bool, l Listener) (session.Watch, error) {
	skip, err := Skip(namePattern, classPattern)
	return session.Watch{Record: true, All: recordAll, Skip: skip, Listen: l.Attributes()}, err
}

// Log returns log for the lines of a context; nil logs nothing.
func Log(log *slog.Logger, contextName string) *slog.Logger {
	return flood.Limit(log).With("context", contextName)
}

// Every calls do once a period until ctx is done, with the time that it is.
func Every(ctx context.Context, period time.Duration, do func(now time.Time)) {
	clock := time.NewTicker(period)
	defer clock.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-clock.C:
			do(now)
		}
	}
}

// Bind is session.Binder's: it finds the session of a client that comes with id,
// and has rename give it the route of this node if it has another's.
//
// Source: ha.session.JvmRouteBinderValve.
func Bind(ctx context.Context, m session.Manager, id, route string, rename func(ctx context.Context, e *session.Entry, id string) error) (*session.Entry, error) {
	e, err := m.Find(ctx, id)
	own, foreign := OwnID(id, route)
	if !foreign {
		return e, err
	}
	if e == nil {
		return m.Find(ctx, own)
	}
	return e, rename(ctx, e, own)
}
