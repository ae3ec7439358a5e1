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
	msg.from = from.From.Key()
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
	m.reads.graves.dig(key)
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

// stands reports whether it stays as it is where an entry is, whatever a message
// says: a newer claim is known. Changes that a former primary has sent are no
// claim. m.mu is held.
func (m *Map) stands(e *entry, msg *message) bool {
	if msg.primary == nil || e.primary == nil || m.cfg.Kind == Copy {
		return false
	}
	if m.isOwn(msg.primary.Key()) {
		return msg.primary.Key() != e.primary.Key() || e.role == Primary
	}
	if msg.primary.Key() == e.primary.Key() {
		return m.overtaken(e, msg)
	}
	if msg.from == e.primary.Key() {
		return false // it says itself that another one is
	}
	version := msg.version()
	if msg.diff || msg.kind == msgAccess {
		return e.claiming || time.Since(e.claimed) < claimGrace
	}
	if e.claiming && (version == 0 || version == e.version) {
		m.contested++
	}
	if version == 0 {
		version = e.version
		if !e.claiming {
			return false // a Tomcat's word is as good as it gets
		}
	}
	return version < e.version || version == e.version && e.primary.Compare(msg.primary) < 0
}

// overtaken reports whether the primary of an entry has sent a message before it
// told where the entry is now: it has not waited for the answer any longer, and
// another node has the backup. m.mu is held.
func (m *Map) overtaken(e *entry, msg *message) bool {
	if version := msg.version(); version != 0 && version != e.version {
		return version < e.version
	}
	late := msg.version() != 0 || msg.diff && time.Since(e.claimed) < claimGrace
	return late && msg.kind != msgProxy && e.role == Proxy && !contains(e.nodes, m.own().Key())
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
		m.reads.graves.fill(key)
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
	if msg.kind != msgProxy {
		m.supply(e)
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
	e.nodes, e.primary, e.heard, e.claiming = m.shared(msg.nodes), m.sharedOne(msg.primary), time.Now(), false
	switch version := msg.version(); {
	case version != 0:
		e.version, e.claimed = version, e.heard
	case !msg.diff && msg.kind != msgAccess:
		e.version, e.claimed = e.version+1, e.heard
	}
}

// supply has a backup fetched that is to be here, and is not: this node let go of
// it when others claimed it. m.mu is held.
func (m *Map) supply(e *entry) {
	if e.role != Proxy || e.primary == nil || m.cfg.Kind == Copy || !contains(e.nodes, m.own().Key()) {
		return
	}
	if e.missing++; e.missing > 1 {
		return
	}
	if m.running == nil {
		return
	}
	if m.reads.wanting = append(m.reads.wanting, e); m.reads.fetching >= mostSupplied {
		return
	}
	m.reads.fetching++
	ctx := m.running
	m.working.Go(func() {
		for e := m.wanted(); e != nil; e = m.wanted() {
			m.supplied(ctx, e)
		}
	})
}

// mostSupplied is how many backups are fetched at once: each waits for another
// node.
const mostSupplied = 256

// wanted takes the next backup that is to be fetched, nil if there is none.
func (m *Map) wanted() *entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.reads.wanting) == 0 {
		m.reads.fetching--
		m.reads.wanting = nil
		return nil
	}
	e := m.reads.wanting[0]
	m.reads.wanting = m.reads.wanting[1:]
	return e
}

// supplied fetches a backup until nothing was told of it meanwhile.
func (m *Map) supplied(ctx context.Context, e *entry) {
	for range 3 {
		m.mu.Lock()
		primary, missed := e.primary, e.missing
		m.mu.Unlock()
		if primary == nil {
			break
		}
		asking, cancel := context.WithTimeout(ctx, m.cfg.RPCTimeout)
		value, _ := m.retrieve(asking, e.key, []tribes.Member{*primary})
		cancel()
		m.mu.Lock()
		done := value == nil || m.entries[e.key] != e || e.role != Proxy || !contains(e.nodes, m.own().Key())
		if !done && e.missing == missed {
			e.value, e.role, done = m.cfg.Owner.Merge(e.value, value), Backup, true
		}
		m.mu.Unlock()
		if done {
			break
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	e.missing = 0
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
		m.reads.graves.fill(key)
	}
	back := m.resign(e, msg)
	if back || !m.stands(e, msg) {
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
			m.supply(e)
		}
	}
	value := e.value
	m.mu.Unlock()
	if came {
		m.cfg.Owner.Came(key)
	}
	if back {
		m.work(func(ctx context.Context) { m.givenBack(ctx, e, msg) })
	}
	if msg.diff && value != nil {
		if err := m.cfg.Values.Apply(value, msg.diffVal, limits); err != nil {
			m.cfg.Log.Error("change of an entry cannot be applied", "map", m.cfg.Name, "err", err)
		}
	}
}
