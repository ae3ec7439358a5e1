package front

import (
	"context"
	"errors"
	"time"
)

// Shutdown takes no more connections and lets Run return once all requests
// have ended, at the latest after limit; 0 waits for ever. Another call can
// only shorten the wait.
func (s *Server) Shutdown(limit time.Duration) {
	select {
	case s.drain <- limit:
	default: // it was called that often already
	}
}

// shutdown drains the listeners.
func (s *Server) shutdown(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- s.listeners.Shutdown(ctx) }()
	d := newDeadline(limit)
	defer d.stop()
	for {
		select {
		case err := <-ended:
			if errors.Is(err, context.Canceled) {
				s.log().Warn("requests were broken off at the end of the time to drain", "module", "core",
					"requests", s.current.Load().inside.Load())
				return nil
			}
			return err
		case <-d.over():
			cancel()
		case sooner := <-s.drain:
			d.shorten(sooner)
		}
	}
}

// A deadline is the end of a drain; it can only come nearer.
type deadline struct {
	at    time.Time // zero: there is none
	timer *time.Timer
}

func newDeadline(limit time.Duration) *deadline {
	d := &deadline{}
	d.shorten(limit)
	return d
}

// shorten lets d be over in limit at the latest; 0 changes nothing.
func (d *deadline) shorten(limit time.Duration) {
	at := time.Now().Add(limit)
	if limit <= 0 || !d.at.IsZero() && !at.Before(d.at) {
		return
	}
	d.stop()
	d.at, d.timer = at, time.NewTimer(limit)
}

// over is sent on at the end.
func (d *deadline) over() <-chan time.Time {
	if d.timer == nil {
		return nil
	}
	return d.timer.C
}

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
	}
}
