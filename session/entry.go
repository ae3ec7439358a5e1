package session

import (
	"sync"
	"time"

	"github.com/catflap/catflap/javaserial"
)

// An Entry is a session as its Manager keeps it. Many goroutines may use it.
// Times are those of a servlet container: a request that has used the session
// counts when it ends. There may be very many: what few sessions have is in rare.
type Entry struct {
	mu          sync.Mutex
	id          string
	attributes  attributes
	created     int64     // in ns since 1970
	last        int64     // when the request before this one began
	this        time.Time // when the last request began or ended
	maxInactive time.Duration
	watch       *Watch   // nil is nobody
	changes     *changes // that nobody has taken yet; nil is none
	rare        *rare    // nil unless needed
	using       int32    // requests that use it now
	isNew       bool
	ended       bool
	replica     bool // another node is the primary
}

// NewEntry returns a new session. A maxInactive of 0 or less is for ever.
func NewEntry(id string, maxInactive time.Duration) *Entry {
	now := time.Now()
	return &Entry{id: id, created: now.UnixNano(), last: now.UnixNano(), this: now, maxInactive: maxInactive, isNew: true}
}

// A rare is what few sessions have. Only Managers that share sessions fill in
// more than the principal.
type rare struct {
	principal *Principal
	authType  string
	notes     []Attribute
	listeners []javaserial.Node
}

// rarely returns e.rare to be changed.
func (e *Entry) rarely() *rare {
	if e.rare == nil {
		e.rare = &rare{}
	}
	return e.rare
}

// principal returns who e belongs to, nil if that is nobody. e.mu is held.
func (e *Entry) principal() *Principal {
	if e.rare == nil {
		return nil
	}
	return e.rare.principal
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

// begin tells that a request uses e, and whether it has made e. It reports
// whether that is possible: e has not ended.
func (e *Entry) begin(made bool) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		return false
	}
	e.using++
	e.this = time.Now()
	if !made {
		e.isNew = false
		e.note(Change{Kind: KindIsNew, Value: false})
	}
	return true
}

// finish tells that a request has ended that used e.
func (e *Entry) finish() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.using--
	e.isNew = false
	e.last, e.this = e.this.UnixNano(), time.Now()
}

// Expired reports whether e was not used for too long: for twice as long if
// another node is its primary, which knows better. It does not end it.
//
// Source: ha.session.DeltaSession.isValid.
func (e *Entry) Expired(now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	limit := e.maxInactive
	if e.replica {
		limit *= 2
	}
	return e.ended || limit > 0 && e.using == 0 && now.Sub(e.this) >= limit
}

// End ends e: it has no attributes any more, and takes none. It reports
// whether e had not ended before. Only e's Manager calls it.
func (e *Entry) End() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	first := !e.ended
	e.ended = true
	e.attributes, e.changes, e.rare, e.replica = nil, nil, nil, false
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
	value, ok := e.attributes.get(name)
	return copyOf(value), ok
}

// set sets an attribute to what keep returned, and reports whether e took it.
func (e *Entry) set(name string, kept any) bool {
	e.mu.Lock()
	if e.ended {
		e.mu.Unlock()
		return false
	}
	if e.watch != nil && e.watch.Record {
		e.attributes.set(name, packOwn(kept))
	} else {
		e.attributes.set(name, kept)
	}
	e.note(Change{Kind: KindAttribute, Name: name, Value: kept})
	e.mu.Unlock()
	e.tell(Event{Kind: EventAttributeSet, Name: name})
	return true
}

// remove removes an attribute.
func (e *Entry) remove(name string) {
	e.mu.Lock()
	had := e.attributes.remove(name)
	if had {
		e.note(Change{Kind: KindAttribute, Name: name, Remove: true})
	}
	e.mu.Unlock()
	if had {
		e.tell(Event{Kind: EventAttributeRemoved, Name: name})
	}
}

// setMaxInactive sets how long e lives without a request.
func (e *Entry) setMaxInactive(d time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		return
	}
	e.maxInactive = d
	e.note(Change{Kind: KindMaxInactive, Value: d})
}

// setPrincipal sets who e belongs to.
func (e *Entry) setPrincipal(p *Principal) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		return
	}
	e.rarely().principal = p.clone()
	if p == nil {
		e.note(Change{Kind: KindAuthType, Remove: true})
		e.note(Change{Kind: KindPrincipal, Remove: true})
		return
	}
	e.rare.authType = p.AuthType
	e.note(Change{Kind: KindAuthType, Value: p.AuthType, Remove: p.AuthType == ""})
	e.note(Change{Kind: KindPrincipal, Value: p.clone()})
}

// names returns the names of the attributes, sorted.
func (e *Entry) names() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	names := make([]string, len(e.attributes))
	for i := range e.attributes {
		names[i] = e.attributes[i].Name
	}
	return names
}

// Created returns when e was made.
func (e *Entry) Created() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return time.Unix(0, e.created)
}

// MaxInactive returns how long e lives without a request, 0 or less for ever.
func (e *Entry) MaxInactive() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.maxInactive
}
