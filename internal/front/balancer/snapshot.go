package balancer

import "time"

// A Snapshot is a balancer at one moment. Its numbers are those that mod_jk's
// status shows.
type Snapshot struct {
	Config, File  Config   // with and without Set; defaults filled in
	Set           Overlays // what the operator changed
	Members       []MemberSnapshot
	Busy, MaxBusy int64
	NextUpkeep    time.Duration // until the next maintenance
	LastReset     time.Time
}

// A MemberSnapshot is a member at one moment.
type MemberSnapshot struct {
	Config                                  MemberConfig
	State                                   State
	Multiplicity, Value                     int64
	Elected, Sessions, Errors, ClientErrors int64
	ReplyTimeouts                           int64
	Busy, MaxBusy                           int64
	Recovery                                time.Duration // until it is probed; 0 unless in error
	LastError, LastReset                    time.Time     // zero if there was none
}

// Snapshot returns the balancer as it is now.
func (b *Balancer) Snapshot(now time.Time) Snapshot {
	is := b.now.Load()
	s := Snapshot{Config: is.cfg, File: b.file, Set: is.set, Busy: b.busy.Load(), MaxBusy: b.maxBusy.Load(), LastReset: time.Unix(0, b.lastReset.Load())}
	if b.file.Maintain > 0 {
		s.NextUpkeep = max(0, b.file.Maintain-now.Sub(time.Unix(0, b.upkeep.Load())))
	}
	for _, m := range is.members {
		m.mu.Lock()
		h, reset := m.health, m.reset
		m.mu.Unlock()
		shot := MemberSnapshot{
			Config: m.cfg, State: h.state, Multiplicity: m.mult, Value: is.cfg.Method.valueOf(m),
			Elected: m.elected.Load(), Sessions: m.sessions.Load(), Errors: m.errors.Load(), ClientErrors: m.clientErrors.Load(),
			ReplyTimeouts: int64(h.timeouts), Busy: m.busy.Load(), MaxBusy: m.maxBusy.Load(),
			LastError: h.lastError, LastReset: reset,
		}
		if h.state == Error {
			shot.Recovery = max(0, is.cfg.Recovery.RecoverTime-now.Sub(h.lastError))
		}
		s.Members = append(s.Members, shot)
	}
	return s
}
