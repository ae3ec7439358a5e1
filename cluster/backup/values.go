package backup

import (
	"errors"
	"fmt"

	"github.com/catflap/catflap/cluster/internal/replica"
	"github.com/catflap/catflap/cluster/internal/wire"
	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/session"
	"github.com/catflap/catflap/tribes/replicated"
)

// values are how sessions go over the wire.
type values struct{ m *Manager }

var _ replicated.Values = values{}

// errEnded says that a session has ended meanwhile.
var errEnded = errors.New("the session has ended")

// Encode implements replicated.Values.
func (v values) Encode(value any) (javaserial.Node, error) {
	s, ok := entryOf(value).State()
	if !ok {
		return nil, errEnded
	}
	w := replica.Session(&s)
	return w.Object()
}

// Extra implements replicated.Values: how somebody has logged in has no place in
// Tomcat's form of a session.
func (v values) Extra(value any) []byte {
	s, ok := entryOf(value).State()
	if !ok || s.Principal == nil || s.Principal.AuthType == "" {
		return nil
	}
	b, err := replica.Delta(s.ID, v.m.cfg.RecordAll, []session.Change{{Kind: session.KindAuthType, Value: s.Principal.AuthType}}).Encode()
	if err != nil {
		return nil // a text and an id that were sent before
	}
	return b
}

// Decode implements replicated.Values. Whatever id the session says that it has,
// that of the entry counts.
func (v values) Decode(key any, n javaserial.Node) (any, error) {
	id, ok := key.(string)
	if !ok {
		return nil, fmt.Errorf("a session under %T", key)
	}
	w, err := wire.ParseSession(n)
	if err != nil {
		return nil, err
	}
	w.ID = id
	e := session.Restore(replica.State(&w))
	e.Watch(&v.m.watch)
	return e, nil
}

// Diff implements replicated.Values.
func (v values) Diff(value any) (diff []byte, changed bool) {
	e := entryOf(value)
	changes := e.TakeChanges()
	if len(changes) == 0 {
		return nil, false
	}
	diff, err := replica.Delta(e.ID(), v.m.cfg.RecordAll, changes).Encode()
	if err != nil {
		v.m.cfg.Log.Error("changes of a session cannot be written", "err", err)
		return nil, true
	}
	return diff, true
}

// Apply implements replicated.Values.
func (v values) Apply(value any, diff []byte, limits javaserial.Limits) error {
	d, err := wire.ParseDelta(diff, limits)
	if err != nil {
		return err
	}
	e := entryOf(value)
	if d.ID != e.ID() {
		return errors.New("changes of another session")
	}
	changes, unknown := replica.Changes(&d)
	if unknown > 0 {
		v.m.cfg.Log.Warn("changes of a session that are not known", "changes", unknown)
	}
	if e.Apply(changes) {
		v.m.conflicts.Add(1)
	}
	return nil
}

// owner is the Manager as what its map tells of sessions.
type owner struct{ m *Manager }

var _ replicated.Owner = owner{}

// Merge implements replicated.Owner: requests that use a session go on with what
// another node has made of it.
func (o owner) Merge(old, fresh any) any {
	e, arrived := entryOf(old), entryOf(fresh)
	if e == nil || e.Ended() {
		return arrived
	}
	if e.Replace(arrived) {
		o.m.conflicts.Add(1)
	}
	return e
}

// Moved implements replicated.Owner.
func (o owner) Moved(value any, proxy bool) (keep bool) {
	e := entryOf(value)
	e.Touched()
	return proxy && (e.Busy() || e.Changed())
}

// Owned implements replicated.Owner.
func (o owner) Owned(value any) {
	e := entryOf(value)
	e.Touched() // the node that is gone may have used it, and not told that
	e.SetPrimary(true)
}

// Newer implements replicated.Owner.
func (o owner) Newer(value any, n javaserial.Node) bool {
	s, ok := entryOf(value).State()
	w, err := wire.ParseSession(n)
	return err != nil || ok && s.This.UnixMilli() >= w.This
}

// Later implements replicated.Owner.
func (o owner) Later(a, b javaserial.Node) bool {
	one, err := wire.ParseSession(a)
	other, worse := wire.ParseSession(b)
	return err == nil && (worse != nil || one.This > other.This)
}

// Came implements replicated.Owner.
func (o owner) Came(key any) {
	if id, ok := key.(string); ok {
		o.m.listener.Tell(session.Event{Kind: session.EventCreated, ID: id, Replicated: true})
	}
}

// Gone implements replicated.Owner.
func (o owner) Gone(key, value any) {
	if e := entryOf(value); e != nil {
		if e.Changed() {
			o.m.conflicts.Add(1)
			o.m.cfg.Log.Warn("another node has ended a session that a request here was changing")
		}
		e.End()
	}
	if id, ok := key.(string); ok {
		o.m.listener.Tell(session.Event{Kind: session.EventEnded, ID: id, Replicated: true})
	}
}
