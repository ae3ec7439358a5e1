package session

import (
	"fmt"
	"maps"
	"time"

	"github.com/catflap/catflap/javaserial"
)

// A TypeError refuses a value of a type that is not kept: other nodes could
// not read it.
type TypeError struct {
	Name string // of the attribute
	Type string // of the value, or of the one within it
}

func (e *TypeError) Error() string {
	return fmt.Sprintf("session: attribute %q: %s is not kept; a session keeps string, bool, int, int8 to int64, float32, float64, time.Time, []byte, []any, map[string]any, map[any]any and objects of Java that it had", e.Name, e.Type)
}

// maxDepth is how deep lists and maps may lie in each other.
const maxDepth = 64

// keep returns the copy of value that a session keeps. It is of the type that
// it would have after another node has sent it back: int becomes int64 (Java's
// Long), a time.Time has milliseconds in UTC, a map[any]any with nothing but
// strings for keys becomes a map[string]any. The error is a *TypeError or
// ErrTooDeep.
func keep(name string, value any, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("session: attribute %q: %w", name, ErrTooDeep)
	}
	switch v := value.(type) {
	case nil, string, bool, int64, int32, int16, int8, float64, float32, javaserial.Char, javaserial.Opaque:
		return v, nil
	case int:
		return int64(v), nil
	case time.Time:
		return time.UnixMilli(v.UnixMilli()).UTC(), nil
	case []byte:
		return append([]byte{}, v...), nil
	case []any:
		return keepList(name, v, depth)
	case javaserial.Set:
		list, err := keepList(name, v, depth)
		return javaserial.Set(list), err
	case map[string]any:
		kept := make(map[string]any, len(v))
		for key := range v {
			var err error
			if kept[key], err = keep(name, v[key], depth+1); err != nil {
				return nil, err
			}
		}
		return kept, nil
	case map[any]any:
		return keepMap(name, v, depth)
	}
	return nil, &TypeError{name, fmt.Sprintf("%T", value)}
}

// keepList is keep for a list.
func keepList(name string, values []any, depth int) ([]any, error) {
	list := make([]any, len(values))
	for i := range values {
		var err error
		if list[i], err = keep(name, values[i], depth+1); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// keepMap is keep for a map whose keys are not only strings.
func keepMap(name string, m map[any]any, depth int) (any, error) {
	kept, texts := make(map[any]any, len(m)), make(map[string]any, len(m))
	for key, value := range m {
		key, err := keep(name, key, depth+1)
		if err == nil {
			value, err = keep(name, value, depth+1)
		}
		if err != nil {
			return nil, err
		}
		kept[key] = value // only values that can be compared can have been a key
		if text, ok := key.(string); ok {
			texts[text] = value
		}
	}
	if len(texts) == len(m) {
		return texts, nil
	}
	return kept, nil
}

// copyOf returns a copy of what keep has returned, so that a change of it does
// not change the session.
func copyOf(value any) any {
	switch v := value.(type) {
	case []byte:
		return append([]byte{}, v...)
	case []any:
		return copyList(v)
	case javaserial.Set:
		return javaserial.Set(copyList(v))
	case packed:
		return v.value()
	case map[string]any:
		return copyMap(v)
	case map[any]any:
		return copyMap(v)
	}
	return value
}

func copyList(values []any) []any {
	list := make([]any, len(values))
	for i := range values {
		list[i] = copyOf(values[i])
	}
	return list
}

func copyMap[K comparable](m map[K]any) map[K]any {
	m = maps.Clone(m)
	for key := range m {
		m[key] = copyOf(m[key])
	}
	return m
}

// fromElsewhere returns what e keeps of a value that another node has sent.
func fromElsewhere(v any) any {
	o, ok := v.(javaserial.Opaque)
	if !ok {
		return packOwn(v)
	}
	if simple, ok := javaserial.Simple(o.Node); ok {
		return simple
	}
	return pack(o.Node)
}

// forElsewhere returns what other nodes get of a value that e keeps.
func forElsewhere(kept any) any {
	if p, ok := kept.(packed); ok {
		return javaserial.Opaque{Node: p.node()}
	}
	return kept
}
