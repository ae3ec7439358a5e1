// Package status is the manager page. What comes in is a request and a View of
// balancers, members and workers, what goes out is the page as HTML, or the
// same as XML, text or properties with mod_jk's field names.
package status

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/catflap/catflap/internal/front/exchange"
)

// A Page is one status worker. Many goroutines may use it.
type Page struct {
	cfg  Config
	view func(now time.Time) View
}

// New returns the status worker of cfg, which shows what view returns.
func New(cfg Config, view func(now time.Time) View) *Page {
	if len(cfg.Good) == 0 {
		cfg.Good = []string{"a.o", "a.i", "a.b", "a.r"}
	}
	if len(cfg.Bad) == 0 {
		cfg.Bad = []string{"s", "e"}
	}
	if cfg.Prefix == "" {
		cfg.Prefix = "worker"
	}
	switch cfg.NS {
	case "":
		cfg.NS = "jk:"
	case "-":
		cfg.NS = ""
	}
	switch cfg.XMLNS {
	case "":
		cfg.XMLNS = `xmlns:jk="http://tomcat.apache.org"`
	case "-":
		cfg.XMLNS = ""
	}
	return &Page{cfg, view}
}

// Forward answers x. The parameters are mod_jk's: cmd, mime, w, sw, opt and
// re. The status is always 200, as in mod_jk.
func (p *Page) Forward(w http.ResponseWriter, r *http.Request, x *exchange.Exchange) error {
	query, _ := url.ParseQuery(x.Request.Query) // what cannot be read is as if it were not there
	now := time.Now()
	v := p.view(now)
	report, mime := p.answer(x, query, v)
	var b bytes.Buffer
	mediaType := "text/plain"
	switch mime {
	case "xml":
		writeXML(&b, report, p.cfg)
		mediaType = "text/xml"
	case "txt":
		writeTxt(&b, report)
	case "html":
		mediaType = "text/html; charset=utf-8"
		if err := writeHTML(&b, x, v, report, query, p.cfg); err != nil {
			return &exchange.Error{Worker: p.cfg.Name, Cause: exchange.CauseInternal, Err: err}
		}
	default:
		writeProp(&b, report, p.cfg.Prefix)
	}
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	h.Set("Cache-Control", "no-cache")
	h.Set("Pragma", "no-cache")
	w.WriteHeader(http.StatusOK)
	if x.Request.Method == http.MethodHead {
		return nil
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return &exchange.Error{Worker: p.cfg.Name, Cause: exchange.CauseClientWrite, Reached: exchange.ReachedClient, Err: err}
	}
	return nil
}

// changing are mod_jk's commands that change something, which this page does
// not yet.
var changing = []string{"edit", "update", "reset", "recover"}

// answer decides what is shown.
func (p *Page) answer(x *exchange.Exchange, query url.Values, v View) (*report, string) {
	r := &report{result: finished}
	mime := query.Get("mime")
	if mime == "" {
		mime = "html"
	}
	cmd := query.Get("cmd")
	switch {
	case !p.allowed(x):
		r.result = refused("Access denied.")
	case !slices.Contains([]string{"html", "xml", "txt", "prop"}, mime):
		r.result, mime = refused("Invalid mime type."), "prop"
	case slices.Contains(changing, cmd):
		r.result = refused("This command is not allowed in read only mode.")
	case cmd == "version":
		r.head = head(x, v.Now)
	case cmd == "" || cmd == "list":
		r.head, r.listing = head(x, v.Now), true
		p.fill(r, v, func(string) bool { return true })
	case cmd == "show":
		p.show(r, x, v, query.Get("w"))
	default:
		r.result = refused("Invalid command.")
	}
	return r, mime
}

// allowed reports whether the user of x is one of Users.
func (p *Page) allowed(x *exchange.Exchange) bool {
	if len(p.cfg.Users) == 0 {
		return true
	}
	user, _ := x.Env.Get("JK_REMOTE_USER")
	return slices.ContainsFunc(p.cfg.Users, func(u string) bool {
		return user != "" && (u == user || p.cfg.FoldUser && strings.EqualFold(u, user))
	})
}

// show shows one worker.
func (p *Page) show(r *report, x *exchange.Exchange, v View, name string) {
	if name == "" {
		r.result = refused("NULL or EMPTY worker param")
		return
	}
	p.fill(r, v, func(n string) bool { return n == name })
	if len(r.balancers)+len(r.ajp) == 0 {
		r.result = refused("Could not find given worker")
		return
	}
	r.head = head(x, v.Now)
}

// fill takes the workers that wanted names into r.
func (p *Page) fill(r *report, v View, wanted func(name string) bool) {
	for i := range v.Balancers {
		b := &v.Balancers[i]
		if !wanted(b.Config.Name) {
			continue
		}
		records := balancerRecords{self: balancerRecord(b, v.Now, &p.cfg), maps: mapRecords(b.Maps)}
		for j, m := range b.Members {
			records.members = append(records.members, memberRecord(m, b.Workers[j], v.Now))
		}
		r.balancers = append(r.balancers, records)
	}
	for i := range v.Workers {
		w := &v.Workers[i]
		if wanted(w.Config.Name) {
			r.ajp = append(r.ajp, ajpRecords{workerRecord(w, v.Now), mapRecords(w.Maps)})
		}
	}
}

func mapRecords(maps []Map) []record {
	var all []record
	for i, m := range maps {
		all = append(all, mapRecord(i+1, m))
	}
	return all
}
