package backup

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/session"
	"github.com/catflap/catflap/session/sessiontest"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/replicated"
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
					slow := tribes.Membership{Frequency: 10 * time.Minute, DropTime: time.Hour} // 100 hours pass in the suite
					group := tribes.Config{Name: fmt.Sprint("n", i), Network: network.Node(fmt.Sprint("n", i)), Membership: slow, HeartbeatEvery: time.Hour}
					n := beginOn(t, group, cfg)
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

// A session is on two nodes after each request, wherever that goes, and all
// others know where.
func TestEverywhere(t *testing.T) {
	for _, options := range []tribes.Options{0, tribes.OptionAck, tribes.OptionAsync} {
		t.Run(options.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := tribestest.NewNetwork(1)
				all := starts(t, network, Config{MapSendOptions: options}, "a", "b", "c", "d")
				cookie := all[0].set(t, "", "user", "ada")
				want(t, cookie, "user=ada", all...)
				if on(cookie, replicated.Primary, all...) != all[0] {
					t.Error("the node that made it is not the primary")
				}
				backup, proxy := on(cookie, replicated.Backup, all...), on(cookie, replicated.Proxy, all[:3]...)
				if proxy == nil {
					proxy = all[3]
				}

				old := cookie
				cookie = proxy.do(t, cookie, func(s *session.Session) {
					if s.Primary() || s.OriginalID() != idOf(old) {
						t.Errorf("it was %s's, as %q", proxy.name, s.OriginalID())
					}
					s.Set("n", 1)
					s.SetPrincipal(&session.Principal{Name: "ada", Roles: []string{"staff"}, AuthType: "FORM"})
					s.SetMaxInactive(time.Hour)
				})
				if cookie != strings.TrimSuffix(old, ".a")+"."+proxy.name {
					t.Errorf("after a failover the cookie is %q, it was %q", cookie, old)
				}
				want(t, cookie, "n=1 user=ada", all...)
				want(t, old, "none", all...)
				if text, after := proxy.read(t, old); text != "n=1 user=ada" || after != cookie {
					t.Errorf("the old id gives %q of %q", text, after)
				}

				for _, n := range []*node{backup, all[0], all[1], all[2], all[3]} {
					cookie = n.do(t, cookie, func(s *session.Session) {
						p := s.Principal()
						if p == nil || p.Name != "ada" || p.AuthType != "FORM" || p.Roles[0] != "staff" || s.MaxInactive() != time.Hour || s.IsNew() {
							t.Errorf("on %s it belongs to %+v, for %v", n.name, p, s.MaxInactive())
						}
						s.Set("at", n.name)
					})
					want(t, cookie, "at="+n.name+" n=1 user=ada", all...)
				}

				rotated := all[3].do(t, cookie, func(s *session.Session) { s.RotateID(); s.Remove("at") })
				want(t, rotated, "n=1 user=ada", all...)
				want(t, cookie, "none", all...)
				moved := all[1].do(t, rotated, func(s *session.Session) { s.Invalidate() })
				want(t, rotated, "none", all...)
				want(t, moved, "none", all...)
				for _, n := range all {
					if n.Len() != 0 || n.Conflicts() != 0 {
						t.Errorf("%s: %d sessions, %d conflicts", n.name, n.Len(), n.Conflicts())
					}
				}
			})
		})
	}
}

// Listeners hear what happens here and elsewhere, and can tell. An id that
// another node has changed is an end and a beginning to them.
func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a, b := start(t, network, "a", Config{}), start(t, network, "b", Config{})
		cookie := a.set(t, "", "x", 1)
		cookie = a.do(t, cookie, func(s *session.Session) { s.RotateID() })
		cookie = a.do(t, cookie, func(s *session.Session) { s.Remove("x") })
		a.do(t, cookie, func(s *session.Session) { s.Invalidate() })
		kinds := func(n *node, replicated bool) (all []session.EventKind) {
			for _, e := range n.heard() {
				if e.Replicated == replicated {
					all = append(all, e.Kind)
				}
			}
			return all
		}
		here := []session.EventKind{session.EventCreated, session.EventAttributeSet, session.EventRenamed, session.EventAttributeRemoved, session.EventEnded}
		if got := kinds(a, false); !slices.Equal(got, here) || len(kinds(a, true)) > 0 {
			t.Errorf("here: %v, %v", got, kinds(a, true))
		}
		there := []session.EventKind{session.EventCreated, session.EventAttributeSet, session.EventCreated, session.EventEnded, session.EventAttributeRemoved, session.EventEnded}
		if got := kinds(b, true); !slices.Equal(got, there) || len(kinds(b, false)) > 0 {
			t.Errorf("elsewhere: %v, %v", got, kinds(b, false))
		}
		c := start(t, network, "c", Config{NoReplicatedSessions: true, NoReplicatedAttributes: true})
		b.stop()
		time.Sleep(3 * time.Second)
		cookie = a.set(t, "", "x", 1)
		want(t, cookie, "x=1", a, c)
		if heard := c.heard(); len(heard) > 0 {
			t.Errorf("told, although it is not to be: %+v", heard)
		}
	})
}

// The primary ends what nobody uses, everywhere and once.
func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		all := starts(t, network, Config{MaxInactive: 10 * time.Minute}, "a", "b", "c")
		first, second := all[0].set(t, "", "x", 1), all[1].set(t, "", "y", 1)
		time.Sleep(9 * time.Minute)
		all[1].do(t, second, func(*session.Session) {})
		want(t, first, "x=1", all...)
		time.Sleep(2*time.Minute + 10*time.Second)
		want(t, first, "none", all...)
		want(t, second, "y=1", all...)
		time.Sleep(9 * time.Minute)
		want(t, second, "none", all...)
		for _, n := range all {
			ended := map[bool]int{}
			for _, e := range n.heard() {
				if e.Kind == session.EventEnded {
					ended[e.Replicated]++
				}
			}
			own := 1
			if n.name == "c" {
				own = 0
			}
			if ended[false] != own || ended[true] != 2-own {
				t.Errorf("%s: %d sessions ended here, %d elsewhere", n.name, ended[false], ended[true])
			}
		}
	})
}

// A request whose changes are not replicated keeps a session alive on its backup,
// too.
func TestTouch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		all := starts(t, network, Config{MaxInactive: 10 * time.Minute, ExpireEvery: 7 * time.Minute}, "a", "b")
		cookie := all[0].set(t, "", "x", 1)
		e, err := all[0].Find(t.Context(), idOf(cookie))
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			time.Sleep(5 * time.Minute)
			e.Touched() // as a request of which Done is not told
		}
		want(t, cookie, "x=1", all...)
		known, _ := all[1].sessions.Peek(idOf(cookie))
		for silent := time.Duration(0); silent < 10*time.Minute+5*time.Second; { // and was used meanwhile
			time.Sleep(5 * time.Second)
			e.Touched()
			s, _ := entryOf(known.Value).State()
			silent = time.Since(s.This)
		}
		all[0].kill(network)
		time.Sleep(8 * time.Minute)
		if text, _ := all[1].read(t, cookie); text != "x=1" {
			t.Errorf("after the primary has died: %s", text)
		}
	})
}

// A node that stops leaves its sessions to their backups, unless it is told not
// to.
func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a, c := start(t, network, "a", Config{Route: "a"}), start(t, network, "c", Config{Route: "c"})
		b := start(t, network, "b", Config{Route: "b", ExpireOnShutdown: true})
		cookie := a.set(t, "", "x", 1)
		want(t, cookie, "x=1", a, b, c)
		a.stop()
		time.Sleep(3 * time.Second)
		want(t, cookie, "x=1", b, c)
		cookie = c.set(t, cookie, "y", 2)
		if !strings.HasSuffix(cookie, ".c") {
			t.Errorf("the cookie is %q", cookie)
		}
		gone := b.set(t, "", "z", 1)
		want(t, gone, "z=1", b, c)
		b.stop()
		time.Sleep(3 * time.Second)
		want(t, gone, "none", c)
		want(t, cookie, "x=1 y=2", c)
	})
}

// Attributes that are filtered stay on their node.
func TestFilter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		cfg := Config{NameFilter: "user|n.*", ClassFilter: `java\.lang\..*`, RecordAll: true}
		a, b := start(t, network, "a", cfg), start(t, network, "b", cfg)
		cookie := a.do(t, "", func(s *session.Session) {
			for name, v := range map[string]any{"user": "ada", "n1": 1, "nb": []byte("x"), "secret": "x"} {
				s.Set(name, v)
			}
		})
		want(t, cookie, "n1=1 user=ada", a, b)
		a.do(t, cookie, func(s *session.Session) {
			if got := s.Names(); len(got) != 4 {
				t.Errorf("here: %q", got)
			}
		})
		late := start(t, network, "c", cfg)
		if text, _ := late.read(t, cookie); text != "n1=1 user=ada" {
			t.Errorf("fetched: %s", text)
		}
		for _, bad := range []Config{{NameFilter: "("}, {ClassFilter: "("}} {
			if _, err := New(bad, nil); err == nil {
				t.Errorf("%+v is taken", bad)
			}
		}
		if _, err := New(Config{Context: "localhost#/shop"}, a.cluster); err == nil {
			t.Error("one context has two managers")
		}
	})
}
