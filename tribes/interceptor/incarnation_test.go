package interceptor_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/interceptor"
	"github.com/catflap/catflap/tribes/tribestest"
)

// A desk stands below a FailureDetector: the test answers its probes when it
// likes.
type desk struct {
	wireEnd
	probes chan chan bool
}

func (d *desk) Probe(context.Context, tribes.Member, *tribes.Message, tribes.ProbeTest) bool {
	answer := make(chan bool)
	d.probes <- answer
	return <-answer
}

// atDesk runs a detector between u and a desk until the test ends.
func atDesk(t *testing.T) (*interceptor.FailureDetector, *user, *desk) {
	d, u, w := interceptor.NewFailureDetector(interceptor.FailureDetectorConfig{}), &user{}, &desk{probes: make(chan chan bool, 10)}
	d.Link(u, w)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); d.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		for {
			select {
			case probe := <-w.probes:
				probe <- false
			case <-ended:
				return
			}
		}
	})
	return d, u, w
}

// next returns the probe that is under way.
func (d *desk) next(t *testing.T) chan<- bool {
	t.Helper()
	synctest.Wait()
	select {
	case probe := <-d.probes:
		return probe
	default:
		t.Fatal("nothing is probed")
		return nil
	}
}

func (d *desk) none(t *testing.T) {
	t.Helper()
	synctest.Wait()
	if len(d.probes) > 0 {
		t.Errorf("%d probes are under way", len(d.probes))
	}
}

func (u *user) want(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	u.mu.Lock()
	defer u.mu.Unlock()
	if !slices.Equal(u.told, want) {
		t.Errorf("told %q, want %q", u.told, want)
	}
}

// What a probe finds counts unless something that was heard since says otherwise.
func TestLateResultOfAProbe(t *testing.T) {
	b := member("10.0.0.2")
	b.Static = true
	goodbye := b
	goodbye.Command = []byte("BABY-ALEX")
	message := func(t *testing.T, d *interceptor.FailureDetector) {
		deliver(t, d, tribes.Message{From: b, Data: []byte("x")})
		synctest.Wait()
	}
	failed := func(d *interceptor.FailureDetector, w *desk) {
		w.fail = &tribes.SendError{Faulty: []tribes.Faulty{{Member: b, Err: net.ErrClosed}}}
		d.Send(context.Background(), []tribes.Member{b}, &tribes.Message{})
		synctest.Wait()
	}
	const joined, left = "joined 10.0.0.2", "left 10.0.0.2"
	for _, test := range []struct {
		name  string
		knows bool // b is a member at the beginning
		run   func(t *testing.T, d *interceptor.FailureDetector, w *desk)
		want  []string
	}{
		{"a message since keeps a member", true, func(t *testing.T, d *interceptor.FailureDetector, w *desk) {
			d.ProbeAll()
			old := w.next(t)
			message(t, d)
			old <- false
			w.next(t) <- true
		}, nil},
		{"a start since keeps a member", true, func(t *testing.T, d *interceptor.FailureDetector, w *desk) {
			d.ProbeAll()
			old := w.next(t)
			d.Joined(b)
			synctest.Wait()
			old <- false
			w.next(t) <- true
		}, nil},
		{"a message of its former life does not", true, func(t *testing.T, d *interceptor.FailureDetector, w *desk) {
			d.ProbeAll()
			old := w.next(t)
			message(t, d)
			old <- false
			again := w.next(t)
			message(t, d)
			again <- false
			w.none(t)
		}, []string{left}},
		{"a message before the probe does not", true, func(t *testing.T, d *interceptor.FailureDetector, w *desk) {
			message(t, d)
			d.ProbeAll()
			w.next(t) <- false
			w.none(t)
		}, []string{left}},
		{"a start while it is asked for in vain is not forgotten", false, func(t *testing.T, d *interceptor.FailureDetector, w *desk) {
			d.ProbeAll()
			old := w.next(t)
			d.Joined(b)
			synctest.Wait()
			old <- false
			w.next(t) <- true
		}, []string{joined}},
		{"a message after it was removed brings it back", true, func(t *testing.T, d *interceptor.FailureDetector, w *desk) {
			d.ProbeAll()
			w.next(t) <- false
			synctest.Wait()
			message(t, d)
			w.next(t) <- true
		}, []string{left, joined}},
		{"messages of one that takes no connection are one probe a heartbeat", true, func(t *testing.T, d *interceptor.FailureDetector, w *desk) {
			d.ProbeAll()
			w.next(t) <- false
			synctest.Wait()
			for range 3 {
				message(t, d)
				w.next(t) <- false
				synctest.Wait()
				message(t, d)
				w.none(t)
				d.Heartbeat(t.Context())
				w.next(t) <- false
				synctest.Wait()
			}
		}, []string{left}},
		{"silence while it still answers is looked into again", true, func(t *testing.T, d *interceptor.FailureDetector, w *desk) {
			d.ProbeAll()
			old := w.next(t)
			d.Left(b)
			synctest.Wait()
			old <- true
			w.next(t) <- false
		}, []string{left}},
		{"a failed message while it still answers is looked into again", true, func(t *testing.T, d *interceptor.FailureDetector, w *desk) {
			d.ProbeAll()
			old := w.next(t)
			failed(d, w)
			old <- true
			w.next(t) <- false
		}, []string{left}},
		{"a goodbye ends what is found out", true, func(t *testing.T, d *interceptor.FailureDetector, w *desk) {
			d.ProbeAll()
			old := w.next(t)
			d.Left(goodbye)
			synctest.Wait()
			old <- true
			w.none(t)
		}, []string{"left with a goodbye 10.0.0.2"}},
		{"after a goodbye a receiver that still answers, and messages, are no member", true, func(t *testing.T, d *interceptor.FailureDetector, w *desk) {
			d.Left(goodbye)
			synctest.Wait()
			d.ProbeAll()
			message(t, d)
			w.none(t)
			time.Sleep(3 * time.Second)
			d.ProbeAll()
			w.next(t) <- true
		}, []string{"left with a goodbye 10.0.0.2", joined}},
		{"after a goodbye a start is one", true, func(t *testing.T, d *interceptor.FailureDetector, w *desk) {
			d.Left(goodbye)
			d.Joined(b)
			w.next(t) <- true
		}, []string{"left with a goodbye 10.0.0.2", joined}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, u, w := atDesk(t)
				d.Joined(b)
				w.next(t) <- test.knows
				synctest.Wait()
				want := test.want
				if test.knows {
					want = append([]string{joined}, want...)
				}
				test.run(t, d, w)
				u.want(t, want...)
			})
		})
	}
}

// A goodbye of a member's former life that comes after it has said that it
// starts again is none.
func TestStaticMembershipLateGoodbye(t *testing.T) {
	b := member("10.0.0.2")
	s := interceptor.NewStaticMembership(interceptor.StaticMembershipConfig{Members: []tribes.Member{b}})
	u, _ := between(s)
	notice := func(text string, at int64) {
		deliver(t, s, tribes.Message{From: b, Timestamp: at, Data: []byte("Local StaticMember " + text + " Data")})
	}
	notice("Notification", 1000)
	notice("Notification", 2000)
	notice("Shutdown", 1990)
	notice("Shutdown", 2500)
	notice("Notification", 2600)
	if want := []string{"joined 10.0.0.2", "joined 10.0.0.2", "left with a goodbye 10.0.0.2", "joined 10.0.0.2"}; !slices.Equal(u.told, want) {
		t.Errorf("told %q, want %q", u.told, want)
	}
}

// A slowNode is one whose refused connections are told late while it is slow.
// One that is dead has none.
type slowNode struct {
	*tribestest.Node
	slow, dead atomic.Bool
}

func (n *slowNode) Dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	if n.dead.Load() {
		return nil, net.ErrClosed
	}
	conn, err := n.Node.Dial(ctx, to)
	if err != nil && n.slow.Load() {
		time.Sleep(200 * time.Millisecond)
	}
	return conn, err
}

// A static member that is back soon after a crash gets every message that is
// sent from its start on.
func TestBackSoonAfterACrash(t *testing.T) {
	for _, knows := range []bool{true, false} {
		t.Run(fmt.Sprintf("knows=%v", knows), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { backSoon(t, knows) })
		})
	}
}

func backSoon(t *testing.T, knows bool) {
	network := tribestest.NewNetwork(3)
	slow, crashes := &slowNode{Node: network.Node("a")}, &slowNode{Node: network.Node("b")}
	ids := map[string]tribes.ID{"a": {15: 1}, "b": {15: 2}}
	run := func(name, other string, on tribes.Network) (*tribes.Channel, *events, func()) {
		c, err := tribes.New(tribes.Config{Name: name, Network: on, ID: ids[name], NoMembership: true, Interceptors: []tribes.Interceptor{
			interceptor.NewPing(interceptor.PingConfig{}), detector(), interceptor.NewStaticMembership(interceptor.StaticMembershipConfig{
				Members: []tribes.Member{{Host: network.Node(other).Addr(), Port: 4000, ID: ids[other]}}}),
		}})
		if err != nil {
			t.Fatal(err)
		}
		e := &events{}
		c.Listen(e)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx) }()
		stop := sync.OnceFunc(func() { cancel(); <-ended })
		t.Cleanup(stop)
		return c, e, stop
	}
	a, aEvents, _ := run("a", "b", slow)
	_, _, stopB := run("b", "a", crashes)
	time.Sleep(4900 * time.Millisecond)
	slow.slow.Store(true)
	crashes.dead.Store(true)
	network.Crash("b")
	stopB()
	before := []string{"joined 10.0.0.2"}
	if !knows {
		time.Sleep(5 * time.Second) // a has noticed
		before = append(before, "left 10.0.0.2")
	}
	aEvents.want(t, before...)
	time.Sleep(150 * time.Millisecond) // the probes of a heartbeat have begun, and are refused
	_, back, _ := run("b", "a", network.Node("b"))
	time.Sleep(250 * time.Millisecond) // and a is told so
	if !knows {
		before = append(before, "joined 10.0.0.2")
	}
	aEvents.want(t, before...)
	for i := range 100 {
		if err := a.Send(t.Context(), a.Members(), &tribes.Message{Options: tribes.OptionAck, Data: fmt.Append(nil, i)}); err != nil {
			t.Errorf("message %d: %v", i, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	back.mu.Lock()
	defer back.mu.Unlock()
	if len(back.data) != 100 {
		t.Errorf("it got %d of 100 messages", len(back.data))
	}
}
