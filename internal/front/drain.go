package front

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/catflap/catflap/internal/web/listener"
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

// told is how often the log tells what a drain waits for.
const told = 10 * time.Second

// shutdown drains the listeners.
func (s *Server) shutdown(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- s.listeners.Shutdown(ctx) }()
	tell := time.NewTicker(told)
	defer tell.Stop()
	end := newDeadline(limit)
	defer end.stop()
	for {
		select {
		case err := <-ended:
			if errors.Is(err, context.Canceled) {
				return nil // what was broken off is told
			}
			return err
		case <-end.over():
			s.logWaits("requests are broken off at the end of the time to drain", slog.LevelWarn)
			cancel()
		case <-tell.C:
			s.logWaits("draining: waiting for requests to end", levelNotice, end.left()...)
		case sooner := <-s.drain:
			end.shorten(sooner)
		}
	}
}

// logWaits writes one line about the requests under way, if there are any.
func (s *Server) logWaits(text string, level slog.Level, more ...any) {
	w := s.Waits()
	if w.Requests == 0 {
		return
	}
	attrs := append([]any{"module", "core", "requests", w.Requests, "oldest", w.Oldest.Age.Round(time.Second).String(),
		"client", w.Oldest.Client.String(), "request", w.Oldest.asked()}, more...)
	if w.Oldest.Worker != "" {
		attrs = append(attrs, "worker", w.Oldest.Worker)
	}
	s.log().Log(context.Background(), level, text, attrs...)
}

// Waits are what a drain waits for.
type Waits struct {
	Requests int
	Oldest   Waiting // of them; zero if there are none
}

// A Waiting is a request under way.
type Waiting listener.Pending

// Waits returns what a drain waits for, or would wait for.
func (s *Server) Waits() Waits {
	all := s.listeners.Pending()
	w := Waits{Requests: len(all)}
	for i, p := range all {
		if i == 0 || p.Age > w.Oldest.Age {
			w.Oldest = Waiting(p)
		}
	}
	return w
}

// String says it in words, as in "waits for 2 requests, the oldest for 12s:
// POST /app/x from 10.0.0.9:51000, at worker tc1"; empty if it is nothing.
func (w Waits) String() string {
	many := "requests, the oldest"
	switch w.Requests {
	case 0:
		return ""
	case 1:
		many = "request,"
	}
	text := fmt.Sprintf("waits for %d %s for %v: %s from %v", w.Requests, many, w.Oldest.Age.Round(time.Second), w.Oldest.asked(), w.Oldest.Client)
	if w.Oldest.Worker != "" {
		text += ", at worker " + w.Oldest.Worker
	}
	return text
}

// asked is what the request asks for.
func (w Waiting) asked() string {
	if w.Method == "" {
		return "(its head still comes in)"
	}
	return w.Method + " " + w.Path
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

// left tells, for the log, how long it is until d is over.
func (d *deadline) left() []any {
	if d.at.IsZero() {
		return nil
	}
	return []any{"left", time.Until(d.at).Round(time.Second).String()}
}

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
	}
}
