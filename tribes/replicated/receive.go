package replicated

import (
	"context"
	"fmt"
	"slices"

	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
)

// Object implements rpc.Objects.
func (m *Map) Object(n javaserial.Node, from *tribes.Message) (bool, error) {
	var msg message
	mine, err := msg.parse(n, &m.classes)
	if !mine || err == nil && msg.mapName != m.cfg.Name {
		return false, nil
	}
	if err != nil {
		m.cfg.Log.Error("map message cannot be read", "from", from.From, "err", err)
		return true, nil
	}
	if (msg.kind == msgStart || msg.kind == msgStop) && msg.primary == nil {
		return true, fmt.Errorf("map message %d without its node", msg.kind)
	}
	limits := m.cfg.Limits
	limits.Room = from.Take
	m.receive(&msg, limits)
	return true, nil
}

// receive does what a message says.
func (m *Map) receive(msg *message, limits javaserial.Limits) {
	switch msg.kind {
	case msgStart:
		m.started(context.Background(), *msg.primary)
	case msgStop:
		m.lost(context.Background(), *msg.primary)
	case msgProxy, msgRemove, msgBackup, msgCopy, msgAccess, msgNotifyMapMember:
		key, err := m.keyOf(msg.key, limits)
		if err != nil {
			m.cfg.Log.Error("key of a map message cannot be read", "map", m.cfg.Name, "err", err)
			return
		}
		m.change(key, msg, limits)
	}
}

func (m *Map) keyOf(stream []byte, limits javaserial.Limits) (any, error) {
	n, err := javaserial.Decode(stream, limits)
	if err != nil {
		return nil, err
	}
	key, exact := javaserial.Go(n)
	if !exact {
		return nil, ErrKey
	}
	if _, err := keyStream(key); err != nil {
		return nil, err
	}
	return key, nil
}

// change changes one entry.
func (m *Map) change(key any, msg *message, limits javaserial.Limits) {
	switch msg.kind {
	case msgRemove:
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.entries, key)
	case msgProxy:
		m.mu.Lock()
		defer m.mu.Unlock()
		m.entry(key, msg).role = Proxy
	case msgAccess, msgNotifyMapMember:
		m.mu.Lock()
		defer m.mu.Unlock()
		if e := m.entries[key]; e != nil {
			e.nodes, e.primary = msg.nodes, msg.primary
			if e.role == Primary && msg.primary != nil {
				e.role = m.replica()
			}
		}
	case msgBackup, msgCopy:
		m.replicated(key, msg, limits)
	}
}

// replica is the role of an entry that another node owns.
func (m *Map) replica() Role {
	if m.cfg.Kind == Copy {
		return CopyRole
	}
	return Backup
}

// entry returns the entry of key, a new one if there is none, with where it is.
func (m *Map) entry(key any, msg *message) *entry {
	e := m.entries[key]
	if e == nil {
		e = &entry{key: key, stream: msg.key}
		m.entries[key] = e
	}
	e.nodes, e.primary = msg.nodes, msg.primary
	return e
}

// replicated takes a value, or a change of one.
func (m *Map) replicated(key any, msg *message, limits javaserial.Limits) {
	var fresh any
	if msg.value != nil && !msg.diff {
		var err error
		if fresh, err = m.decode(key, msg.value, limits); err != nil {
			m.cfg.Log.Error("value of a map message cannot be read", "map", m.cfg.Name, "err", err)
			return
		}
	}
	m.mu.Lock()
	e := m.entry(key, msg)
	e.role = m.replica()
	if fresh != nil {
		e.value = fresh
	}
	value := e.value
	m.mu.Unlock()
	if msg.diff && value != nil {
		if err := m.cfg.Values.Apply(value, msg.diffVal); err != nil {
			m.cfg.Log.Error("change of an entry cannot be applied", "map", m.cfg.Name, "err", err)
		}
	}
}

// started takes a node that has joined the map. What has no backup gets one.
func (m *Map) started(ctx context.Context, who tribes.Member) {
	if !m.addMember(who) {
		return
	}
	m.mu.Lock()
	var alone []*entry
	for _, e := range m.entries {
		if e.role == Primary && (len(e.nodes) == 0 || m.cfg.Kind == Copy) {
			alone = append(alone, e)
		}
	}
	m.mu.Unlock()
	for _, e := range alone {
		if m.cfg.Kind == Copy {
			m.place(e, m.others())
			continue
		}
		if err := m.publish(ctx, e); err != nil {
			m.cfg.Log.Warn("entry without a backup not sent to a new node", "map", m.cfg.Name, "err", err)
		}
	}
}

// Joined implements rpc.Objects: that a node is there does not mean that it has
// the map.
func (m *Map) Joined(tribes.Member) {}

// Left implements rpc.Objects.
func (m *Map) Left(who tribes.Member) { m.lost(context.Background(), who) }

// lost takes a node out of the map: what it had a backup of gets another, and
// what it owned and this node has becomes this node's.
func (m *Map) lost(ctx context.Context, who tribes.Member) {
	key := who.Key()
	m.mu.Lock()
	if m.members[key] == nil {
		m.mu.Unlock()
		return
	}
	delete(m.members, key)
	own := m.own()
	var publish, owned []*entry
	for k, e := range m.entries {
		at := slices.ContainsFunc(e.nodes, func(n tribes.Member) bool { return n.Key() == key })
		fromLost := e.primary != nil && e.primary.Key() == key
		if at && e.role == Primary {
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
		case e.role == Proxy && e.primary == nil && len(e.nodes) == 1 && at:
			delete(m.entries, k)
		case (e.role == Backup || e.role == CopyRole) && e.primary == nil && m.heir(e, key) == own.Key():
			e.role, e.primary = Primary, own
			publish, owned = append(publish, e), append(owned, e)
		}
	}
	m.mu.Unlock()
	m.relocate(ctx, publish)
	for _, e := range owned {
		if m.cfg.Owned != nil {
			m.cfg.Owned(e.key)
		}
	}
}

// heir is who gets an entry whose primary is lost: the first of the nodes that
// have it and are left.
func (m *Map) heir(e *entry, lost tribes.Key) tribes.Key {
	for _, n := range e.nodes {
		if n.Key() != lost {
			return n.Key()
		}
	}
	return tribes.Key{}
}

// relocate gives entries their places anew.
func (m *Map) relocate(ctx context.Context, entries []*entry) {
	for _, e := range entries {
		if m.cfg.Kind == Copy {
			others := m.others()
			m.place(e, others)
			m.tell(ctx, others, &message{kind: msgNotifyMapMember, key: e.stream, nodes: others, primary: m.own()}, orderOf(e.key))
			continue
		}
		if err := m.publish(ctx, e); err != nil {
			m.cfg.Log.Warn("entry that lost a node has no backup", "map", m.cfg.Name, "err", err)
		}
	}
}
