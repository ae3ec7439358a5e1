package interop

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/catflap/catflap/interop/peer"
)

// statusWorkers is the workers.properties of the status tests. What has other
// defaults in catflap is set.
func statusWorkers(t *testing.T, a, b *peer.Tomcat) string {
	t.Helper()
	var text strings.Builder
	worker := func(name, addr, more string) {
		host, port, _ := strings.Cut(addr, ":")
		fmt.Fprintf(&text, "worker.%[1]s.type=ajp13\nworker.%[1]s.host=%[2]s\nworker.%[1]s.port=%[3]s\nworker.%[1]s.secret=%[4]s\n"+
			"worker.%[1]s.connection_pool_timeout=60\nworker.%[1]s.ping_timeout=2000\n%[5]s", name, host, port, secret, more)
	}
	text.WriteString("worker.list=lb,solo,lb2,st,stro,stu,stx\n")
	worker("a", a.AJPAddr, "worker.a.route="+a.Route+"\n")
	worker("b", b.AJPAddr, "worker.b.route="+b.Route+"\nworker.b.lbfactor=3\nworker.b.domain=dom\n")
	worker("dead", peer.FreeAddr(t), "")
	worker("solo", a.AJPAddr, "")
	text.WriteString(`worker.lb.type=lb
worker.lb.balance_workers=a,b
worker.lb2.type=lb
worker.lb2.balance_workers=dead
worker.lb2.sticky_session=0
worker.lb2.method=B
worker.lb2.lock=P
worker.lb2.recover_time=3600
worker.st.type=status
worker.stro.type=status
worker.stro.read_only=1
worker.stu.type=status
worker.stu.user=joe
worker.stx.type=status
worker.stx.ns=-
worker.stx.xmlns=-
worker.stx.prefix=foo
worker.stx.doctype=<!DOCTYPE status>
worker.stx.good=active.ok,.Idle
worker.stx.bad=D.o,stopped
`)
	return text.String()
}

const statusSite = "JkMount /app/* lb\nJkUnMount /app/*.gif lb\nJkMount /one/*;reply_timeout=20000 solo\nJkMount /lb2/* lb2\n" +
	"JkMount /st st\nJkMount /stro stro\nJkMount /stu stu\nJkMount /stx stx\n" +
	"<VirtualHost 127.0.0.9:@PORT@>\nServerName one.example\nJkMountCopy On\nJkMount /v lb\n</VirtualHost>\n" +
	"<VirtualHost 127.0.0.8>\nServerName two.example:81\nJkMount /v solo\n</VirtualHost>\n" +
	"<VirtualHost _default_:9>\nServerName three.example\nJkMount /v|/* lb\n</VirtualHost>\n"

// TestStatus sends the same calls to the status worker of both fronts, and
// wants the same fields, in the same order, with the same values.
func TestStatus(t *testing.T) {
	a, b := nodes(t)
	workers := statusWorkers(t, a, b)
	volatile := newVolatile(t)
	answers := map[string][]string{}
	for _, name := range []string{"httpd", "catflap"} {
		conf := front{workers: workers, site: statusSite, dir: peer.Folder(t)}.write(t)
		var server *peer.Front
		if name == "httpd" {
			server = peer.StartHTTPD(t, conf)
		} else {
			server = peer.StartCatflap(t, catflapBinary(t), conf)
		}
		for _, call := range statusCalls(t) {
			answers[name] = append(answers[name], volatile.mask(statusAnswer(t, server, call), server.Addr, conf))
		}
		server.Stop(t)
	}
	known := readStatusDifferences(t)
	different := 0
	for i, call := range statusCalls(t) {
		one, two := strings.Split(answers["httpd"][i], "\n"), strings.Split(answers["catflap"][i], "\n")
		if len(one) != len(two) {
			t.Errorf("%s: %d lines, catflap %d\n%s\n---\n%s", call, len(one), len(two), answers["httpd"][i], answers["catflap"][i])
			continue
		}
		for n := range one {
			if one[n] == two[n] || known.has(call, one[n], two[n]) {
				continue
			}
			if different++; different <= 20 {
				t.Errorf("%s:\nhttpd   %s\ncatflap %s", call, one[n], two[n])
			}
		}
	}
	known.unused(t)
	t.Logf("%d calls", len(answers["httpd"]))
}

// statusCalls are the calls of testdata, one for each form of answer.
func statusCalls(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, line := range testdataLines(t, "status-calls.txt") {
		if !strings.Contains(line, "@MIME@") {
			all = append(all, line)
			continue
		}
		for _, mime := range []string{"txt", "xml", "prop"} {
			all = append(all, strings.ReplaceAll(line, "@MIME@", mime))
		}
	}
	return all
}

// testdataLines are the lines of a file that are neither empty nor comments.
func testdataLines(t *testing.T, name string) []string {
	t.Helper()
	file, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var all []string
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if line := strings.TrimSpace(lines.Text()); line != "" && !strings.HasPrefix(line, "#") {
			all = append(all, line)
		}
	}
	return all
}

var htmlResult = regexp.MustCompile(`Result: [^<]*`)

// statusAnswer makes one call and returns its status and its answer; of an
// HTML page only the result, since the pages are each server's own.
func statusAnswer(t *testing.T, server *peer.Front, call string) string {
	t.Helper()
	words := strings.Fields(call)
	if words[0] == "load" {
		var n int
		fmt.Sscan(words[1], &n)
		route := ""
		if len(words) > 3 {
			route = words[3]
		}
		for range n {
			visit(t, server, words[2], route)
		}
		return ""
	}
	if !strings.HasPrefix(call, "/") {
		call = "/st?" + call
	}
	status, kind, body := visit(t, server, call, "")
	if strings.HasPrefix(kind, "text/html") {
		kind, body = "text/html", htmlResult.FindString(body)
	}
	return fmt.Sprintf("%d %s\n%s", status, kind, body)
}

// visit is a GET, with a session of route if it is not empty.
func visit(t *testing.T, server *peer.Front, path, route string) (status int, kind, body string) {
	t.Helper()
	request, err := http.NewRequest("GET", "http://"+server.Addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.URL.Opaque = path // as written, also where it is no good URL
	if route != "" {
		request.Header.Set("Cookie", "JSESSIONID=0123456789ABCDEF."+route)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(request)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return answer.StatusCode, answer.Header.Get("Content-Type"), string(text)
}

// A volatile knows the fields whose values are not compared.
type volatile struct{ patterns []*regexp.Regexp }

func newVolatile(t *testing.T) volatile {
	t.Helper()
	var keys []string
	for _, line := range testdataLines(t, "status-volatile.txt") {
		keys = append(keys, strings.Fields(line)...)
	}
	any := strings.Join(keys, "|")
	return volatile{[]*regexp.Regexp{
		regexp.MustCompile(`(?m)((?:^| )(?:` + any + `)=)(?:"[^"]*"|[^ "\n]+)`),                      // txt, xml
		regexp.MustCompile(`(?m)(^\w+(?:\.\w+)?\.(?:` + any + `|error_time_unix)(?: seconds)?=).*$`), // prop, with a slip of mod_jk's
	}}
}

// mask is text without what depends on the run.
func (v volatile) mask(text, addr, conf string) string {
	_, port, _ := strings.Cut(addr, ":")
	for _, pattern := range v.patterns {
		text = pattern.ReplaceAllString(text, "${1}#")
	}
	root := strings.TrimSuffix(conf, "/conf/httpd.conf")
	return strings.NewReplacer(root, "@ROOT@", port, "@PORT@").Replace(text)
}
