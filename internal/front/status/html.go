package status

import (
	_ "embed"
	"html/template"
	"io"
	"net/url"
	"strconv"

	"github.com/catflap/catflap/internal/front/exchange"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Parse(pageText))

// A shown page is what the template reads.
type shown struct {
	Host      string
	Now       string
	CSS       string
	Refresh   int
	Result    result
	Balancers []shownBalancer
	Workers   []shownWorker
	Path      string
}

type shownBalancer struct {
	Settings map[string]string
	Members  []map[string]string
	Maps     []map[string]string
}

type shownWorker struct {
	Values map[string]string
	Maps   []map[string]string
}

// writeHTML writes the page: all balancers with their members, all workers,
// and their rules.
func writeHTML(w io.Writer, x *exchange.Exchange, v View, r *report, query url.Values, cfg Config) error {
	s := shown{Host: x.Request.HostHeader, Now: v.Now.Format("2006-01-02 15:04:05 -0700"), CSS: cfg.CSS, Result: r.result, Path: x.Request.Path.Mount}
	if n, err := strconv.Atoi(query.Get("re")); err == nil && n > 0 && n <= 86400 {
		s.Refresh = n
	}
	for _, b := range r.balancers {
		one := shownBalancer{Settings: values(b.self)}
		for _, m := range b.members {
			one.Members = append(one.Members, values(m))
		}
		for _, m := range b.maps {
			one.Maps = append(one.Maps, values(m))
		}
		s.Balancers = append(s.Balancers, one)
	}
	for _, w := range r.ajp {
		one := shownWorker{Values: values(w.self)}
		for _, m := range w.maps {
			one.Maps = append(one.Maps, values(m))
		}
		s.Workers = append(s.Workers, one)
	}
	return page.Execute(w, s)
}

// values are the items of a record by key.
func values(r record) map[string]string {
	m := map[string]string{}
	for _, i := range r.items {
		m[i.key] = i.value
	}
	return m
}
