// Package status is the manager page. What comes in is a request, what goes
// out is what the Desk tells of balancers, members and workers, as HTML, or as
// XML, text or properties with mod_jk's field names. Commands change what
// runs.
package status

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/catflap/catflap/internal/front/exchange"
)

// A Page is one status worker. Many goroutines may use it.
type Page struct {
	cfg  Config
	desk Desk
	log  *slog.Logger
}

// New returns the status worker of cfg for what is at desk. log gets each
// change.
func New(cfg Config, desk Desk, log *slog.Logger) *Page {
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
	return &Page{cfg, desk, log}
}

// Forward answers x. The parameters are mod_jk's, in the query or in the form
// that was posted. The status is always 200, as in mod_jk, but 403 for what a
// browser sends on behalf of another site, or changes under another name.
func (p *Page) Forward(w http.ResponseWriter, r *http.Request, x *exchange.Exchange) error {
	if refusal := crossSite(x); refusal != nil {
		return refusal
	}
	query, parsed := paramsOf(x)
	if failed, ok := errors.AsType[*exchange.Error](parsed); ok {
		failed.Worker = p.cfg.Name
		return failed
	}
	a := ask(x, query)
	if changes(a.cmd) && !p.readOnly(a) {
		if refusal := misnamed(x); refusal != nil {
			return refusal
		}
	}
	report := p.answer(a, parsed, p.desk.View(time.Now()))
	var b bytes.Buffer
	if err := p.write(&b, a, report); err != nil {
		return &exchange.Error{Worker: p.cfg.Name, Cause: exchange.CauseInternal, Err: err}
	}
	h := w.Header()
	h.Set("Content-Type", mediaTypes[a.mime])
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	h.Set("Cache-Control", "no-cache")
	h.Set("Pragma", "no-cache")
	if a.mime == "html" {
		h.Set("Content-Security-Policy", "default-src 'none'; style-src * 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	}
	w.WriteHeader(http.StatusOK)
	if x.Request.Method == http.MethodHead {
		return nil
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return &exchange.Error{Worker: p.cfg.Name, Cause: exchange.CauseClientWrite, Reached: exchange.ReachedClient, Err: err}
	}
	return nil
}

var mediaTypes = map[string]string{"html": "text/html; charset=utf-8", "xml": "text/xml", "txt": "text/plain", "prop": "text/plain"}

// write writes r in the form that a asks for.
func (p *Page) write(b *bytes.Buffer, a *asked, r *report) error {
	switch a.mime {
	case "html":
		return p.writeHTML(b, a, r)
	case "xml":
		writeXML(b, r, p.cfg)
	case "txt":
		writeTxt(b, r)
	default:
		writeProp(b, r, p.cfg.Prefix)
	}
	return nil
}
