// Package sessiontest is the suite that every session.Manager passes. What
// comes in is how to make one, what goes out are failures of a test.
package sessiontest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/session"
)

// Settings are what a Manager of the suite is made with.
type Settings struct {
	Route       string
	MaxInactive time.Duration
	MaxActive   int // 0 is no limit
}

// New makes a Manager that runs until the test ends. It is called in a bubble
// of testing/synctest.
type New func(t *testing.T, s Settings) session.Manager

// Run runs the suite.
func Run(t *testing.T, make New) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, make New)
	}{
		{"ids", ids}, {"values", values}, {"rename", rename}, {"remove", remove}, {"expiry", expiry},
		{"times", times}, {"too many", tooMany}, {"principal", principal}, {"at once", atOnce}, {"limits of time", forEver},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test.run(t, make) })
		})
	}
}

var form = regexp.MustCompile(`^[0-9A-F]{32}\.pj001$`)

// A browser keeps its cookie, and asks an application.
type browser struct {
	t       *testing.T
	manager session.Manager
	cookie  string
}

// do runs app for one request.
func (b *browser) do(app func(s *session.Session)) {
	b.t.Helper()
	h, err := session.Handler(session.Config{}, b.manager, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		app(session.From(r.Context()))
	}))
	if err != nil {
		b.t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/", nil)
	if b.cookie != "" {
		r.Header.Set("Cookie", b.cookie)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if set := w.Header().Get("Set-Cookie"); set != "" {
		b.cookie, _, _ = strings.Cut(set, ";")
	}
}

// id is that of b's cookie.
func (b *browser) id() string { return strings.TrimPrefix(b.cookie, "JSESSIONID=") }

func begin(t *testing.T, make New) *browser {
	return &browser{t: t, manager: make(t, Settings{Route: "pj001", MaxInactive: time.Hour})}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func ids(t *testing.T, make New) {
	m := make(t, Settings{Route: "pj001", MaxInactive: time.Hour})
	seen := map[string]bool{}
	for range 100 {
		e, err := m.Create(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if id := e.ID(); !form.MatchString(id) || seen[id] {
			t.Errorf("the id %q", id)
		}
		seen[e.ID()] = true
		if found, err := m.Find(t.Context(), e.ID()); found == nil || err != nil || found.ID() != e.ID() {
			t.Errorf("Find(%q) = %v, %v", e.ID(), found, err)
		}
	}
	for _, id := range []string{"", "x", "0123456789ABCDEF0123456789ABCDEF.pj001", strings.Repeat("A", 1<<16)} {
		if found, err := m.Find(t.Context(), id); found != nil || err != nil {
			t.Errorf("an id that nobody gave: %v, %v", found, err)
		}
	}
	b := &browser{t: t, manager: make(t, Settings{MaxInactive: time.Hour}), cookie: "JSESSIONID=CHOSEN"}
	b.do(func(s *session.Session) {
		check(t, s.Create())
		if s.ID() == "CHOSEN" || len(s.ID()) != 32 || s.Requested() != "CHOSEN" {
			t.Errorf("a client that chose its id has %q", s.ID())
		}
	})
}

func values(t *testing.T, make New) {
	b := begin(t, make)
	now := time.Now()
	list := []any{int64(1), "two", nil, []byte{3}}
	for name, value := range map[string]struct{ set, get any }{
		"string": {"text", "text"}, "bool": {true, true}, "int": {7, int64(7)}, "int64": {int64(-1 << 63), int64(-1 << 63)},
		"int32": {int32(5), int32(5)}, "int16": {int16(-5), int16(-5)}, "int8": {int8(1), int8(1)},
		"float64": {1.5, 1.5}, "float32": {float32(0.25), float32(0.25)},
		"time": {now, time.UnixMilli(now.UnixMilli()).UTC()}, "bytes": {[]byte("abc"), []byte("abc")}, "no bytes": {[]byte{}, []byte{}},
		"list": {list, list}, "map": {map[string]any{"a": 1, "b": nil}, map[string]any{"a": int64(1), "b": nil}},
		"keys": {map[any]any{1: "one", "two": list}, map[any]any{int64(1): "one", "two": list}},
		"text": {map[any]any{"a": "b"}, map[string]any{"a": "b"}}, "": {"no name", "no name"},
	} {
		b.do(func(s *session.Session) { check(t, s.Set(name, value.set)) })
		b.do(func(s *session.Session) {
			if got, ok := s.Get(name); !ok || !reflect.DeepEqual(got, value.get) {
				t.Errorf("%s: %#v, %v, want %#v", name, got, ok, value.get)
			}
		})
	}
	b.do(func(s *session.Session) {
		got, _ := s.Get("list")
		got.([]any)[3].([]byte)[0] = 9
		got.([]any)[0] = "changed"
		m := map[string]any{"inner": []any{1}}
		check(t, s.Set("own", m))
		m["inner"].([]any)[0] = "changed"
	})
	b.do(func(s *session.Session) {
		if got, _ := s.Get("list"); !reflect.DeepEqual(got, list) {
			t.Errorf("a change of a copy went into the session: %#v", got)
		}
		if got, _ := s.Get("own"); !reflect.DeepEqual(got, map[string]any{"inner": []any{int64(1)}}) {
			t.Errorf("a change of what was set went into the session: %#v", got)
		}
		s.Remove("list")
		check(t, s.Set("own", nil))
		if err := s.Set("bad", []string{"x"}); err == nil || !strings.Contains(err.Error(), `attribute "bad": []string is not kept`) {
			t.Errorf("[]string: %v", err)
		}
		if err := s.Set("bad", []any{1, map[string]any{"x": uint(1)}}); err == nil || !strings.Contains(err.Error(), `attribute "bad": uint is`) {
			t.Errorf("uint: %v", err)
		}
		circle := []any{nil}
		circle[0] = circle
		if err := s.Set("bad", circle); err == nil || !strings.Contains(err.Error(), "deep") {
			t.Errorf("a list that contains itself: %v", err)
		}
	})
	b.do(func(s *session.Session) {
		if got := fmt.Sprint(s.Names()); strings.Contains(got, "list") || strings.Contains(got, "own") || strings.Contains(got, "bad") || len(s.Names()) != 16 {
			t.Errorf("the names are %s", got)
		}
	})
}

func rename(t *testing.T, make New) {
	b := begin(t, make)
	b.do(func(s *session.Session) { check(t, s.Set("user", "ada")) })
	old := b.id()
	b.do(func(s *session.Session) {
		created := s.CreatedAt()
		check(t, s.RotateID())
		if !form.MatchString(s.ID()) || s.ID() == old || !s.CreatedAt().Equal(created) || s.Requested() != old {
			t.Errorf("the id %q became %q", old, s.ID())
		}
	})
	if b.id() == old {
		t.Error("the client keeps the old id")
	}
	b.do(func(s *session.Session) {
		if got, _ := s.Get("user"); got != "ada" {
			t.Errorf("under the new id: %v", got)
		}
	})
	b.cookie = "JSESSIONID=" + old
	b.do(func(s *session.Session) {
		if s.Exists() || s.ID() != "" || s.Requested() != old {
			t.Error("the old id is still good")
		}
	})
}

func remove(t *testing.T, make New) {
	b := begin(t, make)
	b.do(func(s *session.Session) { check(t, s.Set("a", 1)) })
	old := b.id()
	b.do(func(s *session.Session) {
		check(t, s.Invalidate())
		if s.Exists() || s.ID() != "" || len(s.Names()) > 0 || s.IsNew() {
			t.Error("it is still there")
		}
		check(t, s.Invalidate())
		check(t, s.Set("b", 2))
		if _, ok := s.Get("a"); ok || s.ID() == old || !s.IsNew() {
			t.Error("what comes after it is not another session")
		}
	})
	if b.id() == old {
		t.Error("the client does not know the new one")
	}
	b.cookie = "JSESSIONID=" + old
	b.do(func(s *session.Session) {
		if s.Exists() {
			t.Error("it is found again")
		}
	})
}

func expiry(t *testing.T, make New) {
	b := begin(t, make)
	b.do(func(s *session.Session) { check(t, s.Set("a", 1)) })
	alive := func(want bool) {
		t.Helper()
		b.do(func(s *session.Session) {
			if s.Exists() != want {
				t.Errorf("alive: %v, want %v", s.Exists(), want)
			}
		})
	}
	for range 3 { // each request lengthens its life
		time.Sleep(59 * time.Minute)
		alive(true)
	}
	b.do(func(s *session.Session) {
		s.Exists()
		time.Sleep(2 * time.Hour)
		if got, ok := s.Get("a"); !ok {
			t.Errorf("a long request has lost its session: %v", got)
		}
	})
	time.Sleep(59 * time.Minute)
	alive(true)
	time.Sleep(time.Hour)
	alive(false)
}

func times(t *testing.T, make New) {
	b := begin(t, make)
	start := time.Now()
	b.do(func(s *session.Session) {
		check(t, s.Create())
		if !s.IsNew() || !s.CreatedAt().Equal(start) || !s.LastAccessedAt().Equal(start) || s.MaxInactive() != time.Hour {
			t.Errorf("new %v, made at %v, accessed at %v, for %v", s.IsNew(), s.CreatedAt(), s.LastAccessedAt(), s.MaxInactive())
		}
		time.Sleep(time.Second)
	})
	time.Sleep(time.Minute)
	second := time.Now()
	b.do(func(s *session.Session) {
		if s.IsNew() || !s.CreatedAt().Equal(start) || !s.LastAccessedAt().Equal(start) {
			t.Errorf("then: new %v, made at %v, accessed at %v", s.IsNew(), s.CreatedAt(), s.LastAccessedAt())
		}
	})
	time.Sleep(time.Minute)
	b.do(func(s *session.Session) {
		if !s.LastAccessedAt().Equal(second) {
			t.Errorf("at last accessed at %v, want %v", s.LastAccessedAt(), second)
		}
	})
}

func tooMany(t *testing.T, make New) {
	b := &browser{t: t, manager: make(t, Settings{MaxInactive: time.Hour, MaxActive: 2})}
	for range 2 {
		b.cookie = ""
		b.do(func(s *session.Session) { check(t, s.Create()) })
	}
	b.cookie = ""
	b.do(func(s *session.Session) {
		if err := s.Set("a", 1); err != session.ErrTooMany || s.Exists() {
			t.Errorf("one more: %v", err)
		}
	})
	time.Sleep(2 * time.Hour)
	b.do(func(s *session.Session) { check(t, s.Create()) }) // the others have expired
}

func principal(t *testing.T, make New) {
	b := begin(t, make)
	b.do(func(s *session.Session) {
		if s.Principal() != nil {
			t.Error("nobody is somebody")
		}
		p := &session.Principal{Name: "ada", Roles: []string{"staff"}, AuthType: "FORM"}
		check(t, s.SetPrincipal(p))
		p.Roles[0] = "root"
	})
	b.do(func(s *session.Session) {
		if p := s.Principal(); p == nil || p.Name != "ada" || p.Roles[0] != "staff" || p.AuthType != "FORM" {
			t.Errorf("the session belongs to %+v", p)
		}
		check(t, s.SetPrincipal(nil))
	})
	b.do(func(s *session.Session) {
		if p := s.Principal(); p != nil {
			t.Errorf("the session belongs to %+v", p)
		}
	})
}

// atOnce: requests of one session run at the same time, and one ends it.
func atOnce(t *testing.T, make New) {
	b := begin(t, make)
	b.do(func(s *session.Session) { check(t, s.Set("n", 0)) })
	var running sync.WaitGroup
	for i := range 20 {
		own := *b
		running.Go(func() {
			for j := range 20 {
				own.do(func(s *session.Session) {
					check(t, s.Set(fmt.Sprint("k", i), j))
					s.Get("n")
					s.Names()
					s.SetMaxInactive(time.Hour)
					if i == 7 && j == 10 {
						check(t, s.RotateID())
					}
				})
			}
		})
	}
	running.Wait()
	b.do(func(s *session.Session) {
		check(t, s.Set("alive", true))
		other := browser{t: t, manager: b.manager, cookie: "JSESSIONID=" + s.ID()}
		other.do(func(o *session.Session) { check(t, o.Invalidate()) })
		if _, ok := s.Get("alive"); ok || s.Exists() {
			t.Error("a session that another request has ended is still there")
		}
		check(t, s.Set("alive", true)) // another session
	})
}

// forEver: less than 0 is no limit, and a session can have its own.
func forEver(t *testing.T, make New) {
	b := &browser{t: t, manager: make(t, Settings{MaxInactive: -1})}
	b.do(func(s *session.Session) { check(t, s.Create()) })
	time.Sleep(100 * time.Hour)
	b.do(func(s *session.Session) {
		if !s.Exists() {
			t.Error("it has expired")
		}
		s.SetMaxInactive(time.Minute)
	})
	time.Sleep(2 * time.Minute)
	b.do(func(s *session.Session) {
		if s.Exists() {
			t.Error("it has not expired")
		}
	})
	e, err := b.manager.Create(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	check(t, b.manager.Remove(context.Background(), e))
	check(t, b.manager.Rename(context.Background(), e))
	if found, err := b.manager.Find(context.Background(), e.ID()); found != nil || err != nil {
		t.Errorf("a session that has ended is found: %v, %v", found, err)
	}
}
