package replicated

import (
	"context"

	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/rpc"
)

// Get returns the value of an entry, which is this node's then. If it is on
// other nodes it is fetched. ok is false if there is no such entry, or nobody
// who has it answers.
func (m *Map) Get(ctx context.Context, key any) (value any, ok bool) {
	if value, role, ok := m.look(key); !ok || role == Primary {
		return value, ok
	}
	leave, err := m.turn(ctx, key)
	if err != nil {
		return nil, false
	}
	defer leave()
	for range 3 { // another node's claim may come between
		value, again, ok := m.take(ctx, key)
		if !again {
			return value, ok
		}
	}
	return nil, false
}

func (m *Map) look(key any) (value any, role Role, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.entries[key]
	if e == nil {
		return nil, 0, false
	}
	e.inherited = 0
	return e.value, e.role, true
}

// take makes an entry this node's. This node has its turn. again is set if it
// became something else meanwhile.
func (m *Map) take(ctx context.Context, key any) (value any, again, ok bool) {
	m.mu.Lock()
	e := m.entries[key]
	if e == nil {
		m.mu.Unlock()
		return nil, false, false
	}
	role, value := e.role, e.value
	m.mu.Unlock()
	switch role {
	case Primary:
	case Backup:
		if err := m.publish(ctx, e); err != nil {
			m.cfg.Log.Warn("entry that became this node's is not replicated", "map", m.cfg.Name, "err", err)
		}
	case CopyRole:
		if _, ok := m.claim(e); ok {
			others := m.others()
			m.place(e, others)
			m.tell(ctx, others, &message{kind: msgNotifyMapMember, key: e.stream(), nodes: others, primary: m.own()}, orderOf(key))
		}
	case Proxy:
		return m.takeProxy(ctx, e)
	}
	return value, false, true
}

// takeProxy fetches an entry that this node has a proxy of.
func (m *Map) takeProxy(ctx context.Context, e *entry) (value any, again, ok bool) {
	value, gone := m.fetch(ctx, e)
	m.mu.Lock()
	kept := e.value
	m.mu.Unlock()
	switch {
	case value == nil && kept != nil: // a request here still uses what others have lost
		if err := m.publish(ctx, e); err != nil {
			m.cfg.Log.Warn("entry that others have lost is not replicated", "map", m.cfg.Name, "err", err)
		}
		return kept, false, true
	case gone:
		m.forget(e)
		return nil, false, false
	case value == nil:
		return nil, false, false
	}
	own := m.own()
	m.mu.Lock()
	if m.entries[e.key] != e || e.role != Proxy {
		m.mu.Unlock()
		return nil, true, false
	}
	value = m.cfg.Owner.Merge(e.value, value)
	nodes := e.nodes
	e.value = value
	m.claimLocked(e, own)
	m.mu.Unlock()
	if err := m.notify(ctx, e, nodes); err != nil {
		m.cfg.Log.Warn("entry that became this node's is not replicated", "map", m.cfg.Name, "err", err)
	}
	return value, false, true
}

// notify tells that this node is the primary of an entry whose backups stay. If
// they are not there any more it gets another.
func (m *Map) notify(ctx context.Context, e *entry, nodes []tribes.Member) error {
	there := len(nodes) > 0
	m.mu.Lock()
	for _, n := range nodes {
		there = there && m.members[n.Key()] != nil
	}
	m.mu.Unlock()
	if !there {
		return m.publish(ctx, e)
	}
	msg := m.where(msgNotifyMapMember, e, nodes)
	if err := m.tell(ctx, nodes, msg, orderOf(e.key)); err != nil {
		return m.publish(ctx, e, nodes...)
	}
	if !m.claims(e) {
		return nil
	}
	m.tell(ctx, m.others(nodes...), m.where(msgProxy, e, nodes), orderOf(e.key))
	m.place(e, nodes)
	return nil
}

// forget removes an entry that is nowhere any more.
func (m *Map) forget(e *entry) {
	m.mu.Lock()
	there := m.entries[e.key] == e && e.role == Proxy
	if there {
		delete(m.entries, e.key)
	}
	m.mu.Unlock()
	if there {
		m.cfg.Owner.Gone(e.key, e.value)
	}
}

// present are those of members that are in the group, without this node.
func (m *Map) present(members []tribes.Member) []tribes.Member {
	var all []tribes.Member
	group := m.d.Group().Members()
	for _, each := range members {
		if contains(group, each.Key()) && !m.isOwn(each.Key()) {
			all = append(all, each)
		}
	}
	return all
}

// about is a message about one entry.
func (m *Map) about(k kind, key any) *message {
	stream, _ := keyStream(key)
	return &message{kind: k, key: stream, noNodes: true}
}

// ask asks members of the group, until take has had enough. An answer of nothing
// is an empty message. It returns how many do not have the map.
func (m *Map) ask(ctx context.Context, question *message, to []tribes.Member, take func(*message, tribes.Member, javaserial.Limits) bool) (refused int, err error) {
	question.mapName = m.cfg.Name
	answers, err := m.channel.AskUntil(ctx, to, question.object(&m.classes, m.isOwn), m.cfg.SendOptions, func(r rpc.Reply, limits javaserial.Limits) bool {
		var answer message
		if _, err := answer.parse(r.Content, &m.classes); err != nil {
			m.cfg.Log.Error("answer about the map cannot be read", "map", m.cfg.Name, "from", r.From, "err", err)
			return false
		}
		return take(&answer, r.From, limits)
	})
	return len(answers.Refused), err
}

func (m *Map) decode(key any, stream []byte, limits javaserial.Limits) (any, error) {
	n, err := javaserial.Decode(stream, limits)
	if err != nil {
		return nil, err
	}
	return m.cfg.Values.Decode(key, n)
}

// An Entry is what a node knows of an entry.
type Entry struct {
	Key     any
	Value   any // nil of a proxy
	Role    Role
	Primary *tribes.Member  // nil is not known
	Nodes   []tribes.Member // those that have a backup or copy; nobody changes it
}

// Peek returns what this node knows of an entry, and changes nothing.
func (m *Map) Peek(key any) (Entry, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.entries[key]
	if e == nil {
		return Entry{}, false
	}
	return e.public(), true
}

func (e *entry) public() Entry {
	public := Entry{e.key, e.value, e.role, e.primary, e.nodes}
	if e.role == Proxy {
		public.Value = nil
	}
	return public
}

// Entries returns all entries that this node knows of, in no order.
func (m *Map) Entries() []Entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]Entry, 0, len(m.entries))
	for _, e := range m.entries {
		all = append(all, e.public())
	}
	return all
}

// Len returns how many entries this node knows of, and how many it has.
func (m *Map) Len() (all, here int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.entries {
		if e.role != Proxy {
			here++
		}
	}
	return len(m.entries), here
}

// Contested returns how often two nodes have taken an entry at once.
func (m *Map) Contested() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.contested
}

// Members are the other nodes that have the map.
func (m *Map) Members() []tribes.Member { return m.others() }
