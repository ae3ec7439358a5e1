package session

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// An Entry is a session as its Manager keeps it. Many goroutines may use it.
// Times are those of a servlet container: a request that has used the session
// counts when it ends.
type Entry struct {
	mu          sync.Mutex
	id          string
	attributes  map[string]any // as keep returned them
	created     time.Time
	last        time.Time // when the request before this one began
	this        time.Time // when the last request began or ended
	using       int       // requests that use it now
	maxInactive time.Duration
	principal   *Principal
	isNew       bool
	ended       bool
}

// NewEntry returns a new session. A negative maxInactive is for ever.
func NewEntry(id string, maxInactive time.Duration) *Entry {
	now := time.Now()
	return &Entry{id: id, created: now, last: now, this: now, maxInactive: maxInactive, isNew: true, attributes: map[string]any{}}
}

// ID returns the id, with its route.
func (e *Entry) ID() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.id
}

// SetID changes the id. Only e's Manager calls it.
func (e *Entry) SetID(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.id = id
}

// begin tells that a request uses e. It reports whether that is possible: e
// has not ended.
func (e *Entry) begin() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		return false
	}
	e.using++
	e.this = time.Now()
	return true
}

// finish tells that a request has ended that used e.
func (e *Entry) finish() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.using--
	e.isNew = false
	e.last, e.this = e.this, time.Now()
}

// Expired reports whether e was not used for too long. It does not end it.
func (e *Entry) Expired(now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.ended || e.maxInactive >= 0 && e.using == 0 && now.Sub(e.this) >= e.maxInactive
}

// End ends e: it has no attributes any more, and takes none. It reports
// whether e had not ended before. Only e's Manager calls it.
func (e *Entry) End() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	first := !e.ended
	e.ended = true
	e.attributes, e.principal = nil, nil
	return first
}

// Ended reports whether e has ended.
func (e *Entry) Ended() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.ended
}

// get returns a copy of an attribute.
func (e *Entry) get(name string) (any, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	value, ok := e.attributes[name]
	return copyOf(value), ok
}

// set sets an attribute to what keep returned, and reports whether e took it.
func (e *Entry) set(name string, kept any) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		return false
	}
	e.attributes[name] = kept
	return true
}

// remove removes an attribute.
func (e *Entry) remove(name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.attributes, name)
}

// names returns the names of the attributes, sorted.
func (e *Entry) names() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Sorted(maps.Keys(e.attributes))
}
