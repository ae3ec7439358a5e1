package session

import (
	"fmt"
	"math"

	"github.com/catflap/catflap/javaserial"
)

// A packed is a list, a map or an object of Java as it stands in a stream: many
// small objects are one piece of memory until somebody wants to see them. What
// comes out is new each time, and goes back to Java as it came.
type packed struct{ stream []byte }

func pack(n javaserial.Node) packed { return packed{javaserial.Encode(n)} }

// packOwn packs what keep returned, if Go reads the same from it: a list or a
// map that holds nothing else than plain values and such lists and maps.
func packOwn(kept any) any {
	switch kept.(type) {
	case []any, map[string]any:
	default:
		return kept
	}
	if !isPlain(kept) {
		return kept
	}
	n, err := javaserial.Java(kept)
	if err != nil {
		return kept
	}
	return pack(n)
}

func isPlain(kept any) bool {
	switch v := kept.(type) {
	case []any:
		for _, each := range v {
			if !isPlain(each) {
				return false
			}
		}
	case map[string]any:
		for _, each := range v {
			if !isPlain(each) {
				return false
			}
		}
	case javaserial.Opaque, javaserial.Set, map[any]any:
		return false
	}
	return true
}

// unlimited is for streams that were written here.
var unlimited = javaserial.Limits{
	Bytes: math.MaxInt, Depth: math.MaxInt, Objects: math.MaxInt, String: math.MaxInt, Array: math.MaxInt, Handles: math.MaxInt,
}

func (p packed) node() javaserial.Node {
	n, err := javaserial.Decode(p.stream, unlimited)
	if err != nil {
		panic(fmt.Sprintf("session: what was packed cannot be read: %v", err))
	}
	return n
}

// value returns what p means in Go.
func (p packed) value() any {
	v, _ := javaserial.Go(p.node())
	return v
}
