package cluster

import (
	"maps"
	"strings"
	"testing"
	"time"
)

// given are the attributes of a session, as visitors set them and as they are
// told; those of kinds that only Java can make are left out without a Tomcat.
var given = []struct{ name, kind, value, java, goes string }{
	{"string", "string", "häl\x00lo 😀", "", ""}, {"long", "long", "1099511627776", "", ""}, {"bool", "bool", "true", "", ""}, {"double", "double", "2.5", "", ""},
	{"date", "date", "2026-01-31T11:00:00.123Z", "", ""}, {"bytes", "bytes", "AAH/", "", ""}, {"list", "list", `["x",7,[true,null]]`, "", ""}, {"map", "map", `{"k":9,"l":[]}`, "", ""},
	{"int", "int", "-42", "", ""},
	{"thing", "thing", "outer", "Demo$Thing:outer[1, -2, 3]true5(inner[1, -2, 3]true5(null))", "Demo$Thing:an object of Java"},
	{"linked", "linked", "a", `java.util.LinkedList:["a","a"]`, `list:["a","a"]`},
}

// toldBy is what n is to say of all that is given.
func (g *group) toldBy(n *node) map[string]string {
	all := map[string]string{}
	for _, a := range given {
		switch {
		case a.java == "":
			all[a.name] = a.kind + ":" + a.value
		case g.tomcats == 0:
		case n.java():
			all[a.name] = a.java
		default:
			all[a.name] = a.goes
		}
	}
	return all
}

func words(s state) map[string]string {
	all := map[string]string{}
	for name, a := range s.Attributes {
		all[name] = a.String()
	}
	return all
}

// hop is how long a visitor takes to go to another node where replication is
// asynchronous. Who is faster than messages finds a session as it was.
const hop = 200 * time.Millisecond

// soon asks n until the answer is right, since replication may take a moment,
// and complains if it does not come.
func (g *group) soon(t *testing.T, v *visitor, n *node, right func(state) bool, what string) state {
	t.Helper()
	if !g.acked {
		time.Sleep(hop)
	}
	limit := 2 * time.Second
	for end := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		s, err := v.ask(n.http())
		if err == nil && right(s) {
			return s
		}
		if g.acked && err == nil || time.Now().After(end) {
			t.Errorf("%s: want %s, it is %+v, %v", n.route, what, s, err)
			return s
		}
	}
}

// A session is made on a node, read and changed on each other one, and read
// where it was made: what nobody touched is equal. So for a session of each
// kind of node.
func (g *group) testValues(t *testing.T) {
	for i := range min(2, len(g.nodes)) {
		order := append(append([]*node{}, g.nodes[i:]...), g.nodes[:i]...)
		g.travel(t, order)
	}
}

func (g *group) travel(t *testing.T, nodes []*node) {
	t.Helper()
	v := newVisitor(g.frontHost)
	defer v.client.CloseIdleConnections()
	first := nodes[0]
	must := func(n *node, form ...string) state {
		t.Helper()
		s, err := v.ask(n.http(), form...)
		if err != nil {
			t.Fatalf("%s: %v: %v", n.route, form, err)
		}
		return s
	}
	want := map[string]string{}
	id := ""
	for _, a := range given {
		if a.java != "" && !first.java() {
			continue
		}
		want[a.name] = a.kind
		id = must(first, "op", "set", "name", a.name, "type", a.kind, "value", a.value).id()
	}
	must(first, "op", "count")
	count := 1
	for _, n := range append(nodes[1:], first) {
		is := func() map[string]string {
			all := maps.Clone(g.toldBy(n))
			for name := range all {
				if want[name] == "" {
					delete(all, name)
				}
			}
			all["count"] = "int:" + string(rune('0'+count))
			if text := want["string"]; text != "string" {
				all["string"] = text
			}
			return all
		}
		s := g.soon(t, v, n, func(s state) bool { return s.id() == id && maps.Equal(words(s), is()) }, "values of "+id+" after "+first.route)
		if got := words(s); !maps.Equal(got, is()) {
			t.Fatalf("%s says of a session of %s\n%v\nwant\n%v", n.route, first.route, got, is())
		}
		if !strings.HasSuffix(v.cookie, "."+n.route) {
			t.Errorf("%s gives the id %s", n.route, v.cookie)
		}
		must(n, "op", "count")
		count++
		must(n, "op", "set", "name", "string", "type", "string", "value", "from "+n.route)
		want["string"] = "string:from " + n.route
	}
}
