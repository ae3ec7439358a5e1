package replicated_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/internal/leaktest"
	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/interceptor"
	"github.com/catflap/catflap/tribes/replicated"
	"github.com/catflap/catflap/tribes/rpc"
	"github.com/catflap/catflap/tribes/tribestest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// A node has a map.
type node struct {
	*replicated.Map
	name string
	d    *rpc.Dispatcher
	stop func()

	mu    sync.Mutex
	owned []string
}

func start(t *testing.T, network *tribestest.Network, name string, kind replicated.Kind) *node {
	t.Helper()
	c, err := tribes.New(tribes.Config{Name: name, Network: network.Node(name), Interceptors: []tribes.Interceptor{
		interceptor.NewFailureDetector(interceptor.FailureDetectorConfig{}),
	}})
	if err != nil {
		t.Fatal(err)
	}
	n := &node{name: name, d: rpc.NewDispatcher(c, javaserial.Limits{}, nil)}
	ctx, cancel := context.WithCancel(t.Context())
	grouped, leave := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() { ended <- c.Run(grouped) }()
	<-c.Ready()
	n.Map, err = replicated.New(replicated.Config{Name: "localhost#/app-map", Kind: kind, Owner: n}, n.d)
	if err != nil {
		t.Fatal(err)
	}
	go func() { ended <- n.Run(ctx) }()
	n.stop = sync.OnceFunc(func() { cancel(); <-ended; leave(); <-ended; n.d.Close() })
	t.Cleanup(n.stop)
	<-n.Ready()
	return n
}

// A node is the Owner of its values.

func (n *node) Merge(_, fresh any) any          { return fresh }
func (n *node) Moved(any, bool) bool            { return false }
func (n *node) Newer(any, javaserial.Node) bool { return true }
func (n *node) Later(_, _ javaserial.Node) bool { return false }
func (n *node) Came(any)                        {}
func (n *node) Gone(any, any)                   {}

func (n *node) Owned(value any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.owned = append(n.owned, fmt.Sprint(value))
}

// crash ends n without a word.
func (n *node) crash(network *tribestest.Network) { network.Crash(n.name); n.stop() }

func (n *node) put(t *testing.T, key string, value any) {
	t.Helper()
	if err := n.Put(t.Context(), key, value); err != nil {
		t.Errorf("put %s on %s: %v", key, n.name, err)
	}
}

// roles tells what an entry is on each node.
func roles(key string, nodes ...*node) string {
	text := ""
	for _, n := range nodes {
		role := "none"
		if e, ok := n.Peek(key); ok {
			role = e.Role.String()
		}
		text += n.name + " " + role + ", "
	}
	return text[:len(text)-2]
}

func wantRoles(t *testing.T, key string, nodes []*node, want ...replicated.Role) {
	t.Helper()
	synctest.Wait()
	counts, wanted := map[replicated.Role]int{}, map[replicated.Role]int{}
	for _, n := range nodes {
		if e, ok := n.Peek(key); ok {
			counts[e.Role]++
		}
	}
	for _, r := range want {
		wanted[r]++
	}
	if fmt.Sprint(counts) != fmt.Sprint(wanted) {
		t.Errorf("%s: %s", key, roles(key, nodes...))
	}
}

func TestLazyMap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a := start(t, network, "a", replicated.Lazy)
		a.put(t, "alone", "x")
		wantRoles(t, "alone", []*node{a}, replicated.Primary)
		b, c := start(t, network, "b", replicated.Lazy), start(t, network, "c", replicated.Lazy)
		all := []*node{a, b, c}
		wantRoles(t, "alone", all, replicated.Primary, replicated.Backup, replicated.Proxy)
		a.put(t, "k", map[string]any{"n": int32(1)})
		wantRoles(t, "k", all, replicated.Primary, replicated.Backup, replicated.Proxy)
		if e, _ := a.Peek("k"); e.Role != replicated.Primary {
			t.Errorf("%s, want a as primary", roles("k", all...))
		}
		for _, n := range []*node{c, b, a, b, c} {
			v, ok := n.Get(t.Context(), "k")
			if m, isMap := v.(map[string]any); !ok || !isMap || m["n"] != int32(1) {
				t.Fatalf("%s gets %v, %v", n.name, v, ok)
			}
			if e, _ := n.Peek("k"); e.Role != replicated.Primary {
				t.Errorf("%s, want %s as primary", roles("k", all...), n.name)
			}
			wantRoles(t, "k", all, replicated.Primary, replicated.Backup, replicated.Proxy)
		}
		if !b.Remove(t.Context(), "k") || b.Remove(t.Context(), "k") {
			t.Error("Remove does not tell whether there was one")
		}
		wantRoles(t, "k", all)
		if _, ok := c.Get(t.Context(), "k"); ok {
			t.Error("a removed entry is found")
		}
		if err := a.Put(t.Context(), []byte("x"), 1); err == nil {
			t.Error("bytes are taken as a key")
		}
		if err := a.Put(t.Context(), "k", struct{}{}); err == nil {
			t.Error("a struct is taken as a value")
		}
	})
}

// Whichever node dies, every entry lives on at the node that had its backup, and
// has a new one.
func TestEntriesLiveOn(t *testing.T) {
	for _, how := range []string{"crash", "stop"} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := tribestest.NewNetwork(1)
				a, b, c := start(t, network, "a", replicated.Lazy), start(t, network, "b", replicated.Lazy), start(t, network, "c", replicated.Lazy)
				for i := range 30 {
					[]*node{a, b, c}[i%3].put(t, fmt.Sprint("k", i), int32(i))
				}
				if how == "crash" {
					a.crash(network)
					time.Sleep(8 * time.Second)
				} else {
					a.stop()
					time.Sleep(3 * time.Second)
				}
				left := []*node{b, c}
				for i := range 30 {
					wantRoles(t, fmt.Sprint("k", i), left, replicated.Primary, replicated.Backup)
					if v, ok := left[i%2].Get(t.Context(), fmt.Sprint("k", i)); !ok || v != int32(i) {
						t.Errorf("k%d is %v, %v", i, v, ok)
					}
				}
				b.mu.Lock()
				c.mu.Lock()
				if n := len(b.owned) + len(c.owned); n != 10 {
					t.Errorf("%d entries told to have a new owner, want the 10 of a", n)
				}
				c.mu.Unlock()
				b.mu.Unlock()
				d := start(t, network, "d", replicated.Lazy)
				if n := len(d.Entries()); n != 30 {
					t.Errorf("a late joiner knows %d entries, want 30", n)
				}
				if v, ok := d.Get(t.Context(), "k7"); !ok || v != int32(7) {
					t.Errorf("a late joiner gets %v, %v", v, ok)
				}
			})
		})
	}
}

func TestCopyMap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a, b := start(t, network, "a", replicated.Copy), start(t, network, "b", replicated.Copy)
		a.put(t, "k", "v1")
		wantRoles(t, "k", []*node{a, b}, replicated.Primary, replicated.CopyRole)
		c := start(t, network, "c", replicated.Copy)
		if e, ok := c.Peek("k"); !ok || e.Value != "v1" {
			t.Errorf("a late joiner has %+v, %v", e, ok)
		}
		if v, ok := b.Get(t.Context(), "k"); !ok || v != "v1" {
			t.Errorf("b gets %v, %v", v, ok)
		}
		wantRoles(t, "k", []*node{a, b, c}, replicated.Primary, replicated.CopyRole, replicated.CopyRole)
		b.put(t, "k", "v2")
		synctest.Wait()
		for _, n := range []*node{a, c} {
			if e, _ := n.Peek("k"); e.Value != "v2" {
				t.Errorf("%s has %v", n.name, e.Value)
			}
		}
		b.crash(network)
		time.Sleep(8 * time.Second)
		wantRoles(t, "k", []*node{a, c}, replicated.Primary, replicated.CopyRole)
		a.Remove(t.Context(), "k")
		wantRoles(t, "k", []*node{a, c})
	})
}

// A change goes to the backup alone, nothing if nothing changed.
func TestReplicate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a, b := start(t, network, "a", replicated.Lazy), start(t, network, "b", replicated.Lazy)
		a.put(t, "k", "v")
		if _, err := b.Replicate(t.Context(), "k", true); err != nil {
			t.Error(err)
		}
		wantRoles(t, "k", []*node{a, b}, replicated.Primary, replicated.Backup)
		if _, err := a.Replicate(t.Context(), "k", true); err != nil {
			t.Error(err)
		}
		if err := a.Touch(t.Context(), "k", 0); err != nil {
			t.Error(err)
		}
		wantRoles(t, "k", []*node{a, b}, replicated.Primary, replicated.Backup)
	})
}

// Who only reads the state is no node of the map, and nobody waits for it.
func TestReadState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a, b := start(t, network, "a", replicated.Lazy), start(t, network, "b", replicated.Lazy)
		a.put(t, "k", "v")
		c, err := tribes.New(tribes.Config{Name: "reader", Network: network.Node("reader")})
		if err != nil {
			t.Fatal(err)
		}
		d := rpc.NewDispatcher(c, javaserial.Limits{}, nil)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx) }()
		defer func() { cancel(); <-ended; d.Close() }()
		<-c.Ready()
		entries, err := replicated.ReadState(t.Context(), d, replicated.Config{Name: "localhost#/app-map"}, c.Members()[0])
		if err != nil || len(entries) != 1 || entries[0].Key != "k" || len(entries[0].Nodes) != 1 {
			t.Errorf("entries %+v, %v", entries, err)
		}
		time.Sleep(20 * time.Second)
		for _, n := range []*node{a, b} {
			if members := n.Members(); len(members) != 1 {
				t.Errorf("%s has the map with %v, want one other", n.name, members)
			}
		}
	})
}

// A node whose map does not answer pings any more is out of it.
func TestPartition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a, b := start(t, network, "a", replicated.Lazy), start(t, network, "b", replicated.Lazy)
		a.put(t, "of a", "v")
		b.put(t, "of b", "v")
		network.Cut("a", "b")
		time.Sleep(30 * time.Second)
		for _, n := range []*node{a, b} {
			for _, key := range []string{"of a", "of b"} {
				if e, ok := n.Peek(key); !ok || e.Role != replicated.Primary {
					t.Errorf("%s on %s: %+v, %v; want that it lives on", key, n.name, e, ok)
				}
			}
		}
		network.HealAll()
		time.Sleep(30 * time.Second)
		for _, n := range []*node{a, b} {
			if members := n.Members(); len(members) != 1 {
				t.Errorf("%s has the map with %v after healing", n.name, members)
			}
		}
	})
}
