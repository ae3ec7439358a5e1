package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/interop/peer"
)

// logTokens are those of LogFormat whose values do not depend on the run; the
// sizes of made-up pages are each server's own.
var logTokens = []string{
	"%%", "%a", "%{c}a", "%h", "%A", "%l", "%u", "%r", "%>s", "%s", "%<s", "%200,206b", "%200,206B", "%U", "%>U", "%<U", "%q", "%m", "%H", "%v", "%V", "%p", "%{canonical}p", "%{local}p",
	"%200,206,301,403,404f", "%200,206,301R", "%!400,500,501,503X", "%k", "%I", "%{X-Route}o", "%{Content-Type}o", "%{Foo}i", "%!200,404{Foo}i", "%404{Foo}i", "%{ck}C", "%{none}e", "%{JK_WORKER_NAME}n", "%{JK_WORKER_TYPE}n", "%{JK_WORKER_ROUTE}n",
	"%{JK_LB_FIRST_NAME}n", "%{JK_LB_LAST_NAME}n", "%{JK_LB_LAST_STATE}n", "%{JK_LB_FIRST_ACTIVATION}n", "%{JK_LB_FIRST_ACCESSED}n", "%{JK_LB_FIRST_SESSIONS}n", "%{JK_LB_FIRST_VALUE}n", "%{JK_LB_FIRST_ERRORS}n", "%{JK_LB_FIRST_BUSY}n",
}

const logSite = `
DocumentRoot "@DIR@/site"
<Directory "@DIR@/site">
    Require all granted
</Directory>
<Location "/denied">
    Require all denied
</Location>
ErrorDocument 404 /sorry.txt
Redirect /old http://other.example/new
JkMount /app/* lb
JkMount /one/* JVMRoute-pj001
JkMount /dead/* dead
JkMount /nobody/* nobody
JkMount /jkstatus manager
JkLogStampFormat "[%Y] "
JkRequestLogFormat "request %w|%V|%s|%b|%B|%H|%m|%p|%q|%r|%U|%v|%R"
LogLevel info
CustomLog logs/access_log all
`

// TestLogs holds the lines of the logs against those of httpd with mod_jk, for
// the same requests: CustomLog and JkRequestLogFormat value by value, of
// ErrorLog module, level, number and text, of JkLogFile the texts that
// monitoring looks for.
func TestLogs(t *testing.T) {
	a, b := nodes(t)
	dir := peer.Folder(t)
	for name, text := range map[string]string{"a.txt": "0123456789", "sorry.txt": "sorry", "dir/x": "x", "denied/x": "x"} {
		file := filepath.Join(dir, "site", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, port, _ := strings.Cut(peer.FreeAddr(t), ":")
	f := front{dir: dir, site: "LogFormat \"" + strings.Join(logTokens, " | ") + "\" all" + logSite,
		workers: strings.Replace(balancerOver(a, b), "worker.list=", "worker.list=dead,", 1) +
			"worker.dead.type=ajp13\nworker.dead.host=127.0.0.1\nworker.dead.port=" + port + "\nworker.dead.retries=1\n"}
	logs := map[string]map[string][]string{}
	for _, start := range []func(conf string) *peer.Front{
		func(conf string) *peer.Front { return peer.StartHTTPD(t, conf) },
		func(conf string) *peer.Front { return peer.StartCatflap(t, catflapBinary(t), conf) },
	} {
		conf := f.write(t)
		server := start(conf)
		for _, r := range logged() {
			if _, err := r.send(server.Addr); err != nil {
				t.Fatal(err)
			}
		}
		logs[server.Name] = readLogs(t, filepath.Dir(filepath.Dir(conf)), server.Addr, len(logged()))
		server.Stop(t)
	}
	httpd, catflap := logs["httpd"], logs["catflap"]
	for _, log := range logs {
		for _, name := range []string{"access_log", "requests"} {
			slices.SortFunc(log[name], func(a, b string) int { return strings.Compare(number.FindString(a), number.FindString(b)) })
		}
		slices.Sort(log["error_log"])
	}
	compareLines(t, "access_log", httpd["access_log"], catflap["access_log"], logTokens)
	compareLines(t, "JkRequestLogFormat", httpd["requests"], catflap["requests"], nil)
	compareLines(t, "error_log", httpd["error_log"], catflap["error_log"], nil)
	for _, text := range []string{"connecting to backend failed. Tomcat is probably not started or is listening on the wrong port (errno=111)", "Could not find a worker for worker name=nobody"} {
		for name, log := range logs {
			if !strings.Contains(strings.Join(log["mod_jk.log"], "\n"), text) {
				t.Errorf("mod_jk.log of %s lacks %q:\n%s", name, text, strings.Join(log["mod_jk.log"], "\n"))
			}
		}
	}
}

// logged are the requests, each on its own connection and with its number,
// since httpd writes a line some time after its answer.
func logged() []request {
	var all []request
	for i, target := range []string{
		"GET /a.txt?", "HEAD /a.txt?", "POST /a.txt?", "GET /absent?", "GET /dir?", "GET /dir/?", "GET /denied/?", "GET /old/x?", "GET /%zz?", "GET /a%0a%22b?", "FOO /a.txt?",
		"GET /app/x?", "GET /app/x?", "GET /app/x?error=404&", "GET /app/x;jsessionid=1.JVMRoute-pj002?", "HEAD /app/x?", "GET /app/a%20b?", "GET /one/x?", "GET /dead/x?", "GET /nobody/x?", "GET /app/?", "GET /one/x?status=204&size=0&",
	} {
		all = append(all, ask(fmt.Sprintf("log-%02d", i+1), fmt.Sprintf("%sn=%02d", target, i+1), "Foo: a\"b\\c\xe4", "Cookie: ck=v; b=c", "Content-Length: 0"))
	}
	return all
}

var (
	ownPage   = regexp.MustCompile(`\|(500|503)\|\d+\|\d+`)
	number    = regexp.MustCompile(`\bn=\d\d`)
	stamp     = regexp.MustCompile(`^\[[^]]*\] `)
	process   = regexp.MustCompile(`\[pid \d+:tid \d+\] `)
	clientAt  = regexp.MustCompile(`\[client 127\.0\.0\.1:\d+\] `)
	notLogged = regexp.MustCompile(`AH00(489|491|492|493|094)|AH01626|AH00566|AH00096|mpm_event`)
)

// readLogs returns the lines of a server's logs without what depends on the
// run, once n requests are in its access log.
func readLogs(t *testing.T, root, addr string, n int) map[string][]string {
	t.Helper()
	_, port, _ := strings.Cut(addr, ":")
	read := func(name string) []string {
		text, err := os.ReadFile(filepath.Join(root, "logs", name))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Split(strings.TrimSpace(strings.NewReplacer(port, "@PORT@", root, "@ROOT@").Replace(string(text))), "\n")
	}
	for end := time.Now().Add(10 * time.Second); len(read("access_log")) < n; time.Sleep(50 * time.Millisecond) { // real servers keep real time
		if time.Now().After(end) {
			t.Fatalf("%d of %d lines in the access log", len(read("access_log")), n)
		}
	}
	logs := map[string][]string{"access_log": read("access_log")}
	for _, line := range read("mod_jk.log") {
		if text, ok := strings.CutPrefix(stamp.ReplaceAllString(line, ""), "request "); ok {
			logs["requests"] = append(logs["requests"], ownPage.ReplaceAllString(text, "|$1|size"))
			continue
		}
		logs["mod_jk.log"] = append(logs["mod_jk.log"], line)
	}
	for _, line := range read("error_log") {
		line = clientAt.ReplaceAllString(process.ReplaceAllString(stamp.ReplaceAllString(line, ""), ""), "")
		if !notLogged.MatchString(line) {
			logs["error_log"] = append(logs["error_log"], line)
		}
	}
	return logs
}

// compareLines tells in what lines differ; tokens name the fields of one. A
// line of catflap's may say more at its end.
func compareLines(t *testing.T, log string, one, two []string, tokens []string) {
	t.Helper()
	if len(one) != len(two) {
		t.Errorf("%s: httpd has %d lines, catflap %d:\n%s\n\n%s", log, len(one), len(two), strings.Join(one, "\n"), strings.Join(two, "\n"))
		return
	}
	for i := range one {
		if strings.HasPrefix(two[i], one[i]) {
			continue
		}
		of, other := strings.Split(one[i], " | "), strings.Split(two[i], " | ")
		for n := range min(len(of), len(other), len(tokens)) {
			if of[n] != other[n] {
				t.Errorf("%s, line %d (%s): %s is %q, in httpd %q", log, i+1, logged()[i].head[:20], tokens[n], other[n], of[n])
			}
		}
		if tokens == nil {
			t.Errorf("%s, line %d:\nhttpd:   %s\ncatflap: %s", log, i+1, one[i], two[i])
		}
	}
}
