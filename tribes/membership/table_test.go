package membership

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/catflap/catflap/internal/leaktest"
	"github.com/catflap/catflap/tribes/internal/wire"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// heartbeat is one of the member with that number and start, ms old.
func heartbeat(number, start byte, alive int64) wire.Member {
	return wire.Member{Host: netip.AddrFrom4([4]byte{10, 0, 0, number}), Port: 4000, ID: wire.ID{number, start}, Alive: alive}
}

func goodbyeOf(m wire.Member) wire.Member { m.Command = wire.ShutdownCommand; return m }

// A step is what happens to a table at a time.
type step struct {
	at    time.Duration
	heard []wire.Member
	want  string // what changed, and who is to be probed
}

// run does the steps; each hears, and then looks for who is silent.
func run(t *testing.T, steps []step) *table {
	t.Helper()
	self := heartbeat(1, 0, 0)
	table := newTable(self.Key(), 3*time.Second)
	began := time.Unix(1_000_000, 0)
	for i, s := range steps {
		var changes []change
		for _, m := range s.heard {
			changes = append(changes, table.hear(m, began.Add(s.at))...)
		}
		gone, suspects := table.check(began.Add(s.at))
		var got []string
		for _, c := range append(changes, gone...) {
			what := "left"
			if c.joined {
				what = "joined"
			}
			got = append(got, fmt.Sprintf("%s %d/%d", what, c.member.ID[0], c.member.ID[1]))
		}
		for _, m := range suspects {
			got = append(got, fmt.Sprintf("probe %d/%d", m.ID[0], m.ID[1]))
		}
		if text := fmt.Sprint(got); text != "["+s.want+"]" {
			t.Errorf("step %d at %v: %s, want [%s]", i, s.at, text, s.want)
		}
	}
	return table
}

func TestTable(t *testing.T) {
	beat := func(number, start byte, alive ...int64) []wire.Member {
		var all []wire.Member
		for _, a := range alive {
			all = append(all, heartbeat(number, start, a))
		}
		return all
	}
	bye := func(number, start byte, alive int64) []wire.Member {
		return []wire.Member{goodbyeOf(heartbeat(number, start, alive))}
	}
	const s, ms = time.Second, time.Millisecond
	for _, test := range []struct {
		name  string
		steps []step
	}{
		{"joined once, left once", []step{{0, beat(2, 0, 1000, 1500, 2000), "joined 2/0"}, {3 * s, nil, ""}, {3*s + ms, nil, "left 2/0"}, {9 * s, nil, ""}}},
		{"ourselves, and who we were", []step{{0, beat(1, 0, 5), ""}, {0, beat(1, 7, 5), ""}, {0, bye(1, 0, 9), ""}}},
		{"copies are no sign of life", []step{{0, beat(2, 0, 1000), "joined 2/0"}, {2 * s, beat(2, 0, 1000, 1000, 1000, 1000, 1000), ""}, {3*s + ms, nil, "left 2/0"}}},
		{"nor are late ones in any order", []step{{0, beat(2, 0, 3000), "joined 2/0"}, {2 * s, beat(2, 0, 2500, 1500, 2000, 1000), ""}, {3*s + ms, nil, "left 2/0"}}},
		{"the member's clock went back", []step{{0, beat(2, 0, 90000), "joined 2/0"}, {2 * s, beat(2, 0, 100, 600, 1100, 1600), ""}, {5 * s, nil, ""}, {5*s + ms, nil, "left 2/0"}}},
		{"what is late does not bring back who left", []step{{0, beat(2, 0, 1000), "joined 2/0"}, {4 * s, nil, "left 2/0"}, {5 * s, beat(2, 0, 900, 1000), ""}, {6 * s, beat(2, 0, 1500), "joined 2/0"}}},
		{"nor do copies of one", []step{{0, beat(2, 0, 1000), "joined 2/0"}, {4 * s, nil, "left 2/0"}, {5 * s, beat(2, 0, 900, 900, 900, 900, 900, 800, 700, 600), ""}}},
		{"its clock went back while it was away", []step{{0, beat(2, 0, 90000), "joined 2/0"}, {4 * s, nil, "left 2/0"}, {6 * s, beat(2, 0, 100, 600, 1100), ""}, {7 * s, beat(2, 0, 1600), "joined 2/0"}, {9 * s, beat(2, 0, 3600), ""}, {11 * s, nil, ""}}},
		{"a heartbeat from the future keeps nobody out", []step{{0, beat(2, 0, 1000), "joined 2/0"}, {s, beat(2, 0, 1<<60), ""}, {4*s + ms, nil, "left 2/0"}, {6 * s, beat(2, 0, 6000, 6500, 7000, 7500), "joined 2/0"}}},
		{"its clock went forth", []step{{0, beat(2, 0, 1000), "joined 2/0"}, {2 * s, beat(2, 0, 1<<40), ""}, {4 * s, beat(2, 0, 1<<40+2000), ""}, {6 * s, nil, ""}, {7*s + ms, nil, "left 2/0"}}},
		{"nor after it was forgotten that it left", []step{{0, beat(2, 0, 1000), "joined 2/0"}, {4 * s, nil, "left 2/0"}, {35 * s, beat(2, 0, 1500), "joined 2/0"}}},
		{"goodbye of nobody", []step{{0, bye(2, 0, 1), ""}, {0, beat(2, 0, 2), "joined 2/0"}}},
		{"goodbye, and silence", []step{{0, beat(2, 0, 1000), "joined 2/0"}, {0, bye(2, 0, 1100), ""}, {999 * ms, nil, ""}, {s, nil, "probe 2/0"}, {2 * s, nil, ""}, {3*s + ms, nil, "left 2/0"}}},
		{"goodbye, and a newer heartbeat", []step{{0, beat(2, 0, 1000), "joined 2/0"}, {0, bye(2, 0, 1100), ""}, {500 * ms, beat(2, 0, 1500), ""}, {s, nil, ""}}},
		{"goodbye from the future, and two heartbeats", []step{{0, beat(2, 0, 1000), "joined 2/0"}, {0, bye(2, 0, 1<<60), ""}, {400 * ms, beat(2, 0, 1500), ""}, {900 * ms, beat(2, 0, 2000), ""}, {s, nil, ""}}},
		{"goodbye from the future keeps nobody out", []step{{0, beat(2, 0, 1000), "joined 2/0"}, {0, bye(2, 0, 1<<60), ""}, {s, nil, "probe 2/0"}, {4 * s, nil, "left 2/0"}, {5 * s, beat(2, 0, 6000), "joined 2/0"}}},
		{"started again at its place", []step{{0, beat(2, 0, 9000), "joined 2/0"}, {s, beat(2, 1, 1000), "left 2/0 joined 2/1"}, {2 * s, beat(2, 0, 9500, 10000), ""}}},
		{"started again, but it was made up", []step{{0, beat(2, 0, 9000), "joined 2/0"}, {s, beat(2, 1, 1), "left 2/0 joined 2/1"}, {2 * s, beat(2, 0, 9500, 10000, 10500, 11000), "left 2/1 joined 2/0"}}},
		{"two at one address", []step{{0, append(beat(2, 0, 1), wire.Member{Host: netip.AddrFrom4([4]byte{10, 0, 0, 2}), Port: 4001, ID: wire.ID{3}, Alive: 1}), "joined 2/0 joined 3/0"}}},
	} {
		t.Run(test.name, func(t *testing.T) { run(t, test.steps) })
	}
}

// What a probe finds after a goodbye decides.
func TestTableProbed(t *testing.T) {
	for _, alive := range []bool{true, false} {
		table := run(t, []step{{0, []wire.Member{heartbeat(2, 0, 1000)}, "joined 2/0"}, {0, []wire.Member{goodbyeOf(heartbeat(2, 0, 1001))}, ""}, {time.Second, nil, "probe 2/0"}})
		changes := table.probed(heartbeat(2, 0, 1000), alive, time.Unix(1_000_001, 0))
		if alive != (len(changes) == 0) {
			t.Errorf("receiver answers %v: %v", alive, changes)
		}
		if !alive && (changes[0].joined || !changes[0].member.Leaving()) {
			t.Errorf("%+v, want that it left with a goodbye", changes[0])
		}
		if more := table.probed(heartbeat(2, 0, 1000), false, time.Unix(1_000_002, 0)); len(more) != 0 {
			t.Errorf("a probe that nothing waits for: %v", more)
		}
	}
}

// What strangers can fill is bounded, and who is there is not thrown out for it.
func TestTableBound(t *testing.T) {
	self := heartbeat(1, 0, 0)
	table := newTable(self.Key(), 3*time.Second)
	now := time.Unix(1_000_000, 0)
	table.hear(heartbeat(2, 0, 1), now)
	for i := range 3 * maxMembers {
		m := heartbeat(3, 0, 1)
		m.Port, m.ID = int32(i), wire.ID{byte(i), byte(i >> 8), 1}
		table.hear(m, now)
	}
	if all := table.list(); len(all) != maxMembers || !slices.ContainsFunc(all, func(m wire.Member) bool { return m.Host.String() == "10.0.0.2" }) {
		t.Errorf("%d members, want %d with the first", len(all), maxMembers)
	}
	table.check(now.Add(4 * time.Second))
	table.check(now.Add(time.Hour))
	if len(table.members)+len(table.tombs) != 0 {
		t.Errorf("%d members and %d tombs after an hour", len(table.members), len(table.tombs))
	}
}

// A place at which one after the other is said to be leaves no more behind than
// the bound.
func TestTableTombs(t *testing.T) {
	self := heartbeat(1, 0, 0)
	table := newTable(self.Key(), 3*time.Second)
	now := time.Unix(1_000_000, 0)
	for i := range 10 * maxMembers {
		m := heartbeat(2, 0, 1)
		m.ID = wire.ID{byte(i), byte(i >> 8), 1}
		table.hear(m, now)
	}
	if n := len(table.tombs); n > maxTombs {
		t.Errorf("%d tombs", n)
	}
	if n := len(table.list()); n != 1 {
		t.Errorf("%d members at one place", n)
	}
}

// A later heartbeat tells what a member has to tell now; where it is stays as it
// was.
func TestTableUpdates(t *testing.T) {
	self := heartbeat(1, 0, 0)
	table := newTable(self.Key(), 3*time.Second)
	now := time.Unix(1_000_000, 0)
	first, second := heartbeat(2, 0, 1), heartbeat(2, 0, 2)
	first.Domain, first.UDPPort = []byte("one"), 4600
	second.Domain, second.Payload, second.UDPPort, second.SecurePort = []byte("two"), []byte("told"), 1, 2
	table.hear(first, now)
	table.hear(second, now)
	got := table.list()[0]
	if string(got.Payload) != "told" || got.Alive != 2 || string(got.Domain) != "one" || got.UDPPort != 4600 || got.SecurePort != 0 {
		t.Errorf("%+v", got)
	}
	table.hear(heartbeat(3, 0, 5000), now)
	table.hear(heartbeat(4, 0, 5000), now)
	var order []byte
	for _, m := range table.list() {
		order = append(order, m.ID[0])
	}
	if !slices.Equal(order, []byte{3, 4, 2}) {
		t.Errorf("the members are %v, want the oldest first", order)
	}
}
