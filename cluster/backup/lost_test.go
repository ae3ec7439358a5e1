package backup

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/session"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/replicated"
	"github.com/catflap/catflap/tribes/tribestest"
)

// but returns nodes without one.
func but(gone *node, nodes []*node) (left []*node) {
	for _, n := range nodes {
		if n != gone {
			left = append(left, n)
		}
	}
	return left
}

// Whichever node dies, a session lives on at another, and has a backup again; who
// has logged in stays logged in.
func TestKill(t *testing.T) {
	for _, role := range []replicated.Role{replicated.Primary, replicated.Backup, replicated.Proxy} {
		t.Run(role.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := tribestest.NewNetwork(1)
				all := starts(t, network, Config{}, "a", "b", "c")
				cookie := all[0].do(t, "", func(s *session.Session) {
					s.Set("n", 1)
					s.SetPrincipal(&session.Principal{Name: "ada", AuthType: "DIGEST"})
				})
				cookie = all[0].set(t, cookie, "n", 2)
				want(t, cookie, "n=2", all...)
				victim := on(cookie, role, all...)
				left := but(victim, all)
				if proxy := on(cookie, replicated.Proxy, left...); proxy != nil { // it is to ask for it
					left = []*node{proxy, but(proxy, left)[0]}
				}
				network.Crash(victim.name)
				soon, after := left[0].read(t, cookie) // before anybody has noticed
				if soon != "n=2" {
					t.Errorf("at once %s reads %s", left[0].name, soon)
				}
				victim.kill(network)
				time.Sleep(10 * time.Second)
				want(t, after, "n=2", left...)
				after = left[1].set(t, after, "n", 3)
				want(t, after, "n=3", left...)
				if !strings.HasSuffix(after, "."+left[1].name) {
					t.Errorf("the cookie is %s", after)
				}
				left[0].do(t, after, func(s *session.Session) {
					if p := s.Principal(); p == nil || p.Name != "ada" || p.AuthType != "DIGEST" {
						t.Errorf("it belongs to %+v", p)
					}
				})
				late := start(t, network, "late", Config{Route: "late"})
				victims := left[1]
				victims.kill(network)
				time.Sleep(10 * time.Second)
				if late.Len() != 1 || left[0].Len() != 1 {
					t.Errorf("%d sessions of a late joiner, %d of another", late.Len(), left[0].Len())
				}
			})
		})
	}
}

// What waits for a node that dies while it is told of a change goes to another.
func TestBackupLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		all := starts(t, network, Config{}, "a", "b", "c")
		cookie := all[0].set(t, "", "n", 1)
		victim := on(cookie, replicated.Backup, all...)
		victim.kill(network)
		all[0].set(t, cookie, "n", 2) // nobody knows yet that it is gone
		other := but(victim, all)[1]
		if got := other.here(cookie); got != "backup n=2" {
			t.Errorf("the other node has %s", got)
		}
		all[0].kill(network)
		time.Sleep(10 * time.Second)
		if text, _ := other.read(t, cookie); text != "n=2" {
			t.Errorf("the last node reads %s", text)
		}
	})
}

// A node that starts knows all sessions, also those that are made meanwhile, and
// backs up what nobody did.
func TestLateJoiner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		network.Latency(2 * time.Millisecond)
		a := start(t, network, "a", Config{Route: "a"})
		var cookies []string
		for i := range 50 {
			cookies = append(cookies, a.set(t, "", "n", i))
		}
		want(t, cookies[7], "n=7", a)
		b := start(t, network, "b", Config{Route: "b"})
		want(t, cookies[7], "n=7", a, b)
		late := begin(t, network, "c", Config{Route: "c"})
		for i := 50; i < 700; i++ {
			cookies = append(cookies, []*node{a, b}[i%2].set(t, "", "n", i))
			if i%3 == 0 {
				a.do(t, cookies[i-20], func(s *session.Session) { s.Invalidate() })
				cookies[i-20] = ""
			}
			time.Sleep(2 * time.Millisecond)
		}
		<-late.Ready()
		time.Sleep(time.Second)
		there := 0
		for i, cookie := range cookies {
			if cookie == "" {
				continue
			}
			there++
			if text, _ := late.read(t, cookie); text != fmt.Sprint("n=", i) {
				t.Errorf("session %d is %s there", i, text)
			}
		}
		for _, n := range []*node{a, b, late} {
			if n.Len() != there {
				t.Errorf("%s knows %d sessions, want %d", n.name, n.Len(), there)
			}
		}
	})
}

// After a partition all sessions have one owner again, on both sides those that
// the other side made, and what was used last counts. All end.
func TestPartition(t *testing.T) {
	for _, size := range []int{1, 2, 3} { // of each side
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := tribestest.NewNetwork(1)
				var names []string
				for i := range 2 * size {
					names = append(names, fmt.Sprint("n", i))
				}
				all := starts(t, network, Config{MaxInactive: 10 * time.Minute}, names...)
				left, right := all[0], all[size]
				var cookies []string
				for i := range 12 {
					cookies = append(cookies, all[i%len(all)].set(t, "", "n", i))
				}
				network.Partition(names[:size], names[size:])
				time.Sleep(30 * time.Second)
				usedLeft, usedRight := left.set(t, cookies[0], "used", "left"), right.set(t, cookies[size], "used", "right")
				madeLeft, madeRight := left.set(t, "", "made", "left"), right.set(t, "", "made", "right")
				time.Sleep(time.Minute)
				left.set(t, usedLeft, "n", "left")
				network.HealAll()
				time.Sleep(time.Minute)
				want(t, usedLeft, "n=left used=left", all...)
				want(t, usedRight, fmt.Sprintf("n=%d used=right", size), all...)
				want(t, madeLeft, "made=left", all...)
				want(t, madeRight, "made=right", all...)
				for i, cookie := range cookies {
					if i == 0 || i == size {
						continue
					}
					want(t, cookie, fmt.Sprint("n=", i), all...)
				}
				text, after := all[len(all)-1].read(t, usedLeft)
				if text != "n=left used=left" {
					t.Errorf("the other side reads %s", text)
				}
				want(t, after, text, all...)
				time.Sleep(23 * time.Minute)
				for _, n := range all {
					if n.Len() != 0 {
						t.Errorf("%s: %d sessions are left", n.name, n.Len())
					}
				}
			})
		})
	}
}

// Twelve nodes come and go while visitors click: nobody loses a session or a
// click, and afterwards each has one owner and one backup.
func TestChurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		network.Latency(time.Millisecond)
		random := rand.New(rand.NewPCG(1, 2))
		var names []string
		for i := range 12 {
			names = append(names, fmt.Sprint("n", i))
		}
		cfg := Config{MaxInactive: 5 * time.Minute, ExpireEvery: 30 * time.Second}
		all := starts(t, network, cfg, names...)
		cookies, clicks := make([]string, 40), make([]int, 40)
		click := func() {
			for v := range cookies {
				n := all[random.IntN(len(all))]
				cookies[v] = n.do(t, cookies[v], func(s *session.Session) {
					got, _ := s.Get("n")
					count, _ := got.(int64)
					if int(count) != clicks[v] {
						t.Errorf("visitor %d has %d clicks on %s, want %d", v, count, n.name, clicks[v])
						clicks[v] = int(count)
					}
					s.Set("n", count+1)
				})
				clicks[v]++
			}
		}
		for round := range 12 {
			click()
			victim := all[random.IntN(len(all))]
			switch round % 3 {
			case 0:
				victim.kill(network)
			case 1:
				victim.stop()
			}
			if round%3 != 2 {
				all = but(victim, all)
			} else {
				name := fmt.Sprint("fresh", round)
				all = append(all, start(t, network, name, Config{Route: name, MaxInactive: cfg.MaxInactive, ExpireEvery: cfg.ExpireEvery}))
			}
			time.Sleep(12 * time.Second)
		}
		click()
		for v, cookie := range cookies {
			want(t, cookie, fmt.Sprint("n=", clicks[v]), all...)
		}
		time.Sleep(7 * time.Minute)
		for _, n := range all {
			if n.Len() != 0 {
				t.Errorf("%s: %d sessions are left", n.name, n.Len())
			}
		}
	})
}

// A node that starts knows of very many sessions, by the memory that messages may
// take.
func TestVeryMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		all := starts(t, network, Config{}, "a", "b")
		const many = 1500 // of the 20,000 that the default budget has room for
		for i := range many {
			if _, err := all[i%2].Create(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		late := beginOn(t, tribes.Config{Name: "late", Network: network.Node("late"), Receiver: tribes.Receiver{Budget: 5 << 20}}, Config{})
		<-late.Ready()
		if n := late.Len(); n != many || all[0].Held() != many || late.Held() != 0 {
			t.Errorf("it knows %d sessions, and has %d", n, late.Held())
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("it started in %v", took)
		}
	})
}

// An ear is deaf at times: what comes then is lost, and acknowledged.
type ear struct {
	tribes.Pass
	deaf atomic.Bool
}

func (e *ear) Deliver(m *tribes.Message) error {
	if e.deaf.Load() {
		return nil
	}
	return e.Pass.Deliver(m)
}

// A node that stood still serves nothing, and tells nothing of its sessions,
// before it knows where they are now.
func TestStoodStill(t *testing.T) {
	for _, busy := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			network := tribestest.NewNetwork(1)
			asleep := &ear{}
			group := tribes.Config{Name: "a", Network: network.Node("a"), Interceptors: []tribes.Interceptor{asleep}}
			a := beginOn(t, group, Config{Route: "a"})
			<-a.Ready()
			all := append([]*node{a}, starts(t, network, Config{}, "b", "c")...)
			time.Sleep(10 * time.Second)
			before := a.set(t, "", "n", 1)
			cookie := before
			stand := func() {
				asleep.deaf.Store(true)
				cookie = all[1].set(t, cookie, "n", 2)
				cookie = all[2].set(t, cookie, "n", 3)
				asleep.deaf.Store(false)
				a.sessions.StoodStill(6 * time.Second)
			}
			if busy {
				a.do(t, before, func(s *session.Session) {
					s.Set("late", true)
					stand()
				})
				want(t, cookie, "n=3", all...)
				want(t, before, "none", all...)
			} else {
				stand()
			}
			text, after := a.read(t, cookie)
			if text != "n=3" {
				t.Errorf("busy %v: it reads %s", busy, text)
			}
			want(t, after, "n=3", all...)
			time.Sleep(time.Minute)
			want(t, after, "n=3", all...)
		})
	}
}
