package status

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"net/url"
	"strconv"
)

//go:embed pages
var files embed.FS

var pages = template.Must(template.ParseFS(files, "pages/*.html"))

var style = func() template.CSS {
	text, err := files.ReadFile("pages/style.css")
	if err != nil {
		panic(err) // it is part of the program
	}
	return template.CSS(text)
}()

// A link leads to a command of this page.
type link struct{ URL, Text string }

// A pair is a hidden input.
type pair struct{ Name, Value string }

// An action is a button that changes something.
type action struct {
	Text  string
	Query []pair
}

// A shown page is what the template reads.
type shown struct {
	Host, Now, Software, CSS string
	Style                    template.CSS
	Refresh                  string // of the http-equiv
	Head                     bool   // there is more than a result
	Nav                      []link
	Query                    []pair // of the form that sets the refreshing
	Auto                     int    // seconds between refreshes; 0 is none
	ReadOnly                 bool
	Result                   *shownResult
	Edit                     *shownEdit
	Dump                     []Property
	shownList
}

// A shownResult is what came of a command.
type shownResult struct {
	result
	Class   string
	Changed []shownChange
	Back    string
}

type shownChange struct{ What, From, To string }

// A writer writes one page.
type writer struct {
	p *Page
	a *asked
	r *report
}

// writeHTML writes the page that r is. After a change that is the page that
// shows what was changed, which is loaded again, without the command, soon.
func (p *Page) writeHTML(to io.Writer, a *asked, r *report) error {
	w := writer{p, a, r}
	s := shown{Host: a.x.Request.HostHeader, Now: r.view.Now.Format("2006-01-02 15:04:05 -0700"), Software: Software, CSS: p.cfg.CSS, Style: style,
		ReadOnly: p.readOnly(a), Dump: r.dump}
	ok := r.result == finished
	switch done := changes(a.cmd) && a.cmd != "edit"; {
	case !ok || done:
		s.Result = w.result(done)
		if ok {
			s.Refresh = "3;url=" + s.Result.Back
		}
	case a.cmd == "edit":
		s.Edit = w.edit()
	case a.cmd == "list" || a.cmd == "show":
		if re, there := a.params.number("re"); there && re > 0 && re <= 86400 {
			s.Auto, s.Refresh = re, strconv.Itoa(re)
		}
		s.Query = w.query("re", "")
	}
	s.Head = ok || a.target.name != ""
	s.Nav = w.nav()
	if ok && (a.cmd == "list" || a.cmd == "show") {
		s.shownList = w.list()
		s.Listing = true
	} else if s.Result != nil && s.Head {
		w.showAfter()
		s.shownList = w.list()
		s.Listing = true
	}
	return pages.ExecuteTemplate(to, "layout.html", s)
}

// showAfter lets what is shown beneath a result be what is now.
func (w *writer) showAfter() {
	r := &report{view: w.p.desk.View(w.r.view.Now), listing: w.from() != "show", changed: w.r.changed, result: w.r.result}
	a := *w.a
	a.target.members = nil
	w.a, w.r = &a, r
	w.p.fill(r, &a)
}

// from is where a command came from, and its result leads back to.
func (w *writer) from() string {
	if w.a.params.text("from") == "show" {
		return "show"
	}
	return "list"
}

// result is what came of a command.
func (w *writer) result(done bool) *shownResult {
	s := &shownResult{result: w.r.result, Back: w.back()}
	switch {
	case w.r.result != finished:
		s.Class = "bad"
	case done:
		s.Message = "You will be redirected in 3 seconds."
	}
	for _, c := range w.r.changed {
		what := fmt.Sprintf("%s of %s", c.Key, c.Worker)
		if c.Worker == "" {
			what = fmt.Sprintf("%s of %s", c.Key, c.Balancer)
		}
		s.Changed = append(s.Changed, shownChange{what, c.From, c.To})
	}
	return s
}

// back is where a result or a form leads back to.
func (w *writer) back() string {
	if w.from() == "show" && w.a.target.name != "" {
		return w.url("cmd", "show", "w", w.a.target.name)
	}
	return w.url("cmd", "list")
}

// nav leads to other forms and views of what is shown.
func (w *writer) nav() []link {
	var all []link
	if w.a.cmd != "list" {
		all = append(all, link{w.url("cmd", "list"), "All workers"})
	}
	if changes(w.a.cmd) {
		return all
	}
	here := []string{"cmd", w.a.cmd}
	if w.a.target.name != "" {
		here = append(here, "w", w.a.target.name)
	}
	for _, mime := range [][2]string{{"xml", "XML"}, {"prop", "Properties"}, {"txt", "Text"}} {
		all = append(all, link{w.url(append(here, "mime", mime[0])...), mime[1]})
	}
	if !w.p.cfg.ReadOnly {
		text := "Read only"
		if w.a.hides(readOnly) {
			text = "Read and write"
		}
		all = append(all, w.toggle(readOnly, text))
	}
	return append(all, link{w.url("cmd", "dump"), "Configuration"})
}

// toggle leads to what is shown now, with one bit of opt changed.
func (w *writer) toggle(bit int, text string) link {
	return link{"?" + encode(w.query("opt", strconv.Itoa(w.a.opt^bit))), text}
}

// query is what leads to what is shown now, with one parameter changed.
func (w *writer) query(name, value string) []pair {
	all := []pair{{"cmd", w.a.cmd}}
	if w.a.target.name != "" {
		all = append(all, pair{"w", w.a.target.name})
	}
	for _, kept := range w.kept() {
		if kept.Name != name {
			all = append(all, kept)
		}
	}
	if value != "" && value != "0" {
		all = append(all, pair{name, value})
	}
	return all
}

// kept are the parameters that every link hands on.
func (w *writer) kept() []pair {
	var all []pair
	if w.a.opt != 0 {
		all = append(all, pair{"opt", strconv.Itoa(w.a.opt)})
	}
	if re, there := w.a.params.number("re"); there && re > 0 {
		all = append(all, pair{"re", strconv.Itoa(re)})
	}
	return all
}

// url leads to a command of this page, whatever its address is.
func (w *writer) url(pairs ...string) string { return "?" + encode(w.hidden(pairs...)) }

// hidden are pairs of names and values, and what every link hands on.
func (w *writer) hidden(pairs ...string) []pair {
	var all []pair
	for i := 0; i+1 < len(pairs); i += 2 {
		all = append(all, pair{pairs[i], pairs[i+1]})
	}
	return append(all, w.kept()...)
}

func encode(pairs []pair) string {
	text := ""
	for i, p := range pairs {
		if i > 0 {
			text += "&"
		}
		text += url.QueryEscape(p.Name) + "=" + url.QueryEscape(p.Value)
	}
	return text
}
