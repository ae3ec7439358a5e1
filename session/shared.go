package session

import (
	"bytes"
	"slices"
	"time"

	"github.com/catflap/catflap/javaserial"
)

// What is here is for Managers whose sessions are on several nodes: which
// changes other nodes are to know of, and those that come from them.

// A Kind says what a Change is about.
type Kind int

// The kinds, with the type of the Value.
const (
	KindAttribute   Kind = iota // what javaserial.Java takes, as of the others that say nothing
	KindPrincipal               // *Principal
	KindIsNew                   // bool
	KindMaxInactive             // time.Duration
	KindAuthType                // string
	KindListener                // javaserial.Opaque: an object of Java, which nothing is done with
	KindNote                    // something that a container has attached, under its name
)

// A Change is one of a session. Nobody changes it or its Value.
type Change struct {
	Kind   Kind
	Remove bool
	Name   string // of an attribute or note
	Value  any    // nil if it was removed
}

// same reports whether b takes the place of a.
func (a *Change) same(b *Change) bool {
	named := func(k Kind) bool { return k == KindAttribute || k == KindNote }
	if named(a.Kind) && named(b.Kind) {
		return a.Name == b.Name
	}
	return a.Kind == b.Kind
}

// changes are those of one request or a few.
type changes struct {
	all []Change
	few [3]Change // where all begins
}

// An Attribute is a named value. Lists of them stand for maps of few entries.
type Attribute struct {
	Name  string
	Value any // what javaserial.Java takes
}

// NoteID is the name of the note in which Tomcat keeps the session id that
// somebody has logged in with.
const NoteID = "org.apache.catalina.authenticator.SESSION_ID"

// RecordNew notes what other nodes are to know of a new session first.
func (e *Entry) RecordNew() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.note(Change{Kind: KindIsNew, Value: true})
	e.note(Change{Kind: KindMaxInactive, Value: e.maxInactive})
}

// note notes a change, if changes of e are recorded. e.mu is held.
func (e *Entry) note(c Change) {
	if e.watch == nil || !e.watch.Record || e.ended {
		return
	}
	if c.Kind == KindAttribute && e.watch.Skip != nil && e.watch.Skip(c.Name, forElsewhere(c.Value)) {
		return
	}
	if e.changes == nil {
		e.changes = &changes{}
		e.changes.all = e.changes.few[:0]
	}
	all := e.changes.all
	if !e.watch.All {
		all = slices.DeleteFunc(all, func(old Change) bool { return old.same(&c) })
	}
	e.changes.all = append(all, c)
}

// TakeChanges returns what was changed since it was called last, in order. That e
// is not new any more is left out where more was changed: who makes changes knows
// that by them.
func (e *Entry) TakeChanges() []Change {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.changes == nil {
		return nil
	}
	all := e.changes.all
	e.changes = nil
	if first := &all[0]; len(all) > 1 && first.Kind == KindIsNew && first.Value == false && !e.watch.All {
		all = all[1:]
	}
	for i := range all {
		all[i].Value = forElsewhere(all[i].Value)
	}
	return all
}

// Primary reports whether this node is the one that e's requests come to.
func (e *Entry) Primary() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return !e.replica
}

// SetPrimary says whether this node is the one that e's requests come to, and
// returns whether it was.
func (e *Entry) SetPrimary(primary bool) (was bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		return primary
	}
	was = !e.replica
	e.replica = !primary
	return was
}

// FollowID gives e's note of the id that somebody has logged in with the new
// one, after this node has changed the id from old.
func (e *Entry) FollowID(old string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.rare == nil {
		return
	}
	for i := range e.rare.notes {
		if n := &e.rare.notes[i]; n.Name == NoteID && n.Value == old {
			n.Value = e.id
			e.note(Change{Kind: KindNote, Name: NoteID, Value: e.id})
		}
	}
}

// Touched tells that a request has used e on another node.
func (e *Entry) Touched() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.touched()
}

func (e *Entry) touched() {
	if e.ended {
		return
	}
	e.replica, e.isNew, e.this = true, false, time.Now()
	e.last = e.this.UnixNano()
}

// Apply makes changes that another node has made. It reports whether this node
// changes e, too, at the same time: it has changes that the other does not know.
//
// Source: ha.session.DeltaRequest.execute.
func (e *Entry) Apply(changes []Change) (conflict bool) {
	e.mu.Lock()
	if e.ended {
		e.mu.Unlock()
		return false
	}
	e.touched()
	conflict = e.changed()
	var events []Event
	for i := range changes {
		events = e.apply(&changes[i], events)
	}
	e.isNew = false
	e.mu.Unlock()
	for _, event := range events {
		e.tell(event)
	}
	return conflict
}

// Changed reports whether requests of this node have changed e and nobody has
// taken these changes yet. That e is not new any more is none.
func (e *Entry) Changed() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.changed()
}

func (e *Entry) changed() bool {
	return e.changes != nil && slices.ContainsFunc(e.changes.all, func(c Change) bool { return c.Kind != KindIsNew })
}

// Replace gives e all that fresh has, which is the same session as another node
// knows it and which nobody else uses. What requests of this node have changed
// and nobody has taken yet is changed in that, too: this is a conflict.
func (e *Entry) Replace(fresh *Entry) (conflict bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		return false
	}
	e.touched()
	e.created, e.maxInactive, e.attributes, e.rare = fresh.created, fresh.maxInactive, fresh.attributes, fresh.rare
	conflict = e.changed()
	if e.changes != nil {
		for i := range e.changes.all {
			e.apply(&e.changes.all[i], nil)
		}
	}
	return conflict
}

// Busy reports whether requests use e now.
func (e *Entry) Busy() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.using > 0
}

// apply makes one change, and appends what happened to events. e.mu is held.
func (e *Entry) apply(c *Change, events []Event) []Event {
	switch c.Kind {
	case KindAttribute:
		if c.Value != nil && !c.Remove {
			e.attributes.set(c.Name, fromElsewhere(c.Value))
			return append(events, Event{Kind: EventAttributeSet, Name: c.Name, Replicated: true})
		}
		if e.attributes.remove(c.Name) {
			return append(events, Event{Kind: EventAttributeRemoved, Name: c.Name, Replicated: true})
		}
	case KindMaxInactive:
		if d, ok := c.Value.(time.Duration); ok {
			e.maxInactive = d
		}
	case KindPrincipal, KindAuthType, KindListener, KindNote:
		e.rarely().apply(c)
	}
	return events
}

// apply makes one change.
func (r *rare) apply(c *Change) {
	switch c.Kind {
	case KindPrincipal:
		p, _ := c.Value.(*Principal)
		if r.principal = p.clone(); p != nil {
			r.principal.AuthType = r.authType
		}
	case KindAuthType:
		r.authType, _ = c.Value.(string)
		if r.principal != nil {
			r.principal.AuthType = r.authType
		}
	case KindListener:
		r.listener(c)
	case KindNote:
		r.notes = slices.DeleteFunc(r.notes, func(n Attribute) bool { return n.Name == c.Name })
		if c.Value != nil && !c.Remove {
			r.notes = append(r.notes, Attribute{c.Name, plain(c.Value)})
		}
	}
}

// listener adds or removes an object of Java. Equal ones have equal bytes.
func (r *rare) listener(c *Change) {
	o, ok := c.Value.(javaserial.Opaque)
	if !ok {
		return
	}
	if !c.Remove {
		r.listeners = append(r.listeners, o.Node)
		return
	}
	gone := javaserial.Encode(o.Node)
	r.listeners = slices.DeleteFunc(r.listeners, func(n javaserial.Node) bool { return bytes.Equal(javaserial.Encode(n), gone) })
}

// plain returns text as text, so that it can be compared, and else v.
func plain(v any) any {
	if o, ok := v.(javaserial.Opaque); ok {
		if text, ok := o.Node.(*javaserial.String); ok {
			return text.Text
		}
	}
	return v
}
