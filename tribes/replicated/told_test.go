package replicated

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/rpc"
	"github.com/catflap/catflap/tribes/tribestest"
)

const mapName = "localhost#/app-map"

// counts are values that have diffs: what is added to a number.
type counts struct{ Plain }

type count struct {
	mu sync.Mutex
	n  int64
}

func (c *count) add(n int64) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n += n
	return c.n
}

func (counts) Encode(v any) (javaserial.Node, error) { return javaserial.Java(v.(*count).add(0)) }

func (counts) Decode(_ any, n javaserial.Node) (any, error) {
	v, _ := javaserial.Go(n)
	number, ok := v.(int64)
	if !ok {
		return nil, fmt.Errorf("%T", v)
	}
	return &count{n: number}, nil
}

func (counts) Diff(v any) ([]byte, bool) {
	v.(*count).add(1)
	return []byte{1}, true
}

func (counts) Apply(v any, diff []byte, _ javaserial.Limits) error {
	v.(*count).add(int64(diff[0]))
	return nil
}

// onChannel runs a channel with a Dispatcher.
func onChannel(t *testing.T, network *tribestest.Network, name string) *rpc.Dispatcher {
	t.Helper()
	c, err := tribes.New(tribes.Config{Name: name, Network: network.Node(name)})
	if err != nil {
		t.Fatal(err)
	}
	d := rpc.NewDispatcher(c, javaserial.Limits{}, nil)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended; d.Close() })
	<-c.Ready()
	return d
}

// run runs a map of counts on d.
func run(t *testing.T, d *rpc.Dispatcher, cfg Config) *Map {
	t.Helper()
	cfg.Name, cfg.Values = mapName, counts{}
	m, err := New(cfg, d)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	<-m.Ready()
	return m
}

// A peer is another node of the map, whose answers a test makes up.
type peer struct {
	*rpc.Dispatcher
	classes rpc.Classes
	answer  func(msg *message) // fills in the answer
}

func newPeer(t *testing.T, d *rpc.Dispatcher, answer func(msg *message)) *peer {
	t.Helper()
	p := &peer{Dispatcher: d, answer: answer}
	if _, err := d.Open(mapName, p); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *peer) own() *tribes.Member { m := p.Group().Local(); return &m }

func (p *peer) Asked(question javaserial.Node, _ tribes.Member) (javaserial.Node, bool) {
	var msg message
	if mine, err := msg.parse(question, &p.classes); !mine || err != nil {
		return nil, true
	}
	msg.primary = p.own()
	if msg.kind == msgPing {
		msg.value = javaserial.Encode(stateNode(stateInitialized))
	}
	if p.answer != nil {
		p.answer(&msg)
	}
	return msg.object(&p.classes, func(tribes.Key) bool { return true }), true
}

func (p *peer) Leftover(javaserial.Node, tribes.Member) {}

// tell sends a message about the entry k to all.
func (p *peer) tell(t *testing.T, msg *message) {
	t.Helper()
	msg.mapName = mapName
	if msg.key == nil {
		msg.key = keyOf("k")
	}
	if err := p.Send(t.Context(), p.Group().Members(), msg.object(&p.classes, func(tribes.Key) bool { return true }), tribes.OptionAck|tribes.OptionSyncAck, ""); err != nil {
		t.Error(err)
	}
}

func keyOf(key string) []byte {
	b, _ := keyStream(key)
	return b
}

func number(n int64) []byte {
	long, _ := javaserial.Java(n)
	return javaserial.Encode(long)
}

// state is the answer to STATE: keys of entries of this peer.
func (p *peer) state(keys ...string) []byte {
	var list []any
	for _, key := range keys {
		msg := &message{kind: msgProxy, mapName: mapName, key: keyOf(key), nodes: []tribes.Member{*p.own()}, primary: p.own()}
		list = append(list, javaserial.Opaque{Node: msg.object(&p.classes, func(tribes.Key) bool { return true })})
	}
	n, err := javaserial.Java(list)
	if err != nil {
		panic(err)
	}
	return javaserial.Encode(n)
}

// is tells what a node has of the entry k: "primary 3".
func (m *Map) is(key string) string {
	e, ok := m.Peek(key)
	if !ok {
		return "none"
	}
	if c, ok := e.Value.(*count); ok {
		return fmt.Sprint(e.Role, " ", c.add(0))
	}
	return e.Role.String()
}

func wantIs(t *testing.T, m *Map, key, want string) {
	t.Helper()
	synctest.Wait()
	if got := m.is(key); got != want {
		t.Errorf("%s is %s, want %s", key, got, want)
	}
}

// A change that a former primary has sent before it knew is made, and makes it no
// primary again; later it does: this node has missed something.
func TestLateChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		m := run(t, onChannel(t, network, "a"), Config{})
		p := newPeer(t, onChannel(t, network, "p"), nil)
		p.tell(t, &message{kind: msgStart, primary: p.own(), noNodes: true})
		p.tell(t, &message{kind: msgBackup, value: number(1), nodes: []tribes.Member{*m.own()}, primary: p.own()})
		wantIs(t, m, "k", "backup 1")
		if v, ok := m.Get(t.Context(), "k"); !ok || v.(*count).add(0) != 1 {
			t.Errorf("it has %v, %v", v, ok)
		}
		change := &message{kind: msgBackup, diff: true, diffVal: []byte{10}, nodes: []tribes.Member{*m.own()}, primary: p.own()}
		p.tell(t, change)
		wantIs(t, m, "k", "primary 11")
		p.tell(t, &message{kind: msgAccess, nodes: change.nodes, primary: p.own()})
		wantIs(t, m, "k", "primary 11")
		time.Sleep(claimGrace)
		p.tell(t, change)
		wantIs(t, m, "k", "backup 21")
	})
}

// A node that is to have a backup, but has let go of it, gets it from the primary.
func TestSupply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		m := run(t, onChannel(t, network, "a"), Config{})
		value := int64(5)
		p := newPeer(t, onChannel(t, network, "p"), func(msg *message) {
			if msg.kind == msgRetrieveBackup {
				msg.value = number(value)
			}
		})
		p.tell(t, &message{kind: msgProxy, nodes: []tribes.Member{*m.own()}, primary: p.own()})
		wantIs(t, m, "k", "proxy")
		p.tell(t, &message{kind: msgNotifyMapMember, nodes: []tribes.Member{*m.own()}, primary: p.own()})
		wantIs(t, m, "k", "backup 5")
		p.tell(t, &message{kind: msgProxy, key: keyOf("other"), nodes: []tribes.Member{*m.own()}, primary: p.own()})
		value = 6
		p.tell(t, &message{kind: msgBackup, key: keyOf("other"), diff: true, diffVal: []byte{1}, nodes: []tribes.Member{*m.own()}, primary: p.own()})
		wantIs(t, m, "other", "backup 6")
	})
}

// What a node without a backup answers is not believed while that with the backup
// may answer: a Tomcat's is as old as the backup that it had. Of two such what was
// used last counts.
func TestOldAnswers(t *testing.T) {
	for _, c := range []struct {
		name             string
		backup           time.Duration // until it answers
		has, none        bool
		old, older, want int64
		took             time.Duration
	}{
		{"the backup answers late", 3 * time.Second, true, false, 4, 3, 5, 3 * time.Second},
		{"the backup does not answer", 10 * time.Second, true, false, 4, 3, 4, 2 * fetchWait},
		{"the backup has nothing", 0, false, false, 3, 4, 4, 0},
		{"the backup has nothing, after a while", 3 * time.Second, false, false, 3, 4, 4, 3 * time.Second},
		{"only the backup has it", 3 * time.Second, true, true, 0, 0, 5, 3 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := tribestest.NewNetwork(1)
				m := run(t, onChannel(t, network, "a"), Config{Owner: greatest{}})
				answers := func(wait time.Duration, n int64, has bool) func(*message) {
					return func(msg *message) {
						if msg.kind == msgRetrieveBackup {
							time.Sleep(wait)
							if msg.value = number(n); !has {
								msg.kind, msg.value = 0, nil
							}
						}
					}
				}
				backup := newPeer(t, onChannel(t, network, "p"), answers(c.backup, 5, c.has))
				for i, n := range []int64{c.old, c.older} {
					p := newPeer(t, onChannel(t, network, fmt.Sprint("q", i)), answers(0, n, !c.none))
					p.tell(t, &message{kind: msgStart, primary: p.own(), noNodes: true})
				}
				backup.tell(t, &message{kind: msgStart, primary: backup.own(), noNodes: true})
				ghost := *backup.own()
				ghost.ID[0]++
				ghost.Port++
				backup.tell(t, &message{kind: msgProxy, nodes: []tribes.Member{*backup.own()}, primary: &ghost})
				began := time.Now()
				v, ok := m.Get(t.Context(), "k")
				if took := time.Since(began); !ok || v.(*count).add(0) != c.want || took < c.took || took > c.took+time.Second {
					t.Errorf("it has %v, %v after %v, want %d after %v", v, ok, took, c.want, c.took)
				}
			})
		})
	}
}

// greatest is an owner of counts that grow with each use.
type greatest struct{ nobody }

func (greatest) Later(a, b javaserial.Node) bool {
	one, _ := javaserial.Go(a)
	other, _ := javaserial.Go(b)
	return one.(int64) > other.(int64)
}

// Proxies of what is nowhere do not stay: those of nodes that are gone go at
// once, those that nobody has after a while.
func TestSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		m := run(t, onChannel(t, network, "a"), Config{ProxyAge: time.Hour})
		p := newPeer(t, onChannel(t, network, "p"), func(msg *message) {
			if msg.kind == msgRetrieveBackup && !bytes.Contains(msg.key, []byte("there")) {
				msg.kind = 0
			} else if msg.kind == msgRetrieveBackup {
				msg.value = number(1)
			}
		})
		p.tell(t, &message{kind: msgStart, primary: p.own(), noNodes: true})
		ghost := *p.own()
		ghost.ID[0]++
		ghost.Port++
		p.tell(t, &message{kind: msgProxy, key: keyOf("ghost"), nodes: []tribes.Member{ghost}, primary: &ghost})
		p.tell(t, &message{kind: msgProxy, key: keyOf("not there"[:3]), nodes: []tribes.Member{*p.own()}, primary: p.own()})
		p.tell(t, &message{kind: msgProxy, key: keyOf("there"), nodes: []tribes.Member{*p.own()}, primary: p.own()})
		wantIs(t, m, "ghost", "proxy")
		time.Sleep(15 * time.Second)
		wantIs(t, m, "ghost", "none")
		time.Sleep(55 * time.Minute)
		wantIs(t, m, "not", "proxy")
		time.Sleep(10 * time.Minute)
		wantIs(t, m, "not", "none")
		wantIs(t, m, "there", "proxy")
	})
}

// A change that does not arrive sends the whole value elsewhere, though nobody
// has left.
func TestChangeLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		m := run(t, onChannel(t, network, "a"), Config{})
		var all [2]*refuser
		for i, name := range []string{"p", "q"} {
			all[i] = &refuser{peer: newPeer(t, onChannel(t, network, name), nil)}
			all[i].Take(all[i])
			all[i].peer.tell(t, &message{kind: msgStart, primary: all[i].own(), noNodes: true})
		}
		if err := m.Put(t.Context(), "k", &count{}); err != nil {
			t.Fatal(err)
		}
		has, other := all[0], all[1]
		if n := len(other.got); n > 0 && other.got[n-1].kind == msgBackup {
			has, other = other, has
		}
		if err := m.Put(t.Context(), "other", &count{}); err != nil { // so that it would be has's turn again
			t.Fatal(err)
		}
		has.got, other.got = nil, nil
		if sent, err := m.Replicate(t.Context(), "k", false); !sent || err != nil || len(has.got) != 1 || !has.got[0].diff {
			t.Errorf("sent %v, %v: %+v", sent, err, has.got)
		}
		has.refuses, has.got = true, nil
		if sent, err := m.Replicate(t.Context(), "k", false); !sent || err != nil {
			t.Errorf("sent %v, %v", sent, err)
		}
		if len(other.got) != 1 || other.got[0].diff || !bytes.Equal(other.got[0].value, number(3)) {
			t.Errorf("the other node got %+v", other.got)
		}
		if n := len(has.got); n == 0 || has.got[n-1].kind != msgProxy {
			t.Errorf("the node that failed got %+v", has.got)
		}
	})
}

// A refuser is a peer that keeps what it is told, and says that changes failed.
type refuser struct {
	*peer
	refuses bool
	got     []message
}

func (r *refuser) Object(n javaserial.Node, _ *tribes.Message) (bool, error) {
	var msg message
	mine, err := msg.parse(n, &r.classes)
	if !mine || err != nil {
		return mine, err
	}
	r.got = append(r.got, msg)
	if r.refuses && msg.diff {
		return true, errors.New("refused")
	}
	return true, nil
}

func (r *refuser) Joined(tribes.Member) {}
func (r *refuser) Left(tribes.Member)   {}

// What others put while a node joins it has in the end, and nothing that they
// removed.
func TestJoinMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		var p *peer
		states := 0
		p = newPeer(t, onChannel(t, network, "p"), func(msg *message) {
			if msg.kind != msgState {
				return
			}
			if states++; states == 1 {
				msg.value = p.state("first", "removed")
				p.tell(t, &message{kind: msgRemove, key: keyOf("removed"), noNodes: true})
			} else {
				msg.value = p.state("first", "second")
			}
		})
		m := run(t, onChannel(t, network, "a"), Config{})
		for key, want := range map[string]string{"first": "proxy", "second": "proxy", "removed": "none"} {
			wantIs(t, m, key, want)
		}
	})
}

// A key that an entry gets stands against what others knew under it.
func TestRename(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		var maps []*Map
		for _, name := range []string{"a", "b", "c"} {
			maps = append(maps, run(t, onChannel(t, network, name), Config{}))
		}
		for i, key := range []string{"old", "new"} {
			if err := maps[i].Put(t.Context(), key, &count{n: int64(10 * i)}); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 8 { // the last is another node than that which renames
			if _, ok := maps[i%3].Get(t.Context(), "new"); !ok {
				t.Error("not there")
			}
		}
		renamed := false
		if ok, err := maps[0].Rename(t.Context(), "old", "new", func() { renamed = true }); !ok || err != nil || !renamed {
			t.Errorf("%v, %v, %v", ok, err, renamed)
		}
		if ok, err := maps[0].Rename(t.Context(), "old", "newer", func() { t.Error("renamed twice") }); ok || err != nil {
			t.Errorf("%v, %v", ok, err)
		}
		synctest.Wait()
		all := fmt.Sprint(maps[0].is("new"), ", ", maps[1].is("new"), ", ", maps[2].is("new"))
		if all != "primary 1, backup 1, proxy" && all != "primary 1, proxy, backup 1" {
			t.Errorf("it is %s", all)
		}
		for _, m := range maps {
			wantIs(t, m, "old", "none")
		}
		if err := maps[0].Put(t.Context(), "stale", &count{}); err != nil || !maps[2].Drop("stale") || maps[0].Drop("stale") {
			t.Fatal(err)
		}
		for i := range 6 {
			maps[i%3].Get(t.Context(), "new")
		}
		if ok, err := maps[2].Rename(t.Context(), "new", "stale", func() {}); !ok || err != nil { // which it does not know
			t.Errorf("%v, %v", ok, err)
		}
		wantIs(t, maps[2], "stale", "primary 1")
		if got := maps[0].is("stale"); got != "backup 1" && got != "proxy" {
			t.Errorf("where it was before it is %s", got)
		}
	})
}

// The answers to this node's own questions become no more than the receive
// budget has room for.
func TestAnswersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		stream := javaserial.Encode(javaserial.NewArray("[Ljava.lang.Object;", 1, nil))
		const many = 4 << 20
		binary.BigEndian.PutUint32(stream[len(stream)-4:], many)
		stream = append(stream, bytes.Repeat([]byte{0x70}, many)...)
		p := newPeer(t, onChannel(t, network, "p"), func(msg *message) {
			if msg.kind == msgState || msg.kind == msgRetrieveBackup {
				msg.value = stream
			}
		})
		var log bytes.Buffer
		m := run(t, onChannel(t, network, "a"), Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
		if !strings.Contains(log.String(), "no memory left") {
			t.Errorf("the state of the map is taken: %s", &log)
		}
		p.tell(t, &message{kind: msgProxy, nodes: []tribes.Member{*p.own()}, primary: p.own()})
		synctest.Wait()
		log.Reset()
		if v, ok := m.Get(t.Context(), "k"); ok || !strings.Contains(log.String(), "no memory left") {
			t.Errorf("got %v, %v: %s", v, ok, &log)
		}
	})
}

// A primary that others have given up, and that lives, has its entry back with
// the next change: the node that inherited it tells whom it has given a backup.
// What was used there meanwhile stays there.
func TestGivenUp(t *testing.T) {
	for _, used := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			network := tribestest.NewNetwork(1)
			m, third := run(t, onChannel(t, network, "a"), Config{}), run(t, onChannel(t, network, "b"), Config{})
			p := newPeer(t, onChannel(t, network, "p"), nil)
			p.tell(t, &message{kind: msgStart, primary: p.own(), noNodes: true})
			p.tell(t, &message{kind: msgBackup, value: number(1), nodes: []tribes.Member{*m.own()}, primary: p.own()})
			p.tell(t, &message{kind: msgProxy, nodes: []tribes.Member{*m.own()}, primary: p.own()})
			one := []tribes.Member{*m.own()}
			send := func(msg *message) {
				msg.mapName, msg.key, msg.nodes, msg.primary = mapName, keyOf("k"), one, p.own()
				if err := p.Send(t.Context(), one, msg.object(&p.classes, func(tribes.Key) bool { return true }), tribes.OptionAck|tribes.OptionSyncAck, ""); err != nil {
					t.Error(err)
				}
			}
			send(&message{kind: msgBackup, value: number(1)})
			wantIs(t, m, "k", "backup 1")
			third.lost(*p.own(), true)
			m.lost(*p.own(), true)
			wantIs(t, m, "k", "primary 1")
			wantIs(t, third, "k", "backup 1")
			if used {
				m.Get(t.Context(), "k")
			}
			time.Sleep(time.Second)
			send(&message{kind: msgBackup, diff: true, diffVal: []byte{10}})
			if used {
				wantIs(t, m, "k", "primary 11")
				wantIs(t, third, "k", "backup 1")
				return
			}
			wantIs(t, m, "k", "backup 11")
			wantIs(t, third, "k", "proxy")
			if v, ok := third.Get(t.Context(), "k"); !ok || v.(*count).add(0) != 11 {
				t.Errorf("a third node has %v, %v", v, ok)
			}
		})
	}
}
