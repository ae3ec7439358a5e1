package wire

import (
	"fmt"

	"github.com/catflap/catflap/javaserial"
)

// A Type says what an Action changes.
type Type int32

// The types of Tomcat.
const (
	TypeAttribute Type = iota
	TypePrincipal
	TypeIsNew
	TypeMaxInactive
	TypeAuthType
	TypeListener
	TypeNote
)

// Names of actions that have none of their own.
const (
	NamePrincipal   = "__SET__PRINCIPAL__"
	NameIsNew       = "__SET__ISNEW__"
	NameMaxInactive = "__SET__MAXINTERVAL__"
	NameAuthType    = "__SET__AUTHTYPE__"
	NameListener    = "__SET__LISTENER__"
)

// An Action is one change of a session.
type Action struct {
	Type   Type
	Remove bool
	Name   string // of the attribute or note; else one of the names above
	// Value is what javaserial.Java takes; what was read is an Opaque. nil
	// stands for none.
	Value any
}

// Node is the value of an action that was read.
func (a *Action) Node() javaserial.Node {
	if o, ok := a.Value.(javaserial.Opaque); ok {
		return o.Node
	}
	return nil
}

// A Delta is what changed in a session.
//
//	sessionId         utf
//	recordAllActions  boolean
//	actions           int32, for each:
//	  type            int32
//	  action          int32    0 set, 1 remove
//	  name            utf
//	  value follows   boolean
//	  value           object   only if so
//
// Source: ha.session.DeltaRequest.writeExternal.
type Delta struct {
	ID        string
	RecordAll bool // one action does not take the place of an earlier one
	Actions   []Action
}

// Encode returns d as a stream of its own.
func (d *Delta) Encode() ([]byte, error) { return javaserial.Write(d.write) }

func (d *Delta) write(e *javaserial.Encoder) error {
	if !e.UTF(d.ID) {
		return fmt.Errorf("delta: session id of %d bytes: too long", len(d.ID))
	}
	e.Bool(d.RecordAll)
	e.Int32(int32(len(d.Actions)))
	for i := range d.Actions {
		a := &d.Actions[i]
		e.Int32(int32(a.Type))
		if a.Remove {
			e.Int32(1)
		} else {
			e.Int32(0)
		}
		if !e.UTF(a.Name) {
			return fmt.Errorf("delta: a name of %d bytes: too long", len(a.Name))
		}
		e.Bool(a.Value != nil)
		if a.Value == nil {
			continue
		}
		if err := e.Value(a.Value); err != nil {
			return fmt.Errorf("delta: %q: %w", a.Name, err)
		}
	}
	return nil
}

// ParseDelta reads a delta. Any error means that nothing of it is to be applied.
func ParseDelta(b []byte, limits javaserial.Limits) (Delta, error) {
	var delta Delta
	err := javaserial.Read(b, limits, func(d *javaserial.Decoder) (err error) {
		delta, err = (&deltaReader{d}).delta()
		return err
	})
	if err != nil {
		return Delta{}, fmt.Errorf("delta: %w", err)
	}
	return delta, nil
}

// A deltaReader reads one delta. The first error sticks, in the Decoder.
type deltaReader struct{ d *javaserial.Decoder }

func (r *deltaReader) delta() (Delta, error) {
	id, _ := r.d.UTF()
	all, _ := r.d.Bool()
	n, err := r.d.Int32()
	if err != nil {
		return Delta{}, err
	}
	if n < 0 {
		return Delta{}, fmt.Errorf("it says that it has %d actions", n)
	}
	delta := Delta{ID: id, RecordAll: all, Actions: make([]Action, 0, min(n, 4))}
	for range n {
		a, err := r.action()
		if err != nil {
			return Delta{}, err
		}
		delta.Actions = append(delta.Actions, a)
	}
	return delta, r.d.End()
}

func (r *deltaReader) action() (Action, error) {
	kind, _ := r.d.Int32()
	remove, _ := r.d.Int32()
	name, _ := r.d.UTF()
	has, err := r.d.Bool()
	a := Action{Type: Type(kind), Remove: remove == 1, Name: name}
	if err != nil || !has {
		return a, err
	}
	n, err := r.d.Object()
	if err != nil {
		return a, err
	}
	if _, aborted := n.(*javaserial.Aborted); aborted {
		return a, fmt.Errorf("%q: its value could not be written where it comes from", name)
	}
	if n != nil {
		a.Value = javaserial.Opaque{Node: n}
	}
	return a, nil
}
