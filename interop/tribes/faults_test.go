package tribes

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/interop/netns"
)

// A view is what a node of any kind was told of others.
type view struct {
	host netns.Host
	// of returns "joined" and "left", in order, that the node was told of host.
	of func(host netns.Host) []string
}

// view is the view of a Tomcat, from its log.
func (tc *tomcat) view(t *testing.T) view {
	words := strings.NewReplacer("added", "joined", "disappeared", "left")
	return view{tc.host, func(host netns.Host) []string {
		return strings.Fields(words.Replace(strings.Join(tc.events(t, host), " ")))
	}}
}

// view is the view of a member in a process of its own.
func (m *goMember) view() view {
	return view{m.host, func(host netns.Host) []string {
		var all []string
		for _, text := range m.texts() {
			if what, who, _ := strings.Cut(text, " "); who == host.Addr && (what == "joined" || what == "left") {
				all = append(all, what)
			}
		}
		return all
	}}
}

// check says which node was told something else of another than want.
func check(nodes []view, want ...string) error {
	for _, n := range nodes {
		for _, other := range nodes {
			if n.host == other.host {
				continue
			}
			if got := n.of(other.host); !slices.Equal(got, want) {
				return fmt.Errorf("%s was told %q of %s, want %q", n.host.Addr, got, other.host.Addr, want)
			}
		}
	}
	return nil
}

// awaitAll waits until every node was told want of every other.
func awaitAll(t *testing.T, nodes []view, limit time.Duration, want ...string) {
	t.Helper()
	await(t, limit, func() error { return check(nodes, want...) })
}

// Faults of the network lead a Go member to the states that a Tomcat and
// Tomcat's own library reach: with 30 % of the datagrams lost nobody leaves;
// with all lost neither, as long as TCP answers; when TCP is cut, too, all
// leave; and all are back, once, when it heals. With TCP alone cut only who sends
// something finds out.
func TestFaults(t *testing.T) {
	t.Parallel()
	net := netns.New(t, 5)
	a, b := startTomcat(t, net.Hosts[0], tomcatConfig{}), startTomcat(t, net.Hosts[1], tomcatConfig{})
	java := startJava(t, net.Hosts[2], "dispatch detector")
	own := startMember(t, net.Hosts[3], memberConfig{})
	nodes := []view{a.view(t), b.view(t), java.view(), own.view(), startMember(t, net.Hosts[4], memberConfig{}).view()}
	filter := func(rules ...string) {
		for _, h := range net.Hosts {
			h.Filter(t, rules...)
		}
	}
	awaitAll(t, nodes, 60*time.Second, "joined")

	lossy := 12 * time.Second
	if full() {
		lossy = 60 * time.Second
	}
	filter("meta l4proto udp numgen random mod 100 < 30")
	time.Sleep(lossy)
	if err := check(nodes, "joined"); err != nil {
		t.Errorf("with 30 %% of the datagrams lost: %v", err)
	}

	filter("meta l4proto udp")
	time.Sleep(7 * time.Second) // more than dropTime, a check of it and a probe
	if err := check(nodes, "joined"); err != nil {
		t.Errorf("with all datagrams lost: %v", err)
	}

	// Suspects are probed every five seconds, by a Tomcat one after the other.
	cut := time.Now()
	filter("meta l4proto udp", "meta l4proto tcp")
	awaitAll(t, nodes, 30*time.Second, "joined", "left")
	t.Logf("all have left %v after TCP was cut", time.Since(cut))

	healed := time.Now()
	filter()
	awaitAll(t, nodes, 15*time.Second, "joined", "left", "joined")
	t.Logf("all are back %v after it healed", time.Since(healed))
	time.Sleep(2 * time.Second)
	if err := check(nodes, "joined", "left", "joined"); err != nil {
		t.Errorf("after healing: %v", err)
	}

	filter("meta l4proto tcp")
	time.Sleep(7 * time.Second)
	if err := check(nodes, "joined", "left", "joined"); err != nil {
		t.Errorf("with TCP cut, and heartbeats: %v", err)
	}
	speakers := []view{java.view(), own.view()}
	told := func(want ...string) func() error {
		return func() error {
			for _, s := range speakers {
				for _, n := range nodes {
					if got := s.of(n.host); n.host != s.host && !slices.Equal(got, want) {
						return fmt.Errorf("%s was told %q of %s, want %q", s.host.Addr, got, n.host.Addr, want)
					}
				}
			}
			return nil
		}
	}
	java.tell(t, "send 1 10 2 1")
	own.tell(t, "send 1 10 2 1")
	await(t, 40*time.Second, told("joined", "left", "joined", "left"))
	filter()
	await(t, 40*time.Second, told("joined", "left", "joined", "left", "joined"))
}
