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
}

type waiting struct {
	m     *wire.Message
	until time.Time
}

const (
	earlyTime  = 5 * time.Second // how long they are kept
	earlyCount = 4096            // how many
)

func newEarly() early { return early{waiting: map[string][]waiting{}} }

// keep keeps m, and reports whether there was room.
func (e *early) keep(m *wire.Message, now time.Time) bool {
	if e.count >= earlyCount {
		e.forget(now)
	}
	if e.count >= earlyCount {
		return false
	}
	e.waiting[m.ID] = append(e.waiting[m.ID], waiting{m, now.Add(earlyTime)})
	e.count++
	return true
}

// take returns what waits for a session.
func (e *early) take(id string, now time.Time) []*wire.Message {
	var all []*wire.Message
	for _, w := range e.waiting[id] {
		if now.Before(w.until) {
			all = append(all, w.m)
		}
	}
	e.count -= len(e.waiting[id])
	delete(e.waiting, id)
	return all
}

// forget drops what has waited too long.
func (e *early) forget(now time.Time) {
	for id, all := range e.waiting {
		if last := all[len(all)-1]; !now.Before(last.until) {
			e.count -= len(all)
			delete(e.waiting, id)
		}
	}
}
