package cluster

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// full says whether everything is run; else a sample is.
func full() bool { return os.Getenv("CATFLAP_FULL") != "" }

// TestCasts: groups of Go nodes and Tomcats share sessions, also while nodes
// fail.
func TestCasts(t *testing.T) {
	if text := os.Getenv("X"); text != "" {
		var c cast
		var manager, level, options int
		fmt.Sscan(text, &c.tomcats, &c.goes, &manager, &level, &options, &c.front)
		c.backup, c.host, c.acked = manager > 0, level > 0, options > 0
		t.Run(c.String(), func(t *testing.T) { c.play(t, func(string) bool { return true }) })
	}
}

// seed chooses the sample; CATFLAP_SEED repeats one.
func seed(t *testing.T) *rand.Rand {
	n, err := strconv.ParseUint(os.Getenv("CATFLAP_SEED"), 10, 64)
	if err != nil {
		n = uint64(time.Now().UnixNano() % 1e6)
	}
	t.Logf("CATFLAP_SEED=%d", n)
	return rand.New(rand.NewPCG(n, 1))
}

// play runs the parts that are wanted.
func (c cast) play(t *testing.T, wanted func(part string) bool) {
	g := newGroup(t, c)
	g.start(t, g.nodes...)
	part := func(name string, f func(t *testing.T)) {
		if wanted(name) {
			t.Run(name, f)
		}
	}
	part("values", g.testValues)
	part("ended", g.testEnded)
	part("expiry", g.testExpiry)
	part("join", g.testJoin)
	g.complaints(t, false)
	if c.front != "" {
		addr := g.startFront()
		everybody := newCrowd(g.frontHost, 20)
		everybody.during(addr, func() {})
		for which, f := range faults {
			for _, n := range g.nodes {
				part(f.name+" "+n.route, func(t *testing.T) { g.fault(t, everybody, addr, n, which) })
			}
		}
		part("rolling", func(t *testing.T) { g.rolling(t, everybody, addr) })
	}
	part("partition", g.testPartition)
	g.complaints(t, true)
}
