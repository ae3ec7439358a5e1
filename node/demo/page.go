package demo

import (
	_ "embed"
	"hash/fnv"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

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
	Base    string // the id of Session without the Route
	Route   string
	Count   int32
	Rows    []row
	Types   []string
	Lost    string // the route of a session that was lost
	Moved   string // the route that the session had before it came here
	Error   string

	MovedHue    uint32 // of Moved
	Home, Nodes string // as in Config
}

type row struct {
	Name string
	attribute
}

// Hue is the colour of a node: its page has it.
func Hue(node string) uint32 {
	hash := fnv.New32a()
	hash.Write([]byte(node))
	return hash.Sum32() % 360
}

const shortForm = "2006-01-02 15:04:05"

// page shows the state.
func (a *app) page(w http.ResponseWriter, r *http.Request) {
	s := session.From(r.Context())
	moved, lost := otherRoute(s)
	if moved == "" && lost == "" { // the click before this page may have found out
		moved, lost = r.URL.Query().Get("moved"), r.URL.Query().Get("lost")
	}
	v := view{Lost: lost[:min(len(lost), maxRoute)]}
	if s.Exists() {
		v.Moved = moved[:min(len(moved), maxRoute)]
	}
	a.show(w, s, http.StatusOK, v)
}

// show writes the page; v has what the state does not tell.
func (a *app) show(w http.ResponseWriter, s *session.Session, status int, v view) {
	now := a.state(s)
	v.Node, v.Session, v.Count, v.Types = now.Node, now.Session, now.Count, types
	v.Hue = Hue(now.Node)
	v.Route = session.RouteOf(s.ID())
	v.Base = strings.TrimSuffix(s.ID(), "."+v.Route)
	v.MovedHue = Hue(v.Moved)
	v.Home, v.Nodes = a.cfg.Home, a.cfg.Nodes
	v.Made, v.Used = s.CreatedAt().UTC().Format(shortForm), s.LastAccessedAt().UTC().Format(shortForm)
	for _, name := range slices.Sorted(maps.Keys(now.Attributes)) {
		v.Rows = append(v.Rows, row{name, now.Attributes[name]})
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'self'; base-uri 'none'")
	w.WriteHeader(status)
	pageTemplate.Execute(w, v) // who has gone needs no page
}

// maxRoute is how much of a route is shown that comes with a URL.
const maxRoute = 60

// otherRoute returns the route of the id that the client has come with: as moved
// if its session has another one here, as lost if there is no such session.
func otherRoute(s *session.Session) (moved, lost string) {
	asked := session.RouteOf(s.Requested())
	switch {
	case asked == "" || s.Exists() && asked == session.RouteOf(s.ID()):
		return "", ""
	case s.Exists():
		return asked, ""
	}
	return "", asked
}

// change does what a form of the page says, and shows the page again.
func (a *app) change(w http.ResponseWriter, r *http.Request) {
	s := session.From(r.Context())
	moved, lost := otherRoute(s)
	if err := apply(s, r); err != nil {
		a.show(w, s, statusOf(err), view{Error: err.Error(), Moved: moved, Lost: lost})
		return
	}
	query := url.Values{}
	for name, route := range map[string]string{"moved": moved, "lost": lost} {
		if route != "" {
			query.Set(name, route)
		}
	}
	target := url.URL{Path: a.cfg.ContextPath + "/", RawQuery: query.Encode()}
	http.Redirect(w, r, target.String(), http.StatusSeeOther)
}
