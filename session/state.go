package session

import (
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

// An Attribute is a named value. Lists of them stand for maps of few entries.
type Attribute struct {
	Name  string
	Value any // what javaserial.Java takes
}

// NoteID is the name of the note in which Tomcat keeps the session id that
// somebody has logged in with.
const NoteID = "org.apache.catalina.authenticator.SESSION_ID"

// State returns all of e. ok is false if it has ended.
func (e *Entry) State() (s State, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		return State{}, false
	}
	s = State{
		ID: e.id, Created: time.Unix(0, e.created), Last: time.Unix(0, e.last), This: e.this, MaxInactive: e.maxInactive, IsNew: e.isNew,
		Principal: e.principal().clone(), Attributes: make([]Attribute, 0, len(e.attributes)),
	}
	for _, a := range e.attributes {
		value := forElsewhere(a.Value)
		if e.watch == nil || e.watch.Skip == nil || !e.watch.Skip(a.Name, value) {
			s.Attributes = append(s.Attributes, Attribute{a.Name, value})
		}
	}
	if e.rare != nil {
		s.Notes, s.Listeners = slices.Clone(e.rare.notes), slices.Clone(e.rare.listeners)
	}
	return s, true
}

// Restore returns a session that another node has, which is its primary.
func Restore(s State) *Entry {
	e := &Entry{
		id: s.ID, created: s.Created.UnixNano(), last: s.Last.UnixNano(), this: s.This, maxInactive: s.MaxInactive, isNew: s.IsNew,
		attributes: make(attributes, 0, len(s.Attributes)), replica: true,
	}
	for _, a := range s.Attributes {
		if a.Value != nil {
			e.attributes.set(a.Name, fromElsewhere(a.Value))
		}
	}
	if s.Principal != nil {
		e.rarely().principal, e.rare.authType = s.Principal.clone(), s.Principal.AuthType
	}
	if len(s.Listeners) > 0 {
		e.rarely().listeners = s.Listeners
	}
	for _, n := range s.Notes {
		e.rarely().notes = append(e.rare.notes, Attribute{n.Name, plain(n.Value)})
	}
	return e
}
