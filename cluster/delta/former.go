package delta

import "time"

// former are ids that sessions had until lately. On the way from another node a
// change of a session can be overtaken by its new id, most often because its
// visitor went to a third node meanwhile. The Manager's mutex guards it.
type former struct {
	ids map[string]formerID
}

type formerID struct {
	h     *held
	until time.Time
}

func newFormer() former { return former{ids: map[string]formerID{}} }

// add notes that h had an id. If too many change theirs at once some are not
// noted.
func (f *former) add(id string, h *held, now time.Time) {
	if len(f.ids) >= earlyCount {
		f.forget(now)
	}
	if len(f.ids) < earlyCount {
		f.ids[id] = formerID{h, now.Add(earlyTime)}
	}
}

// find returns which session had an id, nil if none had.
func (f *former) find(id string, now time.Time) *held {
	if of, ok := f.ids[id]; ok && now.Before(of.until) {
		return of.h
	}
	return nil
}

// forget drops what was long ago.
func (f *former) forget(now time.Time) {
	for id, of := range f.ids {
		if !now.Before(of.until) {
			delete(f.ids, id)
		}
	}
}
