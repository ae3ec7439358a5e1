package demo

import (
	_ "embed"
	"hash/fnv"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/catflap/catflap/session"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// A view is what the page is made of.
type view struct {
	Node    string
	Hue     uint32 // the node's own colour
	Session *sessionState
	Made    string // the times of Session
	Used    string
	Route   string
	Count   int32
	Rows    []row
	Types   []string
	Lost    string // the route of a session that was lost
	Error   string
}

type row struct {
	Name string
	attribute
}

const shortForm = "2006-01-02 15:04:05"

// page shows the state.
func (a *app) page(w http.ResponseWriter, r *http.Request) {
	s := session.From(r.Context())
	lost := lostRoute(s)
	if lost == "" {
		lost = r.URL.Query().Get("lost")
	}
	a.show(w, s, http.StatusOK, view{Lost: lost[:min(len(lost), 60)]})
}

// show writes the page; v has what the state does not tell.
func (a *app) show(w http.ResponseWriter, s *session.Session, status int, v view) {
	now := a.state(s)
	v.Node, v.Session, v.Count, v.Types = now.Node, now.Session, now.Count, types
	hash := fnv.New32a()
	hash.Write([]byte(now.Node))
	v.Hue = hash.Sum32() % 360
	v.Route = session.RouteOf(s.ID())
	v.Made, v.Used = s.CreatedAt().UTC().Format(shortForm), s.LastAccessedAt().UTC().Format(shortForm)
	for _, name := range slices.Sorted(maps.Keys(now.Attributes)) {
		v.Rows = append(v.Rows, row{name, now.Attributes[name]})
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'self'; base-uri 'none'")
	w.WriteHeader(status)
	pageTemplate.Execute(w, v) // who has gone needs no page
}

// lostRoute returns the route of the session that the client has asked for, if
// there is no such session here.
func lostRoute(s *session.Session) string {
	if asked := s.Requested(); asked != "" && !s.Exists() {
		return session.RouteOf(asked)
	}
	return ""
}

// change does what a form of the page says, and shows the page again.
func (a *app) change(w http.ResponseWriter, r *http.Request) {
	s := session.From(r.Context())
	lost := lostRoute(s)
	if err := apply(s, r); err != nil {
		a.show(w, s, statusOf(err), view{Error: err.Error()})
		return
	}
	target := a.cfg.ContextPath + "/"
	if lost != "" {
		target += "?lost=" + url.QueryEscape(lost)
	}
	http.Redirect(w, r, target, http.StatusSeeOther)
}
