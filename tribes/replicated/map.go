package replicated

import (
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/catflap/catflap/internal/flood"
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
	MustJoin      bool           // terminateOnStartFailure: Run fails if no member answers
	ProxyAge      time.Duration  // after that a proxy that nothing is heard of is looked after; default never
	Values        Values         // default Plain
	Limits        javaserial.Limits
	Owner         Owner        // default nobody
	Log           *slog.Logger // default: nothing is logged
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
	if c.Owner == nil {
		c.Owner = nobody{}
	}
	c.Log = flood.Limit(c.Log)
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
	value   any // nil of a proxy, most often
	role    Role
	primary *tribes.Member  // nil is not known
	nodes   []tribes.Member // those that have a backup or copy; shared, so that nobody changes it
	heard   time.Time       // when another node was told of it last, or told of it

	// Each node that makes itself the primary counts the version up: of claims
	// that cross the highest stands everywhere, of equal ones that of the lower
	// member.
	version  uint64
	claimed  time.Time // when the claim that stands was made, or heard of
	claiming bool      // this node tells the others of its claim now
	missing  int       // messages about a backup that is to be here, and is not

	// What this node owns only because it has given up the primary, and nobody has
	// used since: the version before that, and 1. 0 is none such.
	inherited uint64
}

// A Map is one of a group. Many goroutines may use it.
type Map struct {
	cfg     Config
	d       *rpc.Dispatcher
	channel *rpc.Channel
	classes rpc.Classes
	ready   chan struct{}
	beat    chan struct{} // the channel's heartbeat
	turns   turns

	mu        sync.Mutex
	entries   map[any]*entry
	members   map[tribes.Key]*mapMember
	sorted    []tribes.Member                // members in their order; nil when it is not known
	former    map[tribes.Key]bool            // those that are lost and may return: whether they left the group
	places    map[tribes.Key][]tribes.Member // lists of one member, shared by entries
	reads     reads
	pulse     pulse
	state     string
	next      int // for the choice of a backup
	contested int64
	running   context.Context // of Run; nil while it does not

	working sync.WaitGroup
}

// reads are those of other nodes' entries that are under way.
type reads struct {
	count  int
	buried map[any]bool // keys that were removed since; nil when there is no read
	graves graves       // and before

	wanting  []*entry // those whose backup is to be fetched
	fetching int      // who fetches them
}

// turns are for who tells others of an entry: each has that of its key.
type turns struct {
	seed maphash.Seed
	each [256]chan struct{}
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
	// ErrNotJoined says that members of the group did not answer.
	ErrNotJoined = errors.New("no member of the group answers about the map")
)

// New returns a map of d's group. It is there for other nodes at once, and has
// their entries once Run has joined it.
func New(cfg Config, d *rpc.Dispatcher) (*Map, error) {
	m := newMap(cfg, d)
	var err error
	if m.channel, err = d.Open(cfg.Name, handler{m}); err != nil {
		return nil, err
	}
	d.Take(m)
	return m, nil
}

func newMap(cfg Config, d *rpc.Dispatcher) *Map {
	cfg = cfg.withDefaults()
	m := &Map{
		cfg: cfg, classes: rpc.Classes{Log: cfg.Log}, d: d, ready: make(chan struct{}), beat: make(chan struct{}, 1), state: stateNew,
		entries: map[any]*entry{}, members: map[tribes.Key]*mapMember{}, former: map[tribes.Key]bool{}, places: map[tribes.Key][]tribes.Member{},
	}
	m.turns.seed = maphash.MakeSeed()
	for i := range m.turns.each {
		m.turns.each[i] = make(chan struct{}, 1)
	}
	return m
}

// Run joins the map and takes part in it until ctx is done; then it tells the
// others that it stops.
func (m *Map) Run(ctx context.Context) error {
	inner, cancel := context.WithCancel(ctx)
	defer m.close()
	defer m.rest(cancel)
	m.mu.Lock()
	m.running = inner
	m.mu.Unlock()
	if err := m.join(inner); err != nil && m.cfg.MustJoin && ctx.Err() == nil {
		return err
	}
	close(m.ready)
	m.work(m.feel)
	for {
		select {
		case <-m.beat:
			m.ping(inner)
			m.sweep(inner)
			m.clearGraves()
		case <-ctx.Done():
			m.rest(cancel)
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
			defer cancel()
			m.tell(last, m.d.Group().Members(), &message{kind: msgStop, noNodes: true, primary: m.own()}, "")
			return nil
		}
	}
}

// Heartbeat implements tribes.Beater: it is time to ask who is there.
func (m *Map) Heartbeat(context.Context) {
	select {
	case m.beat <- struct{}{}:
	default:
	}
}

// work does f in the background, as long as Run runs. It reports whether it does.
func (m *Map) work(f func(ctx context.Context)) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	ctx := m.running
	if ctx != nil {
		m.working.Go(func() { f(ctx) })
	}
	return ctx != nil
}

// rest ends what is done in the background.
func (m *Map) rest(cancel func()) {
	m.mu.Lock()
	m.running = nil
	m.mu.Unlock()
	cancel()
	m.working.Wait()
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
	if m.sorted == nil {
		for _, each := range m.members {
			m.sorted = append(m.sorted, each.Member)
		}
		slices.SortFunc(m.sorted, func(a, b tribes.Member) int { return a.Compare(&b) })
	}
	all := make([]tribes.Member, 0, len(m.sorted))
	for _, each := range m.sorted {
		if !contains(except, each.Key()) {
			all = append(all, each)
		}
	}
	return all
}

func contains(all []tribes.Member, key tribes.Key) bool {
	return slices.ContainsFunc(all, func(each tribes.Member) bool { return each.Key() == key })
}

// shared returns a list of members that entries have in common, as most have
// one of a few.
func (m *Map) shared(nodes []tribes.Member) []tribes.Member {
	if len(nodes) != 1 {
		return slices.Clip(nodes)
	}
	key := nodes[0].Key()
	if m.places[key] == nil {
		if len(m.places) >= mostPlaces {
			clear(m.places)
		}
		m.places[key] = []tribes.Member{nodes[0]}
	}
	return m.places[key]
}

// mostPlaces bounds what members that came and went leave behind.
const mostPlaces = 4096

func (m *Map) sharedOne(who *tribes.Member) *tribes.Member {
	if who == nil {
		return nil
	}
	return &m.shared([]tribes.Member{*who})[0]
}

// turn waits until nobody else tells others of an entry with one of keys.
func (m *Map) turn(ctx context.Context, keys ...any) (leave func(), err error) {
	var of []int
	for _, key := range keys {
		of = append(of, int(maphash.Comparable(m.turns.seed, key)%uint64(len(m.turns.each))))
	}
	slices.Sort(of)
	of = slices.Compact(of)
	for i, t := range of {
		select {
		case m.turns.each[t] <- struct{}{}:
		case <-ctx.Done():
			for _, had := range of[:i] {
				<-m.turns.each[had]
			}
			return nil, ctx.Err()
		}
	}
	return func() {
		for _, t := range of {
			<-m.turns.each[t]
		}
	}, nil
}

// forEach does f with each of entries, which are independent, in its turn.
func (m *Map) forEach(ctx context.Context, entries []*entry, f func(e *entry)) {
	var g errgroup.Group
	g.SetLimit(atOnce)
	for _, e := range entries {
		g.Go(func() error {
			leave, err := m.turn(ctx, e.key)
			if err != nil {
				return err
			}
			defer leave()
			f(e)
			return nil
		})
	}
	_ = g.Wait() // ctx is done
}

// atOnce is how many entries are told of at once when many are.
const atOnce = 8
