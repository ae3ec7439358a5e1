package balancer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// A node is an Endpoint without a network.
type node struct {
	name  string
	cause atomic.Int64 // the exchange.Cause with which it fails; 0 is none
	got   atomic.Int64 // requests
	pings atomic.Int64
	took  time.Duration
	full  bool
	seen  []string // Set-Cookie and activation at each request
	quiet bool     // many requests at once: seen is not written
}

// fail lets n fail with cause from now on; 0 ends that.
func (n *node) fail(cause exchange.Cause) { n.cause.Store(int64(cause)) }

func (n *node) Try(w http.ResponseWriter, r *http.Request, x *exchange.Exchange) error {
	n.got.Add(1)
	if !n.quiet {
		n.seen = append(n.seen, w.Header().Get("Set-Cookie")+" "+x.Session.Activation)
	}
	body, _ := io.ReadAll(x.Body)
	if n.took > 0 {
		time.Sleep(n.took) // virtual
	}
	if cause := exchange.Cause(n.cause.Load()); cause != 0 {
		reached := exchange.ReachedContainer
		if cause == exchange.CauseRefused || cause == exchange.CauseBusy {
			reached = exchange.ReachedNobody
		}
		return &exchange.Error{Worker: n.name, Cause: cause, Reached: reached}
	}
	fmt.Fprintf(w, "%s %s", n.name, body)
	return nil
}

func (n *node) MayRepeat(x *exchange.Exchange, failure *exchange.Error) bool {
	return failure.Reached == exchange.ReachedNobody || x.Request.Method == http.MethodGet
}

func (n *node) Ping(context.Context) error {
	n.pings.Add(1)
	if n.cause.Load() != 0 {
		return errors.New("refused")
	}
	return nil
}

func (n *node) Free() bool { return !n.full }

func (n *node) Traffic() (read, transferred int64) { return 7, 8 }

// A tester is a testing.TB or a rapid.T.
type tester interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// group returns a balancer over nodes a, b, … and the nodes.
func group(t tester, n int, change func(*Config)) (*Balancer, []*node) {
	t.Helper()
	cfg := Config{Name: "lb"}
	var nodes []*node
	var endpoints []Endpoint
	for i := range n {
		name := string(rune('a' + i))
		cfg.Members = append(cfg.Members, MemberConfig{Worker: name})
		nodes = append(nodes, &node{name: name})
		endpoints = append(endpoints, nodes[i])
	}
	if change != nil {
		change(&cfg)
	}
	b, err := New(cfg, endpoints, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return b, nodes
}

func request(method, cookie, body string) *exchange.Exchange {
	x := &exchange.Exchange{
		Client:  &exchange.Client{},
		Request: exchange.Request{Method: method, Path: exchange.Path{Decoded: "/"}, Header: http.Header{}},
		Target:  exchange.Target{Rule: &exchange.Rule{}},
		Body:    exchange.NewBody(strings.NewReader(body), int64(len(body)), 0),
	}
	if cookie != "" {
		x.Request.Header.Set("Cookie", "JSESSIONID="+cookie)
	}
	return x
}

func send(b *Balancer, x *exchange.Exchange) (string, error) {
	rec := httptest.NewRecorder()
	err := b.Forward(rec, httptest.NewRequest("GET", "/", nil), x)
	return rec.Body.String(), err
}

func causeOf(err error) string {
	if failure, ok := errors.AsType[*exchange.Error](err); ok {
		return failure.Cause.String()
	}
	return fmt.Sprint(err)
}

func TestWeights(t *testing.T) {
	for _, method := range []Method{Requests, Sessions, Next} {
		b, nodes := group(t, 2, func(c *Config) { c.Method = method; c.Members[1].Factor = 3 })
		for range 400 {
			if _, err := send(b, request("GET", "", "")); err != nil {
				t.Fatal(err)
			}
		}
		if got := nodes[1].got.Load(); got < 298 || got > 302 {
			t.Errorf("%v: factor 3 got %d of 400", method, got)
		}
	}
}

func TestBusyness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, nodes := group(t, 2, func(c *Config) { c.Method = Busyness })
		nodes[0].took = time.Hour
		for range 10 {
			go send(b, request("GET", "", ""))
			synctest.Wait()
		}
		if nodes[0].got.Load() != 1 {
			t.Errorf("the slow node got %d of 10", nodes[0].got.Load())
		}
		time.Sleep(2 * time.Hour)
		if s := b.Snapshot(time.Now()); s.Members[0].Value != 0 || s.Members[1].Value != 0 || s.Members[0].MaxBusy != 1 {
			t.Errorf("values stay: %+v", s.Members)
		}
	})
}

func TestSticky(t *testing.T) {
	b, nodes := group(t, 3, nil)
	for range 10 {
		if got, err := send(b, request("GET", "1F.b", "")); got != "b " || err != nil {
			t.Fatalf("%q, %v", got, err)
		}
	}
	nodes[1].fail(exchange.CauseRefused)
	x := request("GET", "1F.b", "")
	if got, err := send(b, x); got == "b " || err != nil || x.Session.Sticky || x.Session.Answered == "b" || x.Session.Route != "b" {
		t.Errorf("%q, %v, %+v", got, err, x.Session)
	}
	if nodes[1].got.Load() != 11 {
		t.Errorf("b got %d", nodes[1].got.Load())
	}
	send(b, request("GET", "1F.b", ""))
	if nodes[1].got.Load() != 11 {
		t.Error("a member in error is asked again")
	}
}

func TestStickyOff(t *testing.T) {
	b, nodes := group(t, 2, func(c *Config) { c.Sticky.Off = true })
	for range 10 {
		send(b, request("GET", "1F.b", ""))
	}
	if nodes[0].got.Load() != 5 {
		t.Errorf("a got %d of 10", nodes[0].got.Load())
	}
}

func TestForce(t *testing.T) {
	b, nodes := group(t, 2, func(c *Config) { c.Sticky.Force = true })
	nodes[1].fail(exchange.CauseRefused)
	_, err := send(b, request("GET", "1F.b", ""))
	if causeOf(err) != "refused" {
		t.Errorf("the first: %v", err)
	}
	if nodes[0].got.Load() != 0 {
		t.Error("a session went elsewhere")
	}
	if _, err := send(b, request("GET", "1F.zz", "")); causeOf(err) != "forced-route" {
		t.Errorf("an unknown route: %v", err)
	}
}

func TestFailover(t *testing.T) {
	for _, test := range []struct {
		name, method string
		cause        exchange.Cause
		want         string
		first        int64
	}{
		{"refused: nothing was sent", "POST", exchange.CauseRefused, "b body", 1},
		{"no answer to a GET", "GET", exchange.CauseEOF, "b body", 1},
		{"no answer to a POST: it may have run", "POST", exchange.CauseEOF, "", 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			b, nodes := group(t, 2, nil)
			nodes[0].fail(test.cause)
			before := time.Now()
			got, err := send(b, request(test.method, "", "body"))
			if got != test.want || (err == nil) != (test.want != "") || nodes[0].got.Load() != test.first {
				t.Errorf("%s: %q, %v; the first got %d", test.name, got, err, nodes[0].got.Load())
			}
			if took := time.Since(before); took > 0 {
				t.Errorf("%s: the other member was asked after %v, not at once", test.name, took)
			}
		})
	}
}

func TestAllDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, nodes := group(t, 2, nil)
		nodes[0].fail(exchange.CauseRefused)
		nodes[1].fail(exchange.CauseRefused)
		before := time.Now()
		if _, err := send(b, request("GET", "", "")); causeOf(err) != "refused" {
			t.Errorf("%v", err)
		}
		if sum := nodes[0].got.Load() + nodes[1].got.Load(); sum != 4 || time.Since(before) != 100*time.Millisecond {
			t.Errorf("%d tries in %v; want two rounds over two members, with one pause", sum, time.Since(before))
		}
		nodes[1].fail(0)
		if got, err := send(b, request("GET", "", "")); got != "b " || err != nil {
			t.Errorf("all in error, one is back: %q, %v", got, err)
		}
	})
}

func TestStopped(t *testing.T) {
	b, _ := group(t, 1, func(c *Config) { c.Members[0].Activation = Stopped })
	if _, err := send(b, request("GET", "1F.a", "")); causeOf(err) != "no-worker" {
		t.Errorf("%v", err)
	}
}

func TestRecovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		b, nodes := group(t, 2, func(c *Config) { c.Recovery.RecoverTime = 10 * time.Second })
		done := make(chan error)
		go func() { done <- b.Run(ctx) }()
		nodes[0].fail(exchange.CauseRefused)
		send(b, request("GET", "", ""))
		time.Sleep(8 * time.Second)
		if nodes[0].pings.Load() != 0 {
			t.Error("probed before recover_time")
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if nodes[0].pings.Load() != 1 || b.now.Load().members[0].seen() != Error {
			t.Errorf("after recover_time: %d probes, %v", nodes[0].pings.Load(), b.now.Load().members[0].seen())
		}
		nodes[0].fail(0)
		time.Sleep(12 * time.Second)
		synctest.Wait()
		if b.now.Load().members[0].seen() != Recover || nodes[0].got.Load() != 1 {
			t.Errorf("after a good probe: %v, %d requests", b.now.Load().members[0].seen(), nodes[0].got.Load())
		}
		nodes[0].took = time.Second
		for range 6 {
			go send(b, request("GET", "", ""))
			synctest.Wait()
		}
		if b.now.Load().members[0].seen() != Probe || nodes[0].got.Load() != 2 {
			t.Errorf("while it is tried: %v, %d requests, want one more", b.now.Load().members[0].seen(), nodes[0].got.Load())
		}
		time.Sleep(2 * time.Second)
		if b.now.Load().members[0].seen() != OK {
			t.Errorf("after one good answer: %v", b.now.Load().members[0].seen())
		}
		nodes[0].took = 0
		before := nodes[0].got.Load()
		for range 20 {
			send(b, request("GET", "", ""))
		}
		if got := nodes[0].got.Load() - before; got < 8 || got > 12 {
			t.Errorf("afterwards it gets %d of 20", got)
		}
		cancel()
		<-done
	})
}

func TestIdleAndDecay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		b, _ := group(t, 1, nil)
		done := make(chan error)
		go func() { done <- b.Run(ctx) }()
		for range 8 {
			send(b, request("GET", "", ""))
		}
		time.Sleep(62 * time.Second)
		if v := b.Snapshot(time.Now()).Members[0]; v.State != OK || v.Value != 4 {
			t.Errorf("after a period: %v, value %d; want OK, 4", v.State, v.Value)
		}
		time.Sleep(60 * time.Second)
		if v := b.Snapshot(time.Now()).Members[0]; v.State != Idle || v.Value != 2 {
			t.Errorf("after a period without use: %v, value %d; want OK/IDLE, 2", v.State, v.Value)
		}
		cancel()
		<-done
	})
}

func TestBusyMember(t *testing.T) {
	b, nodes := group(t, 2, nil)
	nodes[0].fail(exchange.CauseBusy)
	nodes[0].full = true
	if got, err := send(b, request("POST", "", "x")); got != "b x" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	for range 4 {
		send(b, request("GET", "", ""))
	}
	if nodes[0].got.Load() != 1 {
		t.Errorf("a busy member got %d requests", nodes[0].got.Load())
	}
	nodes[0].fail(0)
	nodes[0].full = false
	for range 4 {
		send(b, request("GET", "", ""))
	}
	if nodes[0].got.Load() < 2 {
		t.Error("a member that is free again gets nothing")
	}
}

func TestRuleExtensions(t *testing.T) {
	b, nodes := group(t, 2, nil)
	yes := true
	for range 4 {
		x := request("GET", "1F.b", "")
		x.Target.Rule.Ext = exchange.Extensions{StickyIgnore: &yes, Activation: map[string]byte{"b": 'S'}}
		send(b, x)
	}
	if nodes[1].got.Load() != 0 {
		t.Error("stopped= of the rule is not honoured")
	}
	x := request("GET", "", "")
	x.Request.Header.Set("Cookie", "SID=1.b")
	x.Target.Rule.Ext = exchange.Extensions{SessionCookie: "SID", Activation: map[string]byte{"b": 'D'}}
	if got, _ := send(b, x); got != "b " || nodes[1].seen[0] != " DIS" {
		t.Errorf("session_cookie= of the rule: %q, seen %q", got, nodes[1].seen)
	}
}

func TestSetSessionCookie(t *testing.T) {
	b, nodes := group(t, 2, func(c *Config) { c.Sticky.SetCookie = true })
	nodes[0].fail(exchange.CauseRefused)
	rec := httptest.NewRecorder()
	if err := b.Forward(rec, httptest.NewRequest("GET", "/", nil), request("GET", "", "")); err != nil {
		t.Fatal(err)
	}
	if got := rec.Header()["Set-Cookie"]; len(got) != 1 || got[0] != "JSESSIONID=.b;PATH=/;HttpOnly" {
		t.Errorf("%q", got)
	}
	down, all := group(t, 1, func(c *Config) { c.Sticky.SetCookie = true })
	all[0].fail(exchange.CauseEOF)
	rec = httptest.NewRecorder()
	down.Forward(rec, httptest.NewRequest("GET", "/", nil), request("POST", "", "x"))
	if got := rec.Header()["Set-Cookie"]; got != nil {
		t.Errorf("a failure carries the cookie %q", got)
	}
	rec = httptest.NewRecorder()
	b.Forward(rec, httptest.NewRequest("GET", "/", nil), request("GET", ".b", ""))
	if got := rec.Header()["Set-Cookie"]; got != nil {
		t.Errorf("a session that is where it belongs gets %q", got)
	}
}

type outlook struct{ down, holder string }

func (o outlook) Alive(route string) (bool, bool) { return route != o.down, true }
func (o outlook) Holders(string) []string         { return []string{o.holder} }

func TestOutlook(t *testing.T) {
	b, nodes := group(t, 3, nil)
	b.outlook = outlook{"b", "c"}
	if got, _ := send(b, request("GET", "1F.b", "")); got != "c " || nodes[1].got.Load() != 0 {
		t.Errorf("a session of a node that is down went to %q, not to the holder of its copy", got)
	}
}

func TestAdopt(t *testing.T) {
	old, nodes := group(t, 2, nil)
	nodes[0].fail(exchange.CauseRefused)
	for range 9 {
		send(old, request("GET", "", ""))
	}
	b, fresh := group(t, 3, nil)
	b.Adopt(old)
	s := b.Snapshot(time.Now())
	if s.Members[0].State != Error || s.Members[1].Elected != 9 || s.Members[2].State != Idle {
		t.Errorf("%+v", s.Members)
	}
	for range 10 {
		send(b, request("GET", "", ""))
	}
	if got := fresh[2].got.Load(); got < 4 || got > 6 {
		t.Errorf("the new member got %d of 10: it must not be flooded", got)
	}
}

// TestAdoptGoesOnCounting: what is under way at the old one is counted at the
// new one, and maintenance comes when it would have come.
func TestAdoptGoesOnCounting(t *testing.T) {
	old, _ := group(t, 1, nil)
	old.enter()
	due := time.Now().Add(-time.Hour).UnixNano()
	old.upkeep.Store(due)
	b, _ := group(t, 1, nil)
	b.Adopt(old)
	if s := b.Snapshot(time.Now()); s.Busy != 1 || s.MaxBusy != 1 {
		t.Errorf("busy %d, at most %d", s.Busy, s.MaxBusy)
	}
	if b.upkeep.Load() != due {
		t.Error("a reload puts maintenance off")
	}
	old.busy.Add(-1)
	if s := b.Snapshot(time.Now()); s.Busy != 0 {
		t.Errorf("busy %d after the end", s.Busy)
	}
}

// TestMoved: an error at the old place says nothing of the new one, and what
// ends at the old one does not either; the counters go on.
func TestMoved(t *testing.T) {
	old, nodes := group(t, 2, nil)
	nodes[0].fail(exchange.CauseRefused)
	send(old, request("GET", "", ""))
	send(old, request("GET", "", ""))
	b, _ := group(t, 2, nil)
	b.Adopt(old)
	before := b.Snapshot(time.Now()).Members
	b.Moved("a")
	after := b.Snapshot(time.Now()).Members
	if before[0].State != Error || after[0].State != Idle || after[0].Elected != before[0].Elected || after[0].Errors != before[0].Errors || after[0].Errors == 0 {
		t.Errorf("%+v, then %+v", before[0], after[0])
	}
	if !reflect.DeepEqual(after[1], before[1]) {
		t.Errorf("the other member changed: %+v, then %+v", before[1], after[1])
	}
	old.Reset("a")
	if again := b.Snapshot(time.Now()).Members[0]; !reflect.DeepEqual(again, after[0]) {
		t.Errorf("the old place is still looked at: %+v, then %+v", after[0], again)
	}
}

func TestMistakes(t *testing.T) {
	_, err := New(Config{Name: "lb", Members: []MemberConfig{{Worker: "a", Route: "r"}, {Worker: "b", Route: "r"}}}, make([]Endpoint, 2), nil, nil)
	if err == nil || !strings.Contains(err.Error(), "share the route r") {
		t.Errorf("%v", err)
	}
	if _, err := New(Config{Name: "lb"}, nil, nil, nil); err == nil {
		t.Error("a balancer without members")
	}
}

func BenchmarkForward(b *testing.B) {
	lb, nodes := group(b, 4, nil)
	for _, n := range nodes {
		n.seen = make([]string, 0, 1)
	}
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	b.ReportAllocs()
	for b.Loop() {
		x := request("GET", "1F.b", "")
		lb.Forward(w, r, x)
		w.Body.Reset()
		nodes[1].seen = nodes[1].seen[:0]
	}
}
