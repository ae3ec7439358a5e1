package worker

import (
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/overlay"
)

// Stats count what a worker did since Reset. Many goroutines may use it.
type Stats struct {
	used, busy, maxBusy             atomic.Int64
	errors, clientErrors, timeouts  atomic.Int64
	read, transferred               atomic.Int64
	lastError, lastReset, hintGiven atomic.Int64 // Unix seconds
}

func newStats() *Stats {
	s := &Stats{}
	s.lastReset.Store(time.Now().Unix())
	return s
}

// enter counts a request in, unless that makes more than limit; 0 is none.
func (s *Stats) enter(limit int) bool {
	n := s.busy.Add(1)
	if limit > 0 && n > int64(limit) {
		s.busy.Add(-1)
		return false
	}
	s.used.Add(1)
	for {
		most := s.maxBusy.Load()
		if n <= most || s.maxBusy.CompareAndSwap(most, n) {
			return true
		}
	}
}

func (s *Stats) leave() { s.busy.Add(-1) }

// failed counts an attempt that failed.
func (s *Stats) failed(cause exchange.Cause) {
	switch cause {
	case exchange.CauseClientRead, exchange.CauseClientWrite:
		s.clientErrors.Add(1)
		return
	case exchange.CauseTooLarge, exchange.CauseBodyTooLarge, exchange.CauseBadBody:
		return
	case exchange.CauseReplyTimeout:
		s.timeouts.Add(1)
	}
	s.errors.Add(1)
	s.lastError.Store(time.Now().Unix())
}

// mayHint reports, at most once a minute, that a hint is due.
func (s *Stats) mayHint() bool {
	now := time.Now().Unix()
	last := s.hintGiven.Load()
	return now-last >= 60 && s.hintGiven.CompareAndSwap(last, now)
}

// A Snapshot is a worker at one moment. Its numbers are those that mod_jk's
// status shows.
type Snapshot struct {
	Config, File                        Config          // with and without Overlay
	Overlay                             overlay.Overlay // what the operator changed
	Address                             string          // IP:port, "invalid" without a port; host:port before the first connection
	Used, Busy, MaxBusy                 int64
	Errors, ClientErrors, ReplyTimeouts int64
	Read, Transferred                   int64 // bytes from and to the container
	Connected, MaxConnected             int
	LastError, LastReset                time.Time // zero if there was none
}

// Snapshot returns the worker as it is now.
func (w *Worker) Snapshot() Snapshot {
	s, now := w.stats, w.now.Load()
	shot := Snapshot{
		Config: now.cfg, File: now.file, Overlay: now.overlay, Address: now.address(),
		Used: s.used.Load(), Busy: s.busy.Load(), MaxBusy: s.maxBusy.Load(),
		Errors: s.errors.Load(), ClientErrors: s.clientErrors.Load(), ReplyTimeouts: s.timeouts.Load(),
		Read: s.read.Load(), Transferred: s.transferred.Load(), LastReset: time.Unix(s.lastReset.Load(), 0),
	}
	shot.Connected, shot.MaxConnected = now.pool.sizes()
	if at := s.lastError.Load(); at != 0 {
		shot.LastError = time.Unix(at, 0)
	}
	return shot
}

// address tells where the worker is.
func (s *setup) address() string {
	if s.cfg.Port <= 0 {
		return "invalid"
	}
	if peer, ok := s.pool.peer.Load().(string); ok {
		return peer
	}
	return s.cfg.address()
}

// reset counts anew.
func (s *Stats) reset() {
	for _, n := range []*atomic.Int64{&s.used, &s.errors, &s.clientErrors, &s.timeouts, &s.read, &s.transferred, &s.lastError} {
		n.Store(0)
	}
	s.maxBusy.Store(s.busy.Load())
	s.lastReset.Store(time.Now().Unix())
}
