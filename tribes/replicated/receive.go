package replicated

import (
	"context"
	"fmt"
	"time"

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
		m.lost(*msg.primary, false)
	case msgProxy, msgRemove, msgBackup, msgCopy, msgAccess, msgNotifyMapMember:
		key, err := m.keyOf(msg.key, limits)
		if err != nil {
			m.cfg.Log.Error("key of a map message cannot be read", "map", m.cfg.Name, "err", err)
			return
		}
		m.change(key, msg, limits)
	}
}

// mostKey is the longest stream of a key.
const mostKey = 64 << 10

func (m *Map) keyOf(stream []byte, limits javaserial.Limits) (any, error) {
	if len(stream) > mostKey {
		return nil, fmt.Errorf("%w: %d bytes", ErrKey, len(stream))
	}
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
		e := m.entries[key]
		delete(m.entries, key)
		m.bury(key)
		m.mu.Unlock()
		if e != nil {
			m.cfg.Owner.Gone(key, e.value)
		}
	case msgBackup, msgCopy:
		m.replicated(key, msg, limits)
	default:
		m.moved(key, msg)
	}
}

// bury notes that a key was removed, for who reads entries of another node, some
// of which may be older. m.mu is held.
func (m *Map) bury(key any) {
	if m.reads.buried != nil {
		m.reads.buried[key] = true
	}
}

// replica is the role of an entry that another node owns and this one has.
func (m *Map) replica() Role {
	if m.cfg.Kind == Copy {
		return CopyRole
	}
	return Backup
}

// claimGrace is how long a message that a former primary has sent before it knew
// that it is none any more may be under way.
const claimGrace = 5 * time.Second

// stands reports whether an entry stays this node's whatever a message says. Of
// two claims that cross that of the lower member stands. Changes that a former
// primary has sent are no claim. m.mu is held.
func (m *Map) stands(e *entry, msg *message) bool {
	if e.role != Primary || msg.primary == nil {
		return false
	}
	own := m.own()
	if msg.primary.Key() == own.Key() {
		return true
	}
	if msg.diff || msg.kind == msgAccess {
		return e.claiming || time.Since(e.claimed) < claimGrace && !e.claimed.IsZero()
	}
	if e.claiming {
		m.contested++
		if own.Compare(msg.primary) < 0 {
			return true
		}
		e.claiming = false
	}
	return false
}

// moved takes what a message without a value says: where an entry is now.
func (m *Map) moved(key any, msg *message) {
	m.mu.Lock()
	e := m.entries[key]
	came := e == nil
	if came {
		if msg.kind != msgProxy || msg.primary != nil && m.isOwn(msg.primary.Key()) {
			m.mu.Unlock()
			return
		}
		e = &entry{key: key, role: Proxy}
		m.entries[key] = e
	} else if m.stands(e, msg) {
		m.mu.Unlock()
		return
	}
	m.set(e, msg)
	switch {
	case msg.kind == msgProxy:
		e.role = Proxy
	case e.role == Primary:
		e.role = m.replica()
	}
	if e.value != nil && !m.cfg.Owner.Moved(e.value, e.role == Proxy) && e.role == Proxy {
		e.value = nil
	}
	m.mu.Unlock()
	if came {
		m.cfg.Owner.Came(key)
	}
}

// set notes where an entry is by what another node told. m.mu is held.
func (m *Map) set(e *entry, msg *message) {
	e.nodes, e.primary, e.heard = m.shared(msg.nodes), m.sharedOne(msg.primary), time.Now()
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
	e := m.entries[key]
	came := e == nil
	if came {
		e = &entry{key: key, role: Proxy}
		m.entries[key] = e
	}
	if stands := m.stands(e, msg); !stands {
		m.set(e, msg)
		switch {
		case fresh != nil:
			e.value = m.cfg.Owner.Merge(e.value, fresh)
		case e.value != nil:
			m.cfg.Owner.Moved(e.value, false)
		}
		e.role = m.replica()
		if e.value == nil { // a change of what is not here
			e.role = Proxy
		}
	}
	value := e.value
	m.mu.Unlock()
	if came {
		m.cfg.Owner.Came(key)
	}
	if msg.diff && value != nil {
		if err := m.cfg.Values.Apply(value, msg.diffVal, limits); err != nil {
			m.cfg.Log.Error("change of an entry cannot be applied", "map", m.cfg.Name, "err", err)
		}
	}
}
