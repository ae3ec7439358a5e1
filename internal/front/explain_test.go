package front

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/catflap/catflap/ajp/ajptest"
	"github.com/catflap/catflap/internal/front/settings"
	"github.com/catflap/catflap/internal/front/translate"
)

// TestExplain: what is explained is what is served: the same status, and a
// worker where a worker answers.
func TestExplain(t *testing.T) {
	f := start(t, func(c *ajptest.Call) { c.Answer(299, "from a node") }, func(cfg *Config) {
		s := &cfg.Sites[0].Translate
		s.Redirects = append(s.Redirects, settings.Redirect{Path: "/old", Status: 301, To: "http://new.example/", Place: "httpd.conf:7"})
		s.Aliases = append(s.Aliases, translate.Alias{Path: "/alias", Dir: s.DocumentRoot, Place: "httpd.conf:8"})
	})
	addr := f.front.Addresses()[0]
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(client.CloseIdleConnections)
	for _, target := range []string{
		"/", "/a.html", "/none.html", "/sub/", "/sub", "/only/", "/app/x", "/app/closed", "/app/closed/x;y", "/x.do", "/nowhere", "/old/x", "/alias/a.html",
		"/alias", "/a%2fb", "/..;/x", "/.htaccess", "/WEB-INF/x", "/status",
	} {
		way := Explain(f.cfg, Question{Local: netip.MustParseAddrPort(addr), Client: netip.MustParseAddr("127.0.0.1"), Host: "site.example", Target: target})
		r, err := http.NewRequest(http.MethodGet, "http://"+addr+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.URL.Opaque, r.Host = target, "site.example"
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		status, worker := answer.StatusCode, ""
		switch {
		case status == 299:
			worker, status = "lb", 0
		case target == "/status":
			worker, status = "st", 0
		}
		if way.Status != status || way.Worker != worker {
			t.Errorf("%s: explained as %d by %q, served as %d by %q", target, way.Status, way.Worker, status, worker)
		}
		if want := map[string]string{"/old/x": "httpd.conf:7", "/alias/a.html": "httpd.conf:8", "/alias": "httpd.conf:8"}[target]; way.Exchange.Target.Place != want {
			t.Errorf("%s is decided in %q, want %q", target, way.Exchange.Target.Place, want)
		}
	}
}
