package delta

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/cluster/internal/replica"
	"github.com/catflap/catflap/cluster/internal/wire"
	"github.com/catflap/catflap/session"
	"github.com/catflap/catflap/tribes/tribestest"
)

// counter is an application that sets an attribute.
func counter(t *testing.T, name string, value any) http.Handler {
	return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if err := session.From(r.Context()).Set(name, value); err != nil {
			t.Error(err)
		}
	})
}

func serve(h http.Handler, cookie string) {
	r := httptest.NewRequest("GET", "/shop/", nil)
	r.Header.Set("Cookie", cookie)
	h.ServeHTTP(httptest.NewRecorder(), r)
}

// A node that starts has all sessions once it is ready, in one message or in
// batches, with what changes meanwhile.
func TestTransfer(t *testing.T) {
	for _, size := range []int{0, 1, 7, 100} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := tribestest.NewNetwork(1)
				cfg := Config{BatchSize: size}
				a, b := start(t, network, "a", 0, cfg), start(t, network, "b", 0, cfg)
				var cookies []string
				for i := range 20 {
					cookies = append(cookies, a.set(t, "", "n", i))
				}
				want(t, cookies[19], "n=19", b)
				b.do(t, cookies[0], func(s *session.Session) {
					s.SetPrincipal(&session.Principal{Name: "ada", AuthType: "BASIC"})
				})
				late := begin(t, network, "late", 0, cfg)
				var fresh string
				for i := range 30 { // while it starts
					time.Sleep(100 * time.Millisecond)
					b.set(t, cookies[i%20], "n", i)
					fresh = a.set(t, "", "fresh", true)
				}
				<-late.Ready()
				want(t, fresh, "fresh=true", late)
				for i, cookie := range cookies {
					if i < 10 {
						i += 20
					}
					want(t, cookie, fmt.Sprint("n=", i), a, b, late)
				}
				if late.Len() != 50 || late.Len() != a.Len() {
					t.Errorf("%d sessions, the others have %d", late.Len(), a.Len())
				}
				e := late.lookUp(idOf(cookies[0])).entry
				if s, _ := e.State(); s.Principal == nil || s.Principal.AuthType != "BASIC" || e.Primary() || e.Created().UnixMilli() != a.lookUp(idOf(cookies[0])).entry.Created().UnixMilli() {
					t.Errorf("%+v of %+v", s, s.Principal)
				}
			})
		})
	}
}

// Sessions that make more than a frame can have come in several messages.
func TestTransferLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a := start(t, network, "a", 0, Config{})
		var cookies []string
		for i := range 40 {
			cookies = append(cookies, a.set(t, "", "large", strings.Repeat(string(rune('A'+i)), 1<<20)))
		}
		late := start(t, network, "late", 0, Config{})
		for _, c := range cookies {
			if got := late.peek(c); got == "none" || got != a.peek(c) {
				t.Fatalf("a session of %d bytes, want %d", len(got), len(a.peek(c)))
			}
		}
	})
}

// Nodes that start at the same time do not wait for each other; one that asks a
// node that waits itself gets its answer afterwards.
func TestStartTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		began := time.Now()
		var nodes []*node
		for i := range 4 {
			nodes = append(nodes, begin(t, network, fmt.Sprint("n", i), 0, Config{}))
		}
		for _, n := range nodes {
			<-n.Ready()
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("they started in %v", took)
		}
		want(t, nodes[2].set(t, "", "x", 1), "x=1", nodes...)
	})
}

// Who has no such context is not waited for: the next one is asked.
func TestTransferFromNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		start(t, network, "other", 0, Config{Context: "localhost#/other"})
		a := start(t, network, "a", 0, Config{})
		cookie := a.set(t, "", "x", 1)
		began := time.Now()
		late := start(t, network, "late", 0, Config{})
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("it started in %v", took)
		}
		want(t, cookie, "x=1", late)
	})
}

// A member that is asked and crashes, or never answers, keeps nobody waiting for
// longer than the time.
func TestTransferFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a := start(t, network, "a", 0, Config{BatchSize: 1, BatchWait: time.Hour})
		for i := range 3 {
			a.set(t, "", "x", i)
		}
		began := time.Now()
		late := start(t, network, "late", 0, Config{TransferTimeout: 20 * time.Second})
		if took := time.Since(began); took < 20*time.Second || took > 30*time.Second || late.Len() != 1 {
			t.Errorf("it started in %v with %d sessions", took, late.Len())
		}
		at := time.Now()
		soon := start(t, network, "soon", 0, Config{TransferLater: true})
		if time.Since(at) != 0 {
			t.Errorf("it waited for %v", time.Since(at))
		}
		third := begin(t, network, "third", 0, Config{})
		time.Sleep(3 * time.Second) // it has asked a
		a.crashed = true
		network.Crash("a")
		<-third.Ready()
		if took := time.Since(at); took > 20*time.Second {
			t.Errorf("its master crashed, and it started in %v", took)
		}
		_ = soon
		a.stop()
	})
}

// Messages about a session that overtake its beginning are not lost; those of
// one that never comes are forgotten.
func TestEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a, b := start(t, network, "a", sync6, Config{}), start(t, network, "b", sync6, Config{})
		cookie := a.set(t, "", "n", 1)
		e := a.lookUp(idOf(cookie))
		drop := func(id string) {
			t.Helper()
			known := b.lookUp(id)
			if known == nil {
				t.Fatalf("b does not know %s", id)
			}
			b.drop(known, true)
		}
		drop(idOf(cookie))
		for n := range 3 {
			a.set(t, cookie, "n", n+10)
			a.set(t, cookie, fmt.Sprint("m", n), n)
		}
		r := receiver{b.Manager}
		r.Receive(wire.About(wire.EventCreated, a.cfg.Context, e.order, e.entry.Created()), a.cluster.Members()[0])
		want(t, cookie, "m0=0 m1=1 m2=2 n=12", a, b)

		again := wire.About(wire.EventCreated, a.cfg.Context, e.order, e.entry.Created())
		r.Receive(again, a.cluster.Members()[0]) // sent twice, after a lost acknowledgement
		want(t, cookie, "m0=0 m1=1 m2=2 n=12", b)

		drop(idOf(cookie))
		rotated := a.do(t, cookie, func(s *session.Session) { s.Set("n", 99); s.RotateID() })
		a.set(t, rotated, "z", 1)
		r.Receive(again, a.cluster.Members()[0])
		want(t, rotated, "n=99 z=1", b)

		drop(idOf(rotated))
		a.set(t, rotated, "late", 1)
		time.Sleep(10 * time.Second)
		r.Receive(wire.About(wire.EventCreated, a.cfg.Context, idOf(rotated), time.Now()), a.cluster.Members()[0])
		want(t, rotated, "", b)
		a.do(t, rotated, func(s *session.Session) { s.Invalidate() })
		for i := range earlyCount + 100 {
			r.Receive(wire.About(wire.EventAccessed, a.cfg.Context, fmt.Sprint("no such session ", i), time.Now()), a.cluster.Members()[0])
		}
		if n := b.kept(); n != earlyCount {
			t.Errorf("%d are kept", n)
		}
		time.Sleep(2 * time.Minute)
		if n := b.kept(); n != 0 {
			t.Errorf("%d are still kept", n)
		}
	})
}

// A change that is overtaken by the new id of its session is not lost; one that
// comes much later is no change of that session any more.
func TestFormerID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a, b := start(t, network, "a", sync6, Config{Route: "a"}), start(t, network, "b", sync6, Config{Route: "b"})
		cookie := a.set(t, "", "n", 1)
		old := idOf(cookie)
		late := func(value int) *wire.Message {
			payload, err := replica.Delta(old, false, []session.Change{{Kind: session.KindAttribute, Name: "n", Value: value}}).Encode()
			if err != nil {
				t.Fatal(err)
			}
			msg := wire.About(wire.EventDelta, a.cfg.Context, old, time.Now())
			msg.Payload = payload
			return msg
		}
		cookie = b.do(t, cookie, func(*session.Session) {}) // it has the route of b now
		if idOf(cookie) == old {
			t.Fatal("the id is as it was")
		}
		r := receiver{b.Manager}
		r.Receive(late(2), b.cluster.Members()[0])
		want(t, cookie, "n=2", b)
		time.Sleep(2 * earlyTime)
		r.Receive(late(3), b.cluster.Members()[0])
		want(t, cookie, "n=2", b)
		for range earlyCount + 10 {
			cookie = b.do(t, cookie, func(s *session.Session) { s.RotateID() })
		}
		if n := b.formerIDs(); n > earlyCount {
			t.Errorf("%d former ids are known", n)
		}
		time.Sleep(2 * time.Minute)
		if n := b.formerIDs(); n != 0 {
			t.Errorf("%d former ids are still known", n)
		}
	})
}

// What cannot be read changes nothing.
func TestBadMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a, b := start(t, network, "a", sync6, Config{}), start(t, network, "b", sync6, Config{})
		cookie := a.set(t, "", "n", 1)
		for _, event := range []wire.Event{wire.EventDelta, wire.EventChangeID, wire.EventAllData, 99} {
			for _, payload := range [][]byte{nil, {}, []byte("no stream"), {0xac, 0xed, 0, 5, 0x77, 1}} {
				msg := wire.About(event, a.cfg.Context, idOf(cookie), time.Now())
				msg.Payload = payload
				if err := a.cluster.Send(t.Context(), a.cluster.Members(), msg, 0, ""); err != nil {
					t.Errorf("%v: %v; Tomcat acknowledges it", event, err)
				}
			}
		}
		want(t, cookie, "n=1", a, b)
		if b.Len() != 1 {
			t.Errorf("%d sessions", b.Len())
		}
	})
}

// Two halves of a group that cannot see each other go on alone, and are one
// again afterwards: no session stays that nobody owns, and none is lost.
func TestPartition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		cfg := Config{MaxInactive: 10 * time.Minute}
		a, b, c := start(t, network, "a", 0, cfg), start(t, network, "b", 0, cfg), start(t, network, "c", 0, cfg)
		cookie := a.set(t, "", "n", 1)
		want(t, cookie, "n=1", a, b, c)
		network.Partition([]string{"a"}, []string{"b", "c"})
		time.Sleep(20 * time.Second)
		if len(a.cluster.Members()) != 0 || len(b.cluster.Members()) != 1 {
			t.Fatalf("members %v and %v", a.cluster.Members(), b.cluster.Members())
		}
		left, right := a.set(t, "", "side", "left"), b.set(t, "", "side", "right")
		c.set(t, cookie, "n", 2)
		want(t, cookie, "n=2", b, c)
		want(t, right, "side=right", b, c)
		want(t, left, "side=left", a)
		network.HealAll()
		time.Sleep(20 * time.Second)
		if len(a.cluster.Members()) != 2 {
			t.Fatalf("members %v", a.cluster.Members())
		}
		b.set(t, cookie, "n", 3)
		want(t, cookie, "n=3", a, b, c)
		time.Sleep(25 * time.Minute) // nobody comes any more
		for _, n := range []*node{a, b, c} {
			if n.Len() != 0 {
				t.Errorf("%s has %d sessions that nobody uses", n.name, n.Len())
			}
		}
	})
}
