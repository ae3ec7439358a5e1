package session

import (
	"bytes"
	"slices"
	"time"

	"github.com/catflap/catflap/javaserial"
)

// What is here is for Managers whose sessions are on several nodes: what other
// nodes have changed is changed here, too.

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

// Redo makes changes that TakeChanges returned of another Entry of the same
// session: they are those of requests of this node, for other nodes to know of.
func (e *Entry) Redo(changes []Change) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		return
	}
	for i := range changes {
		e.apply(&changes[i], nil)
		e.note(changes[i])
	}
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
