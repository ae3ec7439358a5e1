package session_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/session"
)

// Lists and maps of a session that other nodes have, too, are read as they were
// set, each time anew, and are for Java what they are in Go.
func TestListsAndMaps(t *testing.T) {
	values := map[string]any{
		"empty list": []any{}, "empty map": map[string]any{}, "list": []any{"a", int32(1), nil, true, []byte{0, 255}, 2.5},
		"map":    map[string]any{"": "x", "when": time.UnixMilli(1700000000123).UTC(), "in": []any{map[string]any{"deep": int64(7)}}},
		"others": map[any]any{int64(1): "x"}, "set": javaserial.Set{"b", "a"}, "letters": []any{map[string]any{"\x00ä😀": "ü"}},
	}
	p := newPairing()
	p.request(t, session.Config{}, "", func(s *session.Session) {
		for name, v := range values {
			if err := s.Set(name, v); err != nil {
				t.Error(err)
			}
		}
		for name, want := range values {
			got, _ := s.Get(name)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s is %#v, want %#v", name, got, want)
			}
			if list, ok := got.([]any); ok && len(list) > 0 {
				list[0] = "changed"
			}
			if m, ok := got.(map[string]any); ok {
				m["changed"] = true
			}
			if again, _ := s.Get(name); !reflect.DeepEqual(again, want) {
				t.Errorf("%s changes without Set", name)
			}
		}
	})
	there, ok := p.other.State()
	if !ok || len(there.Attributes) != len(values) {
		t.Fatalf("the other node has %+v", there)
	}
	for _, a := range there.Attributes {
		if o, ok := a.Value.(javaserial.Opaque); ok {
			a.Value, _ = javaserial.Go(o.Node)
		}
		if a.Name != "set" && !reflect.DeepEqual(a.Value, values[a.Name]) { // Java orders sets
			t.Errorf("on the other node %s is %#v", a.Name, a.Value)
		}
	}
}
