package front

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/forward"
	"github.com/catflap/catflap/internal/front/module/access"
	"github.com/catflap/catflap/internal/front/mount"
	"github.com/catflap/catflap/internal/front/vhost"
	"github.com/catflap/catflap/internal/web/static"
)

// A Question is a request to explain: a GET without headers of its own.
type Question struct {
	Local  netip.AddrPort // where it comes in
	Client netip.Addr     // whom it comes from
	Host   string         // as in the header Host
	Target string         // path and query
	TLS    bool
}

// A Way is what would become of a request.
type Way struct {
	Choice   vhost.Choice
	Asked    exchange.Path      // zero if the path is refused
	Exchange *exchange.Exchange // as the access log would see it
	Mount    mount.Explanation  // for the path that was looked up last
	Sections []*vhost.Section   // that apply to the Target, in the order of merging
	Worker   string             // what it would be sent to; empty if it is answered here
	Status   int                // what the client gets; 0 if a worker answers
	Err      error              // why it is refused: an *exchange.Refusal or *exchange.Error
}

// Explain sends a request through the stations of cfg, but for the workers:
// nothing leaves this process.
func Explain(cfg *Config, q Question) *Way {
	var hosts []vhost.Host
	for i := range cfg.Sites {
		hosts = append(hosts, cfg.Sites[i].Host)
	}
	files := static.New(static.Config{Types: cfg.Types})
	defer files.Close()
	name, port := hostOf(q.Host)
	way := &Way{Choice: vhost.NewTable(hosts).Choose(q.Local, name)}
	site := stations(&cfg.Sites[way.Choice.Host], files, access.NewChecker(access.SystemResolver{}), forward.New(way.ends(cfg), slog.New(slog.DiscardHandler)))
	way.Exchange = q.exchange(site, name, port)
	x := way.Exchange
	way.Err = site.enter(x, q.Target)
	if way.Asked = x.Request.Path; way.Err == nil {
		way.Err = site.notInClear(x)
	}
	if way.Err == nil {
		w := &nowhere{header: http.Header{}}
		way.Err = site.answer(w, q.request(), x)
		if w.full {
			way.Err = nil
		}
		way.Status = w.status
	}
	if refusal, ok := errors.AsType[*exchange.Refusal](way.Err); ok {
		way.Status = refusal.Status
	} else if failure, ok := errors.AsType[*exchange.Error](way.Err); ok {
		way.Status = forward.Status(failure)
	}
	if way.Worker != "" {
		way.Status = 0
	}
	way.Mount = site.translate.Load().Explain(x.Request.Path.Mount)
	way.Sections = site.resolver.Sections(site.looked(x))
	return way
}

// exchange is the record of the request.
func (q Question) exchange(s *site, name string, port int) *exchange.Exchange {
	client := &exchange.Client{Remote: netip.AddrPortFrom(q.Client, 1), Local: q.Local, Requests: 1}
	if q.TLS {
		client.TLS = &exchange.TLS{}
	}
	if port == 0 {
		port = int(q.Local.Port())
	}
	path, query, asked := cutQuery(q.Target)
	return &exchange.Exchange{
		Began: time.Now(), Client: client, Site: s.exchange, Settings: s.resolver.Settings("/", "", false),
		Request: exchange.Request{
			Method: http.MethodGet, Proto: "HTTP/1.1", Target: path, Query: query, Asked: asked,
			HostHeader: q.Host, Host: name, Port: port, Header: http.Header{},
		},
		Body: exchange.NewBody(http.NoBody, 0, 0),
	}
}

func cutQuery(target string) (path, query string, asked bool) {
	for i := range len(target) {
		if target[i] == '?' {
			return target[:i], target[i+1:], true
		}
	}
	return target, "", false
}

func (q Question) request() *http.Request {
	path, query, asked := cutQuery(q.Target)
	r := &http.Request{
		Method: http.MethodGet, URL: &url.URL{Path: path, RawQuery: query, ForceQuery: asked}, Host: q.Host, RequestURI: q.Target,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Body: http.NoBody,
	}
	return r.WithContext(context.Background())
}

// ends are forwarders in place of the workers of cfg: at them the way ends.
func (way *Way) ends(cfg *Config) map[string]forward.Worker {
	ends := map[string]forward.Worker{}
	for _, w := range cfg.Workers.AJP {
		ends[w.Name] = forward.Worker{Forwarder: end{way}, Type: "ajp13"}
	}
	for _, b := range cfg.Workers.Balancers {
		ends[b.Name] = forward.Worker{Forwarder: end{way}, Type: "lb"}
	}
	for _, s := range cfg.Workers.Status {
		ends[s.Name] = forward.Worker{Forwarder: end{way}, Type: "status"}
	}
	return ends
}

// An end is a forwarder that only notes who was to answer.
type end struct{ way *Way }

func (e end) Forward(_ http.ResponseWriter, _ *http.Request, x *exchange.Exchange) error {
	e.way.Worker = x.Target.Rule.Worker
	return nil
}

// nowhere is a client that goes as soon as the body begins.
type nowhere struct {
	header http.Header
	status int
	full   bool
}

func (n *nowhere) Header() http.Header { return n.header }

func (n *nowhere) WriteHeader(status int) {
	if n.status == 0 {
		n.status = status
	}
}

func (n *nowhere) Write([]byte) (int, error) {
	n.WriteHeader(http.StatusOK)
	n.full = true
	return 0, errFull
}

var errFull = errors.New("the head of the answer is enough")
