package balancer

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
)

// Run keeps the members' states until ctx is done: values decay every
// Maintain, and members in error are probed once RecoverTime is over. It
// returns when no probe is under way.
//
// Unlike in mod_jk a member in error is asked by a CPING of ours before a
// client's request is risked on it.
func (b *Balancer) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	g := new(errgroup.Group)
	probing := make([]chan struct{}, len(b.file.Members)) // one place each
	for i := range probing {
		probing[i] = make(chan struct{}, 1)
	}
	defer g.Wait()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case now := <-tick.C:
			b.maintain(now)
			s := b.now.Load()
			for i, m := range s.members {
				if !m.isDue(now, s.cfg.Recovery) {
					continue
				}
				select {
				case probing[i] <- struct{}{}:
					g.Go(func() error {
						defer func() { <-probing[i] }()
						b.probe(ctx, m)
						return nil
					})
				default: // the last probe still runs
				}
			}
		}
	}
}

func (s *standing) isDue(now time.Time, cfg Recovery) bool {
	if s.seen() != Error {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.health.due(now, cfg)
}

// probe asks a member in error for a sign of life. If it gives one, it may
// have one request.
func (b *Balancer) probe(ctx context.Context, m *Member) {
	err := m.endpoint.Ping(ctx)
	if ctx.Err() != nil {
		return
	}
	m.change(func(h health) health {
		if h.state != Error {
			return h
		}
		if err != nil {
			h.lastError = time.Now()
			return h
		}
		return b.recovering(m, h)
	})
	if err != nil {
		b.log.Debug("worker still in error", "balancer", b.file.Name, "worker", m.cfg.Worker, "err", err, "again_in", b.now.Load().cfg.Recovery.RecoverTime.String())
		return
	}
	b.log.Info("worker answers again and will get a request", "balancer", b.file.Name, "worker", m.cfg.Worker)
}

// recovering lets a member in error have one request. It begins at the highest
// value, or it would get all requests until it had caught up.
func (b *Balancer) recovering(m *Member, h health) health {
	highest := int64(0)
	for _, other := range b.now.Load().members {
		highest = max(highest, other.value.Load())
	}
	m.value.Store(highest)
	h.state, h.timeouts = Recover, 0
	return h
}

// maintain does what is due every Maintain.
func (b *Balancer) maintain(now time.Time) {
	if b.file.Maintain <= 0 {
		return
	}
	last := b.upkeep.Load()
	n := int((now.UnixNano() - last) / int64(b.file.Maintain))
	if n <= 0 || !b.upkeep.CompareAndSwap(last, now.UnixNano()) {
		return
	}
	s := b.now.Load()
	s.cfg.Method.decay(s.members, n)
	for _, m := range s.members {
		used := m.elected.Load()
		unused := m.lastUse.Swap(used) == used
		m.change(func(h health) health {
			switch {
			case !h.state.failing() && !h.firstError.IsZero() && now.Sub(h.firstError) > s.cfg.Recovery.EscalationTime:
				h = h.inError(now)
			case h.state == OK && unused:
				h.state = Idle
			}
			h.timeouts >>= min(n, 30)
			return h
		})
	}
}
