package session_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/session"
)

// What another node has of a session takes the place of what is here, but for
// what this node has changed and not told yet.
func TestReplace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := session.Restore(session.State{ID: "A", MaxInactive: time.Minute, Attributes: []session.Attribute{{Name: "old", Value: "x"}}})
		e.Watch(&session.Watch{Record: true})
		fresh := func() *session.Entry {
			e := session.Restore(session.State{
				ID: "A", Created: time.Unix(1, 0), MaxInactive: time.Hour, Principal: &session.Principal{Name: "ada", AuthType: "FORM"},
				Notes: []session.Attribute{{Name: "note", Value: "n"}}, Attributes: []session.Attribute{{Name: "a", Value: "theirs"}, {Name: "b", Value: "theirs"}},
			})
			e.Watch(&session.Watch{})
			return e
		}
		e.SetPrimary(true)
		if e.Changed() || e.Busy() || e.Replace(fresh()) {
			t.Error("nothing was changed here")
		}
		s, _ := e.State()
		if len(s.Attributes) != 2 || s.Principal.AuthType != "FORM" || s.MaxInactive != time.Hour || !s.Created.Equal(time.Unix(1, 0)) || len(s.Notes) != 1 || e.Primary() {
			t.Errorf("%+v of %+v", s, s.Principal)
		}
		m := session.NewMemory(session.MemoryConfig{})
		mine, err := m.Create(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		mine.Watch(&session.Watch{Record: true})
		h, err := session.Handler(session.Config{}, m, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			s := session.From(r.Context())
			s.Set("a", "ours")
			s.SetMaxInactive(time.Second)
			if !mine.Busy() || !mine.Changed() || !mine.Replace(fresh()) || !mine.Replace(fresh()) {
				t.Error("no conflict with what is changed here")
			}
		}))
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.AddCookie(&http.Cookie{Name: "JSESSIONID", Value: mine.ID()})
		h.ServeHTTP(httptest.NewRecorder(), r)
		s, _ = mine.State()
		if want := []session.Attribute{{Name: "a", Value: "ours"}, {Name: "b", Value: "theirs"}}; !slices.Equal(s.Attributes, want) || s.MaxInactive != time.Second || s.Principal.Name != "ada" {
			t.Errorf("both: %+v", s)
		}
		mine.End()
		if mine.Replace(fresh()) || mine.Changed() || !mine.Ended() {
			t.Error("what has ended lives again")
		}
	})
}

// What is made anew is known to other nodes, too.
func TestRedo(t *testing.T) {
	e := session.Restore(session.State{ID: "X", Attributes: []session.Attribute{{Name: "a", Value: "old"}, {Name: "b", Value: "old"}}})
	e.Watch(&session.Watch{Record: true})
	all := []session.Change{
		{Kind: session.KindAttribute, Name: "a", Value: "new"}, {Kind: session.KindAttribute, Name: "b", Remove: true},
		{Kind: session.KindMaxInactive, Value: time.Second},
	}
	e.Redo(all)
	s, _ := e.State()
	if want := []session.Attribute{{Name: "a", Value: "new"}}; !slices.Equal(s.Attributes, want) || s.MaxInactive != time.Second {
		t.Errorf("it is %+v", s)
	}
	if got := e.TakeChanges(); !slices.Equal(got, all) {
		t.Errorf("others get %+v", got)
	}
	e.End()
	e.Redo(all)
	if e.Changed() {
		t.Error("what has ended is changed")
	}
}
