package node

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/catflap/catflap/interop/netns"
	"github.com/catflap/catflap/interop/peer"
)

// logging is a server.xml whose access log has all that a pattern can say.
const logging = `<Server port="-1">
  <Service name="Catalina">
    <Connector port="8080" protocol="HTTP/1.1"/>
    <Engine name="Catalina" defaultHost="localhost" jvmRoute="n1">
      <Host name="localhost" appBase="webapps" autoDeploy="false">
        <Valve className="org.apache.catalina.valves.AccessLogValve" prefix="all" suffix=".txt" rotatable="false"
          pattern='%a %A %h %H %l %m %p %q "%r" %s %S %u %U %v %b %B %{User-Agent}i %{Host}i %{Missing}i %{X-Two}i %{Content-Type}o %{ETag}o %{c}c %{no}r %{no}s %{local}p %{canonical}p %% %{yyyy-MM-dd}t'/>
        <Valve className="org.apache.catalina.valves.AccessLogValve" prefix="combined" suffix=".txt" rotatable="false" pattern="combined"/>
      </Host>
    </Engine>
  </Service>
</Server>
`

// asked are requests for files; after the target are headers.
var asked = []string{
	"GET /", "GET /index.html", "GET /a.txt", "GET /a.json", "GET /s.css", "GET /s.js", "GET /m.mjs", "GET /i.svg", "GET /d.xml", "GET /f.woff2", "GET /zero.txt", "GET /docs", "GET /docs/", "GET /docs?x=1", "GET /docs?a=%20&b",
	"GET /none", "GET /a.txt/", "GET /A.TXT", "GET /empty", "GET /empty/", "GET /a.txt;x=1", "GET //a.txt", "GET /./a.txt", "GET /docs/../a.txt", "GET /%61.txt", "GET /a.txt?", "GET /a%20b.txt", "GET /WEB-INF/web.xml", "GET /web-inf/",
	"HEAD /a.txt", "HEAD /none", "POST /a.txt", "PUT /a.txt", "DELETE /a.txt", "OPTIONS /a.txt", "OPTIONS /none", "OPTIONS *", "TRACE /a.txt", "PATCH /a.txt", "PROPFIND /a.txt", "FOO /a.txt", "POST /none",
	"GET /a.txt|Range: bytes=2-4", "GET /a.txt|Range: bytes=2-", "GET /a.txt|Range: bytes=-3", "GET /a.txt|Range: bytes=20-", "GET /a.txt|Range: lines=1-2", "GET /a.txt|Range: bytes=0-100", "HEAD /a.txt|Range: bytes=2-4",
	"GET /a.txt|If-None-Match: @ETAG@", "GET /a.txt|If-None-Match: *", `GET /a.txt|If-None-Match: "x"`, "GET /a.txt|If-Match: @ETAG@", "GET /a.txt|If-Match: *", `GET /a.txt|If-Match: "x"`, "POST /a.txt|If-None-Match: @ETAG@",
	"GET /a.txt|If-Modified-Since: Tue, 02 Jan 2024 03:04:05 GMT", "GET /a.txt|If-Modified-Since: Tue, 02 Jan 2024 03:04:04 GMT", "GET /a.txt|If-Unmodified-Since: Mon, 01 Jan 2024 00:00:00 GMT",
	"GET /a.txt|Range: bytes=2-4|If-Range: @ETAG@", "GET /a.txt|Range: bytes=2-4|If-Range: Tue, 02 Jan 2024 03:04:05 GMT", "GET /a.txt|Range: bytes=2-4|If-Range: Mon, 01 Jan 2024 03:04:05 GMT",
	"GET /a.txt|User-Agent: \"me\"\t\\ é|Cookie: c=v; c=w; d=x|X-Two: 1|X-Two: 2|Referer: http://x.example/?a=\"b\"",
	"GET /../a.txt", "GET /%2e%2e/a.txt", "GET /a%2fb", "GET /a%00",
}

// written is when all files were changed.
var written = time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)

// layFiles writes the files into the folder of a Host.
func layFiles(t *testing.T, webapps string) {
	t.Helper()
	for name, text := range map[string]string{
		"ROOT/index.html": "<h1>root</h1>", "ROOT/a.txt": "0123456789", "ROOT/a.json": "{}", "ROOT/s.css": "a{}", "ROOT/s.js": "x", "ROOT/m.mjs": "x", "ROOT/i.svg": "<svg/>", "ROOT/d.xml": "<a/>",
		"ROOT/f.woff2": "x", "ROOT/zero.txt": "", "ROOT/empty/x": "x", "ROOT/WEB-INF/x": "x", "docs/index.htm": "docs",
	} {
		file := filepath.Join(webapps, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, written, written); err != nil {
			t.Fatal(err)
		}
	}
}

// send sends one of asked to a host, and returns the status line's number,
// headers and body in a form to compare.
func send(t *testing.T, host netns.Host, what string) string {
	t.Helper()
	c, err := host.Dial("tcp", "127.0.0.1:8080", 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	what = strings.ReplaceAll(what, "@ETAG@", fmt.Sprintf(`W/"10-%d"`, written.UnixMilli()))
	lines := strings.Split(what, "|")
	method, _, _ := strings.Cut(what, " ")
	io.WriteString(c, lines[0]+" HTTP/1.1\r\nHost: localhost:8080\r\nConnection: close\r\n"+strings.Join(append(lines[1:], "\r\n"), "\r\n"))
	a, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	defer a.Body.Close()
	body, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if a.StatusCode >= 400 { // each has pages of its own
		return fmt.Sprint(a.StatusCode, " ", len(a.Header["Allow"]), a.Header["Content-Range"])
	}
	var all []string
	for name, values := range a.Header {
		if name != "Date" && name != "Content-Length" && name != "Connection" {
			all = append(all, name+": "+strings.Join(values, ", "))
		}
	}
	slices.Sort(all)
	return fmt.Sprintf("%d %q %s", a.StatusCode, all, body)
}

// ownPage is what follows the status in the line of a page of one's own.
var ownPage = regexp.MustCompile(`( [45]\d\d) .*`)

// bracketed is a time.
var bracketed = regexp.MustCompile(`\[[^]]*\]`)

// logged are the lines of an access log in a form to compare: without times, and
// sorted, since each is written when its answer is out.
func logged(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	for i := range lines {
		lines[i] = bracketed.ReplaceAllString(ownPage.ReplaceAllString(lines[i], "$1"), "")
	}
	slices.Sort(lines)
	return lines
}

// TestFilesAndLogs: files are answered as Tomcat's default servlet answers
// them, and the access log has the same lines.
func TestFilesAndLogs(t *testing.T) {
	hosts := netns.New(t, 2).Hosts
	tomcat := peer.NewTomcat(t, peer.TomcatConfig{Route: "n1", Host: hosts[0], ServerXML: logging, App: peer.NoApp})
	web, err := os.ReadFile(filepath.Join(peer.TomcatHome, "etc/web.xml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(tomcat.Base, "conf/web.xml"), web, 0o644); err != nil {
		t.Fatal(err)
	}
	layFiles(t, filepath.Join(tomcat.Base, "webapps"))
	tomcat.Start(t)
	tomcat.Process().Await(t, func() error {
		c, err := hosts[0].Dial("tcp", "127.0.0.1:8080", time.Second)
		if err == nil {
			c.Close()
		}
		return err
	})
	base := t.TempDir()
	layFiles(t, filepath.Join(base, "webapps"))
	own := startNodeIn(t, peer.BuildCatflap(t), hosts[1], base, logging)
	for _, what := range asked {
		if want, got := send(t, hosts[0], what), send(t, hosts[1], what); want != got {
			t.Errorf("%s: %s\nof Tomcat %s", what, got, want)
		}
	}
	own.Stop(t, syscall.SIGTERM, 15*time.Second)
	tomcat.Process().Stop(t, syscall.SIGTERM, 30*time.Second)
	for _, name := range []string{"all.txt", "combined.txt"} {
		want, got := logged(t, filepath.Join(tomcat.Base, "logs", name)), logged(t, filepath.Join(base, "logs", name))
		if len(want) != len(asked) || len(got) != len(asked) {
			t.Errorf("%s has %d lines, that of Tomcat %d, after %d requests", name, len(got), len(want), len(asked))
		}
		for i := range min(len(want), len(got)) {
			if want[i] != got[i] {
				t.Errorf("%s:\n%s\nof Tomcat\n%s", name, got[i], want[i])
			}
		}
	}
}
