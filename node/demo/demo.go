// Package demo is the demonstration application: it shows which node answers,
// and what is in the visitor's session. What comes in are requests that have
// passed a session.Handler, what goes out are a page and the same as JSON.
package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/catflap/catflap/session"
)

// Config says which node the application runs on, and where.
type Config struct {
	Node        string // its name, which is also its route
	ContextPath string // default "/demo"

	Home  string // URL that the page's title leads to; empty is none
	Nodes string // URL where nodes can be stopped; empty is none
}

// New returns the application. It serves ContextPath and what is below it, and
// wants a session.Session in each request's context. Cross-site changes are
// refused.
func New(cfg Config) http.Handler {
	if cfg.ContextPath == "" {
		cfg.ContextPath = "/demo"
	}
	a := &app{cfg}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+cfg.ContextPath+"/{$}", a.page)
	mux.HandleFunc("POST "+cfg.ContextPath+"/{$}", a.change)
	mux.HandleFunc("GET "+cfg.ContextPath+"/api", a.get)
	mux.HandleFunc("POST "+cfg.ContextPath+"/api", a.post)
	mux.HandleFunc(cfg.ContextPath, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, cfg.ContextPath+"/", http.StatusFound)
	})
	return http.NewCrossOriginProtection().Handler(noStore(mux))
}

// noStore keeps answers out of caches: each is about one session.
func noStore(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		next.ServeHTTP(w, r)
	})
}

// What one visitor may put into the memory of the nodes.
const (
	maxForm       = 64 << 10 // bytes
	maxAttributes = 100
)

type app struct{ cfg Config }

// A state is what the application shows.
type state struct {
	Node       string               `json:"node"`
	Session    *sessionState        `json:"session"` // null without a session
	Count      int32                `json:"count"`
	Attributes map[string]attribute `json:"attributes"`
}

type sessionState struct {
	ID             string `json:"id"`
	IsNew          bool   `json:"isNew"`
	CreatedAt      string `json:"createdAt"` // RFC 3339
	LastAccessedAt string `json:"lastAccessedAt"`
}

// An attribute is the value of a session's attribute in words.
type attribute struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// state returns what there is for s.
func (a *app) state(s *session.Session) state {
	now := state{Node: a.cfg.Node, Attributes: map[string]attribute{}}
	if !s.Exists() {
		return now
	}
	now.Session = &sessionState{s.ID(), s.IsNew(), s.CreatedAt().UTC().Format(dateForm), s.LastAccessedAt().UTC().Format(dateForm)}
	for _, name := range s.Names() {
		if value, ok := s.Get(name); ok {
			now.Attributes[name] = inWords(value)
		}
		if name == "count" {
			now.Count = countOf(s)
		}
	}
	return now
}

// countOf returns the attribute count, 0 if it is no number.
func countOf(s *session.Session) int32 {
	value, _ := s.Get("count")
	count, _ := value.(int32)
	return count
}

func (a *app) get(w http.ResponseWriter, r *http.Request) {
	answer(w, http.StatusOK, a.state(session.From(r.Context())))
}

func (a *app) post(w http.ResponseWriter, r *http.Request) {
	s := session.From(r.Context())
	if err := apply(s, r); err != nil {
		answer(w, statusOf(err), map[string]string{"error": err.Error()})
		return
	}
	answer(w, http.StatusOK, a.state(s))
}

func answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(value) // who has gone needs no answer
}

// A mistake is the visitor's.
type mistake string

func (m mistake) Error() string { return string(m) }

func statusOf(err error) int {
	if _, ok := errors.AsType[mistake](err); ok || errors.Is(err, session.ErrTooDeep) {
		return http.StatusBadRequest
	}
	if errors.Is(err, session.ErrTooMany) {
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// operations are what a visitor can do to the session.
var operations = map[string]func(s *session.Session, r *http.Request) error{
	"count":      count,
	"set":        set,
	"remove":     remove,
	"invalidate": func(s *session.Session, _ *http.Request) error { return s.Invalidate() },
	"rotate":     func(s *session.Session, _ *http.Request) error { return s.RotateID() },
}

// apply does what the form of r says.
func apply(s *session.Session, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return mistake("the form cannot be read: " + err.Error())
	}
	op := r.PostForm.Get("op")
	do, ok := operations[op]
	if !ok {
		return mistake(fmt.Sprintf("op=%q: it is count, set, remove, invalidate or rotate", op))
	}
	return do(s, r)
}

// count adds 1 to the attribute count, a Java Integer.
func count(s *session.Session, _ *http.Request) error {
	value, ok := s.Get("count")
	n, isInt := value.(int32)
	if ok && !isInt {
		return mistake("the attribute count is no int: remove it first")
	}
	return s.Set("count", n+1)
}

func set(s *session.Session, r *http.Request) error {
	name := r.PostForm.Get("name")
	if strings.TrimSpace(name) == "" {
		return mistake("name is empty")
	}
	value, err := fromWords(r.PostForm.Get("type"), r.PostForm.Get("value"))
	if err != nil {
		return err
	}
	if _, ok := s.Get(name); !ok && len(s.Names()) >= maxAttributes {
		return mistake(fmt.Sprintf("there are %d attributes already", maxAttributes))
	}
	return s.Set(name, value)
}

func remove(s *session.Session, r *http.Request) error {
	s.Remove(r.PostForm.Get("name"))
	return nil
}
