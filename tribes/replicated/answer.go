package replicated

import (
	"context"
	"slices"

	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/rpc"
)

// A handler answers the questions of other nodes about a map.
type handler struct{ *Map }

var _ rpc.Handler = handler{}

// Asked implements rpc.Handler. The answer is the question with what was asked
// for filled in.
func (h handler) Asked(question javaserial.Node, from tribes.Member) (javaserial.Node, bool) {
	m := h.Map
	var msg message
	mine, err := msg.parse(question, &m.classes)
	if mine && err != nil {
		m.cfg.Log.Error("question about the map cannot be read", "map", m.cfg.Name, "from", from, "err", err)
	}
	if !mine || err != nil || msg.mapName != m.cfg.Name {
		return nil, true
	}
	switch msg.kind {
	case msgInit:
		msg.primary = m.own()
	case msgStart:
		if msg.primary != nil {
			m.started(context.Background(), *msg.primary)
		}
		msg.primary = m.own()
	case msgState, msgStateCopy:
		msg.value = m.stateStream(msg.kind)
	case msgRetrieveBackup:
		if msg.value, msg.diffVal = m.valueStream(msg.key); msg.value == nil {
			return nil, true
		}
		msg.key = nil
	case msgPing:
		m.mu.Lock()
		state := m.state
		m.mu.Unlock()
		msg.value, msg.primary = javaserial.Encode(stateNode(state)), m.own()
	}
	return msg.object(&m.classes, m.isOwn), true
}

// Leftover implements rpc.Handler: a late answer to INIT tells of one more node
// of the map.
func (h handler) Leftover(answer javaserial.Node, from tribes.Member) {
	var msg message
	if mine, err := msg.parse(answer, &h.classes); mine && err == nil && (msg.kind == msgInit || msg.kind == msgStart) {
		h.answeredInit(&msg, from, h.cfg.Limits)
	}
}

// stateStream is a list of all entries: where they are, and in a Copy map what.
func (m *Map) stateStream(k kind) []byte {
	var list []any
	w := &writer{classes: &m.classes, own: m.isOwn, shares: map[tribes.Key]javaserial.Node{}}
	for _, e := range m.Entries() {
		stream, err := keyStream(e.Key)
		if err != nil || e.Primary == nil {
			continue
		}
		msg := &message{kind: msgProxy, mapName: m.cfg.Name, key: stream, nodes: e.Nodes, primary: e.Primary}
		if k == msgState {
			msg.setVersion(m.versionOf(e.Key))
		}
		if k == msgStateCopy {
			msg.kind = msgCopy
			if !slices.ContainsFunc(msg.nodes, func(n tribes.Member) bool { return m.isOwn(n.Key()) }) && !m.isOwn(e.Primary.Key()) {
				msg.nodes = append(slices.Clone(msg.nodes), *m.own())
			}
			if err := m.encodeInto(msg, e.Value); err != nil {
				m.cfg.Log.Error("entry left out of the state", "map", m.cfg.Name, "err", err)
				continue
			}
		}
		list = append(list, javaserial.Opaque{Node: w.message(msg)})
	}
	n, err := javaserial.Java(list)
	if err != nil { // a list of objects as they are can always be written
		return nil
	}
	return javaserial.Encode(n)
}

func (m *Map) versionOf(key any) uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.entries[key]; e != nil {
		return e.version
	}
	return 0
}

// valueStream is the value of an entry, nil if it is not here, with what its
// form has no place for. Tomcat does not look at that.
func (m *Map) valueStream(keyStream []byte) (value, extra []byte) {
	key, err := m.keyOf(keyStream, m.cfg.Limits)
	if err != nil {
		return nil, nil
	}
	e, ok := m.Peek(key)
	if !ok || e.Value == nil {
		return nil, nil
	}
	n, err := m.cfg.Values.Encode(e.Value)
	if err != nil {
		m.cfg.Log.Error("value cannot be encoded", "map", m.cfg.Name, "err", err)
		return nil, nil
	}
	return javaserial.Encode(n), m.cfg.Values.Extra(e.Value)
}

// ReadState asks a member of a map for what is in it, without joining it: where
// each entry is, and of a Copy map its value.
func ReadState(ctx context.Context, d *rpc.Dispatcher, cfg Config, from tribes.Member) ([]Entry, error) {
	channel, err := d.Open(cfg.Name, nil)
	if err != nil {
		return nil, err
	}
	defer channel.Close()
	m := newMap(cfg, d)
	m.channel = channel
	if err := m.askOne(ctx, m.stateKind(), []tribes.Member{from}, m.takeState); err != nil {
		return nil, err
	}
	return m.Entries(), nil
}
