package membership

import (
	"slices"
	"time"

	"github.com/catflap/catflap/tribes/internal/wire"
)

const (
	// verifyTime is how long a goodbye has to stand before it counts: who
	// forges one cannot keep the member's heartbeats from going on.
	verifyTime = time.Second
	// tombTime is how long a member that left is remembered, so that a late
	// datagram does not bring it back.
	tombTime = 30 * time.Second
	// maxMembers bounds what strangers can fill.
	maxMembers = 1000
	maxTombs   = 2 * maxMembers
)

// A table knows the members that were heard. It has no clock of its own.
type table struct {
	local    wire.Key
	dropTime time.Duration
	members  map[wire.Key]*entry
	tombs    map[wire.Key]tomb
}

// An entry is a member that is there.
type entry struct {
	member wire.Member
	heard  time.Time
	low    int64 // of heartbeats that are older than member.Alive, the last
	lows   int   // how many of those came, each newer than the one before

	leaving  time.Time // when it said goodbye; zero if it did not
	bye      int64     // alive in the goodbye
	since    int       // newer heartbeats since then
	verified bool      // the probe after the goodbye is under way
}

// A tomb is a member that left.
type tomb struct {
	alive int64
	at    time.Time
	ghost bool // another is at its place

	// Of a ghost, and of one whose heartbeats are older than when it left: how
	// many came, each newer than the one before, and the last.
	row  int
	last int64
}

// A change is a member that joined or left.
type change struct {
	member wire.Member
	joined bool
}

func newTable(local wire.Key, dropTime time.Duration) *table {
	return &table{local: local, dropTime: dropTime, members: map[wire.Key]*entry{}, tombs: map[wire.Key]tomb{}}
}

// hear takes a heartbeat.
func (t *table) hear(m wire.Member, now time.Time) []change {
	key := m.Key()
	if key == t.local || key.Host == t.local.Host && key.Port == t.local.Port {
		return nil // ourselves, or who we were before
	}
	e := t.members[key]
	switch {
	case m.Leaving():
		if e != nil && e.leaving.IsZero() {
			e.leaving, e.bye, e.since, e.verified = now, m.Alive, 0, false
		}
		return nil
	case e != nil:
		e.hear(m, now)
		return nil
	}
	if t.buried(m) || len(t.members) >= maxMembers {
		return nil
	}
	changes := t.ghosts(key, now)
	t.members[key] = &entry{member: m, heard: now}
	return append(changes, change{m, true})
}

// buried reports whether m left, and this heartbeat is from before that. One
// whose place another has taken is back only if it goes on and on: then the
// other was made up. So is one whose clock went back while it was away.
func (t *table) buried(m wire.Member) bool {
	b, ok := t.tombs[m.Key()]
	if !ok {
		return false
	}
	switch {
	case m.Alive > b.alive && !b.ghost:
		return false
	case m.Alive <= b.alive && b.ghost, b.row > 0 && m.Alive <= b.last:
		return true
	}
	b.last = m.Alive
	b.row++
	t.tombs[m.Key()] = b
	return b.row < inARow
}

// inARow is how many heartbeats, each newer than the one before, outweigh that
// they should not be.
const inARow = 4

// hear takes a heartbeat of a known member. Only a newer one than before is a
// sign of life; a copy of an old one is not. If the member's clock went back,
// several come in a row that are older than the last, each newer than the one
// before.
func (e *entry) hear(m wire.Member, now time.Time) {
	if m.Alive <= e.member.Alive {
		if m.Alive <= e.low && e.lows > 0 {
			return
		}
		e.low = m.Alive
		if e.lows++; e.lows < inARow {
			return
		}
	}
	e.lows, e.heard = 0, now
	e.member.Alive, e.member.Payload, e.member.Command = m.Alive, m.Payload, m.Command
	if !e.leaving.IsZero() {
		if e.since++; m.Alive > e.bye || e.since >= 2 {
			e.leaving = time.Time{} // the goodbye was not its own
		}
	}
}

// ghosts removes what was at the place of a new member: the same node before it
// was started again.
func (t *table) ghosts(key wire.Key, now time.Time) []change {
	var changes []change
	for k, e := range t.members {
		if k.Host == key.Host && k.Port == key.Port {
			e.member.Command = wire.ShutdownCommand // that its port answers does not mean that it lives
			changes = append(changes, t.remove(e, now))
			b := t.tombs[k]
			b.ghost = true
			t.tombs[k] = b
		}
	}
	slices.SortFunc(changes, func(a, b change) int { return a.member.Compare(&b.member) })
	return changes
}

func (t *table) remove(e *entry, now time.Time) change {
	key := e.member.Key()
	delete(t.members, key)
	alive := e.member.Alive
	if e.bye > alive && e.bye < alive+int64(time.Hour/time.Millisecond) { // a made-up time must not keep it out
		alive = e.bye
	}
	for k := range t.tombs {
		if len(t.tombs) < maxTombs {
			break
		}
		delete(t.tombs, k) // any: so many at once are made up
	}
	t.tombs[key] = tomb{alive: alive, at: now}
	return change{e.member, false}
}

// check removes members that have been silent for longer than dropTime, and
// returns those whose goodbye wants a probe now.
func (t *table) check(now time.Time) (changes []change, probe []wire.Member) {
	for _, e := range t.members {
		switch {
		case now.Sub(e.heard) > t.dropTime:
			changes = append(changes, t.remove(e, now))
		case !e.leaving.IsZero() && !e.verified && now.Sub(e.leaving) >= verifyTime:
			e.verified = true
			probe = append(probe, e.member)
		}
	}
	for k, tomb := range t.tombs {
		if now.Sub(tomb.at) > tombTime {
			delete(t.tombs, k)
		}
	}
	byOrder := func(a, b change) int { return a.member.Compare(&b.member) }
	slices.SortFunc(changes, byOrder)
	return changes, probe
}

// probed takes what the probe after a goodbye found: a member that answers did
// not say it.
func (t *table) probed(m wire.Member, alive bool, now time.Time) []change {
	e := t.members[m.Key()]
	if e == nil || e.leaving.IsZero() {
		return nil
	}
	if alive {
		e.leaving = time.Time{}
		return nil
	}
	e.member.Command = wire.ShutdownCommand
	return []change{t.remove(e, now)}
}

// list returns the members, the oldest first.
func (t *table) list() []wire.Member {
	all := make([]wire.Member, 0, len(t.members))
	for _, e := range t.members {
		all = append(all, e.member)
	}
	SortByAge(all)
	return all
}

// SortByAge sorts members, those that are there longest first.
func SortByAge(all []wire.Member) {
	slices.SortFunc(all, func(a, b wire.Member) int {
		switch {
		case a.Alive > b.Alive:
			return -1
		case a.Alive < b.Alive:
			return 1
		}
		return a.Compare(&b)
	})
}
