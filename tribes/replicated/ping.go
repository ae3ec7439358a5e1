package replicated

import (
	"context"
	"time"

	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
)

// ping asks all nodes whether they still have the map, and forgets those that
// were not heard of for AccessTimeout.
func (m *Map) ping(ctx context.Context) {
	if to := m.d.Group().Members(); len(to) > 0 {
		asking, cancel := context.WithTimeout(ctx, m.cfg.AccessTimeout)
		_, err := m.ask(asking, &message{kind: msgPing, noNodes: true, primary: m.own()}, to, m.ponged)
		cancel()
		if failed, ok := err.(*tribes.SendError); ok {
			for _, f := range failed.Faulty {
				m.lost(f.Member, true)
			}
		}
	}
	m.mu.Lock()
	var silent []tribes.Member
	for _, each := range m.members {
		if time.Since(each.heard) > 2*m.cfg.AccessTimeout {
			silent = append(silent, each.Member)
		}
	}
	m.mu.Unlock()
	for _, each := range silent {
		m.cfg.Log.Warn("node of the map does not answer", "map", m.cfg.Name, "member", each)
		m.lost(each, true)
	}
}

// ponged takes the answer to a ping.
func (m *Map) ponged(answer *message, from tribes.Member, limits javaserial.Limits) bool {
	if answer.primary != nil {
		from = *answer.primary
	}
	switch stateOf(answer.value, limits) {
	case stateInitialized:
		m.heard(from)
	case stateTransferred:
		m.mu.Lock()
		defer m.mu.Unlock()
		if known := m.members[from.Key()]; known != nil {
			known.heard = time.Now()
		}
	}
	return false
}

// mostChecked is how many proxies are looked after at once.
const mostChecked = 100

// sweep removes proxies of entries that are on no node any more: those whose
// nodes are gone at once, of others of which nothing is heard for long those
// that nobody has. A node that was away may have missed that they were removed.
func (m *Map) sweep(ctx context.Context) {
	var gone []any
	var check []*entry
	m.mu.Lock()
	for key, e := range m.entries {
		if e.role != Proxy || e.value != nil {
			continue
		}
		here := e.primary != nil && m.members[e.primary.Key()] != nil
		for _, n := range e.nodes {
			here = here || m.members[n.Key()] != nil
		}
		switch age := time.Since(e.heard); {
		case !here && age > m.cfg.AccessTimeout:
			delete(m.entries, key)
			gone = append(gone, key)
		case m.cfg.ProxyAge > 0 && age > m.cfg.ProxyAge && len(check) < mostChecked:
			check = append(check, e)
		}
	}
	m.mu.Unlock()
	for _, key := range gone {
		m.cfg.Owner.Gone(key, nil)
	}
	m.forEach(ctx, check, func(e *entry) {
		if value, gone := m.fetch(ctx, e); gone {
			m.forget(e)
		} else if value != nil {
			m.mu.Lock()
			e.heard = time.Now()
			m.mu.Unlock()
		}
	})
}
