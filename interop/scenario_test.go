package interop

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/interop/peer"
	"github.com/catflap/catflap/interop/scenario"
)

// A visitor asks a front for pages of its sites.
type visitor struct {
	t      *testing.T
	addr   string
	client *http.Client
}

func newVisitor(t *testing.T, addr string) *visitor {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &visitor{t, addr, &http.Client{Timeout: 30 * time.Second, Transport: transport}}
}

// A page is an answer with its body.
type page struct {
	status int
	header http.Header
	body   string
}

// field returns the value of a line of the echo servlet's answer.
func (p page) field(name string) string {
	for line := range strings.Lines(p.body) {
		if value, ok := strings.CutPrefix(line, name+"="); ok {
			return strings.TrimSuffix(value, "\n")
		}
	}
	return ""
}

// get asks for a path of a site; each header is "Name: value".
func (v *visitor) get(site, path string, headers ...string) page {
	v.t.Helper()
	request, err := http.NewRequest("GET", "http://"+v.addr+path, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	request.Host = site
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Set(name, value)
	}
	answer, err := v.client.Do(request)
	if err != nil {
		v.t.Fatalf("GET %s%s: %v", site, path, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		v.t.Fatalf("GET %s%s: %v", site, path, err)
	}
	return page{answer.StatusCode, answer.Header, string(body)}
}

// want asks and wants a status.
func (v *visitor) want(status int, site, path string, headers ...string) page {
	v.t.Helper()
	p := v.get(site, path, headers...)
	if p.status != status {
		v.t.Errorf("GET %s%s: status %d, want %d\n%s", site, path, p.status, status, p.body)
	}
	return p
}

// A stage is the scenario, written down for this machine.
type stage struct {
	conf string // httpd.conf
	a, b *peer.Tomcat
}

func newStage(t *testing.T) stage {
	t.Helper()
	a, b := nodes(t)
	conf, err := scenario.Write(peer.Folder(t), scenario.Places{Front: peer.FreeAddr(t), A: a.AJPAddr, B: b.AJPAddr, Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	return stage{conf, a, b}
}

// workers changes workers.properties.
func (s stage) workers(t *testing.T, change func(text string) string) {
	t.Helper()
	name := filepath.Join(filepath.Dir(s.conf), "workers.properties")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(change(string(text))), 0o644); err != nil {
		t.Fatal(err)
	}
}

const (
	siteA = "site-a.example"
	siteB = "site-b.example"
	siteC = "site-c.example"
)

// TestScenario goes through the points of the scenario that concern the front
// with its configuration as it stands.
func TestScenario(t *testing.T) {
	onBothFronts(t, func(t *testing.T, start func(conf string) *peer.Front) {
		s := newStage(t)
		// Two lines more, so that point 6 does not take minutes.
		s.workers(t, func(text string) string {
			return text + "\nworker.maintain=1\nworker.jk_controller.recover_time=1\n"
		})
		v := newVisitor(t, start(s.conf).Addr)
		t.Run("1 one front takes every request", func(t *testing.T) { v.t = t; everySite(v) })
		t.Run("2 sites A and B are balanced over both nodes", func(t *testing.T) { v.t = t; balanced(v) })
		t.Run("3 servlets of site C go to pj001 only", func(t *testing.T) { v.t = t; pinned(v) })
		t.Run("4 no node sees static files", func(t *testing.T) { v.t = t; static(v, s) })
		t.Run("7 jkStatus shows the workers", func(t *testing.T) { v.t = t; status(v, s) })
		t.Run("6 a node fails", func(t *testing.T) { v.t = t; nodeFails(v, s) })
	})
}

func everySite(v *visitor) {
	for _, name := range []string{"www.resource.example", siteB, "www.site-b.example", siteC, "www.site-c.example"} {
		want := strings.TrimPrefix(name, "www.")
		if name == "www.resource.example" {
			want = name
		}
		if p := v.want(200, name, "/"); !strings.Contains(p.body, "<h1>"+want+"</h1>") {
			v.t.Errorf("%s answers\n%s", name, p.body)
		}
	}
	// DirectoryIndex of site A names servlets only: no file is there for them.
	if p := v.get(siteA, "/"); p.status == 200 && !strings.Contains(p.body, "route=JVMRoute") && !strings.Contains(p.body, "<h1>"+siteA) {
		v.t.Errorf("site A answers\n%s", p.body)
	}
	for _, name := range []string{siteA, siteB, siteC} {
		if p := v.want(200, name, "/x.do?a=b"); p.field("serverName") != name || p.field("query") != "a=b" || p.field("uri") != "/x.do" {
			v.t.Errorf("%s/x.do answers\n%s", name, p.body)
		}
	}
}

func balanced(v *visitor) {
	for _, site := range []string{siteA, siteB} {
		seen := map[string]int{}
		for range 20 {
			seen[v.want(200, site, "/x.do").field("route")]++
		}
		if seen["JVMRoute-pj001"] != 10 || seen["JVMRoute-pj002"] != 10 {
			v.t.Errorf("%s: requests by node: %v", site, seen)
		}
	}
}

func pinned(v *visitor) {
	for range 6 {
		for _, path := range []string{"/Servlet/x", "/servlet/x", "/xServlet"} {
			if route := v.want(200, siteC, path).field("route"); route != "JVMRoute-pj001" {
				v.t.Errorf("%s%s was answered by %q", siteC, path, route)
			}
		}
	}
}

func static(v *visitor, s stage) {
	for _, name := range []string{"www.resource.example", siteA, siteB, siteC} {
		p := v.want(200, name, "/css/site.css?id=static")
		if p.header.Get("Content-Type") != "text/css" || p.header.Get("X-Route") != "" {
			v.t.Errorf("%s/css/site.css: headers %v", name, p.header)
		}
		v.want(404, name, "/absent.css?id=static")
	}
	for _, node := range []*peer.Tomcat{s.a, s.b} {
		seen, err := node.Executions()
		if err != nil {
			v.t.Fatal(err)
		}
		if seen["static"] != 0 {
			v.t.Errorf("%s has seen requests for static files", node.Route)
		}
	}
}

// status reads the status worker in its formats.
func status(v *visitor, s stage) {
	html := v.want(200, siteA, "/jkStatus")
	if !strings.HasPrefix(html.header.Get("Content-Type"), "text/html") {
		v.t.Errorf("jkStatus is %q", html.header.Get("Content-Type"))
	}
	text := v.want(200, siteA, "/jkStatus?mime=txt")
	properties := v.want(200, siteA, "/jkStatus?mime=prop")
	for _, p := range []page{html, text, properties} {
		for _, name := range []string{"jk_controller", "JVMRoute-pj001", "JVMRoute-pj002"} {
			if !strings.Contains(p.body, name) {
				v.t.Errorf("jkStatus as %s does not name %s", p.header.Get("Content-Type"), name)
			}
		}
	}
	for _, line := range []string{
		"worker.jk_controller.type=lb", "worker.jk_controller.balance_workers=JVMRoute-pj001",
		"worker.JVMRoute-pj001.lbfactor=1", "worker.JVMRoute-pj002.address=" + s.b.AJPAddr,
		"worker.JVMRoute-pj001.activation=ACT",
	} {
		if !strings.Contains(properties.body, line+"\n") {
			v.t.Errorf("jkStatus?mime=prop has no line %s\n%s", line, properties.body)
		}
	}
	members(v)
}

// members reads the XML form and wants both members with their factors.
func members(v *visitor) {
	v.t.Helper()
	answer := v.want(200, siteA, "/jkStatus?mime=xml")
	var status struct {
		Balancers []struct {
			Name    string `xml:"name,attr"`
			Members []struct {
				Name       string `xml:"name,attr"`
				Activation string `xml:"activation,attr"`
				Factor     int    `xml:"lbfactor,attr"`
			} `xml:"member"`
		} `xml:"balancers>balancer"`
	}
	if err := xml.Unmarshal([]byte(answer.body), &status); err != nil {
		v.t.Fatalf("jkStatus?mime=xml: %v\n%s", err, answer.body)
	}
	if len(status.Balancers) != 1 || len(status.Balancers[0].Members) != 2 {
		v.t.Fatalf("jkStatus?mime=xml: %+v\n%s", status, answer.body)
	}
	for i, member := range status.Balancers[0].Members {
		if want := fmt.Sprintf("JVMRoute-pj%03d", i+1); member.Name != want || member.Factor != 1 || member.Activation != "ACT" {
			v.t.Errorf("jkStatus?mime=xml: member %+v, want %s", member, want)
		}
	}
}

// nodeFails kills one node, without sessions, and has it come back.
func nodeFails(v *visitor, s stage) {
	s.b.Kill()
	for range 10 {
		if route := v.want(200, siteA, "/x.do").field("route"); route != "JVMRoute-pj001" {
			v.t.Errorf("answered by %q", route)
		}
	}
	if p := v.want(200, siteA, "/jkStatus?mime=prop"); !strings.Contains(p.body, "worker.JVMRoute-pj002.state=ERR") {
		v.t.Errorf("the status worker does not show the error:\n%s", p.body)
	}
	common.mu.Lock()
	common.asking = v.t
	common.mu.Unlock()
	s.b.Start(common)
	s.b.Await(common)
	deadline := time.Now().Add(30 * time.Second)
	for v.want(200, siteA, "/x.do").field("route") != "JVMRoute-pj002" {
		if time.Now().After(deadline) {
			v.t.Fatal("the node is back, and gets no requests")
		}
		time.Sleep(50 * time.Millisecond) // real servers keep real time
	}
}

// TestWeights is point 7: nodes get work in proportion to their weights.
func TestWeights(t *testing.T) {
	onBothFronts(t, func(t *testing.T, start func(conf string) *peer.Front) {
		s := newStage(t)
		s.workers(t, func(text string) string { return text + "\nworker.JVMRoute-pj002.lbfactor=3\n" })
		v := newVisitor(t, start(s.conf).Addr)
		share(v, 10, 30)
		if p := v.want(200, siteA, "/jkStatus?mime=prop"); !strings.Contains(p.body, "worker.JVMRoute-pj002.lbfactor=3\n") {
			t.Errorf("the status worker does not show the factor:\n%s", p.body)
		}
	})
}

// share sends forty requests and wants them spread, within two.
func share(v *visitor, first, second int) {
	v.t.Helper()
	seen := map[string]int{}
	for range first + second {
		seen[v.want(200, siteA, "/x.do").field("route")]++
	}
	if got := seen["JVMRoute-pj001"]; got < first-2 || got > first+2 || got+seen["JVMRoute-pj002"] != first+second {
		v.t.Errorf("requests by node: %v, want %d and %d", seen, first, second)
	}
}
