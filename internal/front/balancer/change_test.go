package balancer

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/overlay"
)

// set changes one setting of a member, or of the balancer for "".
func set(t tester, b *Balancer, worker, key, text string) Changes {
	t.Helper()
	values := []overlay.Value{{Key: key, Text: text}}
	c := Change{Members: map[string][]overlay.Value{worker: values}}
	if worker == "" {
		c = Change{Balancer: values}
	}
	made, err := b.Change(c)
	if err != nil {
		t.Fatalf("%s of %q to %q: %v", key, worker, text, err)
	}
	return made
}

// served sends n requests and returns how many each member answered.
func served(t tester, b *Balancer, n int, cookie string) map[string]int {
	t.Helper()
	got := map[string]int{}
	for range n {
		body, err := send(b, request("GET", cookie, ""))
		if err != nil {
			body = causeOf(err)
		}
		got[strings.TrimSpace(body)]++
	}
	return got
}

func TestActivationAtOnce(t *testing.T) {
	b, _ := group(t, 2, nil)
	check := func(what, cookie string, want map[string]int) {
		t.Helper()
		if diff := cmp.Diff(want, served(t, b, 10, cookie)); diff != "" {
			t.Errorf("%s, cookie %q (-want +got):\n%s", what, cookie, diff)
		}
	}
	if made := set(t, b, "b", "activation", "DIS"); !cmp.Equal(made.Members["b"], []overlay.Changed{{Key: "activation", From: "ACT", To: "DIS"}}) {
		t.Errorf("told %v", made)
	}
	check("disabled", "", map[string]int{"a": 10})
	check("disabled", "x.b", map[string]int{"b": 10})
	set(t, b, "b", "activation", "STP")
	check("stopped", "", map[string]int{"a": 10})
	check("stopped", "x.b", map[string]int{"a": 10})
	set(t, b, "a", "activation", "STP")
	check("all stopped", "", map[string]int{exchange.CauseNoWorker.String(): 10})
	set(t, b, "b", "activation", "ACT")
	check("active again", "", map[string]int{"b": 10})
	set(t, b, "a", "activation", "ACT")
	check("both", "", map[string]int{"a": 5, "b": 5})
}

// An interrupted node lets something happen while it has a request.
type interrupted struct {
	*node
	meanwhile func()
}

func (n *interrupted) Try(w http.ResponseWriter, r *http.Request, x *exchange.Exchange) error {
	n.meanwhile()
	return n.node.Try(w, r, x)
}

// TestStoppedMeanwhile: a member that is stopped while a request is elsewhere
// does not get the second try of it.
func TestStoppedMeanwhile(t *testing.T) {
	a, c := &interrupted{node: &node{name: "a"}}, &node{name: "c"}
	cfg := Config{Name: "lb", RetryInterval: time.Millisecond, Members: []MemberConfig{{Worker: "a"}, {Worker: "c"}}}
	b, err := New(cfg, []Endpoint{a, c}, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	a.fail(exchange.CauseRefused)
	a.meanwhile = func() { set(t, b, "c", "activation", "STP") }
	if _, err := send(b, request("GET", "x.a", "")); causeOf(err) != exchange.CauseRefused.String() {
		t.Errorf("%v", err)
	}
	if c.got.Load() != 0 {
		t.Errorf("the stopped member got %d requests", c.got.Load())
	}
}

func TestRouteDomainRedirect(t *testing.T) {
	b, nodes := group(t, 3, nil)
	set(t, b, "b", "route", "r2")
	if got := served(t, b, 4, "x.r2"); got["b"] != 4 {
		t.Errorf("new route: %v", got)
	}
	if got := served(t, b, 6, "x.b"); got["b"] == 6 {
		t.Errorf("the old route is still one: %v", got)
	}
	set(t, b, "b", "route", "")
	if got := b.Snapshot(time.Now()).Members[1].Config.Route; got != "b" {
		t.Errorf("without a route it is %q", got)
	}
	set(t, b, "a", "redirect", "c")
	nodes[0].fail(exchange.CauseRefused)
	if got := served(t, b, 4, "x.a"); got["c"] != 4 {
		t.Errorf("redirect: %v", got)
	}
	set(t, b, "a", "redirect", "")
	set(t, b, "a", "domain", "d")
	set(t, b, "b", "domain", "d")
	if got := served(t, b, 4, "x.a"); got["b"] != 4 {
		t.Errorf("domain: %v", got)
	}
	set(t, b, "c", "distance", "5")
	if got := served(t, b, 4, ""); got["c"] != 0 {
		t.Errorf("distance: %v", got)
	}
	made := set(t, b, "c", "route", "dom.c")
	if want := []overlay.Changed{{Key: "domain", From: "", To: "dom"}, {Key: "route", From: "c", To: "dom.c"}}; !cmp.Equal(made.Members["c"], want) {
		t.Errorf("a route with a domain: %v", made)
	}
	set(t, b, "a", "route", "other.a")
	if got := b.Snapshot(time.Now()).Members[0].Config.Domain; got != "d" {
		t.Errorf("a route took away the domain that there was: %q", got)
	}
}

// TestOneRouteTwice: routes that cannot be told apart change nothing; two that
// are swapped at once can.
func TestOneRouteTwice(t *testing.T) {
	b, _ := group(t, 2, nil)
	value := func(key, text string) []overlay.Value { return []overlay.Value{{Key: key, Text: text}} }
	_, err := b.Change(Change{Members: map[string][]overlay.Value{"a": append(value("route", "b"), value("lbfactor", "7")...)}})
	if shared, ok := errors.AsType[*RouteError](err); !ok || shared.Route != "b" {
		t.Errorf("%v", err)
	}
	if m := b.Snapshot(time.Now()).Members[0]; m.Config.Factor != 1 || m.Config.Route != "a" {
		t.Errorf("half of it holds: %+v", m.Config)
	}
	if _, err := b.Change(Change{Members: map[string][]overlay.Value{"a": value("route", "b"), "b": value("route", "a")}}); err != nil {
		t.Error(err)
	}
	if got := served(t, b, 3, "x.b"); got["a"] != 3 {
		t.Errorf("swapped: %v", got)
	}
}

func TestStickyAndMethod(t *testing.T) {
	b, nodes := group(t, 2, nil)
	set(t, b, "", "sticky_session", "False")
	if got := served(t, b, 10, "x.b"); got["a"] != 5 {
		t.Errorf("not sticky: %v", got)
	}
	set(t, b, "", "sticky_session", "True")
	set(t, b, "", "sticky_session_force", "True")
	set(t, b, "b", "activation", "STP")
	if got := served(t, b, 2, "x.b"); got[exchange.CauseForcedRoute.String()] != 2 {
		t.Errorf("forced: %v", got)
	}
	set(t, b, "b", "activation", "ACT")
	set(t, b, "", "method", "Sessions")
	nodes[0].got.Store(0)
	served(t, b, 10, "x.a") // sessions that exist do not count
	if got := served(t, b, 10, ""); got["a"] != 5 {
		t.Errorf("by sessions: %v", got)
	}
}

// TestBusynessAndFactors: what is under way counts by the factors of now.
func TestBusynessAndFactors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, nodes := group(t, 2, func(c *Config) { c.Method = Busyness; c.Members[0].Factor = 3 })
		nodes[0].took, nodes[1].took = time.Hour, time.Hour
		for range 4 {
			go send(b, request("GET", "", ""))
			synctest.Wait()
		}
		set(t, b, "a", "lbfactor", "1")
		for range 4 {
			go send(b, request("GET", "", ""))
			synctest.Wait()
		}
		if a := nodes[0].got.Load(); a != 4 {
			t.Errorf("a has %d of 8, with equal factors now", a)
		}
		time.Sleep(2 * time.Hour)
		for _, m := range b.Snapshot(time.Now()).Members {
			if m.Value != 0 || m.Busy != 0 {
				t.Errorf("%s: value %d, busy %d with nothing under way", m.Config.Worker, m.Value, m.Busy)
			}
		}
	})
}

// TestSharesAfterAnyChange: whatever the operator changed, and whatever load
// there was before, from then on each active member gets its factor's part.
func TestSharesAfterAnyChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(2, 5).Draw(t, "members")
		b, _ := group(t, size, func(c *Config) { c.Method = rapid.SampledFrom([]Method{Requests, Sessions}).Draw(t, "method") })
		for range rapid.IntRange(1, 6).Draw(t, "changes") {
			c := Change{Members: map[string][]overlay.Value{}}
			for i := range size {
				worker := string(rune('a' + i))
				if rapid.Bool().Draw(t, "touch "+worker) {
					c.Members[worker] = []overlay.Value{
						{Key: "lbfactor", Text: fmt.Sprint(rapid.IntRange(1, 6).Draw(t, "factor"))},
						{Key: "activation", Text: rapid.SampledFrom([]string{"ACT", "ACT", "DIS", "STP"}).Draw(t, "activation")},
						{Key: "distance", Text: fmt.Sprint(rapid.IntRange(0, 1).Draw(t, "distance"))},
					}
				}
			}
			if _, err := b.Change(c); err != nil {
				t.Fatal(err)
			}
			served(t, b, rapid.IntRange(0, 40).Draw(t, "requests"), "")
		}
		near, sum, factors := 2, 0, map[string]int{}
		for _, m := range b.Snapshot(time.Now()).Members {
			if m.Config.Activation == Active {
				near = min(near, m.Config.Distance)
			}
		}
		for _, m := range b.Snapshot(time.Now()).Members {
			if m.Config.Activation == Active && m.Config.Distance == near {
				factors[m.Config.Worker] = m.Config.Factor
				sum += m.Config.Factor
			}
		}
		if sum == 0 {
			return
		}
		const rounds = 4
		got := served(t, b, rounds*sum, "")
		for worker, factor := range factors {
			if n := got[worker]; n < rounds*factor-2 || n > rounds*factor+2 {
				t.Fatalf("factors %v: %v", factors, got)
			}
			delete(got, worker)
		}
		if len(got) > 0 {
			t.Fatalf("others, too: %v", got)
		}
	})
}

// TestOverlayIsAsTheFile: what the operator set holds exactly as if the file
// said so, and what he set back to the file's leaves nothing behind.
func TestOverlayIsAsTheFile(t *testing.T) {
	values := map[string][]string{
		"activation": {"ACT", "DIS", "STP"}, "lbfactor": {"1", "2", "3", "50"}, "route": {"r1", "r2", "r3"},
		"redirect": {"", "a", "b"}, "domain": {"", "d"}, "distance": {"0", "1", "7"},
	}
	rapid.Check(t, func(t *rapid.T) {
		b, _ := group(t, 2, nil)
		other := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "member")
		for range rapid.IntRange(1, 8).Draw(t, "changes") {
			key := rapid.SampledFrom([]string{"activation", "lbfactor", "route", "redirect", "domain", "distance"}).Draw(t, "key")
			set(t, b, other, key, rapid.SampledFrom(values[key]).Draw(t, "value"))
		}
		shot := b.Snapshot(time.Now())
		file := Config{Name: "lb", Members: shot.Config.Members}
		as, err := New(file, []Endpoint{&node{name: "a"}, &node{name: "b"}}, nil, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		want := as.Snapshot(time.Now())
		if diff := cmp.Diff(want.Config.Members, shot.Config.Members); diff != "" {
			t.Fatalf("(-file +overlay):\n%s", diff)
		}
		for i := range want.Members {
			if want.Members[i].Multiplicity != shot.Members[i].Multiplicity {
				t.Fatalf("%s: multiplicity %d, in the file %d", other, shot.Members[i].Multiplicity, want.Members[i].Multiplicity)
			}
		}
		for _, m := range shot.File.Members {
			for _, row := range MemberSettings {
				set(t, b, m.Worker, row.Key, row.Get(&m))
			}
		}
		back := b.Snapshot(time.Now())
		if diff := cmp.Diff(back.File.Members, back.Config.Members); diff != "" || len(back.Set.Members) > 0 {
			t.Fatalf("set back, but %v (-file +now):\n%s", back.Set, diff)
		}
	})
}

// TestElection: whatever the members are like, what is elected may serve.
func TestElection(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var members []view
		for i := range rapid.IntRange(1, 5).Draw(t, "members") {
			members = append(members, view{
				route: string(rune('a' + i)), domain: rapid.SampledFrom([]string{"", "d", "e"}).Draw(t, "domain"),
				redirect: rapid.SampledFrom([]string{"", "", "a", "b"}).Draw(t, "redirect"),
				state:    State(rapid.IntRange(0, int(Force)).Draw(t, "state")), activation: Activation(rapid.IntRange(0, 2).Draw(t, "activation")),
				distance: rapid.IntRange(0, 2).Draw(t, "distance"), value: int64(rapid.IntRange(0, 3).Draw(t, "value")),
				failed: rapid.IntRange(0, 5).Draw(t, "failed") == 0,
			})
		}
		var routes []string
		if rapid.Bool().Draw(t, "session") {
			routes = []string{rapid.SampledFrom([]string{"a", "b", "d.x", "zz", ""}).Draw(t, "route")}
		}
		force := rapid.Bool().Draw(t, "force")
		c := elect(members, routes, nil, force, rapid.IntRange(0, 9).Draw(t, "offset"), false)
		if c.member < 0 {
			for i := range members {
				if members[i].usable() && !(force && len(routes) > 0) {
					t.Fatalf("none, though %d is active and well: %+v", i, members)
				}
			}
			return
		}
		m := members[c.member]
		if !m.stickyUsable() {
			t.Fatalf("%+v is elected", m)
		}
		if len(routes) == 0 && m.activation != Active {
			for i := range members {
				if members[i].usable() {
					t.Fatalf("a disabled member is elected without a session, though %d is active", i)
				}
			}
		}
		if len(routes) == 0 && m.activation == Active {
			for i := range members {
				o := &members[i]
				if o.usable() && (o.distance < m.distance || o.distance == m.distance && o.value < m.value) {
					t.Fatalf("%+v is elected, though %+v is nearer or has less", m, o)
				}
			}
		}
		for i := range members {
			if len(routes) > 0 && members[i].route == routes[0] && members[i].stickyUsable() && c.member != i {
				t.Fatalf("the session of %d went to %d", i, c.member)
			}
		}
	})
}

// TestReloadKeepsChanges: changes hold over a reload, unless the file says
// something else for their key, or the member is gone.
func TestReloadKeepsChanges(t *testing.T) {
	lines := func(of ...string) overlay.Lines {
		l := overlay.Lines{}
		for i := 0; i+1 < len(of); i += 2 {
			l[of[i]] = of[i+1]
		}
		return l
	}
	old, _ := group(t, 3, func(c *Config) {
		c.Lines = lines("retries", "2")
		c.Members[0].Lines = lines("lbfactor", "1")
	})
	set(t, old, "a", "lbfactor", "5")
	set(t, old, "a", "activation", "DIS")
	set(t, old, "b", "route", "rb")
	set(t, old, "c", "lbfactor", "9")
	set(t, old, "", "retries", "4")
	set(t, old, "", "method", "Next")
	next, _ := group(t, 2, func(c *Config) {
		c.Lines = lines("retries", "3")
		c.Retries = 3
		c.Members[0].Lines, c.Members[0].Factor = lines("lbfactor", "2"), 2
	})
	ended := next.Adopt(old)
	shot := next.Snapshot(time.Now())
	a, b := shot.Config.Members[0], shot.Config.Members[1]
	if a.Factor != 2 || a.Activation != Disabled || b.Route != "rb" || shot.Config.Retries != 3 || shot.Config.Method != Next {
		t.Errorf("a %+v, b %+v, %+v", a, b, shot.Config)
	}
	if shot.Members[0].Multiplicity != 1 || shot.Members[1].Multiplicity != 2 {
		t.Errorf("multiplicities %d %d", shot.Members[0].Multiplicity, shot.Members[1].Multiplicity)
	}
	told := fmt.Sprint(keys(ended.Balancer), keys(ended.Members["a"]), keys(ended.Members["b"]), keys(ended.Members["c"]))
	if told != "[retries] [lbfactor] [] [lbfactor]" {
		t.Errorf("ended: %s", told)
	}
	again, _ := group(t, 2, func(c *Config) { c.Lines = lines("retries", "3"); c.Members[0].Lines = lines("lbfactor", "2") })
	again.Adopt(next)
	if diff := cmp.Diff(shot.Set, again.Snapshot(time.Now()).Set, cmp.AllowUnexported(overlay.Value{}), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("after a second reload:\n%s", diff)
	}
}

func keys(o overlay.Overlay) []string {
	var all []string
	for _, v := range o {
		all = append(all, v.Key)
	}
	return all
}

// TestReloadWithTheSameRoute: a file that gives a member the route that the
// operator gave to another is right, and no reason to refuse.
func TestReloadWithTheSameRoute(t *testing.T) {
	old, _ := group(t, 2, nil)
	set(t, old, "a", "route", "r2")
	next, _ := group(t, 2, func(c *Config) { c.Members[1].Route, c.Members[1].Lines = "r2", overlay.Lines{"route": "r2"} })
	ended := next.Adopt(old)
	if got := served(t, next, 3, "x.r2"); got["b"] != 3 || len(ended.Members["a"]) != 1 {
		t.Errorf("%v, ended %v", got, ended)
	}
}

func TestResetAndRecover(t *testing.T) {
	b, nodes := group(t, 2, func(c *Config) { c.RetryInterval = time.Millisecond })
	nodes[0].fail(exchange.CauseRefused)
	served(t, b, 4, "x.a")
	if state, ok := b.Recover("b"); ok || state.failing() {
		t.Errorf("b recovers from %v", state)
	}
	if _, ok := b.Recover("nobody"); ok {
		t.Error("nobody recovers")
	}
	nodes[0].fail(0)
	if state, ok := b.Recover("a"); !ok || state != Error || b.now.Load().members[0].seen() != Recover {
		t.Errorf("%v %v %v", state, ok, b.now.Load().members[0].seen())
	}
	if got := served(t, b, 1, "x.a"); got["a"] != 1 {
		t.Errorf("it does not get its request: %v", got)
	}
	served(t, b, 6, "")
	if !b.Reset("a") || b.Reset("nobody") {
		t.Error("reset finds the wrong members")
	}
	shot := b.Snapshot(time.Now())
	if a := shot.Members[0]; a.Elected+a.Errors+a.MaxBusy+a.Value != 0 || a.State != Idle || !a.LastError.IsZero() {
		t.Errorf("after a reset: %+v", a)
	}
	if shot.Members[1].Elected == 0 || shot.MaxBusy == 0 {
		t.Error("the reset of one was one of all")
	}
	if got := served(t, b, 10, ""); got["a"] != 5 {
		t.Errorf("a member alone at 0 is flooded: %v", got)
	}
	b.Reset("")
	if shot = b.Snapshot(time.Now()); shot.Members[1].Elected != 0 || shot.MaxBusy != 0 {
		t.Errorf("%+v", shot)
	}
}

// TestChangesUnderLoad: requests go on while the operator changes things, and
// once he was told that a member is stopped it gets none.
func TestChangesUnderLoad(t *testing.T) {
	b, nodes := group(t, 3, nil)
	for _, n := range nodes {
		n.quiet = true
	}
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := send(b, request("GET", "", "")); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range 200 {
		worker := string(rune('a' + i%3))
		set(t, b, worker, "activation", "STP")
		for b.Snapshot(time.Now()).Members[i%3].Busy > 0 { // those that had begun
		}
		before := nodes[i%3].got.Load()
		set(t, b, worker, "lbfactor", fmt.Sprint(1+i%7))
		if after := nodes[i%3].got.Load(); after > before+4 { // each client may have chosen just before
			t.Fatalf("the stopped member got %d requests", after-before)
		}
		set(t, b, worker, "activation", "ACT")
	}
	close(stop)
	clients.Wait()
}
