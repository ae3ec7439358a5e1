package interop

import (
	"context"
	"fmt"
	"hash/fnv"
	"log/slog"
	"net/http"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/ajp"
	"github.com/catflap/catflap/interop/echo"
	"github.com/catflap/catflap/interop/load"
	"github.com/catflap/catflap/interop/peer"
	"github.com/catflap/catflap/node"
)

// goNodes starts the two nodes of the scenario in Go.
func goNodes(t *testing.T) []endpoint {
	t.Helper()
	var all []endpoint
	for _, route := range []string{"JVMRoute-pj001", "JVMRoute-pj002"} {
		all = append(all, runNode(t, route, node.Connector{AJP: &node.AJP{Secret: secret, AllowedAttributes: regexp.MustCompile(".*")}}))
	}
	return all
}

// runNode runs a node of the package node with the test servlet at the root and
// at /demo, as in the Tomcats, until the test ends. c is its one Connector.
func runNode(t *testing.T, route string, c node.Connector) endpoint {
	t.Helper()
	var apps []node.App
	for _, path := range []string{"", "/demo"} {
		apps = append(apps, node.App{Path: path, Handler: echo.Deployed(route, path)})
	}
	n, err := node.New(&node.Config{
		Services: []node.Service{{Connectors: []node.Connector{c}, Engine: node.Engine{Route: route}}}, Log: slog.New(slog.DiscardHandler),
	}, apps...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("node %s: %v", route, err)
		}
	})
	addrs := n.Addrs()
	if addrs == nil {
		t.Fatalf("node %s: %v", route, <-ended)
	}
	return endpoint{route, addrs[0].String()}
}

// nodeCorpus is the part of the corpus that reaches a node; for any front that
// has nothing but /app/, /lb/ and /demo if few.
func nodeCorpus(few bool) []request {
	mounts := []string{"/app/", "/lb/", "/demo"}
	if !few {
		mounts = append(mounts, "/limited/", "/exact", "/only/", ".do", ".jsp")
	}
	var all []request
	for _, r := range corpus() {
		line, _, _ := strings.Cut(r.head, "\r\n")
		for _, mount := range mounts {
			if strings.Contains(line, mount) {
				all = append(all, r)
				break
			}
		}
	}
	return all
}

// sampled is one in n of all, the same ones in each run; all of them with
// CATFLAP_FULL.
func sampled(all []request, n uint32) []request {
	if os.Getenv("CATFLAP_FULL") != "" {
		return all
	}
	var some []request
	for _, r := range all {
		hash := fnv.New32a()
		hash.Write([]byte(r.id))
		if hash.Sum32()%n == 0 {
			some = append(some, r)
		}
	}
	return some
}

// A nodeDifference is how a node in Go is meant to differ from a Tomcat, seen
// through a front.
type nodeDifference struct {
	ids  string // as path.Match has them
	what string // as in difference
	why  string // words of docs/fidelity.md
	only string // the front that lets it be seen; empty is every one
}

var nodeDifferences = []nodeDifference{
	{"path-node-19", "status", "not UTF-8 is handed on", ""},
	{"host-node-19", "status", "or a hyphen in front", ""},
	{"host-node-20", "status", "A host with an underscore", ""},
	{"host-none-http10-node", "body", "the one that the web server names", ""},
	{"node-answer-14", "*", "Transfer-Encoding and Trailer are dropped", ""},
	{"hop-framed-02", "body", "`Chunked` becomes `chunked`", ""},
	{"method-TRACE-*", "status", "TRACE is 405, whatever allowTrace says", "mod_proxy_ajp"},
}

// compareNodes sends requests to two fronts, the second of which is before
// nodes in Go. With whole every entry of nodeDifferences that is for this front,
// or for every one, has to be of use.
func compareNodes(t *testing.T, front string, requests []request, whole bool, tomcats, goNodes string) {
	t.Helper()
	only := regexp.MustCompile(os.Getenv("CORPUS"))
	fidelity, used := fidelityText(t), map[nodeDifference]bool{}
	for _, r := range requests {
		if !only.MatchString(r.id) {
			continue
		}
		first, err := r.send(tomcats)
		if err != nil {
			t.Fatalf("%s: %v", r.id, err)
		}
		second, err := r.send(goNodes)
		if err != nil {
			t.Fatalf("%s: %v", r.id, err)
		}
		for _, d := range compare(r, withoutOwnPages(first), withoutOwnPages(second), tomcats, goNodes) {
			m, ok := meantOf(d)
			if used[m] = true; !ok {
				t.Errorf("Tomcat and the node in Go differ: %v", d)
			} else if !strings.Contains(fidelity, m.why) {
				t.Errorf("docs/fidelity.md does not say %q", m.why)
			}
		}
	}
	for _, m := range nodeDifferences {
		if forThis := m.only == front || m.only == "" && front == "mod_jk"; whole && forThis && !used[m] && only.String() == "" {
			t.Errorf("%s %s does not differ any more", m.ids, m.what)
		}
	}
	t.Logf("%d requests", len(requests))
}

func meantOf(d difference) (m nodeDifference, ok bool) {
	for _, m := range nodeDifferences {
		if match, _ := path.Match(m.ids, d.id); match && (m.what == d.what || m.what == "*") {
			return m, true
		}
	}
	return nodeDifference{}, false
}

// withoutOwnPages replaces the pages that a container makes itself, which are
// each one's own, by one that compare takes for made up.
func withoutOwnPages(all []response) []response {
	for i, r := range all {
		body := string(r.body)
		own := strings.HasPrefix(body, `<!doctype html><html lang="en"><head><title>HTTP Status`) || body == http.StatusText(r.status)+"\n"
		if head := body == "" && r.header("content-language") == "en"; r.status < 400 || !own && !head {
			continue
		}
		all[i].body = fmt.Appendf(nil, "<title>%d </title>", r.status)
		var headers []string
		for _, header := range r.headers {
			name, _, _ := strings.Cut(header, ":")
			if name != "content-length" && name != "content-type" && name != "content-language" && name != "x-content-type-options" {
				headers = append(headers, header)
			}
		}
		all[i].headers = headers
	}
	return all
}

// proxySite is the corpus's configuration with mod_proxy_ajp in place of
// mod_jk.
func proxySite(nodes ...endpoint) string {
	var members strings.Builder
	for _, n := range nodes {
		fmt.Fprintf(&members, "    BalancerMember ajp://%s route=%s \"secret=%s\"\n", n.addr, n.route, secret)
	}
	return peer.LoadModules("proxy", "proxy_ajp", "proxy_balancer", "lbmethod_byrequests", "slotmem_shm") + fmt.Sprintf(`
<Directory "@DIR@">
    AllowOverride None
    Require all granted
</Directory>
<Proxy "balancer://nodes">
%s    ProxySet stickysession=JSESSIONID|jsessionid
</Proxy>
<VirtualHost 127.0.0.1:@PORT@>
    ServerName main.example
    DocumentRoot "@DIR@/site"
    ProxyPass /app/static/ !
    ProxyPass /app/ ajp://%[2]s/app/ "secret=%[3]s"
    ProxyPass /demo ajp://%[2]s/demo "secret=%[3]s"
    ProxyPass /lb/ balancer://nodes/lb/
</VirtualHost>
<VirtualHost 127.0.0.1:@PORT@>
    ServerName two.example
    DocumentRoot "@DIR@/two"
    ProxyPass /app/ ajp://%[2]s/app/ "secret=%[3]s"
</VirtualHost>
`, members.String(), nodes[0].addr, secret)
}

// TestGoNodes: the corpus before nodes in Go is the corpus before Tomcats,
// behind httpd with mod_jk, httpd with mod_proxy_ajp, and catflap.
func TestGoNodes(t *testing.T) {
	a, b := nodes(t)
	tomcats := []endpoint{{a.Route, a.AJPAddr}, {b.Route, b.AJPAddr}}
	own := goNodes(t)
	one, two := corpusOver(t, tomcats...), corpusOver(t, own...)
	t.Run("mod_jk", func(t *testing.T) {
		compareNodes(t, "mod_jk", nodeCorpus(false), true, peer.StartHTTPD(t, one.write(t)).Addr, peer.StartHTTPD(t, two.write(t)).Addr)
	})
	t.Run("catflap", func(t *testing.T) {
		binary := catflapBinary(t)
		compareNodes(t, "catflap", sampled(nodeCorpus(false), 2), false, peer.StartCatflap(t, binary, one.write(t)).Addr, peer.StartCatflap(t, binary, two.write(t)).Addr)
	})
	one.site, two.site = proxySite(tomcats...), proxySite(own...)
	t.Run("mod_proxy_ajp", func(t *testing.T) {
		compareNodes(t, "mod_proxy_ajp", nodeCorpus(true), true, peer.StartHTTPD(t, one.write(t)).Addr, peer.StartHTTPD(t, two.write(t)).Addr)
	})
}

// TestGoNodeStops stops a node in Go in order, under load: nobody sees it, and
// nothing runs twice.
func TestGoNodeStops(t *testing.T) {
	onBothFronts(t, func(t *testing.T, start func(conf string) *peer.Front) {
		servlet := newServlet(t, "JVMRoute-pj002")
		stops := &ajp.Server{Secret: secret, Handler: servlet}
		a, b := startNode(t, "JVMRoute-pj001", &ajp.Server{Secret: secret}), startNode(t, "JVMRoute-pj002", stops)
		server := start(front{workers: workersOver(a, b), site: allToNodes, dir: peer.Folder(t)}.write(t))
		took := make(chan time.Duration, 1)
		stop := time.AfterFunc(1500*time.Millisecond, func() {
			began := time.Now()
			if err := stops.Shutdown(t.Context()); err != nil {
				t.Errorf("Shutdown: %v", err)
			}
			took <- time.Since(began)
		})
		defer stop.Stop()
		outcomes := load.Run(t.Context(), visitors(server.Addr, "stop-"+server.Name, b.route, 4*time.Second))
		summary, drained := load.Summarize(outcomes, time.Second), <-took
		t.Logf("%s: %v; the node took %v to stop", server.Name, summary, drained)
		tell(t, outcomes)
		if drained > 10*time.Second {
			t.Errorf("the node took %v to stop", drained)
		}
		if server.Name == "httpd" {
			return // the measure, not the subject: it does not ask before it sends
		}
		if summary.Failed > 0 {
			t.Errorf("%v", summary)
		}
		for id, n := range servlet.Executions() {
			if n > 1 {
				t.Errorf("%s ran %d times", id, n)
			}
		}
	})
}
