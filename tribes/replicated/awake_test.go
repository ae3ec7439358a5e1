package replicated

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/tribestest"
)

// What happened to the entries of a node that stood still, and that others had
// given up, it knows before a request is served.
func TestStoodStill(t *testing.T) {
	for _, test := range []struct {
		name   string
		happen func(t *testing.T, heir *Map)
		want   string            // of k, on the node that stood still
		also   map[string]string // of other keys
	}{
		{"nothing", func(*testing.T, *Map) {}, "proxy", nil},
		{"changed", func(t *testing.T, heir *Map) {
			if _, err := heir.Replicate(t.Context(), "k", false); err != nil {
				t.Error(err)
			}
		}, "proxy", nil},
		{"removed", func(t *testing.T, heir *Map) {
			heir.Put(t.Context(), "stays", &count{n: 7})
			heir.Remove(t.Context(), "k")
		}, "none", map[string]string{"stays": "proxy"}},
		{"renamed", func(t *testing.T, heir *Map) {
			if _, err := heir.Rename(t.Context(), "k", "moved", func() {}); err != nil {
				t.Error(err)
			}
		}, "none", map[string]string{"moved": "proxy"}},
		{"another", func(t *testing.T, heir *Map) { heir.Put(t.Context(), "new", &count{n: 7}) }, "proxy", map[string]string{"new": "proxy"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := tribestest.NewNetwork(1)
				var all []*Map
				for _, name := range []string{"a", "b", "c"} {
					all = append(all, run(t, onChannel(t, network, name), Config{}))
				}
				time.Sleep(10 * time.Second) // all know all
				a := all[0]
				if err := a.Put(t.Context(), "k", &count{n: 1}); err != nil {
					t.Fatal(err)
				}
				heir := all[1]
				if heir.is("k") == "proxy" {
					heir = all[2]
				}
				for _, other := range all[1:] {
					other.lost(*a.own(), true)
				}
				synctest.Wait()
				test.happen(t, heir)
				wantIs(t, a, "k", "primary 2") // putting counts
				a.StoodStill(6 * time.Second)
				a.Awake(t.Context())
				wantIs(t, a, "k", test.want)
				for key, want := range test.also {
					wantIs(t, a, key, want)
				}
				time.Sleep(30 * time.Second)
				for key := range test.also {
					_, fine := a.Get(t.Context(), key)
					if !fine {
						t.Errorf("it has no %s", key)
					}
				}
				if e, ok := heir.Peek("k"); ok {
					had := e.Value.(*count).add(0)
					if v, ok := a.Get(t.Context(), "k"); !ok || v.(*count).add(0) != had {
						t.Errorf("it has %v, %v, want %d", v, ok, had)
					}
				}
			})
		})
	}
}

// A node that stood still, and that nobody has given up, has its entries still:
// also one that nobody else has.
func TestStoodStillInVain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a := run(t, onChannel(t, network, "a"), Config{})
		a.Put(t.Context(), "lonely", &count{n: 3})
		b := run(t, onChannel(t, network, "b"), Config{})
		time.Sleep(10 * time.Second)
		a.Put(t.Context(), "k", &count{n: 1})
		b.Put(t.Context(), "theirs", &count{n: 2})
		a.mu.Lock()
		a.entries["lonely"].nodes = nil
		a.mu.Unlock()
		b.mu.Lock()
		delete(b.entries, "lonely")
		b.mu.Unlock()
		a.StoodStill(6 * time.Second)
		a.Awake(t.Context())
		time.Sleep(20 * time.Second)
		wantIs(t, a, "k", "primary 2")
		wantIs(t, a, "lonely", "primary 4")
		wantIs(t, a, "theirs", "backup 3")
	})
}

// The pulse is felt: only a node that did not run asks others, and its requests
// wait for the answer, but not for ever.
func TestPulse(t *testing.T) {
	for _, test := range []struct {
		answers time.Duration // after which another node answers
		waits   time.Duration
	}{{0, 0}, {time.Second, time.Second}, {time.Minute, visitTime}} {
		synctest.Test(t, func(t *testing.T) {
			network := tribestest.NewNetwork(1)
			var log bytes.Buffer
			m := run(t, onChannel(t, network, "a"), Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
			slow := false
			p := newPeer(t, onChannel(t, network, "p"), func(msg *message) {
				if msg.kind == msgState && slow {
					time.Sleep(test.answers)
				}
			})
			p.tell(t, &message{kind: msgStart, primary: p.own(), noNodes: true})
			for range 600 {
				time.Sleep(time.Second)
				m.Awake(t.Context())
			}
			time.Sleep(10 * time.Minute)
			synctest.Wait()
			if strings.Contains(log.String(), "stood still") {
				t.Errorf("it logged %s", &log)
			}
			slow = true
			began := time.Now()
			m.pulse.mu.Lock()
			m.pulse.last = began.Add(-6 * time.Second)
			m.pulse.mu.Unlock()
			m.Awake(t.Context())
			if took := time.Since(began); took != test.waits {
				t.Errorf("it waited for %v, want %v", took, test.waits)
			}
			time.Sleep(5 * time.Minute)
			synctest.Wait()
			if n := strings.Count(log.String(), "stood still"); n != 1 {
				t.Errorf("%d times it stood still: %s", n, &log)
			}
		})
	}
}

// A backup that a node had while it stood still is fetched anew from a Tomcat,
// which does not look whether its changes arrive.
func TestRenew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		m := run(t, onChannel(t, network, "a"), Config{})
		p := newPeer(t, onChannel(t, network, "p"), nil)
		p.answer = func(msg *message) {
			switch msg.kind {
			case msgState:
				msg.value = p.list(message{key: keyOf("k"), nodes: []tribes.Member{*m.own()}, primary: p.own()})
			case msgRetrieveBackup:
				msg.value = number(5)
			}
		}
		p.tell(t, &message{kind: msgStart, primary: p.own(), noNodes: true})
		p.tell(t, &message{kind: msgBackup, value: number(1), nodes: []tribes.Member{*m.own()}, primary: p.own()})
		wantIs(t, m, "k", "backup 1")
		time.Sleep(10 * time.Second)
		m.StoodStill(6 * time.Second)
		m.Awake(t.Context())
		time.Sleep(2 * time.Second)
		wantIs(t, m, "k", "backup 5")
	})
}

// list is the answer to STATE.
func (p *peer) list(all ...message) []byte {
	var list []any
	for _, msg := range all {
		msg.kind, msg.mapName = msgProxy, mapName
		list = append(list, javaserial.Opaque{Node: msg.object(&p.classes, func(tribes.Key) bool { return false })})
	}
	n, err := javaserial.Java(list)
	if err != nil {
		panic(err)
	}
	return javaserial.Encode(n)
}

// A notebook has what a peer is told.
type notebook struct {
	p    *peer
	mu   sync.Mutex
	told []string
}

func (n *notebook) Object(o javaserial.Node, _ *tribes.Message) (bool, error) {
	var msg message
	mine, err := msg.parse(o, &n.p.classes)
	if !mine || err != nil {
		return false, err
	}
	text := map[kind]string{msgProxy: "proxy", msgRemove: "remove", msgBackup: "backup"}[msg.kind]
	if key, err := javaserial.Decode(msg.key, javaserial.Limits{}); err == nil {
		k, _ := javaserial.Go(key)
		text += " " + k.(string)
	}
	if msg.primary != nil {
		text += " of " + msg.primary.Host.String()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.told = append(n.told, text)
	return true, nil
}

func (n *notebook) Joined(tribes.Member) {}
func (n *notebook) Left(tribes.Member)   {}

// A Tomcat that stood still is told what it has missed, and goes on to say.
func TestVisit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a, b := run(t, onChannel(t, network, "a"), Config{}), run(t, onChannel(t, network, "b"), Config{})
		p := newPeer(t, onChannel(t, network, "p"), nil)
		book := &notebook{p: p}
		p.Take(book)
		time.Sleep(time.Second)
		a.Put(t.Context(), "ours", &count{n: 1})
		b.Put(t.Context(), "theirs", &count{n: 2})
		a.Put(t.Context(), "removed", &count{n: 3})
		a.Remove(t.Context(), "removed")
		only := func(m *Map) []tribes.Member { return []tribes.Member{*m.own()} }
		at := func(key string, primary *tribes.Member, nodes ...tribes.Member) message {
			return message{key: keyOf(key), primary: primary, nodes: nodes}
		}
		stale := []message{at("ours", a.own(), *p.own()), at("theirs", p.own(), only(b)...), at("removed", p.own(), only(a)...), at("its own", p.own(), only(a)...)}
		var lists []message
		p.answer = func(msg *message) {
			if msg.kind == msgState {
				time.Sleep(10 * time.Millisecond) // its word comes last
				msg.value = p.list(lists...)
			}
		}
		returned := func(comes func(tribes.Member), says ...message) []string {
			book.mu.Lock()
			book.told, lists = nil, says
			book.mu.Unlock()
			comes(*p.own())
			time.Sleep(700 * time.Millisecond)
			book.mu.Lock()
			early := len(book.told)
			book.mu.Unlock()
			if early > 0 {
				t.Errorf("at once it is told %q", book.told)
			}
			time.Sleep(time.Second)
			book.mu.Lock()
			told := slices.Sorted(slices.Values(book.told))
			book.mu.Unlock()
			time.Sleep(20 * time.Second)
			return told
		}
		want := []string{"proxy ours of 10.0.0.1", "proxy theirs of 10.0.0.2", "remove removed"}
		if got := returned(a.Returned, stale...); !slices.Equal(got, want) {
			t.Errorf("it is told %q, want %q", got, want)
		}
		wantIs(t, a, "its own", "proxy")
		wantIs(t, a, "removed", "none")
		right := []message{at("ours", a.own(), only(b)...), at("theirs", b.own(), only(a)...), at("its own", p.own(), only(a)...)}
		if got := returned(a.Returned, right...); len(got) > 0 {
			t.Errorf("though it knows, it is told %q", got)
		}
		a.Remove(t.Context(), "its own")
		right = right[:2]
		givenUp := func(who tribes.Member) { a.lost(who, true); a.heard(who) } // a message was not acknowledged
		stale = []message{right[0], at("theirs", p.own(), only(b)...)}
		if got, want := returned(givenUp, stale...), []string{"proxy theirs of 10.0.0.2"}; !slices.Equal(got, want) {
			t.Errorf("when it was given up it is told %q, want %q", got, want)
		}
		ourselves := func(who tribes.Member) { a.StoodStill(6 * time.Second); a.Returned(who) }
		if got := returned(ourselves, stale...); len(got) > 0 {
			t.Errorf("by a node that stood still it is told %q", got)
		}
	})
}

// What a node that stood still got back from the one that had inherited it the
// others learn by asking.
func TestVisitorIsRight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		m := run(t, onChannel(t, network, "a"), Config{})
		p := newPeer(t, onChannel(t, network, "p"), nil)
		q := newPeer(t, onChannel(t, network, "q"), nil)
		for _, each := range []*peer{p, q} {
			each.answer = func(msg *message) {
				if msg.kind == msgState { // both say that p has it, and q its backup
					msg.value = each.list(message{key: keyOf("k"), nodes: []tribes.Member{*q.own()}, primary: p.own()})
				}
			}
			each.tell(t, &message{kind: msgStart, primary: each.own(), noNodes: true})
		}
		only := []tribes.Member{*m.own()}
		bytesOf := (&message{kind: msgBackup, mapName: mapName, key: keyOf("k"), value: number(1), nodes: only, primary: q.own()}).object(&q.classes, func(tribes.Key) bool { return true })
		if err := q.Send(context.Background(), only, bytesOf, tribes.OptionAck|tribes.OptionSyncAck, ""); err != nil {
			t.Fatal(err)
		}
		wantIs(t, m, "k", "backup 1")
		time.Sleep(time.Second)
		m.Returned(*p.own())
		time.Sleep(20 * time.Second)
		wantIs(t, m, "k", "proxy")
		if e, _ := m.Peek("k"); e.Primary == nil || e.Primary.Key() != p.own().Key() {
			t.Errorf("its primary is %v, want p", e.Primary)
		}
	})
}

// What was on its way while a node stood still comes afterwards, in no order: an
// old value does not make a node a backup for long.
func TestLateOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		m := run(t, onChannel(t, network, "a"), Config{})
		p, q := newPeer(t, onChannel(t, network, "p"), nil), newPeer(t, onChannel(t, network, "q"), nil)
		p.answer = func(msg *message) {
			if msg.kind == msgState {
				msg.value = p.list(message{key: keyOf("k"), nodes: []tribes.Member{*q.own()}, primary: p.own()})
			}
		}
		p.tell(t, &message{kind: msgStart, primary: p.own(), noNodes: true})
		p.tell(t, &message{kind: msgBackup, value: number(1), nodes: []tribes.Member{*m.own()}, primary: p.own()})
		m.StoodStill(6 * time.Second)
		m.Awake(t.Context())
		p.tell(t, &message{kind: msgProxy, nodes: []tribes.Member{*q.own()}, primary: p.own()})
		p.tell(t, &message{kind: msgBackup, value: number(5), nodes: []tribes.Member{*m.own()}, primary: p.own()})
		wantIs(t, m, "k", "backup 5")
		time.Sleep(5 * time.Second)
		wantIs(t, m, "k", "proxy")
	})
}

// Keys that were removed are known for a while, and while a node is missing.
func TestGraves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := run(t, onChannel(t, tribestest.NewNetwork(1), "a"), Config{})
		has := func(key any) bool {
			m.mu.Lock()
			defer m.mu.Unlock()
			return m.reads.graves.has(key)
		}
		m.Remove(t.Context(), "early")
		if has("never") || !has("early") {
			t.Error("graves of others, or none")
		}
		time.Sleep(2 * time.Minute)
		m.Remove(t.Context(), "later")
		if has("early") || !has("later") {
			t.Errorf("early %v, later %v", has("early"), has("later"))
		}
		m.mu.Lock()
		m.former[tribes.Key{}] = false
		m.mu.Unlock()
		time.Sleep(10 * time.Minute)
		if !has("later") {
			t.Error("a node is missing, and it is forgotten")
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		for i := range 10 * mostGraves {
			m.reads.graves.dig(i)
		}
		if n := len(m.reads.graves.young) + len(m.reads.graves.old); n > 2*mostGraves {
			t.Errorf("%d graves", n)
		}
	})
}

// A node that has just begun anew with the map lists nothing: that does not mean
// that what it had a backup of was removed.
func TestBackupBeganAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a, b := run(t, onChannel(t, network, "a"), Config{}), run(t, onChannel(t, network, "b"), Config{})
		time.Sleep(10 * time.Second)
		a.Put(t.Context(), "k", &count{n: 1})
		b.mu.Lock()
		clear(b.entries)
		b.mu.Unlock()
		a.StoodStill(3 * time.Second)
		a.Awake(t.Context())
		if role := a.is("k"); role == "none" {
			t.Error("the only value is dropped")
		}
	})
}

// Requests wait for the first look for 3 s at most, whatever it takes.
func TestAwakeBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := run(t, onChannel(t, tribestest.NewNetwork(1), "a"), Config{})
		time.Sleep(time.Second)
		done := make(chan struct{})
		a.pulse.mu.Lock()
		a.pulse.last, a.pulse.settled = time.Now(), done
		a.pulse.mu.Unlock()
		began := time.Now()
		a.Awake(t.Context())
		if took := time.Since(began); took != visitTime {
			t.Errorf("it waited for %v", took)
		}
		a.pulse.mu.Lock()
		a.pulse.settled = nil
		a.pulse.mu.Unlock()
	})
}

// A key that was removed and is there again is not a removed one.
func TestGraveFilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a, b := run(t, onChannel(t, network, "a"), Config{}), run(t, onChannel(t, network, "b"), Config{})
		time.Sleep(10 * time.Second)
		grave := func() bool {
			b.mu.Lock()
			defer b.mu.Unlock()
			return b.reads.graves.has("k")
		}
		a.Put(t.Context(), "k", &count{n: 1})
		a.Remove(t.Context(), "k")
		synctest.Wait()
		if !grave() {
			t.Error("it does not know that it was removed")
		}
		a.Put(t.Context(), "k", &count{n: 2})
		synctest.Wait()
		if grave() {
			t.Error("it is there, and taken for removed")
		}
	})
}
