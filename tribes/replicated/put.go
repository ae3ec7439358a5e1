package replicated

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
)

// keyStream returns a key as a stream.
func keyStream(key any) ([]byte, error) {
	switch key.(type) {
	case string, int, int8, int16, int32, int64, bool, javaserial.Char:
	default:
		return nil, fmt.Errorf("%w, not %T", ErrKey, key)
	}
	n, err := javaserial.Java(key)
	if err != nil {
		return nil, err
	}
	return javaserial.Encode(n), nil
}

// stream is the key of e as a stream. It was checked when e was made.
func (e *entry) stream() []byte {
	b, err := keyStream(e.key)
	if err != nil {
		panic(err)
	}
	return b
}

func orderOf(key any) string { return fmt.Sprint(key) }

// Put puts an entry, which is this node's then, and replicates it. The error
// tells that it could not be encoded, or that no other node could be given it;
// the entry is there all the same.
func (m *Map) Put(ctx context.Context, key, value any) error {
	if n, ok := key.(int); ok {
		key = int64(n)
	}
	stream, err := keyStream(key)
	if err != nil {
		return err
	}
	if _, err := m.cfg.Values.Encode(value); err != nil {
		return err
	}
	leave, err := m.turn(ctx, key)
	if err != nil {
		return err
	}
	defer leave()
	m.mu.Lock()
	_, had := m.entries[key]
	e := &entry{key: key, value: value, role: Primary, claimed: time.Now()}
	m.entries[key] = e
	m.reads.graves.fill(key)
	m.mu.Unlock()
	if had {
		m.tell(ctx, m.others(), &message{kind: msgRemove, key: stream, noNodes: true}, orderOf(key))
	}
	m.cfg.Values.Diff(value) // what is sent whole has no changes left
	return m.publish(ctx, e)
}

// Remove removes an entry everywhere. It reports whether there was one.
func (m *Map) Remove(ctx context.Context, key any) bool {
	leave, err := m.turn(ctx, key)
	if err != nil {
		return false
	}
	defer leave()
	m.mu.Lock()
	e := m.entries[key]
	delete(m.entries, key)
	m.bury(key)
	m.mu.Unlock()
	if e == nil {
		return false
	}
	m.tell(ctx, m.others(), &message{kind: msgRemove, key: e.stream(), noNodes: true}, orderOf(key))
	return true
}

// Drop removes an entry here alone, if it is not this node's. It reports
// whether it did.
func (m *Map) Drop(key any) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.entries[key]
	if e == nil || e.role == Primary {
		return false
	}
	delete(m.entries, key)
	return true
}

// Rename gives an entry that is this node's another key. renamed is called when
// it has that here: the map is locked. It reports whether there was such an
// entry. The error tells that it could not be sent.
//
// Others have the new one before the old one goes: if this node dies in
// between, they have both.
func (m *Map) Rename(ctx context.Context, old, fresh any, renamed func()) (bool, error) {
	if _, err := keyStream(fresh); err != nil || old == fresh {
		return false, err
	}
	leave, err := m.turn(ctx, old, fresh)
	if err != nil {
		return false, err
	}
	defer leave()
	m.mu.Lock()
	e := m.entries[old]
	if e == nil || e.role != Primary {
		m.mu.Unlock()
		return false, nil
	}
	there := m.entries[fresh]
	moved := &entry{key: fresh, value: e.value, role: Primary, version: e.version, claimed: time.Now()}
	if there != nil {
		moved.version = max(moved.version, there.version)
	}
	delete(m.entries, old)
	m.bury(old)
	m.entries[fresh] = moved
	m.reads.graves.fill(fresh)
	renamed()
	m.mu.Unlock()
	if there != nil {
		m.cfg.Owner.Gone(fresh, there.value)
	}
	err = m.publish(ctx, moved)
	m.tell(ctx, m.others(), &message{kind: msgRemove, key: e.stream(), noNodes: true}, orderOf(old))
	return true, err
}

// Replicate sends what changed in the value of an entry to the nodes that have
// it, too; all of it if whole is set. Only the primary does. Nothing is sent if
// nothing changed. If that does not arrive, another node gets all of it. sent
// tells whether there was something to send.
func (m *Map) Replicate(ctx context.Context, key any, whole bool) (sent bool, err error) {
	leave, err := m.turn(ctx, key)
	if err != nil {
		return false, err
	}
	defer leave()
	m.mu.Lock()
	e := m.entries[key]
	if e == nil || e.role != Primary {
		m.mu.Unlock()
		return false, nil
	}
	value, nodes := e.value, e.nodes
	m.mu.Unlock()
	diff, changed := m.cfg.Values.Diff(value)
	if !changed && !whole {
		return false, nil
	}
	if len(nodes) == 0 {
		return true, m.publish(ctx, e)
	}
	msg := m.where(m.full(), e, nodes)
	whole = whole || diff == nil
	if whole {
		if err := m.encodeInto(msg, value); err != nil {
			return true, err
		}
	} else {
		msg.diff, msg.diffVal = true, diff
	}
	m.mu.Lock()
	e.heard = time.Now()
	m.mu.Unlock()
	if whole {
		err = m.tellWhole(ctx, nodes, msg, e.key, value)
	} else {
		err = m.tell(ctx, nodes, msg, orderOf(key))
	}
	if err == nil || m.cfg.Kind == Copy {
		return true, err
	}
	return true, m.publish(ctx, e, nodes...)
}

// Touch tells the nodes that have an entry, too, that it was used, if they were
// not told anything for that long.
func (m *Map) Touch(ctx context.Context, key any, silent time.Duration) error {
	if _, nodes := m.silent(key, silent); nodes == nil {
		return nil
	}
	leave, err := m.turn(ctx, key)
	if err != nil {
		return err
	}
	defer leave()
	e, nodes := m.silent(key, silent)
	if nodes == nil {
		return nil
	}
	m.mu.Lock()
	e.heard = time.Now()
	m.mu.Unlock()
	return m.tell(ctx, nodes, &message{kind: msgAccess, key: e.stream(), nodes: nodes, primary: m.own()}, orderOf(key))
}

// silent returns an entry with those that were not told of it for that long.
func (m *Map) silent(key any, silent time.Duration) (*entry, []tribes.Member) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.entries[key]
	if e == nil || e.role != Primary || len(e.nodes) == 0 || time.Since(e.heard) < silent {
		return nil, nil
	}
	return e, e.nodes
}

// Release lets go of the value of an entry of which this node has only a proxy.
func (m *Map) Release(key any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.entries[key]; e != nil && e.role == Proxy {
		e.value = nil
	}
}

// full is the kind of a message with a whole value.
func (m *Map) full() kind {
	if m.cfg.Kind == Copy {
		return msgCopy
	}
	return msgBackup
}

func (m *Map) encodeInto(msg *message, value any) error {
	n, err := m.cfg.Values.Encode(value)
	if err != nil {
		return err
	}
	msg.value = javaserial.Encode(n)
	return nil
}

// tellWhole sends a whole value, and what that has no place for.
func (m *Map) tellWhole(ctx context.Context, to []tribes.Member, msg *message, key, value any) error {
	err := m.tell(ctx, to, msg, orderOf(key))
	if extra := m.cfg.Values.Extra(value); err == nil && extra != nil {
		err = m.tell(ctx, to, &message{kind: msg.kind, key: msg.key, diff: true, diffVal: extra, nodes: msg.nodes, primary: msg.primary}, orderOf(key))
	}
	return err
}

// claim makes an entry this node's here. It reports false if it is not in the
// map any more. Those that had it before are told by who calls it.
func (m *Map) claim(e *entry) (value any, ok bool) {
	own := m.own()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.entries[e.key] != e {
		return nil, false
	}
	m.claimLocked(e, own)
	return e.value, true
}

func (m *Map) claimLocked(e *entry, own *tribes.Member) {
	e.role, e.primary, e.claiming, e.claimed = Primary, m.sharedOne(own), true, time.Now()
	e.version++
}

// claims reports whether the claim of an entry still stands.
func (m *Map) claims(e *entry) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return e.claiming && m.entries[e.key] == e
}

// where is a message that tells where an entry of this node is.
func (m *Map) where(k kind, e *entry, nodes []tribes.Member) *message {
	m.mu.Lock()
	version := e.version
	m.mu.Unlock()
	msg := &message{kind: k, key: e.stream(), nodes: nodes, primary: m.own()}
	if m.cfg.Kind == Copy {
		return msg
	}
	return msg.setVersion(version)
}

// publish sends an entry, which is this node's then, to the nodes that are to
// have it, and tells the others where it is. The nodes of avoid are the last
// choice. This node has the turn of the entry.
func (m *Map) publish(ctx context.Context, e *entry, avoid ...tribes.Member) error {
	value, ok := m.claim(e)
	if !ok {
		return nil
	}
	candidates := m.candidates(avoid)
	if len(candidates) == 0 {
		m.place(e, nil)
		return nil
	}
	msg := m.where(m.full(), e, nil)
	if err := m.encodeInto(msg, value); err != nil {
		m.place(e, nil)
		return err
	}
	if m.cfg.Kind == Copy {
		msg.nodes = candidates
		m.place(e, candidates)
		return m.tellWhole(ctx, candidates, msg, e.key, value)
	}
	var failed error
	for _, backup := range candidates {
		msg.nodes = []tribes.Member{backup}
		failed = m.tellWhole(ctx, msg.nodes, msg, e.key, value)
		if !m.claims(e) {
			return nil // another node's claim was stronger, or it was removed
		}
		if failed != nil {
			continue
		}
		m.tell(ctx, m.others(backup), m.where(msgProxy, e, msg.nodes), orderOf(e.key)) // who does not hear it is most likely gone
		m.place(e, msg.nodes)
		return nil
	}
	m.place(e, nil)
	return failed
}

// candidates are the members of the map in the order in which they are to get
// an entry: in turn, those of avoid at last.
func (m *Map) candidates(avoid []tribes.Member) []tribes.Member {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := m.othersLocked(avoid...)
	m.next++
	if n := len(all); n > 0 {
		all = slices.Concat(all[m.next%n:], all[:m.next%n])
	}
	for _, each := range avoid {
		if m.members[each.Key()] != nil {
			all = append(all, each)
		}
	}
	return all
}

// place notes where an entry of this node is, after the others were told.
func (m *Map) place(e *entry, nodes []tribes.Member) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e.claiming {
		e.claiming, e.nodes, e.heard = false, m.shared(nodes), time.Now()
		e.claimed = e.heard
	}
}
