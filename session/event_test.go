package session_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/catflap/catflap/session"
)

// What happens is told to who listens.
func TestEvents(t *testing.T) {
	var told []session.Event
	m := session.NewMemory(session.MemoryConfig{Listener: func(e session.Event) { told = append(told, e) }})
	h, err := session.Handler(session.Config{}, m, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		s.Set("a", 1)
		s.Remove("a")
		s.Remove("a")
		s.RotateID()
		s.Invalidate()
	}))
	if err != nil {
		t.Fatal(err)
	}
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	kinds := []session.EventKind{session.EventCreated, session.EventAttributeSet, session.EventAttributeRemoved, session.EventRenamed, session.EventEnded}
	if len(told) != len(kinds) {
		t.Fatalf("told %+v", told)
	}
	for i, e := range told {
		if e.Kind != kinds[i] || e.Replicated || i < 3 && e.ID != told[3].Old || i == 4 && e.ID != told[3].ID {
			t.Errorf("event %d: %+v", i, e)
		}
	}
	other := session.Restore(session.State{ID: "X"})
	other.Watch(&session.Watch{Listen: func(e session.Event) { told = append(told, e) }})
	other.Apply([]session.Change{{Kind: session.KindAttribute, Name: "n", Value: 1}})
	if last := told[len(told)-1]; last != (session.Event{Kind: session.EventAttributeSet, ID: "X", Name: "n", Replicated: true}) {
		t.Errorf("told %+v", last)
	}
}
