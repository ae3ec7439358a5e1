package replicated

import (
	"context"

	"github.com/catflap/catflap/tribes"
)

// Joined implements rpc.Objects: that a node is there does not mean that it has
// the map.
func (m *Map) Joined(tribes.Member) {}

// Left implements rpc.Objects.
func (m *Map) Left(who tribes.Member) {
	m.lost(who, true)
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.former[who.Key()]; ok {
		m.former[who.Key()] = true
	}
}

// started takes a node that has joined the map. What has no backup gets one
// before it returns.
func (m *Map) started(ctx context.Context, who tribes.Member) {
	if !m.addMember(who) {
		return
	}
	m.mu.Lock()
	delete(m.former, who.Key()) // it has just asked for all entries
	m.mu.Unlock()
	m.publishAlone(ctx)
}

// publishAlone gives those entries of this node a backup that have none.
func (m *Map) publishAlone(ctx context.Context) {
	m.mu.Lock()
	var alone []*entry
	for _, e := range m.entries {
		if e.role == Primary && (len(e.nodes) == 0 || m.cfg.Kind == Copy) {
			alone = append(alone, e)
		}
	}
	m.mu.Unlock()
	if m.cfg.Kind == Copy {
		others := m.others()
		for _, e := range alone {
			if _, ok := m.claim(e); ok {
				m.place(e, others)
			}
		}
		return
	}
	m.forEach(ctx, alone, func(e *entry) {
		if !m.alone(e) {
			return
		}
		if err := m.publish(ctx, e); err != nil {
			m.cfg.Log.Warn("entry without a backup not sent to a new node", "map", m.cfg.Name, "err", err)
		}
	})
}

func (m *Map) alone(e *entry) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return e.role == Primary && len(e.nodes) == 0
}

// lost takes a node out of the map: what it had a backup of gets another, and
// what it owned and this node has becomes this node's. returns is set if it may
// come back with the entries that it has.
func (m *Map) lost(who tribes.Member, returns bool) {
	key := who.Key()
	m.mu.Lock()
	if m.members[key] == nil {
		m.mu.Unlock()
		return
	}
	m.removeMember(key, returns)
	own := m.own()
	var publish []*entry
	var gone []any
	for k, e := range m.entries {
		at := contains(e.nodes, key)
		fromLost := e.primary != nil && e.primary.Key() == key
		if at && e.role == Primary {
			e.nodes = without(e.nodes, key)
			publish = append(publish, e)
			continue
		}
		if fromLost {
			e.primary = nil
		}
		if e.primary != nil && e.primary.Key() != own.Key() && !fromLost {
			continue
		}
		switch {
		case e.role == Proxy && e.primary == nil && len(without(e.nodes, key)) == 0 && e.value == nil:
			delete(m.entries, k)
			gone = append(gone, k)
		case (e.role == Backup || e.role == CopyRole) && e.primary == nil && heir(e, key) == own.Key():
			inherited := e.version + 1
			m.claimLocked(e, own)
			e.claiming, e.nodes, e.inherited = false, nil, inherited
			m.cfg.Owner.Owned(e.value)
			publish = append(publish, e)
		}
	}
	m.mu.Unlock()
	for _, k := range gone {
		m.cfg.Owner.Gone(k, nil)
	}
	m.work(func(ctx context.Context) { m.relocate(ctx, publish) })
}

// resign gives an entry back that this node owns only because it has given up the
// primary: that lives, since it sends a change, and has not heard of it. m.mu is
// held. Then others are told by givenBack.
func (m *Map) resign(e *entry, msg *message) bool {
	if !msg.diff || e.role != Primary || e.claiming || e.inherited == 0 || msg.primary == nil || msg.from != msg.primary.Key() {
		return false
	}
	e.version, e.inherited = e.inherited-1, 0
	return true
}

// givenBack tells those that were told of this node's claim who is the primary.
func (m *Map) givenBack(ctx context.Context, e *entry, change *message) {
	told := &message{kind: msgProxy, key: e.stream(), nodes: change.nodes, primary: change.primary}
	m.mu.Lock()
	version := e.version
	m.mu.Unlock()
	m.tell(ctx, m.others(*change.primary), told.setVersion(version), orderOf(e.key))
}

// heir is who gets an entry whose primary is lost: the first of the nodes that
// have it and are left.
func heir(e *entry, lost tribes.Key) tribes.Key {
	if left := without(e.nodes, lost); len(left) > 0 {
		return left[0].Key()
	}
	return tribes.Key{}
}

func without(nodes []tribes.Member, key tribes.Key) []tribes.Member {
	if !contains(nodes, key) {
		return nodes
	}
	var left []tribes.Member
	for _, n := range nodes {
		if n.Key() != key {
			left = append(left, n)
		}
	}
	return left
}

// relocate gives entries of this node their places anew.
func (m *Map) relocate(ctx context.Context, entries []*entry) {
	m.forEach(ctx, entries, func(e *entry) {
		if m.cfg.Kind == Copy {
			if _, ok := m.claim(e); ok {
				others := m.others()
				m.place(e, others)
				m.tell(ctx, others, &message{kind: msgNotifyMapMember, key: e.stream(), nodes: others, primary: m.own()}, orderOf(e.key))
			}
			return
		}
		if !m.alone(e) {
			return // another node has taken it, or a request was faster
		}
		if err := m.publish(ctx, e); err != nil && ctx.Err() == nil {
			m.cfg.Log.Warn("entry that lost a node has no backup", "map", m.cfg.Name, "err", err)
		}
	})
}
