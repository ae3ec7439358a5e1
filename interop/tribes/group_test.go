package tribes

import (
	"testing"
	"time"

	"github.com/catflap/catflap/interop/netns"
)

// longStay is how long the group stays together with CATFLAP_FULL.
const longStay = 20 * time.Minute

// stay is how long the group stays together before something happens: more than
// a channel heartbeat of everybody.
func stay() time.Duration {
	if full() {
		return longStay
	}
	return 6 * time.Second
}

// Two Tomcats and two Go members are one group: all see each other, none leaves
// while all are well, a kill is seen by all, and no Tomcat complains of a Go
// member.
func TestGroup(t *testing.T) {
	t.Parallel()
	net := netns.New(t, 4)
	a, b := startTomcat(t, net.Hosts[0], tomcatConfig{}), startTomcat(t, net.Hosts[1], tomcatConfig{})
	a.await(t, net.Hosts[1], 60*time.Second, "added")
	b.await(t, net.Hosts[0], 60*time.Second, "added")

	began := time.Now()
	c := startMember(t, net.Hosts[2], memberConfig{})
	for _, tc := range []*tomcat{a, b} {
		tc.await(t, net.Hosts[2], 2*time.Second, "added")
	}
	c.await(t, "joined ", 2, 2*time.Second)
	t.Logf("all see a new Go member after %v", time.Since(began))
	d := startMember(t, net.Hosts[3], memberConfig{})
	d.await(t, "joined ", 3, 2*time.Second)
	c.await(t, "joined "+net.Hosts[3].Addr, 1, 2*time.Second)

	time.Sleep(stay())
	if n := c.count("left ") + d.count("left "); n != 0 {
		t.Errorf("%d members left although none did", n)
	}
	for _, tc := range []*tomcat{a, b} {
		if bad := tc.Complaints(t); len(bad) > 0 {
			t.Errorf("after %v together a Tomcat complains:\n%s", stay(), bad)
		}
	}

	killed := time.Now()
	d.Kill()
	for _, tc := range []*tomcat{a, b} {
		tc.await(t, net.Hosts[3], 4*time.Second, "added", "disappeared")
	}
	c.await(t, "left "+net.Hosts[3].Addr, 1, 4*time.Second)
	t.Logf("all see that a Go member was killed after %v", time.Since(killed))

	killed = time.Now()
	b.Kill()
	at := c.await(t, "left "+net.Hosts[1].Addr, 1, 4*time.Second)
	t.Logf("a Go member sees that a Tomcat was killed after %v", at.Sub(killed))
	a.await(t, net.Hosts[1], 5*time.Second, "added", "disappeared")

	b.Start(t)
	c.await(t, "joined "+net.Hosts[1].Addr, 2, 60*time.Second)
	b.Stop(t)
	c.await(t, "left "+net.Hosts[1].Addr, 2, 4*time.Second)
	c.tell(t, "members")
	c.await(t, "members "+net.Hosts[0].Addr, 1, 2*time.Second)

	c.stop(t)
	a.await(t, net.Hosts[2], 2*time.Second, "added", "disappeared")
	if bad := a.Complaints(t); len(bad) > 0 {
		t.Errorf("a Tomcat complains:\n%s", bad)
	}
}
