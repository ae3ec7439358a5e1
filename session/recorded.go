package session

import (
	"slices"
)

// What is here is for Managers whose sessions are on several nodes: what requests
// of this node have changed, for other nodes to know of.

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
