package replicated

import (
	"github.com/catflap/catflap/javaserial"
)

// Values say how what is in a map goes over the wire. Many goroutines call them.
type Values interface {
	// Encode returns the whole value as Java has it.
	Encode(v any) (javaserial.Node, error)
	// Decode makes a value of what another node sent for key.
	Decode(key any, n javaserial.Node) (any, error)
	// Diff returns what changed in the value since it was asked last, and
	// whether anything did. A nil diff with changed set: send the whole value.
	Diff(v any) (diff []byte, changed bool)
	// Apply changes the value by a diff of another node.
	Apply(v any, diff []byte) error
}

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
func (Plain) Apply(any, []byte) error { return errNoDiffs }

// Value returns v as a map of Plain values has it for applications.
func Value(v any) any {
	if kept, ok := v.(inexact); ok {
		return kept.value
	}
	return v
}
