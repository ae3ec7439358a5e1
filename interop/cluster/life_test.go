package cluster

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A node that starts late has every session.
func (g *group) testJoin(t *testing.T) {
	late := g.nodes[len(g.nodes)-1]
	late.run.Stop(t)
	const sessions = 100
	var all []*visitor
	for i := range sessions {
		v := newVisitor(g.frontHost)
		defer v.client.CloseIdleConnections()
		n := g.nodes[i%(len(g.nodes)-1)]
		if _, err := v.ask(n.http(), "op", "set", "name", "who", "type", "string", "value", fmt.Sprint(i)); err != nil {
			t.Fatalf("%s: %v", n.route, err)
		}
		all = append(all, v)
	}
	began := time.Now()
	g.startNode(t, late)
	t.Logf("%s serves %v after its start", late.route, time.Since(began).Round(time.Millisecond))
	var missing []string
	for i, v := range all {
		if s, err := v.ask(late.http()); err != nil || s.Attributes["who"].Value != fmt.Sprint(i) {
			missing = append(missing, fmt.Sprintf("%d of %s: %+v, %v", i, g.nodes[i%(len(g.nodes)-1)].route, s, err))
			for _, n := range g.nodes {
				s, err := v.ask(n.http())
				missing = append(missing, fmt.Sprintf("  then %s: %v, %v", n.route, s.Attributes, err))
			}
		}
	}
	if len(missing) > 0 {
		t.Errorf("%s starts late, and of %d sessions these are missing:\n%s", late.route, sessions, strings.Join(missing, "\n"))
	}
}

// All nodes are started anew, one after the other, while everybody clicks.
func (g *group) rolling(t *testing.T, c *crowd, addr string) {
	c.during(addr, func() {
		for _, n := range g.nodes {
			n.run.Stop(t)
			g.startNode(t, n)
			time.Sleep(settle)
		}
	})
	t.Logf("%v", c)
	g.checkCrowd(t, c, g.nodes[0])
}

// The end of a session, and its new id, reach all nodes.
func (g *group) testEnded(t *testing.T) {
	for i, n := range g.nodes {
		v := newVisitor(g.frontHost)
		if _, err := v.ask(n.http(), "op", "count"); err != nil {
			t.Fatal(err)
		}
		next, third := g.nodes[(i+1)%len(g.nodes)], g.nodes[(i+2)%len(g.nodes)]
		g.soon(t, v, next, func(s state) bool { return s.Count == 1 }, "a session")
		old := *v
		if s, err := v.ask(next.http(), "op", "rotate"); err != nil || s.Count != 1 || v.cookie == old.cookie {
			t.Errorf("%s: another id: %+v, %v", next.route, s, err)
		}
		g.soon(t, v, third, func(s state) bool { return s.Count == 1 }, "the session with its new id")
		for _, each := range g.nodes {
			g.soon(t, &old, each, func(s state) bool { return s.Session == nil }, "no session with the old id")
		}
		last := *v
		if s, err := v.ask(third.http(), "op", "invalidate"); err != nil || s.Session != nil {
			t.Errorf("%s: invalidate: %+v, %v", third.route, s, err)
		}
		for _, each := range g.nodes {
			g.soon(t, &last, each, func(s state) bool { return s.Session == nil }, "no session")
		}
		v.client.CloseIdleConnections()
	}
}

// inactive is how many seconds sessions live that are to end. A replica whose
// primary does not tell that it has ended lives for twice that.
const inactive = 5

// Sessions that nobody uses end once, on all nodes, as their primary says.
func (g *group) testExpiry(t *testing.T) {
	if g.tomcats == 0 {
		g.testShort(t)
		return
	}
	before := g.ends(t)
	var all []*visitor
	for i := range 4 * len(g.nodes) {
		v := newVisitor(g.frontHost)
		defer v.client.CloseIdleConnections()
		if _, err := v.ask(g.nodes[0].http(), "op", "inactive", "value", fmt.Sprint(inactive)); err != nil {
			t.Fatal(err)
		}
		g.soon(t, v, g.nodes[i%len(g.nodes)], func(s state) bool { return s.Session != nil }, "a session") // it is primary now
		all = append(all, v)
	}
	time.Sleep((inactive + 3) * time.Second) // less than 2×inactive
	for _, v := range all {
		for _, n := range g.nodes {
			if s, err := v.ask(n.http()); err != nil || s.Session != nil {
				t.Errorf("%s still has a session that nobody used for %d s: %+v, %v", n.route, inactive+3, s, err)
			}
		}
	}
	time.Sleep(time.Second)
	for n, ended := range g.ends(t) {
		ended -= before[n]
		t.Logf("%s: %d of %d sessions have ended", n.route, ended, len(all))
		if !g.backup && ended != len(all) || ended > len(all) {
			t.Errorf("%s: of %d sessions %d have ended", n.route, len(all), ended)
		}
	}
}

// testShort: so do those of Go nodes alone, whose application cannot be told how
// long they live. Who comes to another node before that has them on.
func (g *group) testShort(t *testing.T) {
	var all []*visitor
	for i := range 30 {
		v := newVisitor(g.frontHost)
		defer v.client.CloseIdleConnections()
		if _, err := v.ask(g.nodes[i%3].http(), "op", "count"); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	time.Sleep(50 * time.Second)
	used := all[:3]
	for i, v := range used {
		g.soon(t, v, g.nodes[(i+1)%3], func(s state) bool { return s.Count == 1 }, "a session before its end")
	}
	time.Sleep(20 * time.Second)
	for i, v := range all {
		for _, n := range g.nodes {
			if s, err := v.ask(n.http()); err != nil || (s.Session != nil) != (i < len(used)) {
				t.Errorf("%s: session %d after 70 s: %+v, %v", n.route, i, s, err)
			}
		}
	}
}

// ends are how many sessions have ended on each Tomcat.
func (g *group) ends(t *testing.T) map[*node]int {
	t.Helper()
	all := map[*node]int{}
	client := newVisitor(g.frontHost).client
	defer client.CloseIdleConnections()
	for _, n := range g.nodes {
		if !n.java() {
			continue
		}
		answer, err := client.Get("http://" + n.http() + "/demo/ends")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s, %v", n.route, answer.Status, err)
		}
		if all[n], err = strconv.Atoi(strings.TrimSpace(string(text))); err != nil {
			t.Fatal(err)
		}
	}
	return all
}
