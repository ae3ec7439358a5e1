package replicated

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/rpc"
)

// Kind is how a map is replicated.
type Kind int

// The kinds.
const (
	Lazy Kind = iota // one backup of each entry
	Copy             // every node has every entry
)

// Config says what a map is like. A zero field means its default.
type Config struct {
	Name          string // the same on all nodes; Latin-1
	Kind          Kind
	SendOptions   tribes.Options // mapSendOptions; default 6
	RPCTimeout    time.Duration  // rpcTimeout: for joining and fetching; default 15 s
	AccessTimeout time.Duration  // accessTimeout: silence after which a node is out of the map; default 5 s
	Values        Values         // default Plain
	Limits        javaserial.Limits
	// Owned is told the key of each entry that became this node's because its
	// primary died; may be nil.
	Owned func(key any)
	Log   *slog.Logger // default: nothing is logged
}

func (c Config) withDefaults() Config {
	if c.SendOptions == 0 {
		c.SendOptions = tribes.OptionAck | tribes.OptionSyncAck
	}
	if c.RPCTimeout == 0 {
		c.RPCTimeout = 15 * time.Second
	}
	if c.AccessTimeout == 0 {
		c.AccessTimeout = 5 * time.Second
	}
	if c.Values == nil {
		c.Values = Plain{}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Role is what an entry is on this node.
type Role int

// The roles.
const (
	Primary  Role = iota // this node owns it
	Backup               // this node has it, another owns it
	Proxy                // this node knows where it is
	CopyRole             // one of many copies
)

func (r Role) String() string { return [...]string{"primary", "backup", "proxy", "copy"}[r] }

// An entry is one of the map. Its fields belong to the map's mutex.
type entry struct {
	key     any
	stream  []byte // key as a stream
	value   any    // nil of a proxy
	role    Role
	primary *tribes.Member  // nil is not known
	nodes   []tribes.Member // those that have a backup or copy
	sent    time.Time       // when it was replicated last
}

// A Map is one of a group. Many goroutines may use it.
type Map struct {
	cfg     Config
	d       *rpc.Dispatcher
	channel *rpc.Channel
	classes rpc.Classes
	ready   chan struct{}

	mu      sync.Mutex
	entries map[any]*entry
	members map[tribes.Key]*mapMember
	state   string
	next    int // for the choice of a backup
}

// A mapMember is a node that has the map, too.
type mapMember struct {
	tribes.Member
	heard time.Time
}

// Errors of maps.
var (
	errNoDiffs = errors.New("these values have no differences")
	// ErrKey says that something cannot be the key of an entry.
	ErrKey = errors.New("a key has to be a string or a number")
)

// New returns a map of d's group. It is there for other nodes at once, and has
// their entries once Run has joined it.
func New(cfg Config, d *rpc.Dispatcher) (*Map, error) {
	cfg = cfg.withDefaults()
	m := &Map{cfg: cfg, classes: rpc.Classes{Log: cfg.Log}, d: d, entries: map[any]*entry{}, members: map[tribes.Key]*mapMember{}, state: stateNew, ready: make(chan struct{})}
	var err error
	if m.channel, err = d.Open(cfg.Name, handler{m}); err != nil {
		return nil, err
	}
	d.Take(m)
	return m, nil
}

// Run joins the map and takes part in it until ctx is done; then it tells the
// others that it stops.
func (m *Map) Run(ctx context.Context) error {
	defer m.close()
	m.join(ctx)
	close(m.ready)
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			m.ping(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
			defer cancel()
			m.tell(last, m.d.Group().Members(), &message{kind: msgStop, noNodes: true, primary: m.own()}, "")
			return nil
		}
	}
}

// Ready is closed once Run has the entries of the other nodes.
func (m *Map) Ready() <-chan struct{} { return m.ready }

func (m *Map) close() {
	m.channel.Close()
	m.d.Drop(m)
}

func (m *Map) own() *tribes.Member {
	own := m.d.Group().Local()
	return &own
}

func (m *Map) isOwn(k tribes.Key) bool { return k == m.own().Key() }

// tell sends a message to members, if there are any. order keeps messages about
// one entry in theirs.
func (m *Map) tell(ctx context.Context, to []tribes.Member, msg *message, order string) error {
	if len(to) == 0 {
		return nil
	}
	msg.mapName = m.cfg.Name
	err := m.d.Send(ctx, to, msg.object(&m.classes, m.isOwn), m.cfg.SendOptions, order)
	if failed, ok := errors.AsType[*tribes.SendError](err); ok {
		for _, f := range failed.Faulty {
			m.cfg.Log.Warn("map message not sent", "map", m.cfg.Name, "to", f.Member, "err", f.Err)
		}
	}
	return err
}

// others are the members of the map but those of except.
func (m *Map) others(except ...tribes.Member) []tribes.Member {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.othersLocked(except...)
}

func (m *Map) othersLocked(except ...tribes.Member) []tribes.Member {
	var all []tribes.Member
	for _, each := range m.members {
		if !slices.ContainsFunc(except, func(e tribes.Member) bool { return e.Key() == each.Key() }) {
			all = append(all, each.Member)
		}
	}
	slices.SortFunc(all, func(a, b tribes.Member) int { return a.Compare(&b) })
	return all
}

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

func orderOf(key any) string { return fmt.Sprint(key) }

// Put puts an entry, which is this node's then, and replicates it. The error
// tells what could not be encoded or sent; the entry is there all the same.
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
	m.mu.Lock()
	_, had := m.entries[key]
	e := &entry{key: key, stream: stream, value: value, role: Primary}
	m.entries[key] = e
	m.mu.Unlock()
	if had {
		m.tell(ctx, m.others(), &message{kind: msgRemove, key: stream, noNodes: true}, orderOf(key))
	}
	m.cfg.Values.Diff(value) // what is sent whole has no changes left
	return m.publish(ctx, e)
}

// Remove removes an entry everywhere. It reports whether there was one.
func (m *Map) Remove(ctx context.Context, key any) bool {
	m.mu.Lock()
	e := m.entries[key]
	delete(m.entries, key)
	m.mu.Unlock()
	if e == nil {
		return false
	}
	m.tell(ctx, m.others(), &message{kind: msgRemove, key: e.stream, noNodes: true}, orderOf(key))
	return true
}

// Replicate sends what changed in the value of an entry to the nodes that have
// it, too; all of it if whole is set. Only the primary does. Nothing is sent if
// nothing changed.
func (m *Map) Replicate(ctx context.Context, key any, whole bool) error {
	m.mu.Lock()
	e := m.entries[key]
	if e == nil || e.role != Primary {
		m.mu.Unlock()
		return nil
	}
	value, nodes := e.value, slices.Clone(e.nodes)
	m.mu.Unlock()
	diff, changed := m.cfg.Values.Diff(value)
	if !changed && !whole {
		return nil
	}
	if len(nodes) == 0 {
		return m.publish(ctx, e)
	}
	msg := &message{kind: m.full(), key: e.stream, nodes: nodes, primary: m.own()}
	if diff != nil && !whole {
		msg.diff, msg.diffVal = true, diff
	} else if err := m.encodeInto(msg, value); err != nil {
		return err
	}
	m.mu.Lock()
	e.sent = time.Now()
	m.mu.Unlock()
	return m.tell(ctx, nodes, msg, orderOf(key))
}

// Touch tells the nodes that have an entry, too, that it was used.
func (m *Map) Touch(ctx context.Context, key any) error {
	m.mu.Lock()
	e := m.entries[key]
	if e == nil || e.role != Primary || len(e.nodes) == 0 {
		m.mu.Unlock()
		return nil
	}
	nodes := slices.Clone(e.nodes)
	e.sent = time.Now()
	m.mu.Unlock()
	return m.tell(ctx, nodes, &message{kind: msgAccess, key: e.stream, nodes: nodes, primary: m.own()}, orderOf(key))
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

// publish sends a primary entry to the nodes that are to have it, and tells the
// others where it is.
func (m *Map) publish(ctx context.Context, e *entry) error {
	m.mu.Lock()
	value := e.value
	candidates := m.othersLocked()
	m.next++
	start := m.next
	m.mu.Unlock()
	if len(candidates) == 0 {
		m.place(e, nil)
		return nil
	}
	msg := &message{kind: m.full(), key: e.stream, primary: m.own()}
	if err := m.encodeInto(msg, value); err != nil {
		return err
	}
	if m.cfg.Kind == Copy {
		msg.nodes = candidates
		m.place(e, candidates)
		return m.tell(ctx, candidates, msg, orderOf(e.key))
	}
	var failed error
	for i := range candidates {
		backup := candidates[(start+i)%len(candidates)]
		msg.nodes = []tribes.Member{backup}
		if failed = m.tell(ctx, msg.nodes, msg, orderOf(e.key)); failed != nil {
			continue
		}
		m.place(e, msg.nodes)
		proxy := &message{kind: msgProxy, key: e.stream, nodes: msg.nodes, primary: m.own()}
		return m.tell(ctx, m.others(backup), proxy, orderOf(e.key))
	}
	m.place(e, nil)
	return failed
}

// place notes where an entry is.
func (m *Map) place(e *entry, nodes []tribes.Member) {
	own := m.own()
	m.mu.Lock()
	defer m.mu.Unlock()
	e.role, e.primary, e.nodes, e.sent = Primary, own, nodes, time.Now()
}

// Get returns the value of an entry, which is this node's then. If it is on
// other nodes it is fetched. ok is false if there is no such entry, or nobody
// who has it answers.
func (m *Map) Get(ctx context.Context, key any) (value any, ok bool) {
	m.mu.Lock()
	e := m.entries[key]
	if e == nil {
		m.mu.Unlock()
		return nil, false
	}
	role, value, nodes := e.role, e.value, slices.Clone(e.nodes)
	m.mu.Unlock()
	switch role {
	case Primary:
		return value, true
	case Backup:
		if err := m.publish(ctx, e); err != nil {
			m.cfg.Log.Warn("entry that became this node's is not replicated", "map", m.cfg.Name, "err", err)
		}
		return value, true
	case CopyRole:
		others := m.others()
		m.place(e, others)
		m.tell(ctx, others, &message{kind: msgNotifyMapMember, key: e.stream, nodes: others, primary: m.own()}, orderOf(key))
		return value, true
	}
	if value, ok = m.fetch(ctx, e, nodes); !ok {
		return nil, false
	}
	m.mu.Lock()
	e.value = value
	m.mu.Unlock()
	m.place(e, nodes)
	m.tell(ctx, nodes, &message{kind: msgNotifyMapMember, key: e.stream, nodes: nodes, primary: m.own()}, orderOf(key))
	m.tell(ctx, m.others(nodes...), &message{kind: msgProxy, key: e.stream, nodes: nodes, primary: m.own()}, orderOf(key))
	return value, true
}

// fetch asks those that have an entry for its value.
func (m *Map) fetch(ctx context.Context, e *entry, nodes []tribes.Member) (any, bool) {
	ctx, cancel := context.WithTimeout(ctx, m.cfg.RPCTimeout)
	defer cancel()
	question := &message{kind: msgRetrieveBackup, mapName: m.cfg.Name, key: e.stream, noNodes: true}
	answers, err := m.channel.Ask(ctx, nodes, question.object(&m.classes, m.isOwn), rpc.First, m.cfg.SendOptions)
	for _, r := range answers.Replies {
		var answer message
		if mine, err := answer.parse(r.Content, &m.classes); !mine || err != nil || answer.value == nil {
			continue
		}
		if value, err := m.decode(e.key, answer.value, m.cfg.Limits); err == nil {
			return value, true
		}
	}
	m.cfg.Log.Warn("entry cannot be fetched", "map", m.cfg.Name, "nodes", nodes, "err", err)
	return nil, false
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
	Nodes   []tribes.Member // those that have a backup or copy
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
	return Entry{e.key, e.value, e.role, e.primary, slices.Clone(e.nodes)}
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

// Members are the other nodes that have the map.
func (m *Map) Members() []tribes.Member { return m.others() }
