// Package replica is what the Managers that share sessions have in common. What
// comes in are changes and states of sessions, what goes out are deltas and
// sessions of the wire, and the other way; and events for listeners. Each Manager
// says itself what its settings are; what they mean for both is here.
package replica

import (
	"time"

	"github.com/catflap/catflap/cluster/internal/wire"
	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/session"
)

// EndTime is how long a node that stops takes to tell the others that its sessions
// end.
const EndTime = 3 * time.Second

// noteRequest is the name of the note with the request that Tomcat's FORM
// authentication goes back to.
const noteRequest = "org.apache.catalina.authenticator.REQUEST"

// Delta returns changes of the session with that id as they travel.
func Delta(id string, recordAll bool, changes []session.Change) *wire.Delta {
	d := &wire.Delta{ID: id, RecordAll: recordAll, Actions: make([]wire.Action, 0, len(changes))}
	for i := range changes {
		d.Actions = append(d.Actions, action(&changes[i]))
	}
	return d
}

func action(c *session.Change) wire.Action {
	a := wire.Action{Name: c.Name, Remove: c.Remove, Value: c.Value}
	switch c.Kind {
	case session.KindAttribute:
		a.Type = wire.TypeAttribute
	case session.KindPrincipal:
		a.Type, a.Name, a.Value = wire.TypePrincipal, wire.NamePrincipal, nil
		if p, _ := c.Value.(*session.Principal); p != nil {
			a.Value = javaserial.Opaque{Node: principal(p)}
		}
	case session.KindIsNew:
		a.Type, a.Name = wire.TypeIsNew, wire.NameIsNew
	case session.KindMaxInactive:
		a.Type, a.Name = wire.TypeMaxInactive, wire.NameMaxInactive
		if d, ok := c.Value.(time.Duration); ok {
			a.Value = seconds(d)
		}
	case session.KindAuthType:
		a.Type, a.Name = wire.TypeAuthType, wire.NameAuthType
	case session.KindListener:
		a.Type, a.Name = wire.TypeListener, wire.NameListener
	case session.KindNote:
		a.Type = wire.TypeNote
	}
	if c.Remove && c.Kind != session.KindListener {
		a.Value = nil
	}
	return a
}

// Changes returns what a delta of another node changes, and how many of its
// actions are of a type that is not known.
func Changes(d *wire.Delta) (changes []session.Change, unknown int) {
	changes = make([]session.Change, 0, len(d.Actions))
	for i := range d.Actions {
		a := &d.Actions[i]
		c := session.Change{Name: a.Name, Remove: a.Remove, Value: a.Value}
		switch a.Type {
		case wire.TypeAttribute:
			c.Kind = session.KindAttribute
		case wire.TypePrincipal:
			c.Kind, c.Value = session.KindPrincipal, nil
			if n := a.Node(); n != nil && !a.Remove {
				c.Value = principalOf(n)
			}
		case wire.TypeIsNew:
			c.Kind, c.Value = session.KindIsNew, simple(a)
		case wire.TypeMaxInactive:
			c.Kind, c.Value = session.KindMaxInactive, nil
			if n, ok := simple(a).(int32); ok {
				c.Value = duration(n)
			}
		case wire.TypeAuthType:
			c.Kind, c.Value = session.KindAuthType, simple(a)
			if a.Remove {
				c.Value = nil
			}
		case wire.TypeListener:
			c.Kind = session.KindListener
		case wire.TypeNote:
			c.Kind = session.KindNote
		default:
			unknown++
			continue
		}
		changes = append(changes, c)
	}
	return changes, unknown
}

// simple is the value of an action that sets a number, a text or a truth value.
func simple(a *wire.Action) any {
	v, _ := javaserial.Simple(a.Node())
	return v
}

// seconds is how Java has a maxInactiveInterval: whole seconds, not fewer than
// 1 of those that end.
func seconds(d time.Duration) int32 {
	switch {
	case d <= 0:
		return -1
	case d > time.Duration(1<<31-1)*time.Second:
		return 1<<31 - 1
	}
	return int32((d + time.Second - 1) / time.Second)
}

func duration(seconds int32) time.Duration {
	if seconds <= 0 {
		return -1
	}
	return time.Duration(seconds) * time.Second
}

func principal(p *session.Principal) javaserial.Node {
	if p.Java != nil {
		return p.Java
	}
	return wire.Principal(p.Name, p.Roles)
}

// principalOf returns a principal of another node. One of a class that is not
// known is kept as it is.
func principalOf(n javaserial.Node) *session.Principal {
	name, roles, _ := wire.ParsePrincipal(n)
	return &session.Principal{Name: name, Roles: roles, Java: n}
}

// Session returns a session as it travels.
func Session(s *session.State) wire.Session {
	w := wire.Session{
		ID: s.ID, Created: s.Created.UnixMilli(), Last: s.Last.UnixMilli(), This: s.This.UnixMilli(),
		MaxInactive: seconds(s.MaxInactive), IsNew: s.IsNew, IsValid: true, Listeners: s.Listeners,
		Attributes: make([]wire.Attribute, 0, len(s.Attributes)),
	}
	if s.Principal != nil {
		w.Principal = principal(s.Principal)
	}
	for _, a := range s.Attributes {
		w.Attributes = append(w.Attributes, wire.Attribute(a))
	}
	for _, n := range s.Notes {
		switch n.Name {
		case session.NoteID:
			w.NoteID = n.Value
		case noteRequest:
			w.NoteRequest = n.Value
		}
	}
	return w
}

// State returns a session of another node. Its last access is now: clocks of
// nodes differ.
func State(w *wire.Session) session.State {
	now := time.Now()
	s := session.State{
		ID: w.ID, Created: time.UnixMilli(w.Created), Last: now, This: now, MaxInactive: duration(w.MaxInactive), IsNew: w.IsNew,
		Listeners: w.Listeners, Attributes: make([]session.Attribute, 0, len(w.Attributes)),
	}
	if w.Principal != nil {
		s.Principal = principalOf(w.Principal)
	}
	for _, a := range w.Attributes {
		s.Attributes = append(s.Attributes, session.Attribute(a))
	}
	if w.NoteID != nil {
		s.Notes = append(s.Notes, session.Attribute{Name: session.NoteID, Value: w.NoteID})
	}
	if w.NoteRequest != nil {
		s.Notes = append(s.Notes, session.Attribute{Name: noteRequest, Value: w.NoteRequest})
	}
	return s
}
