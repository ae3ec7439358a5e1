package replica

import (
	"testing"

	"github.com/catflap/catflap/session"
)

func TestOwnID(t *testing.T) {
	for _, test := range []struct {
		id, route, own string
		foreign        bool
	}{
		{"A.a", "b", "A.b", true}, {"A.a", "a", "A.a", false}, {"A", "a", "A", false}, {"A.a", "", "A.a", false}, {"A.a.x", "a", "A.a", true},
	} {
		if own, foreign := OwnID(test.id, test.route); own != test.own || foreign != test.foreign {
			t.Errorf("%s on %q: %s, %v", test.id, test.route, own, foreign)
		}
	}
}

// Who is not to be told of other nodes is told of this one.
func TestListener(t *testing.T) {
	for _, quiet := range []bool{false, true} {
		heard := 0
		l := Listener{To: func(session.Event) { heard++ }, NoSessions: quiet, NoAttributes: quiet}
		for _, replicated := range []bool{false, true} {
			l.Tell(session.Event{Replicated: replicated})
			l.Attributes()(session.Event{Replicated: replicated})
		}
		if want := map[bool]int{false: 4, true: 2}[quiet]; heard != want {
			t.Errorf("quiet %v: %d told, want %d", quiet, heard, want)
		}
	}
	var nobody Listener
	nobody.Tell(session.Event{})
	if nobody.Attributes() != nil {
		t.Error("nobody is told of attributes")
	}
}
