package session

// A Watch says what is to be known of Entries. Many of them share one, which
// does not change.
type Watch struct {
	Record bool // TakeChanges is to have what requests have changed
	All    bool // recordAllActions: of several changes of one thing all, not only the last
	// Skip says which attributes no other node is to have, with values as
	// javaserial.Java takes them; nil is none.
	Skip   func(name string, value any) bool
	Listen func(Event) // is told what happens to attributes; nil is nobody
}

// Tell tells Listen.
func (w *Watch) Tell(e Event) {
	if w.Listen != nil {
		w.Listen(e)
	}
}

// An Event is something that has happened to a session. It is told by whoever
// made it happen, which waits.
type Event struct {
	Kind       EventKind
	ID         string // of the session
	Old        string // EventRenamed: the id that it had
	Name       string // of an attribute
	Replicated bool   // another node made it happen
}

// An EventKind says what has happened.
type EventKind int

// The kinds of events.
const (
	EventCreated EventKind = iota
	EventEnded             // by the application, or because it was not used
	EventRenamed
	EventAttributeSet
	EventAttributeRemoved
)

// Watch has e watched from now on. Only e's Manager calls it, before others use
// e.
func (e *Entry) Watch(w *Watch) { e.watch = w }

// tell tells who watches e. e.mu is not held.
func (e *Entry) tell(event Event) {
	if e.watch != nil && e.watch.Listen != nil {
		event.ID = e.ID()
		e.watch.Listen(event)
	}
}
