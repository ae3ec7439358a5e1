package front

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/catflap/catflap/ajp/ajptest"
	"github.com/catflap/catflap/internal/front/balancer"
	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/jklog"
	"github.com/catflap/catflap/internal/front/mount"
	"github.com/catflap/catflap/internal/front/settings"
	"github.com/catflap/catflap/internal/front/status"
	"github.com/catflap/catflap/internal/front/translate"
	"github.com/catflap/catflap/internal/front/vhost"
	"github.com/catflap/catflap/internal/front/worker"
	"github.com/catflap/catflap/internal/leaktest"
	"github.com/catflap/catflap/internal/privilege"
	"github.com/catflap/catflap/internal/web/accesslog"
	"github.com/catflap/catflap/internal/web/errorlog"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// A fixture is a front with files, logs and two nodes.
type fixture struct {
	dir   string
	cfg   *Config
	nodes []*ajptest.Server
	front *Server
	ended chan error
}

// configure returns a front's settings before nodes that answer by script,
// with change applied.
func configure(t *testing.T, script ajptest.Script, change func(*Config)) *fixture {
	t.Helper()
	f := &fixture{dir: t.TempDir()}
	for name, text := range map[string]string{
		"htdocs/index.html": "the index", "htdocs/a.html": "a page", "htdocs/sub/index.do": "a source", "htdocs/only/x.txt": "x",
		"htdocs/sorry.html": "sorry", "htdocs/down.html": "down page", "logs/keep": "",
	} {
		file := filepath.Join(f.dir, name)
		os.MkdirAll(filepath.Dir(file), 0o755)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	format, err := accesslog.Parse(`%m %U %>s %s %b %X %{CATFLAP_ERROR}n`)
	if err != nil {
		t.Fatal(err)
	}
	request, err := jklog.ParseRequestFormat("%w %s")
	if err != nil {
		t.Fatal(err)
	}
	var members []balancer.MemberConfig
	var workers []worker.Config
	for i := range 2 {
		node := ajptest.NewServer(script)
		t.Cleanup(node.Close)
		f.nodes = append(f.nodes, node)
		name := fmt.Sprintf("n%d", i+1)
		workers = append(workers, worker.Config{Name: name, Host: "127.0.0.1", Port: node.Port()})
		members = append(members, balancer.MemberConfig{Worker: name})
	}
	rule := func(pattern, w string) mount.Rule {
		return mount.Rule{Rule: exchange.Rule{Pattern: pattern, Worker: w}, Source: mount.JkMount}
	}
	granted := &settings.Requirement{Kind: settings.RequireGranted}
	f.cfg = &Config{
		Process: Process{ServerRoot: f.dir, PidFile: filepath.Join(f.dir, "logs/pid"), MaxRequestWorkers: 50},
		Listen:  []Listen{{Address: "127.0.0.1:0"}},
		Workers: Workers{
			AJP: workers, Balancers: []balancer.Config{{Name: "lb", Members: members}}, Status: []status.Config{{Name: "st"}},
			Listed: []string{"lb", "n1", "st"},
		},
		Sites: []Site{{
			Host: vhost.Host{Name: "site.example"}, Exchange: exchange.Site{Name: "site.example", Port: 80},
			Sections: vhost.Sections{Server: []*settings.Layer{{Require: granted, ErrorDocs: settings.ErrorDocs{404: {Path: "/sorry.html"}, 503: {Path: "/down.html"}},
				Index: &settings.IndexChange{Names: []string{"none.html", "index.html", "index.do"}}}},
				Of: []vhost.Section{{Kind: vhost.Location, Pattern: "/app/closed", Layer: &settings.Layer{Require: &settings.Requirement{Kind: settings.RequireDenied}}}}},
			Translate: translate.Config{DocumentRoot: filepath.Join(f.dir, "htdocs"), Mounts: mount.New([]mount.Rule{
				rule("/app/*", "lb"), rule("/*.do", "lb"), rule("/status", "st"), rule("/nowhere", "missing")})},
			Limits: Limits{Timeout: 20 * time.Second, KeepAlive: KeepAlive{Timeout: 5 * time.Second, MaxRequests: 3}, RequestLine: 2000, FieldSize: 1000, Fields: 20},
			Logs: Logs{
				Error:  ErrorLog{Name: filepath.Join(f.dir, "logs/error_log"), Level: errorlog.Levels{Default: slog.LevelInfo}},
				Access: []AccessLog{{Name: filepath.Join(f.dir, "logs/access_log"), Format: format}},
				JK:     JKLog{Name: filepath.Join(f.dir, "logs/jk.log"), Level: jklog.Info, Request: request},
			},
		}},
	}
	if change != nil {
		change(f.cfg)
	}
	return f
}

// start starts a front that configure made.
func start(t *testing.T, script ajptest.Script, change func(*Config)) *fixture {
	t.Helper()
	f := configure(t, script, change)
	f.begin(t, privilege.Direct{})
	return f
}

// begin starts the front.
func (f *fixture) begin(t *testing.T, opener privilege.Opener) {
	t.Helper()
	var err error
	if f.front, err = New(f.cfg, opener); err != nil {
		t.Fatal(err)
	}
	f.run(t)
}

// run lets the front run until the end of the test.
func (f *fixture) run(t *testing.T) {
	t.Helper()
	f.ended = make(chan error, 1)
	go func() { f.ended <- f.front.Run(context.Background()) }()
	for len(f.front.Addresses()) == 0 {
		time.Sleep(time.Millisecond)
	}
	t.Cleanup(func() { f.stop(t) })
}

// stop drains the front and waits for it.
func (f *fixture) stop(t *testing.T) {
	t.Helper()
	if f.ended == nil {
		return
	}
	f.front.Shutdown(10 * time.Second)
	select {
	case err := <-f.ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(30 * time.Second):
		t.Error("the front does not end")
	}
	f.ended = nil
}

// ask sends one request on its own connection and returns status line, head
// and body.
func (f *fixture) ask(t *testing.T, request string) (status, head, body string) {
	t.Helper()
	conn, err := net.Dial("tcp", f.front.Addresses()[0])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	io.WriteString(conn, request)
	answer, _ := io.ReadAll(conn)
	head, body, _ = strings.Cut(string(answer), "\r\n\r\n")
	status, head, _ = strings.Cut(head, "\r\n")
	return strings.TrimPrefix(status, "HTTP/1.1 "), head, body
}

// get is ask for a GET.
func (f *fixture) get(t *testing.T, path string) (status, head, body string) {
	t.Helper()
	return f.ask(t, "GET "+path+" HTTP/1.1\r\nHost: site.example\r\nConnection: close\r\n\r\n")
}

func (f *fixture) log(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(f.dir, "logs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func echo(c *ajptest.Call) {
	ajptest.Serve(c, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "node %s %s %s", r.Method, r.RequestURI, body)
	}))
}

func TestServer(t *testing.T) {
	f := start(t, echo, nil)
	for _, test := range []struct{ rule, path, status, body string }{
		{"a file", "/a.html", "200 OK", "a page"},
		{"a mount", "/app/x?q=1", "200 OK", "node GET /app/x?q=1 "},
		{"a mount by suffix, with a parameter", "/x.do;jsessionid=1", "200 OK", "node GET /x.do;jsessionid=1 "},
		{"the index", "/", "200 OK", "the index"},
		{"an ErrorDocument keeps the status", "/none.html", "404 Not Found", "sorry"},
		{"a Location closes a mount", "/app/closed", "403 Forbidden", "403 Forbidden"},
		{"a parameter does not lead past it", "/app/closed;x=1/y", "403 Forbidden", "403 Forbidden"},
		{"no worker of that name", "/nowhere", "500 Internal Server Error", "500 Internal"},
		{"the status page", "/status?mime=txt", "200 OK", "Balancer Worker: name=lb"},
		{"a bad path", "/%zz", "400 Bad Request", ""},
		{"dots with a parameter", "/app/..;/x", "400 Bad Request", "400 Bad Request"},
		{"an encoded slash", "/a%2Fb", "404 Not Found", "sorry"},
	} {
		status, head, body := f.get(t, test.path)
		if status != test.status || !strings.Contains(body, test.body) || status != "400 Bad Request" && !strings.Contains(head, "Server: catflap") {
			t.Errorf("%s: %s is %s %q, want %s %q", test.rule, test.path, status, body, test.status, test.body)
		}
	}
	f.stop(t)
	access := f.log(t, "access_log")
	for _, line := range []string{
		"GET /a.html 200 200 6 - -", "GET /app/x 200 200 20 - -", "GET /none.html 404 404 5 - -",
		"unknown-worker@missing: the mount names a worker that worker.list does not have: correct one of them",
	} {
		if !strings.Contains(access, line) {
			t.Errorf("the access log lacks %q:\n%s", line, access)
		}
	}
	if jk := f.log(t, "jk.log"); !strings.Contains(jk, "] lb 200\n") || !strings.Contains(jk, "st 200") || strings.Contains(jk, "a.html") {
		t.Errorf("jk.log:\n%s", jk)
	}
	if errors := f.log(t, "error_log"); !strings.Contains(errors, "AH00489") || !strings.Contains(errors, "AH01630: client denied") || !strings.Contains(errors, "AH00491") {
		t.Errorf("error_log:\n%s", errors)
	}
	if _, err := os.Stat(f.cfg.Process.PidFile); !os.IsNotExist(err) {
		t.Error("the PidFile is still there")
	}
}

// TestIndex: a DirectoryIndex that is a file here wins, and goes to its worker
// if it is mounted; if none is, the folder's own path goes to the worker of
// the last that is mounted.
func TestIndex(t *testing.T) {
	f := start(t, echo, nil)
	for path, want := range map[string]string{"/sub/": "node GET /sub/index.do ", "/only/": "node GET /only/ ", "/": "the index"} {
		if status, _, body := f.get(t, path); status != "200 OK" || body != want {
			t.Errorf("%s: %s %q, want %q", path, status, body, want)
		}
	}
	if status, head, _ := f.get(t, "/sub"); status != "301 Moved Permanently" || !strings.Contains(head, "Location: http://site.example/sub/") {
		t.Errorf("%s %s", status, head)
	}
}

func TestLimits(t *testing.T) {
	f := start(t, echo, func(c *Config) { limit := int64(20); c.Sites[0].Sections.Server[0].BodyLimit = &limit })
	head := "Host: site.example\r\nConnection: close\r\n"
	for _, test := range []struct{ rule, request, status string }{
		{"a long line", "GET /" + strings.Repeat("x", 2000) + " HTTP/1.1\r\n" + head + "\r\n", "414 Request URI Too Long"},
		{"a large header", "GET / HTTP/1.1\r\n" + head + "X: " + strings.Repeat("x", 1000) + "\r\n\r\n", "400 Bad Request"},
		{"many headers", "GET / HTTP/1.1\r\n" + head + strings.Repeat("X: y\r\n", 20) + "\r\n", "400 Bad Request"},
		{"a line at the limit", "GET /" + strings.Repeat("x", 2000-13) + " HTTP/1.1\r\n" + head + "\r\n", "404 Not Found"},
		{"a line over it", "GET /" + strings.Repeat("x", 2000-12) + " HTTP/1.1\r\n" + head + "\r\n", "414 Request URI Too Long"},
		{"a body over LimitRequestBody for a file", "POST /a.html HTTP/1.1\r\n" + head + "Content-Length: 21\r\n\r\n" + strings.Repeat("x", 21), "413 Request Entity Too Large"},
		{"a body at it", "POST /a.html HTTP/1.1\r\n" + head + "Content-Length: 20\r\n\r\n" + strings.Repeat("x", 20), "200 OK"},
		{"* of another method than OPTIONS", "GET * HTTP/1.1\r\n" + head + "\r\n", "400 Bad Request"},
		{"no Host", "GET / HTTP/1.1\r\nConnection: close\r\n\r\n", "400 Bad Request"},
		{"an empty Host", "GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n", "400 Bad Request"},
		{"a Host that is none", "GET / HTTP/1.1\r\nHost: a..b\r\nConnection: close\r\n\r\n", "400 Bad Request"},
		{"a Host with a zone", "GET / HTTP/1.1\r\nHost: [fe80::1%25lo]\r\nConnection: close\r\n\r\n", "400 Bad Request"},
		{"an IPv6 address as Host", "GET / HTTP/1.1\r\nHost: [::1]:80\r\nConnection: close\r\n\r\n", "200 OK"},
		{"chunks that are none, for a container", "POST /app/x HTTP/1.1\r\n" + head + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nZZ\r\n", "400 Bad Request"},
		{"a chunk with more than it says, for a container", "POST /app/x HTTP/1.1\r\n" + head + "Transfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n", "400 Bad Request"},
		{"CONNECT", "CONNECT site.example:80 HTTP/1.1\r\n" + head + "\r\n", "400 Bad Request"},
		{"CONNECT to a path", "CONNECT /app/x HTTP/1.1\r\n" + head + "\r\n", "400 Bad Request"},
		{"TRACE", "TRACE /app/x HTTP/1.1\r\n" + head + "\r\n", "405 Method Not Allowed"},
	} {
		if status, _, _ := f.ask(t, test.request); !strings.HasPrefix(status, test.status[:3]) {
			t.Errorf("%s: %s, want %s", test.rule, status, test.status)
		}
	}
}

// TestAddresses: 0.0.0.0 beside all addresses of its port has no socket.
func TestAddresses(t *testing.T) {
	for listen, want := range map[string]string{
		"0.0.0.0:80 [::]:80": "[[::]:80]", "0.0.0.0:80 :80": "[:80]", "0.0.0.0:80 [::]:81": "[0.0.0.0:80 [::]:81]", "127.0.0.1:80 [::]:80": "[127.0.0.1:80 [::]:80]",
	} {
		cfg := &Config{}
		for address := range strings.FieldsSeq(listen) {
			cfg.Listen = append(cfg.Listen, Listen{Address: address})
		}
		if got := fmt.Sprint(addresses(cfg)); got != want {
			t.Errorf("Listen %s: %s, want %s", listen, got, want)
		}
	}
}

// TestKeepAlive: MaxKeepAliveRequests ends a connection after so many.
func TestKeepAlive(t *testing.T) {
	f := start(t, echo, nil)
	request := "GET /a.html HTTP/1.1\r\nHost: site.example\r\n\r\n"
	_, _, rest := f.ask(t, strings.Repeat(request, 5))
	if n := strings.Count(rest, "HTTP/1.1 200 OK") + 1; n != 3 {
		t.Errorf("%d answers on one connection, want 3", n)
	}
}

// TestBrokenAnswer: an answer that breaks off never looks complete.
func TestBrokenAnswer(t *testing.T) {
	f := start(t, func(c *ajptest.Call) {
		c.Headers(200, "Content-Type", "text/plain")
		c.Body(strings.Repeat("x", 20000))
		c.Reset()
	}, nil)
	conn, err := net.Dial("tcp", f.front.Addresses()[0])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET /app/x HTTP/1.1\r\nHost: site.example\r\n\r\n")
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err == nil {
		_, err = io.ReadAll(answer.Body)
	}
	if err == nil {
		t.Error("the answer looks complete")
	}
	f.stop(t)
	if access := f.log(t, "access_log"); !strings.Contains(access, "X truncated@n") {
		t.Errorf("the access log does not tell:\n%s", access)
	}
}

// TestErrorDocumentOfANode: an ErrorDocument that is mounted does not make a
// success of an error, and decides on any other status itself.
func TestErrorDocumentOfANode(t *testing.T) {
	f := start(t, func(c *ajptest.Call) {
		if c.Request.URI == "/app/gone" {
			c.Answer(410, "node says gone")
			return
		}
		c.Answer(200, "node says sorry")
	}, func(c *Config) {
		c.Sites[0].Sections.Server[0].ErrorDocs = settings.ErrorDocs{404: {Path: "/app/sorry"}, 403: {Path: "/app/gone"}}
	})
	for path, want := range map[string]string{"/none.html": "404 node says sorry", "/app/closed": "410 node says gone"} {
		if status, _, body := f.get(t, path); status[:3]+" "+body != want {
			t.Errorf("%s: %s %q, want %s", path, status, body, want)
		}
	}
}

// TestFailures: a failing worker's page has the ErrorDocument of its status.
func TestFailures(t *testing.T) {
	f := start(t, (*ajptest.Call).Close, nil)
	if status, _, body := f.get(t, "/app/x"); !strings.HasPrefix(status, "502") || !strings.Contains(body, "502 Bad Gateway") {
		t.Errorf("%s %s", status, body)
	}
	for _, n := range f.nodes {
		n.Close()
	}
	if status, _, body := f.get(t, "/app/x"); !strings.HasPrefix(status, "503") || body != "down page" {
		t.Errorf("%s %q", status, body)
	}
}

func TestUnreadBodyIsDrained(t *testing.T) {
	f := start(t, func(c *ajptest.Call) { c.Answer(200, "early") }, nil)
	body := strings.Repeat("x", 3<<20)
	status, _, answer := f.ask(t, fmt.Sprintf("POST /app/x HTTP/1.1\r\nHost: site.example\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
	if status != "200 OK" || !strings.Contains(answer, "early") {
		t.Errorf("%s %q", status, answer)
	}
}

func TestMaxRequestWorkers(t *testing.T) {
	var mu sync.Mutex
	inside, most := 0, 0
	f := start(t, func(c *ajptest.Call) {
		mu.Lock()
		inside++
		most = max(most, inside)
		mu.Unlock()
		c.Sleep(20 * time.Millisecond)
		mu.Lock()
		inside--
		mu.Unlock()
		c.Answer(200, "")
	}, func(c *Config) { c.Process.MaxRequestWorkers = 2 })
	var asking sync.WaitGroup
	for range 8 {
		asking.Go(func() {
			if status, _, _ := f.get(t, "/app/x"); status != "200 OK" {
				t.Error(status)
			}
		})
	}
	asking.Wait()
	if most > 2 {
		t.Errorf("%d requests at once", most)
	}
	f.stop(t)
	if n := strings.Count(f.log(t, "error_log"), "AH00484"); n != 1 {
		t.Errorf("AH00484 was logged %d times, want once a minute", n)
	}
}

// TestReload: requests end on the line on which they began, unchanged workers
// keep connections, states and counters, and a mistake changes nothing.
func TestReload(t *testing.T) {
	hold := make(chan struct{})
	f := start(t, func(c *ajptest.Call) {
		if c.Request.URI == "/app/slow" {
			<-hold
		}
		echo(c)
	}, nil)
	f.get(t, "/app/x")
	f.get(t, "/app/x")
	slow := make(chan string, 1)
	go func() {
		_, _, body := f.get(t, "/app/slow")
		slow <- body
	}()
	until(t, "a node has /app/slow", func() bool { return f.nodes[0].Count("/app/slow")+f.nodes[1].Count("/app/slow") > 0 })
	next := *f.cfg
	next.Sites = append([]Site(nil), f.cfg.Sites...)
	next.Sites[0].Translate.Mounts = mount.New([]mount.Rule{
		{Rule: exchange.Rule{Pattern: "/new/*", Worker: "lb"}, Source: mount.JkMount}, {Rule: exchange.Rule{Pattern: "/status", Worker: "st"}, Source: mount.JkMount}})
	if err := f.front.Reload(t.Context(), &next); err != nil {
		t.Fatal(err)
	}
	if status, _, body := f.get(t, "/new/x"); status != "200 OK" || !strings.HasPrefix(body, "node") {
		t.Errorf("the new mount: %s %q", status, body)
	}
	if status, _, _ := f.get(t, "/app/x"); !strings.HasPrefix(status, "404") {
		t.Errorf("the old mount: %s", status)
	}
	if _, _, body := f.get(t, "/status?mime=txt"); !strings.Contains(body, "elected=2 ") {
		t.Errorf("the counters began anew:\n%s", body)
	}
	if n := f.nodes[0].Accepted() + f.nodes[1].Accepted(); n > 3 {
		t.Errorf("%d connections: those of the old line were not taken over", n)
	}
	close(hold)
	if body := <-slow; !strings.HasPrefix(body, "node GET /app/slow") {
		t.Errorf("the request that was under way got %q", body)
	}
	bad := next
	bad.Listen = append(bad.Listen, Listen{Address: "256.0.0.1:1"})
	if err := f.front.Reload(t.Context(), &bad); err == nil {
		t.Error("a bad address is no mistake")
	}
	worse := next
	worse.Sites = append([]Site(nil), next.Sites...)
	worse.Sites[0].Logs.Error.Name = filepath.Join(f.dir, "none/log")
	if err := f.front.Reload(t.Context(), &worse); err == nil || !strings.Contains(err.Error(), "AH00091") {
		t.Errorf("a log that cannot be opened: %v", err)
	}
	if status, _, _ := f.get(t, "/new/x"); status != "200 OK" {
		t.Errorf("after a refused reload: %s", status)
	}
}

func TestLogsAreReopened(t *testing.T) {
	f := start(t, echo, nil)
	f.get(t, "/a.html")
	old := filepath.Join(f.dir, "logs/access_log")
	if err := os.Rename(old, old+".1"); err != nil {
		t.Fatal(err)
	}
	if err := f.front.Reopen(); err != nil {
		t.Fatal(err)
	}
	f.get(t, "/sub")
	f.stop(t)
	if one, two := f.log(t, "access_log.1"), f.log(t, "access_log"); !strings.Contains(one, "/a.html") || !strings.Contains(two, "/sub") || strings.Contains(two, "/a.html") {
		t.Errorf("%q %q", one, two)
	}
}

// TestDrain: what is under way ends, what comes new is refused.
func TestDrain(t *testing.T) {
	hold := make(chan struct{})
	f := start(t, func(c *ajptest.Call) { <-hold; echo(c) }, nil)
	answered := make(chan string, 1)
	go func() {
		status, _, _ := f.get(t, "/app/x")
		answered <- status
	}()
	until(t, "the request is under way", func() bool { return f.front.current.Load().inside.Load() > 0 })
	address := f.front.Addresses()[0]
	f.front.Shutdown(20 * time.Second)
	for {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			break
		}
		conn.Close()
		time.Sleep(time.Millisecond)
	}
	close(hold)
	if status := <-answered; status != "200 OK" {
		t.Errorf("the request that was under way: %s", status)
	}
}

// TestDrainHasAnEnd: a request that does not end is broken off.
func TestDrainHasAnEnd(t *testing.T) {
	f := start(t, func(c *ajptest.Call) { c.Hang() }, nil)
	done := make(chan struct{})
	go func() { f.get(t, "/app/x"); close(done) }()
	until(t, "the request is under way", func() bool { return f.front.current.Load().inside.Load() > 0 })
	f.front.Shutdown(50 * time.Millisecond)
	select {
	case err := <-f.ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Error("the front waits for ever")
	}
	f.ended = nil
	<-done
}

func TestPidFileOfALiveProcess(t *testing.T) {
	f := configure(t, echo, nil)
	os.WriteFile(f.cfg.Process.PidFile, []byte(fmt.Sprintf("%d\n", os.Getppid())), 0o644)
	s, err := New(f.cfg, privilege.Direct{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "has it and runs") {
		t.Errorf("%v", err)
	}
	if text, _ := os.ReadFile(f.cfg.Process.PidFile); string(text) != fmt.Sprintf("%d\n", os.Getppid()) {
		t.Error("the PidFile was overwritten")
	}
}

// TestPidFileMoves: a reload that names another PidFile writes that one and
// takes the old one away; a stale one is replaced.
func TestPidFileMoves(t *testing.T) {
	f := start(t, echo, nil)
	next := *f.cfg
	next.Process.PidFile += ".new"
	os.WriteFile(next.Process.PidFile, []byte("4194304999\n"), 0o644)
	if err := f.front.Reload(t.Context(), &next); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(next.Process.PidFile); string(text) != fmt.Sprintf("%d\n", os.Getpid()) {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := os.Stat(f.cfg.Process.PidFile); !os.IsNotExist(err) {
		t.Error("the old PidFile is still there")
	}
}

// TestMountFile: a changed mount file takes effect.
func TestMountFile(t *testing.T) {
	var file string
	f := start(t, echo, func(c *Config) {
		file = filepath.Join(c.Process.ServerRoot, "uri.properties")
		os.WriteFile(file, []byte("1"), 0o644)
		c.Sites[0].MountFile = &MountFile{Name: file, Modified: time.Unix(1, 0), Interval: 10 * time.Millisecond, Read: func() (*mount.Map, error) {
			text, err := os.ReadFile(file)
			return mount.New([]mount.Rule{{Rule: exchange.Rule{Pattern: "/file" + string(text), Worker: "lb"}, Source: mount.URIWorkerMap}}), err
		}}
	})
	change := func(text string) {
		os.WriteFile(file, []byte(text), 0o644)
		os.Chtimes(file, time.Now(), time.Now().Add(time.Hour))
	}
	change("2")
	until(t, "the changed file takes effect", func() bool {
		status, _, _ := f.get(t, "/file2")
		return status == "200 OK"
	})
}

// TestPaceOfBodies: a body that comes too slowly is 408 for a file, and breaks
// the connection off for a node; one that keeps its pace goes through.
func TestPaceOfBodies(t *testing.T) {
	f := start(t, echo, func(c *Config) {
		c.Sites[0].Limits.Body = exchange.Pace{First: 300 * time.Millisecond, Rate: 20}
	})
	ask := func(path string, parts ...string) string {
		conn, err := net.Dial("tcp", f.front.Addresses()[0])
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: site.example\r\nConnection: close\r\nContent-Length: 50\r\n\r\n", path)
		for _, part := range parts {
			io.WriteString(conn, part)
			time.Sleep(100 * time.Millisecond) // the client's own slowness
		}
		conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		answer, _ := io.ReadAll(conn)
		status, _, _ := strings.Cut(string(answer), "\r\n")
		return strings.TrimPrefix(status, "HTTP/1.1 ")
	}
	fast := strings.Split(strings.Repeat("0123456789 ", 5), " ")
	for _, test := range []struct {
		rule, path string
		parts      []string
		want       string
	}{
		{"a file", "/a.html", []string{"01"}, "408 Request Timeout"},
		{"a node", "/app/x", []string{"01"}, ""},
		{"a file, in time", "/a.html", fast, "200 OK"},
		{"a node, in time", "/app/x", fast, "200 OK"},
	} {
		began := time.Now()
		if got := ask(test.path, test.parts...); got != test.want {
			t.Errorf("%s: %q, want %q", test.rule, got, test.want)
		}
		if took := time.Since(began); took > 10*time.Second { // Timeout is 20 s
			t.Errorf("%s: it took %v", test.rule, took)
		}
	}
}

// TestBodiesOfFiles: a body for a file is read before the answer, and bounded.
func TestBodiesOfFiles(t *testing.T) {
	limit := int64(10)
	f := start(t, echo, func(c *Config) { c.Sites[0].Sections.Server[0].BodyLimit = &limit })
	head := "POST /a.html HTTP/1.1\r\nHost: site.example\r\nConnection: close\r\n"
	for _, test := range []struct{ rule, request, status string }{
		{"declared, too long", head + "Content-Length: 11\r\n\r\n01234567890", "413 Request Entity Too Large"},
		{"chunked, too long", head + "Transfer-Encoding: chunked\r\n\r\n6\r\n012345\r\n6\r\n012345\r\n0\r\n\r\n", "413 Request Entity Too Large"},
		{"chunked, as long as may be", head + "Transfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n5\r\n01234\r\n0\r\n\r\n", "200 OK"},
		{"no chunks", head + "Transfer-Encoding: chunked\r\n\r\nnonsense\r\n", "400 Bad Request"},
	} {
		if status, _, _ := f.ask(t, test.request); status != test.status {
			t.Errorf("%s: %s, want %s", test.rule, status, test.status)
		}
	}
}
