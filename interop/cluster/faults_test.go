package cluster

import (
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// dropTime is Membership's, settle how long a group has afterwards to be as it
// was before.
const (
	dropTime = 3 * time.Second
	settle   = 1500 * time.Millisecond
)

// visited is how long Go nodes over BackupManager take, beyond settle, to tell a
// Tomcat that was paused where sessions went meanwhile: twice what is still on its
// way is left out. Visitors are not lost meanwhile, as long as they do not come to
// that node from another.
const visited = 4 * time.Second

// A fault is something that happens to a node.
type fault struct {
	name   string
	strike func(g *group, t *testing.T, n *node) // returns when the others are to notice
	mend   func(g *group, t *testing.T, n *node)
}

// faults are what happens to a node, and how it comes back.
var faults = []fault{
	{"kill", func(_ *group, _ *testing.T, n *node) { n.run.Process().Kill() }, (*group).startNode},
	{"stop", func(_ *group, t *testing.T, n *node) { n.run.Stop(t) }, (*group).startNode},
	{"pause",
		func(_ *group, t *testing.T, n *node) { n.signal(t, syscall.SIGSTOP); time.Sleep(2 * dropTime) },
		func(_ *group, t *testing.T, n *node) { n.signal(t, syscall.SIGCONT) }},
}

func (n *node) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := n.run.Process().Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// fault has something happen to n while everybody clicks: nobody loses a
// session, and with acknowledged replication no click. Then n is back, with
// every session.
func (g *group) fault(t *testing.T, c *crowd, addr string, n *node, f fault) {
	t.Helper()
	left := map[*node]int{}
	for _, other := range g.nodes {
		left[other] = other.count(t, n, "left")
	}
	var noticed time.Duration
	c.during(addr, func() {
		time.Sleep(time.Second)
		struck := time.Now()
		f.strike(g, t, n)
		if f.name != "pause" { // TcpFailureDetector finds that who is paused still accepts connections
			g.await(t, 15*time.Second, "all know that %s has left", func() bool {
				for _, other := range g.nodes {
					if other != n && other.count(t, n, "left") == left[other] {
						return false
					}
				}
				return true
			}, n.route)
		}
		noticed = time.Since(struck)
		f.mend(g, t, n)
		time.Sleep(settle)
		if f.name == "pause" && g.backup {
			time.Sleep(visited)
		}
	})
	t.Logf("%s %s: noticed after %v; %v", f.name, n.route, noticed.Round(time.Millisecond), c)
	g.checkCrowd(t, c, n)
}

// checkCrowd checks each visitor's session on each node, that one first.
// Afterwards the visitors are spread over the nodes.
func (g *group) checkCrowd(t *testing.T, c *crowd, first *node) {
	t.Helper()
	var lostSessions, lostClicks atomic.Int64
	var checking sync.WaitGroup
	for i, each := range c.all {
		checking.Go(func() {
			sessions, clicks := g.checkClicker(t, each, first, g.nodes[i%len(g.nodes)])
			lostSessions.Add(int64(sessions))
			lostClicks.Add(int64(clicks))
		})
	}
	checking.Wait()
	if lostSessions.Load()+lostClicks.Load() > 0 {
		t.Logf("lost: %d sessions, %d clicks", lostSessions.Load(), lostClicks.Load())
	}
}

// mayLose is how many clicks a visitor may lose at once where replication is
// asynchronous: what was answered and had not left yet.
const mayLose = 2

// checkClicker checks the session of one visitor on each node, and returns what
// was lost.
func (g *group) checkClicker(t *testing.T, c *clicker, first, last *node) (sessions, clicks int) {
	t.Helper()
	order := []*node{first}
	for _, n := range g.nodes {
		if n != first {
			order = append(order, n)
		}
	}
	count := -1
	for _, n := range append(order, last) {
		s := g.soon(t, c.visitor, n, func(s state) bool { return s.id() == c.id && (count < 0 || s.Count == count) }, fmt.Sprintf("session %s with count %d", c.id, count))
		if count < 0 {
			count = s.Count
		}
	}
	if c.lost > 0 {
		t.Errorf("a visitor lost %d sessions", c.lost)
	}
	if clicks = max(0, c.answered-count); clicks > mayLose || clicks > 0 && g.acked {
		t.Errorf("a visitor has %d clicks that were answered, and a count of %d; session %s was at %s", c.answered, count, c.id, c.way())
	}
	twice := 0
	if g.front == "mod_jk" {
		twice = 1 // it sends a POST once more that a killed node may have run
	}
	if count > c.attempts+twice {
		t.Errorf("a visitor has clicked %d times, and has a count of %d", c.attempts, count)
	}
	c.attempts = max(c.attempts, count)
	sessions = c.lost
	c.lost, c.answered = 0, min(c.answered, count)
	return sessions, clicks
}
