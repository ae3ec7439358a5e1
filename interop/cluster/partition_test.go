package cluster

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// cut lets nothing through between the two halves of the group.
func (g *group) cut(t *testing.T, left, right []*node) {
	t.Helper()
	for _, side := range [][2][]*node{{left, right}, {right, left}} {
		var rules []string
		for _, other := range side[1] {
			rules = append(rules, "ip saddr "+other.host.Addr)
		}
		for _, n := range side[0] {
			n.host.Filter(t, rules...)
		}
	}
}

func (g *group) heal(t *testing.T) {
	t.Helper()
	for _, n := range g.nodes {
		n.host.Filter(t)
	}
}

// outcomes are what visitors of Tomcats see of a partition, over DeltaManager
// (false) and BackupManager: a session that both sides have changed is two
// afterwards, each side has what it made itself, and what nobody touched is
// everywhere. Over BackupManager what the left made moves to the right; Go nodes
// over it learn also what the right made.
var outcomes = map[bool][]string{
	false: {
		"cut, left changes the first: count 2", "cut, left changes the first: count 3",
		"cut, right changes the first: count 2", "cut, left changes the second: count 2",
		"cut, left begins one: count 1", "cut, right begins one: count 1",
		"healed, the first left: count 3", "healed, the first right: count 2",
		"healed, left changes the first: count 4", "healed, right changes the first: count 3",
		"then the first left: count 4", "then the first right: count 3",
		"the second left: count 2", "the second right: count 1",
		"the third right: count 1", "the third left: count 1",
		"what left began, left: count 1", "what left began, right: no session",
		"what right began, right: count 1", "what right began, left: no session",
	},
	true: {
		"cut, left changes the first: count 2", "cut, left changes the first: count 3",
		"cut, right changes the first: count 2", "cut, left changes the second: count 2",
		"cut, left begins one: count 1", "cut, right begins one: count 1",
		"healed, the first left: count 3", "healed, the first right: count 2",
		"healed, left changes the first: count 4", "healed, right changes the first: count 3",
		"then the first left: count 4", "then the first right: count 3",
		"the second left: count 2", "the second right: count 2",
		"the third right: count 1", "the third left: count 1",
		"what left began, left: count 1", "what left began, right: count 1",
		"what right began, right: count 1", "what right began, left: no session",
	},
}

// A partition and its healing look to visitors as with Tomcats alone, and no
// session stays that nobody owns.
func (g *group) testPartition(t *testing.T) {
	got, all := g.partition(t)
	want := outcomes[g.backup]
	if len(want) != len(got) {
		t.Fatalf("%d steps: %q", len(got), got)
	}
	for i := range want {
		learned := g.backup && g.goes > 0 && got[i] == strings.Replace(want[i], "no session", "count 1", 1)
		if got[i] != want[i] && !learned {
			t.Errorf("%s; with Tomcats alone: %s", got[i], want[i])
		}
	}
	if g.tomcats < 2 || !full() {
		return // sessions of Go live too long to wait for
	}
	time.Sleep((2*partInactive + 5) * time.Second)
	for i, v := range all {
		for _, n := range g.nodes {
			if s, err := v.ask(n.http()); err != nil || s.Session != nil {
				t.Errorf("%s still has session %d, which nobody uses: %+v, %v", n.route, i, s, err)
			}
		}
	}
}

// partInactive is how many seconds a session of a partition lives.
const partInactive = 60

// reconciled is how long nodes over BackupManager that have given one up take to
// settle with it, once it is back, who has which session: it has to be pinged, and
// a Tomcat is waited for, which does not begin.
func (g *group) reconciled() time.Duration {
	if g.tomcats > 0 {
		return 17 * time.Second
	}
	return 6 * time.Second
}

// partition cuts one node off, uses sessions on both sides, heals it, and uses
// them on. It returns what a visitor sees, a line each. With one node on the left
// a session of it that has one backup has that on the right.
func (g *group) partition(t *testing.T) (seen []string, all []*visitor) {
	t.Helper()
	left, right := g.nodes[:1], g.nodes[1:]
	l, r := left[0], right[len(right)-1]
	visitorWith := func(cookie string) *visitor {
		v := newVisitor(g.frontHost)
		v.cookie = cookie
		t.Cleanup(v.client.CloseIdleConnections)
		all = append(all, v)
		return v
	}
	see := func(what string, v *visitor, n *node, form ...string) {
		t.Helper()
		s, err := v.ask(n.http(), form...)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		text := "no session"
		if s.Session != nil {
			text = fmt.Sprintf("count %d", s.Count)
		}
		seen = append(seen, what+": "+text)
	}
	begin := func(n *node) *visitor {
		v := visitorWith("")
		if n.java() {
			if _, err := v.ask(n.http(), "op", "inactive", "value", fmt.Sprint(partInactive)); err != nil {
				t.Fatal(err)
			}
		}
		return v
	}
	// Both sides change the first, one side the second, and nobody the third.
	first, second, third := begin(l), begin(l), begin(l)
	for _, v := range []*visitor{first, second, third} {
		if _, err := v.ask(l.http(), "op", "count"); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(500 * time.Millisecond)
	there := visitorWith(first.cookie)

	before := g.counts(t)
	g.cut(t, left, right)
	t.Logf("all have seen the cut after %v", g.awaitSides(t, left, right, "left", before))
	see("cut, left changes the first", first, l, "op", "count")
	see("cut, left changes the first", first, l, "op", "count")
	see("cut, right changes the first", there, r, "op", "count")
	see("cut, left changes the second", second, l, "op", "count")
	beginner := right[0]
	for _, n := range right {
		if n.java() { // whose sessions end soon
			beginner = n
			break
		}
	}
	ofLeft, ofRight := begin(l), begin(beginner)
	see("cut, left begins one", ofLeft, l, "op", "count")
	see("cut, right begins one", ofRight, beginner, "op", "count")

	g.heal(t)
	t.Logf("all are back %v after it was healed", g.awaitSides(t, left, right, "joined", before))
	time.Sleep(settle)
	if g.backup {
		time.Sleep(g.reconciled())
	}
	see("healed, the first left", first, l)
	see("healed, the first right", there, r)
	see("healed, left changes the first", first, l, "op", "count")
	see("healed, right changes the first", there, r, "op", "count")
	time.Sleep(500 * time.Millisecond)
	see("then the first left", first, l)
	see("then the first right", there, r)
	see("the second left", second, l)
	see("the second right", visitorWith(second.cookie), r)
	see("the third right", third, r)
	time.Sleep(500 * time.Millisecond)
	see("the third left", third, l)
	see("what left began, left", ofLeft, l)
	see("what left began, right", visitorWith(ofLeft.cookie), r)
	see("what right began, right", ofRight, beginner)
	see("what right began, left", visitorWith(ofRight.cookie), l)
	return seen, all
}

// counts are how often each node was told what of each other one.
func (g *group) counts(t *testing.T) map[string]int {
	all := map[string]int{}
	for _, a := range g.nodes {
		for _, b := range g.nodes {
			for _, what := range []string{"joined", "left"} {
				all[a.route+what+b.route] = a.count(t, b, what)
			}
		}
	}
	return all
}

// awaitSides waits until everybody was told once more that those of the other
// side have joined, or left.
func (g *group) awaitSides(t *testing.T, left, right []*node, what string, before map[string]int) time.Duration {
	t.Helper()
	began := time.Now()
	for _, a := range left {
		for _, b := range right {
			for _, pair := range [][2]*node{{a, b}, {b, a}} {
				g.await(t, 40*time.Second, "%s knows that %s has %s", func() bool {
					return pair[0].count(t, pair[1], what) > before[pair[0].route+what+pair[1].route]
				}, pair[0].route, pair[1].route, what)
			}
		}
	}
	return time.Since(began).Round(time.Millisecond)
}
