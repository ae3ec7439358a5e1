package replica

import "github.com/catflap/catflap/session"

// A Listener is who is told what happens to sessions, here and on other nodes.
type Listener struct {
	To func(session.Event) // nil is nobody
	// NoSessions and NoAttributes do not tell what other nodes did to sessions,
	// and to their attributes.
	NoSessions, NoAttributes bool
}

// Attributes returns who is told what happens to attributes; nil is nobody.
func (l Listener) Attributes() func(session.Event) {
	if l.To == nil || !l.NoAttributes {
		return l.To
	}
	return func(e session.Event) {
		if !e.Replicated {
			l.To(e)
		}
	}
}

// Tell tells what happened to a session.
func (l Listener) Tell(e session.Event) {
	if l.To != nil && !(e.Replicated && l.NoSessions) {
		l.To(e)
	}
}
