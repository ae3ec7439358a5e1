package session

import (
	"cmp"
	"slices"
	"time"

	"github.com/catflap/catflap/javaserial"
)

// A State is all of a session, for other nodes. Nobody changes what is in it.
type State struct {
	ID          string
	Created     time.Time
	Last, This  time.Time // when requests began and ended, as servlet containers have it
	MaxInactive time.Duration
	IsNew       bool
	Principal   *Principal
	Attributes  []Attribute // by name; without those that are skipped
	Notes       []Attribute
	Listeners   []javaserial.Node
}

// State returns all of e. ok is false if it has ended.
func (e *Entry) State() (s State, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		return State{}, false
	}
	s = State{
		ID: e.id, Created: e.created, Last: e.last, This: e.this, MaxInactive: e.maxInactive, IsNew: e.isNew, Principal: e.principal.clone(),
		Attributes: make([]Attribute, 0, len(e.attributes)),
	}
	for name, kept := range e.attributes {
		value := forElsewhere(kept)
		if e.watch == nil || e.watch.Skip == nil || !e.watch.Skip(name, value) {
			s.Attributes = append(s.Attributes, Attribute{name, value})
		}
	}
	slices.SortFunc(s.Attributes, func(a, b Attribute) int { return cmp.Compare(a.Name, b.Name) })
	if e.shared != nil {
		s.Notes, s.Listeners = slices.Clone(e.shared.notes), slices.Clone(e.shared.listeners)
	}
	return s, true
}

// Restore returns a session that another node has, which is its primary.
func Restore(s State) *Entry {
	e := &Entry{
		id: s.ID, created: s.Created, last: s.Last, this: s.This, maxInactive: s.MaxInactive, isNew: s.IsNew, principal: s.Principal.clone(),
		attributes: make(map[string]any, len(s.Attributes)), shared: &shared{replica: true, listeners: s.Listeners},
	}
	if s.Principal != nil {
		e.shared.authType = s.Principal.AuthType
	}
	for _, a := range s.Attributes {
		if a.Value != nil {
			e.attributes[a.Name] = fromElsewhere(a.Value)
		}
	}
	for _, n := range s.Notes {
		e.shared.notes = append(e.shared.notes, Attribute{n.Name, plain(n.Value)})
	}
	return e
}
