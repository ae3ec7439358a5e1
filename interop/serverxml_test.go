package interop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/catflap/catflap/interop/peer"
	"github.com/catflap/catflap/node"
	"github.com/catflap/catflap/node/serverxml"
)

// TestServerXML: a Tomcat and a node with the same server.xml, context
// descriptors, folders and web.xml files answer the same URLs with the same.
func TestServerXML(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/serverxml/site.txtar")
	if err != nil {
		t.Fatal(err)
	}
	tomcat, ours := peer.FreeAddr(t), peer.FreeAddr(t)
	startSite(t, laySite(t, archive, tomcat), tomcat)
	loadSite(t, laySite(t, archive, ours), ours)
	served := 0
	for _, host := range []string{"one.example", "ONE.example", "www.one.example", "x.many.example", "many.example", "nobody.example", "127.0.0.1", "two.example", "three.example", "judged.example"} {
		for _, path := range []string{
			"/", "/index.html", "/docs/", "/docs", "/docs/deep/a.txt", "/docs/deep", "/docs/missing", "/inferred/", "/deep/er/", "/deep/er/a.txt", "/deep/", "/lax/", "/lax/deep/a.txt",
			"/plain/", "/plain/sub", "/plain/sub/", "/PLAIN/", "/a/b/", "/a/", "/v/", "/v##1/", "/ext/1/", "/ext/1/deep/a.txt", "/ignored/", "/inner/", "/elsewhere/", "/over/", "/skipped/", "/lone/", "/lone/WEB-INF/web.xml",
			"/meta/", "/meta/META-INF/context.xml", "/methods/", "/hidden/", "/in/", "/out/", "/out/missing", "/denied/", "/others/", "/part/", "/neither/", "/status/", "/net/",
		} {
			want, got := askSite(t, tomcat, host, path), askSite(t, ours, host, path)
			if want != got {
				t.Errorf("http://%s%s: %s, of Tomcat %s", host, path, got, want)
			}
			if strings.HasPrefix(want, "200") {
				served++
			}
		}
	}
	if served < 100 {
		t.Errorf("Tomcat serves only %d", served)
	}
}

// laySite writes the files of archive with what Tomcat needs besides, for an
// HTTP connector at addr.
func laySite(t *testing.T, archive *txtar.Archive, addr string) (base string) {
	t.Helper()
	base = t.TempDir()
	_, text, _ := net.SplitHostPort(addr)
	port, _ := strconv.Atoi(text)
	files := []txtar.File{
		{Name: "conf/catalina.properties", Data: fmt.Appendf(nil, "common.loader=${catalina.home}/lib/*.jar\nhttp.port = %d\ntomcat.util.scan.StandardJarScanFilter.jarsToSkip=*.jar\n", port-1)},
		{Name: "conf/logging.properties", Data: []byte("handlers = java.util.logging.ConsoleHandler\n")},
		{Name: "logs/x"}, {Name: "temp/x"}, {Name: "work/x"},
	}
	for _, name := range []string{"web.xml", "context.xml"} {
		data, err := os.ReadFile(filepath.Join(peer.TomcatHome, "etc", name))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, txtar.File{Name: "conf/" + name, Data: data})
	}
	for _, f := range append(files, archive.Files...) {
		file := filepath.Join(base, f.Name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return base
}

// startSite starts a Tomcat on base.
func startSite(t *testing.T, base, addr string) {
	t.Helper()
	cmd := exec.Command(filepath.Join(peer.TomcatHome, "bin", "catalina.sh"), "run")
	cmd.Env = append(os.Environ(), "CATALINA_BASE="+base, "CATALINA_HOME="+peer.TomcatHome, "JAVA_OPTS=-Xmx160m")
	process := peer.Start(t, "Tomcat with the site's files", filepath.Join(base, "logs", "catalina.out"), cmd)
	process.Await(t, func() error {
		resp, err := http.Get("http://" + addr + "/")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return errors.New(resp.Status)
		}
		return nil
	})
}

// loadSite runs a node on base. What is told of its files is what Tomcat passes
// over.
func loadSite(t *testing.T, base, addr string) {
	t.Helper()
	var told []string
	cfg, err := serverxml.Load(filepath.Join(base, "conf", "server.xml"), serverxml.Options{Warn: func(text string) { told = append(told, text) }})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`path="lax/" does not begin with a slash, or ends with one: /lax is taken`, "docBase is in appBase: the folder inner is taken", `path="/ignored" has no effect`, "<Valve> has neither allow nor deny"} {
		if !strings.Contains(strings.Join(told, "\n"), want) {
			t.Errorf("not told: %s", want)
		}
	}
	if len(told) != 4 {
		t.Errorf("told: %s", strings.Join(told, "\n"))
	}
	cfg.Log = slog.New(slog.DiscardHandler)
	n, err := node.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	if got := n.Addrs(); len(got) != 1 || got[0].String() != addr {
		t.Fatalf("listens at %v, want %s", got, addr)
	}
}

// askSite returns status, Location and, of 200, the body.
func askSite(t *testing.T, addr, host, path string) string {
	t.Helper()
	client := http.Client{Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	req, err := http.NewRequest(http.MethodGet, "http://"+addr+strings.ReplaceAll(path, "#", "%23"), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = host
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		body = nil
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s %s", resp.StatusCode, strings.TrimPrefix(resp.Header.Get("Location"), "http://"+addr), body))
}

// TestServerXMLOfDebian: nothing is told of what Debian installs.
func TestServerXMLOfDebian(t *testing.T) {
	cfg, err := serverxml.Load(filepath.Join(peer.TomcatHome, "etc", "server.xml"), serverxml.Options{Base: "/var/lib/tomcat10", Warn: func(text string) { t.Error(text) }})
	if err != nil {
		t.Fatal(err)
	}
	hosts := cfg.Services[0].Engine.Hosts
	if len(hosts) != 1 || len(hosts[0].Contexts) == 0 || hosts[0].Contexts[0].MaxInactive != 30*time.Minute {
		t.Errorf("%+v", hosts)
	}
}
