package session_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/session"
)

// Who is the primary, for how long a session lives, and when two nodes change
// it at once.
func TestPrimary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := session.NewEntry("A", time.Minute)
		e.Watch(&session.Watch{Record: true})
		if !e.Primary() || !e.SetPrimary(true) {
			t.Error("a new session is not its node's")
		}
		e.RecordNew()
		if conflict := e.Apply(nil); !conflict || e.Primary() {
			t.Error("two nodes change it: no conflict")
		}
		e.TakeChanges()
		if e.Apply(nil) {
			t.Error("a conflict although this node changes nothing")
		}
		time.Sleep(119 * time.Second)
		if e.Expired(time.Now()) {
			t.Error("a replica expires too early")
		}
		if was := e.SetPrimary(true); was || !e.Expired(time.Now()) {
			t.Error("a primary does not expire")
		}
		e.Touched()
		if e.Expired(time.Now()) || e.Primary() {
			t.Error("it was used elsewhere")
		}
		time.Sleep(2 * time.Minute)
		if !e.Expired(time.Now()) {
			t.Error("a replica does not expire")
		}
		e.End()
		if e.Apply([]session.Change{{Kind: session.KindAttribute, Name: "a", Value: 1}}) || e.TakeChanges() != nil {
			t.Error("a session that has ended changes")
		}
		if _, ok := e.State(); ok {
			t.Error("a session that has ended has a state")
		}
	})
}

// A session that comes from another node gets its new cookie before the
// application runs, whether that asks for a session or not.
func TestBind(t *testing.T) {
	p := newPairing()
	cookie := p.request(t, session.Config{}, "", func(s *session.Session) { s.Create() })
	p.bound = "NEW.a"
	if again := p.request(t, session.Config{}, cookie, func(*session.Session) {}); again != "JSESSIONID=NEW.a" {
		t.Errorf("the cookie is %q", again)
	}
	e, _ := p.Find(t.Context(), strings.TrimPrefix(cookie, "JSESSIONID="))
	e.SetPrimary(false)
	p.request(t, session.Config{}, cookie, func(s *session.Session) {
		if s.Primary() || s.ID() != "NEW.a" || s.Requested() == s.ID() || "JSESSIONID="+s.OriginalID() != cookie {
			t.Errorf("%v, %q, was %q", s.Primary(), s.ID(), s.OriginalID())
		}
		s.Invalidate()
		if s.OriginalID() != "" {
			t.Error("no session has an original id")
		}
	})
	p.bound = ""
	cookie = p.request(t, session.Config{}, "", func(s *session.Session) { s.Create() })
	p.request(t, session.Config{}, cookie, func(s *session.Session) {
		if s.OriginalID() != "" || !s.Exists() {
			t.Errorf("this node's own session was %q", s.OriginalID())
		}
	})
}
