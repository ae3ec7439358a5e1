package delta

import (
	"time"

	"github.com/catflap/catflap/cluster/internal/wire"
)

// early are messages about sessions that are not known yet. On the way from
// another node a message can overtake that of its session's beginning. The
// Manager's mutex guards it.
type early struct {
	waiting map[string][]waiting // by session id
	count   int
	bytes   int // of the messages
}

type waiting struct {
	m     *wire.Message
	until time.Time
}

const (
	earlyTime  = 5 * time.Second // how long they are kept
	earlyCount = 4096            // how many
	earlyBytes = 64 << 20        // and their bytes
)

func newEarly() early { return early{waiting: map[string][]waiting{}} }

// keep keeps m, and reports whether there was room.
func (e *early) keep(m *wire.Message, now time.Time) bool {
	if e.full(m) {
		e.forget(now)
	}
	if e.full(m) {
		return false
	}
	e.waiting[m.ID] = append(e.waiting[m.ID], waiting{m, now.Add(earlyTime)})
	e.count++
	e.bytes += m.Size()
	return true
}

// full reports whether there is no room for m.
func (e *early) full(m *wire.Message) bool {
	return e.count >= earlyCount || e.bytes+m.Size() > earlyBytes
}

// take returns what waits for a session.
func (e *early) take(id string, now time.Time) []*wire.Message {
	var all []*wire.Message
	for _, w := range e.waiting[id] {
		if now.Before(w.until) {
			all = append(all, w.m)
		}
	}
	e.drop(id)
	return all
}

// forget drops what has waited too long.
func (e *early) forget(now time.Time) {
	for id, all := range e.waiting {
		if last := all[len(all)-1]; !now.Before(last.until) {
			e.drop(id)
		}
	}
}

// drop lets go of what waits for a session.
func (e *early) drop(id string) {
	for _, w := range e.waiting[id] {
		e.bytes -= w.m.Size()
	}
	e.count -= len(e.waiting[id])
	delete(e.waiting, id)
}
