package node

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/catflap/catflap/internal/leaktest"
	"github.com/catflap/catflap/session"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Checked(m).Run()) }

// A running is a node that runs until the test ends.
type running struct {
	*Node
	stop func() error // ends it and waits
	log  *lines
}

// lines are what was logged.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// start runs a node. Connectors without an address listen on loopback.
func start(t *testing.T, cfg *Config, apps ...App) *running {
	t.Helper()
	r := &running{log: &lines{}}
	cfg.Log = slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	n, err := New(cfg, apps...)
	if err != nil {
		t.Fatal(err)
	}
	r.Node = n
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	r.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	select {
	case <-n.Ready():
	case err := <-ended:
		ended <- err
		t.Fatalf("ended before it was ready: %v\n%s", err, r.log)
	case <-time.After(30 * time.Second):
		t.Fatalf("not ready:\n%s", r.log)
	}
	return r
}

// get asks the first connector, which speaks HTTP.
func (r *running) get(t *testing.T, path string, header ...string) (*http.Response, string) {
	t.Helper()
	return r.do(t, http.MethodGet, path, header...)
}

func (r *running) do(t *testing.T, method, path string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, "http://"+r.Addrs()[0].String()+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.URL.Opaque = path
	for _, h := range header {
		name, value, ok := strings.Cut(h, ": ")
		if !ok {
			continue
		}
		if name == "Host" {
			req.Host = value
		}
		req.Header.Set(name, value)
	}
	transport := &http.Transport{DisableKeepAlives: true, DisableCompression: true}
	defer transport.CloseIdleConnections()
	a, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	body, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return a, string(body)
}

// httpNode is a Config with one connector of HTTP at a free port of loopback.
func httpNode(hosts ...Host) *Config {
	return &Config{Services: []Service{{Connectors: []Connector{{Address: "127.0.0.1"}}, Engine: Engine{Route: "pj001", Hosts: hosts}}}}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func count(w http.ResponseWriter, r *http.Request) {
	s := session.From(r.Context())
	v, _ := s.Get("count")
	n, _ := v.(int64)
	s.Set("count", n+1)
	fmt.Fprintf(w, "%s %d", From(r.Context()).ContextPath, n+1)
}

func TestSessions(t *testing.T) {
	r := start(t, httpNode(), App{Path: "/shop", Handler: http.HandlerFunc(count)})
	jar, _ := cookiejar.New(nil)
	client := &http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}}
	for i := 1; i <= 3; i++ {
		a, err := client.Get("http://" + r.Addrs()[0].String() + "/shop/x")
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(a.Body)
		a.Body.Close()
		if want := fmt.Sprintf("/shop %d", i); string(body) != want {
			t.Errorf("%q, want %q", body, want)
		}
		if cookie := a.Header.Get("Set-Cookie"); i == 1 && (!strings.Contains(cookie, ".pj001; Path=/shop; HttpOnly") || !strings.HasPrefix(cookie, "JSESSIONID=")) {
			t.Errorf("cookie %q", cookie)
		}
	}
}

// TestPorts: AJP without an address is on loopback, of both kinds.
func TestPorts(t *testing.T) {
	cfg := httpNode()
	cfg.Services[0].Connectors = append(cfg.Services[0].Connectors, Connector{AJP: &AJP{}})
	r := start(t, cfg)
	addr := r.Addrs()[1].(*net.TCPAddr)
	if !addr.IP.IsLoopback() || addr.Port == 0 {
		t.Errorf("AJP at %v", addr)
	}
	c, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.Write([]byte{0x12, 0x34, 0, 1, 10})
	pong := make([]byte, 5)
	if _, err := io.ReadFull(c, pong); err != nil || string(pong) != "AB\x00\x01\x09" {
		t.Errorf("%x, %v", pong, err)
	}
}

// TestConfigIsCopied: what becomes of a Config after New does not matter. State
// has contexts by path.
func TestConfigIsCopied(t *testing.T) {
	manager := &Manager{Kind: BackupManager}
	cfg := &Config{Services: []Service{{Engine: Engine{
		Cluster: &Cluster{Filter: "x"}, Hosts: []Host{{Name: "h", NoDeploy: true, Contexts: []Context{{Path: "/aa"}, {Path: "/b", Manager: manager}}}},
	}}}}
	n, err := New(cfg, App{Path: "/aa", Handler: say("")}, App{Path: "/b", Handler: say("")})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Services[0].Engine.Cluster.Manager.Kind, manager.Kind = StandardManager, StandardManager
	if all := n.State().Contexts; len(all) != 2 || all[0].Manager != DeltaManager || all[1].Manager != BackupManager {
		t.Errorf("%+v", all)
	}
}
