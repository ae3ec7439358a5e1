package replicated

import (
	"context"
	"time"

	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
)

// reconcileWait is how long the other node has to settle what both claim, before
// this one does.
const reconcileWait = 10 * time.Second

// reconcile settles with a node that was lost for a while, and lives, what
// happened on both sides meanwhile. Each learns what the other put and removed.
// An entry that both own, or neither, gets one owner: the lower member settles
// that at once; if it does not, as a Tomcat, the higher one does.
func (m *Map) reconcile(ctx context.Context, who tribes.Member) {
	if m.own().Compare(&who) > 0 {
		select {
		case <-ctx.Done():
			return
		case <-time.After(reconcileWait):
		}
	}
	m.reading(func() {
		var theirs []at
		err := m.askOne(ctx, msgState, []tribes.Member{who}, func(answer *message, _ tribes.Member, limits javaserial.Limits) {
			theirs = m.stateOf(answer, limits)
		})
		if err != nil || ctx.Err() != nil {
			return
		}
		m.compare(ctx, who, theirs)
	})
}

// compare settles what who has with what this node has.
func (m *Map) compare(ctx context.Context, who tribes.Member, theirs []at) {
	key := who.Key()
	seen := make(map[any]bool, len(theirs))
	var claimed, orphans, untold []*entry
	for i := range theirs {
		each := &theirs[i]
		seen[each.key] = true
		if each.primary == nil {
			continue
		}
		by := each.primary.Key()
		m.mu.Lock()
		e, buried := m.entries[each.key], m.reads.buried[each.key]
		m.mu.Unlock()
		switch {
		case buried:
		case e == nil && m.isOwn(by): // it has missed that this node removed it
			m.tell(ctx, []tribes.Member{who}, m.about(msgRemove, each.key), orderOf(each.key))
		case e == nil:
			m.moved(each.key, &each.message)
		case e.is(m, Primary) && by == key:
			m.outbid(e, each.version())
			claimed = append(claimed, e)
		case e.is(m, Primary) && !m.isOwn(by):
			m.outbid(e, each.version()+1)
			untold = append(untold, e)
		case e.is(m, Backup) && m.isOwn(by) && e.of(m, key):
			m.outbid(e, each.version())
			orphans = append(orphans, e)
		case e.is(m, Proxy) && by == key:
			m.moved(each.key, &each.message)
		}
	}
	m.mu.Lock()
	var gone []*entry
	for k, e := range m.entries {
		if seen[k] {
			continue
		}
		switch {
		case e.role == Primary && !e.claiming:
			untold = append(untold, e)
		case e.role == Proxy && e.primary != nil && e.primary.Key() == key:
			gone = append(gone, e)
		}
	}
	m.mu.Unlock()
	for _, e := range gone {
		m.forget(e)
	}
	m.forEach(ctx, claimed, func(e *entry) { m.settle(ctx, e, who) })
	m.forEach(ctx, orphans, func(e *entry) {
		if e.is(m, Backup) {
			m.publish(ctx, e)
		}
	})
	m.forEach(ctx, untold, func(e *entry) { m.untold(ctx, e, who) })
}

// outbid has the next claim of an entry stand against one that another node knows.
func (m *Map) outbid(e *entry, version uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e.version = max(e.version, version)
}

// is reports whether e has a role.
func (e *entry) is(m *Map, role Role) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return e.role == role
}

// of reports whether the primary of e is the member with a key.
func (e *entry) of(m *Map, key tribes.Key) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return e.primary != nil && e.primary.Key() == key
}

// settle makes an entry that this node and who own this node's, as it is where it
// was used last.
func (m *Map) settle(ctx context.Context, e *entry, who tribes.Member) {
	m.mu.Lock()
	value, ours := e.value, e.role == Primary
	m.mu.Unlock()
	if !ours {
		return
	}
	var found bool
	var fresh any
	m.ask(ctx, m.about(msgRetrieveBackup, e.key), []tribes.Member{who}, func(answer *message, _ tribes.Member, limits javaserial.Limits) bool {
		if answer.value == nil {
			return true
		}
		n, err := javaserial.Decode(answer.value, limits)
		if err == nil && !m.cfg.Owner.Newer(value, n) {
			fresh, err = m.read(e.key, n, answer.diffVal, limits)
		}
		found = err == nil
		return true
	})
	if !found {
		return
	}
	m.mu.Lock()
	m.contested++
	if fresh != nil && e.role == Primary {
		e.value = m.cfg.Owner.Merge(value, fresh)
	}
	m.mu.Unlock()
	if err := m.publish(ctx, e); err != nil {
		m.cfg.Log.Warn("entry that two nodes owned is not replicated", "map", m.cfg.Name, "err", err)
	}
}

// untold tells who of an entry of this node that it does not know, or knows at
// another.
func (m *Map) untold(ctx context.Context, e *entry, who tribes.Member) {
	m.mu.Lock()
	nodes, ours := e.nodes, e.role == Primary && m.entries[e.key] == e
	m.mu.Unlock()
	if !ours || len(nodes) == 0 || contains(nodes, who.Key()) { // that without a backup is published as a whole
		return
	}
	m.tell(ctx, []tribes.Member{who}, m.where(msgProxy, e, nodes), orderOf(e.key))
}
