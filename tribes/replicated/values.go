package replicated

import (
	"github.com/catflap/catflap/javaserial"
)

// Values say how what is in a map goes over the wire. Many goroutines call them.
type Values interface {
	// Encode returns the whole value as Java has it.
	Encode(v any) (javaserial.Node, error)
	// Extra returns what Encode's form has no place for, as a diff; nil is
	// nothing. Where a whole value is sent it follows.
	Extra(v any) []byte
	// Decode makes a value of what another node sent for key.
	Decode(key any, n javaserial.Node) (any, error)
	// Diff returns what changed in the value since it was asked last, and
	// whether anything did. A nil diff with changed set: send the whole value.
	Diff(v any) (diff []byte, changed bool)
	// Apply changes the value by a diff of another node. limits bound what it
	// becomes.
	Apply(v any, diff []byte, limits javaserial.Limits) error
}

// An Owner is told what becomes of the values of a map. Many goroutines call
// it. Where it says so the map is locked meanwhile: then it is quick, and does
// not call the map.
type Owner interface {
	// Merge returns the value that an entry has from now on: fresh is what
	// another node sent, old what is here, nil for nothing. The map is locked.
	Merge(old, fresh any) any
	// Moved tells that another node has used an entry, and is its primary now. Of
	// a proxy the value is let go of unless keep is set. The map is locked.
	Moved(value any, proxy bool) (keep bool)
	// Owned tells that an entry became this node's because its primary is lost.
	// The map is locked.
	Owned(value any)
	// Newer reports whether value was used later than n, which another node has,
	// at a time when neither knew of the other.
	Newer(value any, n javaserial.Node) bool
	// Later reports whether a, which another node has, was used later than b,
	// which one more has.
	Later(a, b javaserial.Node) bool
	// Came and Gone tell that there is a new entry, and one less, not by a call
	// of this node. value is nil of a proxy.
	Came(key any)
	Gone(key, value any)
}

// nobody is the Owner that does not care.
type nobody struct{}

func (nobody) Merge(_, fresh any) any          { return fresh }
func (nobody) Moved(any, bool) bool            { return false }
func (nobody) Owned(any)                       {}
func (nobody) Newer(any, javaserial.Node) bool { return true }
func (nobody) Later(_, _ javaserial.Node) bool { return false }
func (nobody) Came(any)                        {}
func (nobody) Gone(_, _ any)                   {}

// Plain are values that javaserial.Go and javaserial.Java know: strings,
// numbers, dates, lists and maps, and objects of Java as they came.
type Plain struct{}

var _ Values = Plain{}

// Encode implements Values.
func (Plain) Encode(v any) (javaserial.Node, error) {
	if kept, ok := v.(inexact); ok {
		return kept.node, nil
	}
	return javaserial.Java(v)
}

// Extra implements Values.
func (Plain) Extra(any) []byte { return nil }

// An inexact is a value that Java would get back as another class.
type inexact struct {
	value any
	node  javaserial.Node
}

// Decode implements Values.
func (Plain) Decode(_ any, n javaserial.Node) (any, error) {
	v, exact := javaserial.Go(n)
	if !exact {
		return inexact{v, n}, nil
	}
	return v, nil
}

// Diff implements Values: what is put anew is sent whole.
func (Plain) Diff(any) ([]byte, bool) { return nil, true }

// Apply implements Values.
func (Plain) Apply(any, []byte, javaserial.Limits) error { return errNoDiffs }

// Value returns v as a map of Plain values has it for applications.
func Value(v any) any {
	if kept, ok := v.(inexact); ok {
		return kept.value
	}
	return v
}
