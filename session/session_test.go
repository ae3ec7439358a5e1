package session_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/internal/leaktest"
	"github.com/catflap/catflap/session"
	"github.com/catflap/catflap/session/sessiontest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func TestMemory(t *testing.T) {
	sessiontest.Run(t, func(t *testing.T, s sessiontest.Settings) session.Manager {
		m := session.NewMemory(session.MemoryConfig{Route: s.Route, MaxInactive: s.MaxInactive, MaxActive: s.MaxActive})
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan error)
		go func() { ran <- m.Run(ctx) }()
		t.Cleanup(func() {
			cancel()
			if err := <-ran; err != nil {
				t.Errorf("Run: %v", err)
			}
		})
		return m
	})
}

// TestMemoryExpires: sessions whose client never comes again go, too.
func TestMemoryExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := session.NewMemory(session.MemoryConfig{})
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan error)
		go func() { ran <- m.Run(ctx) }()
		for range 100 {
			if _, err := m.Create(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(29 * time.Minute)
		if m.Len() != 100 {
			t.Errorf("%d are left after 29 minutes", m.Len())
		}
		time.Sleep(2 * time.Minute)
		if m.Len() != 0 {
			t.Errorf("%d are left after 31 minutes", m.Len())
		}
		cancel()
		<-ran
	})
}

// ask sends one request through Handler to app.
func ask(t *testing.T, cfg session.Config, m session.Manager, r *http.Request, app http.HandlerFunc) *httptest.ResponseRecorder {
	t.Helper()
	h, err := session.Handler(cfg, m, app)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func create(_ http.ResponseWriter, r *http.Request) { session.From(r.Context()).Create() }

func TestCookies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, test := range []struct {
			name string
			cfg  session.Config
			tls  bool
			want string // ID stands for the id
		}{
			{"Tomcat's", session.Config{}, false, "JSESSIONID=ID; Path=/; HttpOnly"},
			{"by TLS", session.Config{}, true, "JSESSIONID=ID; Path=/; Secure; HttpOnly"},
			{"of a context", session.Config{ContextPath: "/shop"}, false, "JSESSIONID=ID; Path=/shop; HttpOnly"},
			{"of a context that browsers escape", session.Config{ContextPath: "/a b/ä"}, false, "JSESSIONID=ID; Path=/a%20b/%C3%A4; HttpOnly"},
			{"of a context with a slash", session.Config{ContextPath: "/shop/"}, false, "JSESSIONID=ID; Path=/shop; HttpOnly"},
			{"all of it", session.Config{ContextPath: "/shop", Cookie: session.Cookie{
				Name: "SID", Path: "/", Domain: "shop.example", Secure: true, NotHTTPOnly: true, SameSite: "Lax", MaxAge: time.Hour,
			}}, false, "SID=ID; Max-Age=3600; Expires=Sat, 01 Jan 2000 01:00:00 GMT; Domain=shop.example; Path=/; Secure; SameSite=Lax"},
		} {
			r := httptest.NewRequest("GET", "/", nil)
			if test.tls {
				r.TLS = &tls.ConnectionState{}
			}
			id := ""
			w := ask(t, test.cfg, session.NewMemory(session.MemoryConfig{}), r, func(w http.ResponseWriter, r *http.Request) {
				create(w, r)
				id = session.From(r.Context()).ID()
			})
			if got := strings.Replace(w.Header().Get("Set-Cookie"), id, "ID", 1); got != test.want {
				t.Errorf("%s: %s, want %s", test.name, got, test.want)
			}
		}
	})
}

func TestBadCookies(t *testing.T) {
	for want, c := range map[string]session.Cookie{
		`cookie name "a b"`: {Name: "a b"}, `cookie name "a;b"`: {Name: "a;b"}, `cookie path "/;x"`: {Path: "/;x"},
		`cookie domain "a\nb"`: {Domain: "a\nb"}, `SameSite "lax"`: {SameSite: "lax"},
	} {
		if _, err := session.Handler(session.Config{Cookie: c}, nil, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", c, err, want)
		}
	}
}

// TestWhichSession: what of a request names its session.
func TestWhichSession(t *testing.T) {
	m := session.NewMemory(session.MemoryConfig{Route: "a"})
	one, _ := m.Create(t.Context())
	two, _ := m.Create(t.Context())
	gone, _ := m.Create(t.Context())
	m.Remove(t.Context(), gone)
	for _, test := range []struct {
		name, target, cookie string
		want                 *session.Entry
		path                 string // that the application sees
	}{
		{"nothing", "/x", "", nil, "/x"},
		{"a cookie", "/x", "JSESSIONID=" + one.ID(), one, "/x"},
		{"among others", "/x", "a=b; JSESSIONID=" + one.ID() + "; c=d", one, "/x"},
		{"another name", "/x", "jsessionid=" + one.ID(), nil, "/x"},
		{"the path", "/x;jsessionid=" + one.ID(), "", one, "/x"},
		{"within the path", "/x;a=b;jsessionid=" + one.ID() + ";c=d/y%20z", "", one, "/x;a=b;c=d/y z"},
		{"a cookie counts more", "/x;jsessionid=" + one.ID(), "JSESSIONID=" + two.ID(), two, "/x"},
		{"also if it is gone", "/x;jsessionid=" + one.ID(), "JSESSIONID=" + gone.ID(), nil, "/x"},
		{"the first that lives", "/x", "JSESSIONID=" + gone.ID() + "; JSESSIONID=" + two.ID(), two, "/x"},
		{"encoded, it is a name", "/x%3Bjsessionid=" + one.ID(), "", nil, "/x;jsessionid=" + one.ID()},
		{"in the query", "/x?;jsessionid=" + one.ID(), "", nil, "/x"},
		{"empty", "/x;jsessionid=", "JSESSIONID=", nil, "/x"},
	} {
		r := httptest.NewRequest("GET", test.target, nil)
		r.Header.Set("Cookie", test.cookie)
		id, path := "", ""
		w := ask(t, session.Config{}, m, r, func(w http.ResponseWriter, r *http.Request) {
			id, path = session.From(r.Context()).ID(), r.URL.Path
		})
		want := ""
		if test.want != nil {
			want = test.want.ID()
		}
		if id != want || path != test.path || w.Header().Get("Set-Cookie") != "" {
			t.Errorf("%s: session %q, path %q, want %q, %q", test.name, id, path, want, test.path)
		}
	}
}

func TestOneCookie(t *testing.T) {
	w := ask(t, session.Config{}, session.NewMemory(session.MemoryConfig{}), httptest.NewRequest("GET", "/", nil), func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		w.Header().Add("Set-Cookie", "own=1")
		for range 2 {
			s.Create()
			s.RotateID()
			s.Invalidate()
		}
		s.Set("a", 1)
		w.Header().Set("X-Id", s.ID())
	})
	if got := strings.Join(w.Header()["Set-Cookie"], " | "); got != "own=1 | JSESSIONID="+w.Header().Get("X-Id")+"; Path=/; HttpOnly" {
		t.Errorf("the cookies are %s", got)
	}
}

// TestCommitted: a new id is refused when the client could not learn of it.
func TestCommitted(t *testing.T) {
	m := session.NewMemory(session.MemoryConfig{})
	old, _ := m.Create(t.Context())
	for name, write := range map[string]func(w http.ResponseWriter){
		"Write":       func(w http.ResponseWriter) { w.Write([]byte("x")) },
		"WriteString": func(w http.ResponseWriter) { io.WriteString(w, "x") },
		"ReadFrom":    func(w http.ResponseWriter) { io.Copy(w, bytes.NewBufferString("x")) },
		"WriteHeader": func(w http.ResponseWriter) { w.WriteHeader(204) },
		"Flush":       func(w http.ResponseWriter) { w.(http.Flusher).Flush() },
		"controller":  func(w http.ResponseWriter) { http.NewResponseController(w).Flush() },
	} {
		w := ask(t, session.Config{}, m, httptest.NewRequest("GET", "/", nil), func(w http.ResponseWriter, r *http.Request) {
			write(w)
			s := session.From(r.Context())
			if err := s.Set("a", 1); err != session.ErrCommitted || s.Exists() {
				t.Errorf("after %s: %v", name, err)
			}
		})
		if w.Header().Get("Set-Cookie") != "" {
			t.Errorf("after %s a cookie is set", name)
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Cookie", "JSESSIONID="+old.ID())
		ask(t, session.Config{}, m, r, func(w http.ResponseWriter, r *http.Request) {
			write(w)
			s := session.From(r.Context())
			if err := s.RotateID(); err != session.ErrCommitted {
				t.Errorf("after %s: %v", name, err)
			}
			if err := s.Set("a", 1); err != nil {
				t.Errorf("the session that is there, after %s: %v", name, err)
			}
		})
	}
	ask(t, session.Config{}, m, httptest.NewRequest("GET", "/", nil), func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(103)
		if err := session.From(r.Context()).Create(); err != nil {
			t.Errorf("after an interim answer: %v", err)
		}
	})
}

func TestEncodeURL(t *testing.T) {
	m := session.NewMemory(session.MemoryConfig{Route: "a"})
	e, _ := m.Create(t.Context())
	encode := func(rewrites bool, cookie, path, target string) (got string) {
		r := httptest.NewRequest("GET", "http://shop.example"+path, nil)
		r.Header.Set("Cookie", cookie)
		ask(t, session.Config{ContextPath: "/shop", URLRewriting: rewrites}, m, r, func(w http.ResponseWriter, r *http.Request) {
			got = strings.Replace(session.From(r.Context()).EncodeURL(target), e.ID(), "ID", 1)
		})
		return got
	}
	byPath := "/shop/;jsessionid=" + e.ID()
	for target, want := range map[string]string{
		"cart": "cart;jsessionid=ID", "/shop/cart?a=b": "/shop/cart;jsessionid=ID?a=b", "/shop#top": "/shop;jsessionid=ID#top", "?a": ";jsessionid=ID?a",
		"http://shop.example/shop/x": "http://shop.example/shop/x;jsessionid=ID", "http://other.example/shop/x": "http://other.example/shop/x",
		"/shopping": "/shopping", "/": "/", "#top": "#top", "mailto:x": "mailto:x", "//other.example/shop": "//other.example/shop", "": ";jsessionid=ID",
	} {
		if got := encode(true, "", byPath, target); got != want {
			t.Errorf("%q becomes %q, want %q", target, got, want)
		}
	}
	for name, got := range map[string]string{
		"it is not wanted":      encode(false, "", byPath, "x"),
		"cookies work":          encode(true, "JSESSIONID="+e.ID(), "/shop/", "x"),
		"there is no session":   encode(true, "", "/shop/", "x"),
		"the session has ended": encode(true, "", "/shop/;jsessionid=old", "x"),
	} {
		if got != "x" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// A broken Manager fails at everything.
type broken struct{ session.Manager }

var errBroken = errors.New("broken")

func (broken) Find(context.Context, string) (*session.Entry, error) { return nil, errBroken }
func (broken) Create(context.Context) (*session.Entry, error)       { return nil, errBroken }

func TestBrokenManager(t *testing.T) {
	var log strings.Builder
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Cookie", "JSESSIONID=topsecret")
	ask(t, session.Config{Log: slog.New(slog.NewTextHandler(&log, nil))}, broken{}, r, func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		if s.Exists() {
			t.Error("there is a session")
		}
		if err := s.Set("a", 1); err != errBroken {
			t.Errorf("Set: %v", err)
		}
	})
	if got := log.String(); !strings.Contains(got, "err=broken") || strings.Contains(got, "topsecret") {
		t.Errorf("the log is %q", got)
	}
	if session.From(t.Context()) != nil {
		t.Error("a context of no request has a session")
	}
}

func TestRouteOf(t *testing.T) {
	for id, want := range map[string]string{"": "", "A": "", "A.b": "b", "A.b.c": "b.c", session.NewID("x"): "x", session.NewID(""): ""} {
		if got := session.RouteOf(id); got != want {
			t.Errorf("RouteOf(%q) = %q", id, got)
		}
	}
}
