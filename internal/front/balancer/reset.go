package balancer

import "time"

// Reset counts anew: for one member, or for the balancer and all of them if
// worker is empty. Their states begin anew, too, and the values of all: one
// alone at 0 would be flooded. What is under way stays. It reports whether
// there is such a member.
//
// Source: mod_jk's status, "reset", as seen at work.
func (b *Balancer) Reset(worker string) bool {
	found := false
	s := b.now.Load()
	for _, m := range s.members {
		if worker == "" || m.cfg.Worker == worker {
			m.startAnew()
			found = true
		}
	}
	if found {
		s.level()
	}
	if worker == "" {
		b.maxBusy.Store(b.busy.Load())
		b.lastReset.Store(time.Now().UnixNano())
	}
	return found
}

// startAnew clears s, but for what is under way.
func (s *standing) startAnew() {
	s.change(func(health) health { return health{} })
	s.elected.Store(0)
	s.sessions.Store(0)
	s.errors.Store(0)
	s.clientErrors.Store(0)
	s.lastUse.Store(0)
	s.maxBusy.Store(s.busy.Load())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reset = time.Now()
}

// Recover lets a member that is in error have a request now, instead of after
// recover_time. It returns the state that the member was in, and whether that
// was the error that one recovers from.
//
// Source: mod_jk's status, "recover", as seen at work.
func (b *Balancer) Recover(worker string) (before State, ok bool) {
	for _, m := range b.now.Load().members {
		if m.cfg.Worker != worker {
			continue
		}
		before, after := m.change(func(h health) health {
			if h.state == Error {
				return b.recovering(m, h)
			}
			return h
		})
		return before, before != after
	}
	return Idle, false
}
