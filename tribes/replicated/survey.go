package replicated

import (
	"context"
	"slices"
	"time"

	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
)

// A survey is what the other nodes say of where entries are. What the primary of
// one says of it is so.
type survey struct {
	asleep *tribes.Member // who stood still; nil is this node
	asked  time.Time
	owners map[any]*at                // by key: what its primary says
	of     map[tribes.Key]map[any]*at // by who says it: everything
}

// inspect asks all others where entries are, and has this node know it.
func (m *Map) inspect(ctx context.Context, asleep *tribes.Member) (s *survey) {
	m.reading(func() {
		s = m.survey(ctx, asleep)
		m.correct(ctx, s)
	})
	return s
}

// survey asks all others. If two say that they are the primary of one entry the
// word of asleep, which stood still and need not know better, does not count.
func (m *Map) survey(ctx context.Context, asleep *tribes.Member) *survey {
	s := &survey{asleep: asleep, asked: time.Now(), owners: map[any]*at{}, of: map[tribes.Key]map[any]*at{}}
	m.askSome(ctx, msgState, m.d.Group().Members(), func(answer *message, from tribes.Member, limits javaserial.Limits) bool {
		key, all := from.Key(), map[any]*at{}
		for _, each := range m.stateOf(answer, limits) {
			all[each.key] = &each
			if each.primary == nil || each.primary.Key() != key {
				continue
			}
			had := s.owners[each.key]
			if had == nil || asleep != nil && had.primary.Key() == asleep.Key() || (asleep == nil || key != asleep.Key()) && each.version() > had.version() {
				s.owners[each.key] = &each
			}
		}
		s.of[key] = all
		return false
	})
	return s
}

// listed reports whether somebody knows of an entry.
func (s *survey) listed(key any) bool {
	for _, all := range s.of {
		if all[key] != nil {
			return true
		}
	}
	return false
}

// correct has this node know what the others know. If it stood still what it
// owned is theirs who say so, and gone if nobody knows of it.
func (m *Map) correct(ctx context.Context, s *survey) {
	stood := s.asleep == nil
	if len(s.of) == 0 {
		return
	}
	var gone []*entry
	var fresh []*at
	m.mu.Lock()
	for key, e := range m.entries {
		if e.claiming || e.heard.After(s.asked) || e.claimed.After(s.asked) {
			continue // it is known better since
		}
		owner := s.owners[key]
		switch {
		case owner != nil && (stood || e.role != Primary):
			m.follow(e, owner)
		case owner == nil && m.lacks(s, e):
			delete(m.entries, key)
			m.bury(key)
			gone = append(gone, e)
		}
	}
	for key, owner := range s.owners {
		removed := m.reads.buried[key] || !stood && owner.primary.Key() == s.asleep.Key() && m.reads.graves.has(key)
		if m.entries[key] == nil && !removed {
			fresh = append(fresh, owner)
		}
	}
	m.mu.Unlock()
	for _, e := range gone {
		m.cfg.Owner.Gone(e.key, e.value)
	}
	for _, owner := range fresh {
		m.moved(owner.key, &owner.message)
		m.mu.Lock()
		if e := m.entries[owner.key]; e != nil {
			m.supply(e)
		}
		m.mu.Unlock()
	}
	if ctx.Err() == nil && len(gone)+len(fresh) > 0 {
		m.cfg.Log.Info("entries that were removed and made meanwhile", "map", m.cfg.Name, "removed", len(gone), "made", len(fresh))
	}
}

// follow takes what the primary of an entry says of it. m.mu is held.
func (m *Map) follow(e *entry, owner *at) {
	here := contains(owner.nodes, m.own().Key())
	if e.primary != nil && e.primary.Key() == owner.primary.Key() && sameNodes(e.nodes, owner.nodes) && e.role != Primary && here == (e.role == Backup) {
		return
	}
	version := e.version
	m.set(e, &owner.message)
	e.version = max(e.version, version)
	if here && e.role == Backup {
		return
	}
	e.role, e.inherited = Proxy, 0
	if e.value != nil && !m.cfg.Owner.Moved(e.value, true) {
		e.value = nil
	}
	m.supply(e)
}

func sameNodes(a, b []tribes.Member) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(each tribes.Member) bool { return !contains(b, each.Key()) })
}

// lacks reports whether those that would know of an entry do not. A Tomcat that
// tells of an entry itself lists it a little later; one whose application has just
// been started anew lists nothing. m.mu is held.
func (m *Map) lacks(s *survey, e *entry) bool {
	if s.listed(e.key) {
		return false
	}
	if e.role != Primary {
		return e.primary != nil && s.of[e.primary.Key()] != nil && s.asked.Sub(e.heard) > claimGrace
	}
	there := m.present(e.nodes)
	return s.asleep == nil && len(there) > 0 && len(there) == len(e.nodes) && !slices.ContainsFunc(there, func(n tribes.Member) bool { return len(s.of[n.Key()]) == 0 })
}

// renew fetches the backups anew whose primaries do not look whether what they
// send arrives: those of Tomcats.
func (m *Map) renew(ctx context.Context, s *survey) {
	var doubtful []*entry
	m.mu.Lock()
	for key, e := range m.entries {
		owner := s.owners[key]
		if owner != nil && owner.version() == 0 && e.role == Backup && e.primary != nil && e.primary.Key() == owner.primary.Key() {
			doubtful = append(doubtful, e)
		}
	}
	m.mu.Unlock()
	m.forEach(ctx, doubtful, func(e *entry) {
		m.mu.Lock()
		primary, heard := e.primary, e.heard
		m.mu.Unlock()
		if primary == nil {
			return
		}
		asking, cancel := context.WithTimeout(ctx, fetchWait)
		value, _ := m.retrieve(asking, e.key, []tribes.Member{*primary})
		cancel()
		m.mu.Lock()
		defer m.mu.Unlock()
		if value != nil && m.entries[e.key] == e && e.role == Backup && e.heard.Equal(heard) {
			e.value = m.cfg.Owner.Merge(e.value, value)
		}
	})
}
