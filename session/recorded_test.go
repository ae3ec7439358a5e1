package session_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/internal/vectors"
	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/session"
)

// A pairing is a Manager that records, and a second node that applies.
type pairing struct {
	*session.Memory
	watch session.Watch
	other *session.Entry
	told  [][]session.Change
	bound string // the id that Bind gives
}

func (p *pairing) Create(ctx context.Context) (*session.Entry, error) {
	e, err := p.Memory.Create(ctx)
	if err == nil {
		e.Watch(&p.watch)
		e.RecordNew()
		p.other = session.Restore(session.State{ID: e.ID(), Created: time.Now()})
	}
	return e, err
}

func (p *pairing) Done(_ context.Context, e *session.Entry) error {
	changes := e.TakeChanges()
	p.told = append(p.told, changes)
	p.other.Apply(changes)
	return nil
}

func (p *pairing) Bind(ctx context.Context, id string) (*session.Entry, error) {
	e, err := p.Find(ctx, id)
	if e != nil && p.bound != "" {
		old := e.ID()
		e.SetID(p.bound)
		e.FollowID(old)
	}
	return e, err
}

func (p *pairing) request(t *testing.T, cfg session.Config, cookie string, app func(s *session.Session)) (newCookie string) {
	t.Helper()
	h, err := session.Handler(cfg, p, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { app(session.From(r.Context())) }))
	if err != nil {
		t.Fatal(err)
	}
	r, w := httptest.NewRequest("GET", "/x.png", nil), httptest.NewRecorder()
	r.Header.Set("Cookie", cookie)
	h.ServeHTTP(w, r)
	newCookie, _, _ = strings.Cut(w.Header().Get("Set-Cookie"), ";")
	return newCookie
}

func newPairing() *pairing {
	return &pairing{Memory: session.NewMemory(session.MemoryConfig{Route: "a"}), watch: session.Watch{Record: true}}
}

// pojo is an object of a class that Go does not know.
func pojo(t *testing.T, vector string) javaserial.Node {
	t.Helper()
	n, err := javaserial.Decode(vectors.Bytes(t, vector), javaserial.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// What requests change is what other nodes are told, in order, the last change
// of each thing.
func TestChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPairing()
		p.watch.Skip = func(name string, value any) bool { return name == "secret" || value == int64(13) }
		cookie := p.request(t, session.Config{}, "", func(s *session.Session) {
			for name, value := range map[string]any{"secret": 1, "unlucky": 13} {
				if err := s.Set(name, value); err != nil {
					t.Error(err)
				}
			}
			s.Remove("none")
			for _, v := range []any{1, "two"} {
				if err := s.Set("a", v); err != nil {
					t.Error(err)
				}
			}
			s.SetMaxInactive(time.Minute)
			s.Set("gone", 1)
			s.Remove("gone")
			if err := s.SetPrincipal(&session.Principal{Name: "ada", AuthType: "FORM"}); err != nil {
				t.Error(err)
			}
		})
		want := []session.Change{
			{Kind: session.KindIsNew, Value: true}, {Kind: session.KindAttribute, Name: "a", Value: "two"},
			{Kind: session.KindMaxInactive, Value: time.Minute}, {Kind: session.KindAttribute, Name: "gone", Remove: true},
			{Kind: session.KindAuthType, Value: "FORM"}, {Kind: session.KindPrincipal, Value: &session.Principal{Name: "ada", AuthType: "FORM"}},
		}
		if !reflect.DeepEqual(p.told[0], want) {
			t.Errorf("told:\n%+v\nwant:\n%+v", p.told[0], want)
		}
		time.Sleep(time.Second)
		p.request(t, session.Config{}, cookie, func(*session.Session) {})
		if want = []session.Change{{Kind: session.KindIsNew, Value: false}}; len(p.told) != 2 || !reflect.DeepEqual(p.told[1], want) {
			t.Errorf("of a request that does nothing: %+v", p.told[1:])
		}
		quiet := session.Config{Unreplicated: func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, ".png") }}
		p.request(t, quiet, cookie, func(s *session.Session) { s.Set("b", 2) })
		if len(p.told) != 2 {
			t.Error("a request that is not to be replicated was")
		}
		p.request(t, session.Config{}, cookie, func(*session.Session) {})
		if s, _ := p.other.State(); len(s.Attributes) != 2 || s.Attributes[1].Value != int64(2) || s.MaxInactive != time.Minute || s.Principal.AuthType != "FORM" {
			t.Errorf("the other node has %+v of %+v", s, s.Principal)
		}
	})
}

// An object of Java that Go does not know, or only by halves, goes back as it
// came.
func TestObjects(t *testing.T) {
	p := newPairing()
	deque, custom := pojo(t, "ser-arraydeque"), pojo(t, "ser-custom-writeobject")
	var kept any
	cookie := p.request(t, session.Config{}, "", func(s *session.Session) {
		s.Set("untouched", 1)
		e, _ := p.Find(t.Context(), s.ID())
		e.Apply([]session.Change{
			{Kind: session.KindAttribute, Name: "deque", Value: javaserial.Opaque{Node: deque}},
			{Kind: session.KindAttribute, Name: "custom", Value: javaserial.Opaque{Node: custom}},
			{Kind: session.KindAttribute, Name: "untouched"}, // without a value: removed
		})
		if _, isList := first(s.Get("deque")).([]any); !isList || !slices.Equal(s.Names(), []string{"custom", "deque"}) {
			t.Errorf("the deque is %v, of %q", first(s.Get("deque")), s.Names())
		}
		kept, _ = s.Get("custom")
		if !isObject(kept, custom) {
			t.Errorf("the object is %v", kept)
		}
		if err := s.Set("copy", []any{kept, javaserial.Set{"x"}, javaserial.Char('c')}); err != nil {
			t.Error(err)
		}
	})
	e, _ := p.Find(t.Context(), strings.TrimPrefix(cookie, "JSESSIONID="))
	s, _ := e.State()
	again, ok := session.Restore(s).State()
	deques := 0
	for i, a := range s.Attributes {
		want, ok := map[string]javaserial.Node{"custom": custom, "deque": deque}[a.Name]
		if a.Name == "deque" && isObject(a.Value, deque) {
			deques++
		}
		if _, opaque := a.Value.(javaserial.Opaque); opaque && !(ok && isObject(a.Value, want)) {
			t.Errorf("%s is %v", a.Name, a.Value)
		}
		if !reflect.DeepEqual(a, again.Attributes[i]) {
			t.Errorf("restored %v as %v", a, again.Attributes[i])
		}
	}
	if !ok || len(s.Attributes) != 3 || deques != 1 { // Java gets the deque back as it was, not as a list
		t.Errorf("the attributes are %v", s.Attributes)
	}
}

func first(v any, _ bool) any { return v }

// isObject reports whether v is the object of Java that n is.
func isObject(v any, n javaserial.Node) bool {
	o, ok := v.(javaserial.Opaque)
	return ok && bytes.Equal(javaserial.Encode(o.Node), javaserial.Encode(n))
}

// Notes, listeners and the principal of Java go through; text in notes can be
// compared.
func TestNotes(t *testing.T) {
	listener := javaserial.Opaque{Node: pojo(t, "ser-custom-writeobject")}
	again := javaserial.Opaque{Node: pojo(t, "ser-custom-writeobject")}
	e := session.Restore(session.State{ID: "OLD.a"})
	note := func(v any) session.Change {
		return session.Change{Kind: session.KindNote, Name: session.NoteID, Value: v}
	}
	p := &session.Principal{Name: "ada", Java: listener.Node}
	e.Apply([]session.Change{
		note(javaserial.Opaque{Node: &javaserial.String{Text: "OLD.a"}}), {Kind: session.KindListener, Value: listener},
		{Kind: session.KindAuthType, Value: "BASIC"}, {Kind: session.KindPrincipal, Value: p},
	})
	e.Watch(&session.Watch{Record: true})
	e.SetID("NEW.a")
	e.FollowID("OLD.a")
	if changes := e.TakeChanges(); !reflect.DeepEqual(changes, []session.Change{note("NEW.a")}) {
		t.Errorf("told %+v", changes)
	}
	s, _ := e.State()
	if s.Notes[0].Value != "NEW.a" || s.Listeners[0] != listener.Node || s.Principal.AuthType != "BASIC" || s.Principal.Java != listener.Node {
		t.Errorf("%+v of %+v", s, s.Principal)
	}
	e.Apply([]session.Change{{Kind: session.KindListener, Value: again, Remove: true}, {Kind: session.KindNote, Name: session.NoteID, Remove: true}, {Kind: session.KindPrincipal}})
	if s, _ = e.State(); len(s.Listeners)+len(s.Notes) != 0 || s.Principal != nil {
		t.Errorf("then %+v", s)
	}
}
