package static

import (
	"bytes"
	"context"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/internal/leaktest"
	"github.com/catflap/catflap/internal/vectors"
	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/interceptor"
	"github.com/catflap/catflap/tribes/rpc"
	"github.com/catflap/catflap/tribes/tribestest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func TestVector(t *testing.T) {
	data := vectors.Bytes(t, "static-membership-message")
	n, err := javaserial.Decode(data, javaserial.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var m message
	var c rpc.Classes
	if mine, err := m.parse(n, &c); !mine || err != nil {
		t.Fatal(mine, err)
	}
	if m.kind != msgStart || string(m.id) != "Catalina-Channel-StaticMembership" || m.member.Name() != "tcp://{10, 77, 0, 1}:4000" || m.member.Alive != 61495 {
		t.Errorf("%+v", m)
	}
	if again := javaserial.Encode(m.object(&c)); !bytes.Equal(again, data) {
		t.Errorf("written otherwise:\n% x\n% x", data, again)
	}
	other := m.object(&c)
	other.Class = &javaserial.Class{Name: other.Class.Name, SUID: 7, Flags: other.Class.Flags, Fields: other.Class.Fields}
	if mine, err := m.parse(other, &c); !mine || err == nil || !strings.Contains(err.Error(), "serialVersionUID") {
		t.Errorf("of another release: %v, %v", mine, err)
	}
	if mine, _ := m.parse(&javaserial.String{Text: "x"}, &c); mine {
		t.Error("a string is one")
	}
}

// A node is a channel with static membership.
type node struct {
	*tribes.Channel
	stop func()

	mu     sync.Mutex
	events []string
}

func (n *node) Received(*tribes.Message) (bool, error) { return false, nil }
func (n *node) Joined(m tribes.Member)                 { n.add("joined " + m.Host.String()) }
func (n *node) Left(m tribes.Member)                   { n.add("left " + m.Host.String()) }
func (n *node) add(text string)                        { n.mu.Lock(); defer n.mu.Unlock(); n.events = append(n.events, text) }

func (n *node) want(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	if !slices.Equal(n.events, want) {
		t.Errorf("told %q, want %q", n.events, want)
	}
}

// start starts the node with that name, which is configured with the others of
// all.
func start(t *testing.T, network *tribestest.Network, name string, all ...string) *node {
	t.Helper()
	cfg := Config{ChannelName: "test-Channel", PingInterval: time.Second}
	for _, other := range all {
		if other != name {
			cfg.Members = append(cfg.Members, tribes.Member{Host: network.Node(other).Addr(), Port: 4000, ID: tribes.ID{15: other[0]}})
		}
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	c, err := tribes.New(tribes.Config{
		Name: name, Network: network.Node(name), NoMembership: true, ID: tribes.ID{15: name[0]},
		Interceptors: []tribes.Interceptor{interceptor.NewDispatch(interceptor.DispatchConfig{}), interceptor.NewFailureDetector(interceptor.FailureDetectorConfig{}), s},
	})
	if err != nil {
		t.Fatal(err)
	}
	n := &node{Channel: c}
	c.Listen(n)
	d := rpc.NewDispatcher(c, javaserial.Limits{}, nil)
	if err := s.Open(d); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = c.Run(ctx); d.Close() }() // a crash is an error
	n.stop = sync.OnceFunc(func() { cancel(); <-ended })
	t.Cleanup(n.stop)
	return n
}

// Configured members find each other, whoever is first; one that stops has left
// at once, one that crashes when it cannot be asked, and one that is back has
// joined.
func TestStaticMembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		names := []string{"a", "b", "c"}
		for _, name := range names {
			network.Node(name)
		}
		a := start(t, network, "a", names...)
		time.Sleep(3 * time.Second)
		a.want(t)
		b := start(t, network, "b", names...)
		time.Sleep(100 * time.Millisecond)
		a.want(t, "joined 10.0.0.2")
		b.want(t, "joined 10.0.0.1")
		c := start(t, network, "c", names...)
		time.Sleep(time.Minute)
		a.want(t, "joined 10.0.0.2", "joined 10.0.0.3")
		if n := len(c.Members()); n != 2 {
			t.Errorf("c knows %d members", n)
		}
		b.stop()
		time.Sleep(100 * time.Millisecond)
		a.want(t, "joined 10.0.0.2", "joined 10.0.0.3", "left 10.0.0.2")
		network.Crash("c")
		c.stop()
		time.Sleep(8 * time.Second)
		a.want(t, "joined 10.0.0.2", "joined 10.0.0.3", "left 10.0.0.2", "left 10.0.0.3")
		start(t, network, "c", names...)
		time.Sleep(2 * time.Second)
		a.want(t, "joined 10.0.0.2", "joined 10.0.0.3", "left 10.0.0.2", "left 10.0.0.3", "joined 10.0.0.3")
	})
}

// An above stands above a Service, and notes what it is told.
type above struct {
	tribes.Upper
	told []string
}

func (a *above) Joined(m tribes.Member) { a.told = append(a.told, "joined "+m.Host.String()) }
func (a *above) Left(m tribes.Member)   { a.told = append(a.told, "left "+m.Host.String()) }

// A below stands below one.
type below struct{ tribes.Pass }

func (b *below) Local() tribes.Member { return tribes.Member{} }

// What was on its way when a member said goodbye does not bring it back. That
// it starts does, and what it says long afterwards.
func TestGoodbyeThenLateAnswer(t *testing.T) {
	b := tribes.Member{Host: netip.MustParseAddr("10.0.0.2"), Port: 4000, ID: tribes.ID{1}}
	for _, test := range []struct {
		name string
		then func(s *Service, say func(k kind) javaserial.Node)
		back bool
	}{
		{"a late answer", func(s *Service, say func(kind) javaserial.Node) { (*handler)(s).Leftover(say(msgPing), b) }, false},
		{"an answer to a question from before", func(s *Service, _ func(kind) javaserial.Node) { s.heard(b, time.Now().Add(-time.Second)) }, false},
		{"an answer to a question from after", func(s *Service, _ func(kind) javaserial.Node) { s.heard(b, time.Now()) }, true},
		{"a late ping", func(s *Service, say func(kind) javaserial.Node) { (*handler)(s).Asked(say(msgPing), b) }, false},
		{"a start", func(s *Service, say func(kind) javaserial.Node) { (*handler)(s).Asked(say(msgStart), b) }, true},
		{"a ping long afterwards", func(s *Service, say func(kind) javaserial.Node) {
			time.Sleep(10 * time.Second)
			s.expire()
			(*handler)(s).Asked(say(msgPing), b)
		}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, err := New(Config{ChannelName: "x"})
				if err != nil {
					t.Fatal(err)
				}
				up := &above{}
				s.Link(up, &below{})
				say := func(k kind) javaserial.Node { return (&message{k, b, []byte(s.id)}).object(&s.classes) }
				(*handler)(s).Asked(say(msgStart), b)
				if mine, err := (*taker)(s).Object(say(msgStop), &tribes.Message{From: b}); !mine || err != nil {
					t.Fatal(mine, err)
				}
				time.Sleep(time.Millisecond)
				test.then(s, say)
				want := []string{"joined 10.0.0.2", "left 10.0.0.2"}
				if test.back {
					want = append(want, "joined 10.0.0.2")
				}
				if !slices.Equal(up.told, want) {
					t.Errorf("told %q, want %q", up.told, want)
				}
			})
		})
	}
}

// A channel name and a dispatcher are needed.
func TestIncomplete(t *testing.T) {
	if _, err := New(Config{}); err == nil {
		t.Error("no error without the channel's name")
	}
	s, err := New(Config{ChannelName: "x"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); err == nil {
		t.Error("no error without a dispatcher")
	}
}
