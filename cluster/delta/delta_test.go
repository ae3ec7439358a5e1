package delta

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/session"
	"github.com/catflap/catflap/session/sessiontest"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/tribestest"
)

// TestManager is the suite of all Managers, alone and in a group of three.
func TestManager(t *testing.T) {
	for _, size := range []int{1, 3} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			sessiontest.Run(t, func(t *testing.T, s sessiontest.Settings) session.Manager {
				network := tribestest.NewNetwork(1)
				cfg := Config{Route: s.Route, MaxInactive: s.MaxInactive, MaxActive: s.MaxActive}
				var first *node
				for i := range size {
					slow := tribes.Membership{Frequency: 10 * time.Minute, DropTime: time.Hour} // 1000 hours pass in the suite
					group := tribes.Config{Name: fmt.Sprint("n", i), Network: network.Node(fmt.Sprint("n", i)), Membership: slow, HeartbeatEvery: time.Hour}
					n := beginOn(t, group, 0, cfg)
					<-n.Ready()
					if first == nil {
						first = n
					}
				}
				return first.Manager
			})
		})
	}
}

// A session is the same on all nodes after each request, wherever it goes.
func TestEverywhere(t *testing.T) {
	for _, options := range []tribes.Options{tribes.OptionAsync, sync6} {
		t.Run(options.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := tribestest.NewNetwork(1)
				var nodes []*node
				for _, name := range []string{"a", "b", "c"} {
					nodes = append(nodes, start(t, network, name, options, Config{Route: name}))
				}
				time.Sleep(time.Second)
				a, b, c := nodes[0], nodes[1], nodes[2]
				cookie := a.set(t, "", "user", "ada")
				want(t, cookie, "user=ada", a, b, c)
				if !a.lookUp(idOf(cookie)).entry.Primary() || b.lookUp(idOf(cookie)).entry.Primary() {
					t.Error("the node that made it is not the primary, or another one is")
				}

				old := cookie
				cookie = b.do(t, cookie, func(s *session.Session) {
					s.Set("n", 1)
					s.SetPrincipal(&session.Principal{Name: "ada", Roles: []string{"staff"}, AuthType: "FORM"})
					s.SetMaxInactive(time.Hour)
				})
				if cookie != strings.TrimSuffix(old, ".a")+".b" {
					t.Errorf("after a failover the cookie is %q, it was %q", cookie, old)
				}
				want(t, cookie, "n=1 user=ada", a, b, c)
				want(t, old, "none", a, b, c)
				e := c.lookUp(idOf(cookie)).entry
				if s, _ := e.State(); s.Principal == nil || s.Principal.Name != "ada" || s.Principal.AuthType != "FORM" || s.Principal.Roles[0] != "staff" || s.MaxInactive != time.Hour || s.IsNew {
					t.Errorf("elsewhere: %+v of %+v", s, s.Principal)
				}
				if a.lookUp(idOf(cookie)).entry.Primary() {
					t.Error("a is still the primary")
				}
				if got := c.do(t, old, func(s *session.Session) { s.Remove("user") }); got != strings.TrimSuffix(old, ".a")+".c" && got != old {
					t.Errorf("the old id gives %q", got)
				}
				cookie = c.do(t, cookie, func(s *session.Session) { s.Remove("user") })
				want(t, cookie, "n=1", a, b, c)

				rotated := c.do(t, cookie, func(s *session.Session) { s.RotateID() })
				want(t, rotated, "n=1", a, b, c)
				want(t, cookie, "none", a, b, c)
				a.do(t, rotated, func(s *session.Session) { s.Invalidate() })
				want(t, rotated, "none", a, b, c)
				time.Sleep(time.Second)
				for _, n := range nodes {
					if n.Len() != 0 || n.Conflicts() != 0 {
						t.Errorf("%s: %d sessions, %d conflicts", n.name, n.Len(), n.Conflicts())
					}
				}
			})
		})
	}
}

// Listeners hear what happens here and elsewhere, and can tell.
func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a := start(t, network, "a", sync6, Config{})
		b := start(t, network, "b", sync6, Config{})
		quiet := start(t, network, "c", sync6, Config{NoReplicatedSessions: true, NoReplicatedAttributes: true})
		cookie := a.set(t, "", "x", 1)
		cookie = a.do(t, cookie, func(s *session.Session) { s.RotateID(); s.Remove("x") })
		a.do(t, cookie, func(s *session.Session) { s.Invalidate() })
		kinds := func(n *node, replicated bool) (all []session.EventKind) {
			for _, e := range n.events {
				if e.Replicated == replicated {
					all = append(all, e.Kind)
				}
			}
			return all
		}
		all := []session.EventKind{session.EventCreated, session.EventAttributeSet, session.EventRenamed, session.EventAttributeRemoved, session.EventEnded}
		if got := kinds(a, false); !slices.Equal(got, all) || len(kinds(a, true)) > 0 {
			t.Errorf("here: %v, %v", got, kinds(a, true))
		}
		if got := kinds(b, true); !slices.Equal(got, all) || len(kinds(b, false)) > 0 {
			t.Errorf("elsewhere: %v, %v", got, kinds(b, false))
		}
		if len(quiet.events) > 0 {
			t.Errorf("told, although it is not to be: %+v", quiet.events)
		}
	})
}

// The primary ends what nobody uses everywhere; without it, replicas end it
// after twice the time.
func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		cfg := Config{MaxInactive: 10 * time.Minute}
		a, b := start(t, network, "a", 0, cfg), start(t, network, "b", 0, cfg)
		first, second := a.set(t, "", "x", 1), b.set(t, "", "y", 1)
		time.Sleep(9 * time.Minute)
		second = b.do(t, second, func(*session.Session) {})
		want(t, first, "x=1", a, b)
		time.Sleep(2*time.Minute + 10*time.Second)
		want(t, first, "none", a, b)
		want(t, second, "y=1", a, b)
		b.stop()
		time.Sleep(17 * time.Minute)
		want(t, second, "y=1", a)
		time.Sleep(3 * time.Minute)
		want(t, second, "none", a)
		ended := 0
		for _, e := range a.events {
			if e.Kind == session.EventEnded {
				ended++
			}
		}
		if ended != 2 {
			t.Errorf("%d sessions ended, each once", ended)
		}
	})
}

// A node that stops leaves its sessions to the others, unless it is told not to.
func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a := start(t, network, "a", 0, Config{Route: "a"})
		b := start(t, network, "b", 0, Config{Route: "b", ExpireOnShutdown: true})
		c := start(t, network, "c", 0, Config{Route: "c"})
		cookie := a.set(t, "", "x", 1)
		want(t, cookie, "x=1", b, c)
		a.stop()
		cookie = c.set(t, cookie, "y", 2)
		if !strings.HasSuffix(cookie, ".c") {
			t.Errorf("the cookie is %q", cookie)
		}
		want(t, cookie, "x=1 y=2", b, c)
		b.stop()
		want(t, cookie, "none", c)
	})
}

// Attributes that are filtered stay on their node.
func TestFilter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		cfg := Config{NameFilter: "user|n.*", ClassFilter: `java\.lang\..*`}
		a, b := start(t, network, "a", sync6, cfg), start(t, network, "b", sync6, cfg)
		cookie := a.do(t, "", func(s *session.Session) {
			for name, v := range map[string]any{"user": "ada", "n1": 1, "nb": []byte("x"), "secret": "x"} {
				s.Set(name, v)
			}
		})
		want(t, cookie, "n1=1 user=ada", b)
		a.do(t, cookie, func(s *session.Session) {
			if got := s.Names(); len(got) != 4 {
				t.Errorf("here: %q", got)
			}
		})
		late := start(t, network, "c", sync6, cfg)
		want(t, cookie, "n1=1 user=ada", late)
		for _, bad := range []Config{{NameFilter: "("}, {ClassFilter: "("}} {
			if _, err := New(bad, nil); err == nil {
				t.Errorf("%+v is taken", bad)
			}
		}
	})
}

// Clicks of many visitors at once, on all nodes: none is lost.
func TestAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		network.Latency(2 * time.Millisecond)
		var nodes []*node
		for i := range 3 {
			nodes = append(nodes, start(t, network, fmt.Sprint("n", i), 0, Config{Route: fmt.Sprint("n", i)}))
		}
		var visitors sync.WaitGroup
		cookies := make([]string, 20)
		for v := range cookies {
			visitors.Go(func() {
				for click := range 20 {
					n := nodes[v%3]
					e, err := n.Bind(t.Context(), idOf(cookies[v]))
					if e == nil {
						e, err = n.Create(t.Context())
						cookies[v] = "JSESSIONID=" + e.ID()
					}
					if err != nil {
						t.Error(err)
					}
					h, err := session.Handler(session.Config{}, n.Manager, counter(t, "count", int32(click+1)))
					if err != nil {
						t.Error(err)
					}
					serve(h, cookies[v])
				}
			})
		}
		visitors.Wait()
		for _, cookie := range cookies {
			want(t, cookie, "count=20", nodes...)
		}
	})
}

// Two nodes change one session at the same time: that is counted.
func TestConflicts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a, b := start(t, network, "a", sync6, Config{}), start(t, network, "b", sync6, Config{})
		cookie := a.set(t, "", "x", 1)
		a.do(t, cookie, func(s *session.Session) {
			s.Set("x", 2)
			b.set(t, cookie, "x", 3)
		})
		if a.Conflicts() != 1 {
			t.Errorf("%d conflicts, want 1", a.Conflicts())
		}
		want(t, cookie, "x=3", a) // what came from elsewhere last; the other node has what came last there
		want(t, cookie, "x=2", b)
	})
}

// The note of the id that somebody has logged in with goes with the id that this
// node gives the session, everywhere.
func TestFollowID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a, b := start(t, network, "a", sync6, Config{Route: "a"}), start(t, network, "b", sync6, Config{Route: "b"})
		cookie := a.set(t, "", "x", 1)
		noted := func(n *node) (all []any) {
			s, _ := n.lookUp(idOf(cookie)).entry.State()
			for _, note := range s.Notes {
				all = append(all, note.Name, note.Value)
			}
			return all
		}
		for _, n := range []*node{a, b} { // as a Tomcat has told it
			n.lookUp(idOf(cookie)).entry.Apply([]session.Change{{Kind: session.KindNote, Name: session.NoteID, Value: idOf(cookie)}})
		}
		cookie = b.do(t, cookie, func(*session.Session) {})
		want(t, cookie, "x=1", a, b)
		for _, n := range []*node{a, b} {
			if got := noted(n); !slices.Equal(got, []any{session.NoteID, idOf(cookie)}) {
				t.Errorf("%s: after a failover to %s the notes are %v", n.name, idOf(cookie), got)
			}
		}
		cookie = b.do(t, cookie, func(s *session.Session) { s.RotateID() })
		for _, n := range []*node{a, b} {
			if got := noted(n); !slices.Equal(got, []any{session.NoteID, idOf(cookie)}) {
				t.Errorf("%s: with the new id %s the notes are %v", n.name, idOf(cookie), got)
			}
		}
	})
}
