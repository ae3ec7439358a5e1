package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/catflap/catflap/internal/leaktest"
)

func TestMain(m *testing.M) {
	testscript.Main(leaktest.Checked(m), map[string]func(){"catflap": main})
}

// A process is a catflap that serves.
type process struct {
	*exec.Cmd
	dir    string
	addr   string
	stderr bytes.Buffer
}

// serveSite starts catflap, which is this test program again, on a site of its
// own.
func serveSite(t *testing.T) *process {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &process{dir: t.TempDir(), addr: l.Addr().String()}
	l.Close()
	for _, folder := range []string{"logs", "htdocs", "conf"} {
		os.Mkdir(filepath.Join(p.dir, folder), 0o755)
	}
	p.write(t, "htdocs/index.html", "one")
	p.write(t, "conf/mime.types", "text/html html\n")
	p.configure(t, "")
	p.Cmd = exec.Command(os.Args[0], "serve", "-f", filepath.Join(p.dir, "httpd.conf"))
	p.Cmd.Args[0] = "catflap"
	p.Cmd.Path, err = exec.LookPath("catflap")
	if err != nil {
		t.Fatal(err)
	}
	p.Stderr = &p.stderr
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Process.Kill(); p.Wait() })
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, err := p.get("/"); err == nil {
			return p
		}
		if time.Now().After(end) {
			t.Fatalf("does not serve:\n%s", &p.stderr)
		}
	}
}

func (p *process) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// configure writes httpd.conf with more at its end.
func (p *process) configure(t *testing.T, more string) {
	t.Helper()
	p.write(t, "httpd.conf", fmt.Sprintf(`ServerRoot "%s"
Listen %s
ServerName site.example
DocumentRoot htdocs
ErrorLog logs/error_log
LogLevel info
CustomLog logs/access_log "%%r %%>s"
%s
`, p.dir, p.addr, more))
}

func (p *process) get(path string) (string, error) {
	answer, err := http.Get("http://" + p.addr + path)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return answer.Status + " " + string(body), err
}

// await waits until the log holds text.
func (p *process) await(t *testing.T, log, text string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		got, _ := os.ReadFile(filepath.Join(p.dir, "logs", log))
		if strings.Contains(string(got), text) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s does not say %q:\n%s", log, text, got)
		}
	}
}

// TestSignals: USR1 takes changed files, a mistake in them leaves the old
// settings and is told with its place, logs are opened again either way, and
// TERM ends with 0.
func TestSignals(t *testing.T) {
	p := serveSite(t)
	pid, err := os.ReadFile(filepath.Join(p.dir, "logs/httpd.pid"))
	if err != nil || string(pid) != fmt.Sprintf("%d\n", p.Process.Pid) {
		t.Errorf("PidFile: %q, %v", pid, err)
	}
	p.configure(t, "Redirect /old http://new.example/")
	p.Process.Signal(syscall.SIGUSR1)
	p.await(t, "error_log", "AH00493")
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Get("http://" + p.addr + "/old")
	if err != nil || answer.StatusCode != 302 {
		t.Errorf("after USR1: %v, %v", answer, err)
	}
	answer.Body.Close()
	client.CloseIdleConnections()
	p.configure(t, "Nonsense here")
	if err := os.Rename(filepath.Join(p.dir, "logs/access_log"), filepath.Join(p.dir, "logs/access_log.1")); err != nil {
		t.Fatal(err)
	}
	p.Process.Signal(syscall.SIGHUP)
	p.await(t, "error_log", "reload refused, the old settings go on")
	p.await(t, "error_log", "httpd.conf:8:1: error: Invalid command 'Nonsense'")
	if got, err := p.get("/index.html"); got != "200 OK one" {
		t.Errorf("after a refused reload: %q, %v", got, err)
	}
	p.Process.Signal(syscall.SIGTERM)
	if err := p.Wait(); err != nil {
		t.Errorf("TERM: %v\n%s", err, &p.stderr)
	}
	if old, _ := os.ReadFile(filepath.Join(p.dir, "logs/access_log")); !strings.Contains(string(old), "GET /index.html HTTP/1.1 200") {
		t.Errorf("the log was not opened again: %q", old)
	}
	if _, err := os.Stat(filepath.Join(p.dir, "logs/httpd.pid")); !os.IsNotExist(err) {
		t.Error("the PidFile is still there")
	}
}

// TestSecondTerm: a second TERM ends at once.
func TestSecondTerm(t *testing.T) {
	p := serveSite(t)
	conn, err := net.Dial("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// An upload that does not come to its end keeps the request under way.
	fmt.Fprintf(conn, "POST /index.html HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nab")
	p.Process.Signal(syscall.SIGTERM)
	p.await(t, "error_log", "AH00491")
	began := time.Now()
	p.Process.Signal(syscall.SIGTERM)
	done := make(chan error, 1)
	go func() { done <- p.Wait() }()
	select {
	case <-done:
	case <-time.After(8 * time.Second):
		t.Errorf("still there after %v", time.Since(began))
	}
}

// TestBallast: under load garbage is collected every 8 MB and more, not every 3.
func TestBallast(t *testing.T) {
	t.Setenv("GODEBUG", "gctrace=1")
	p := serveSite(t)
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for range 4000 {
				if _, err := p.get("/"); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	clients.Wait()
	p.Process.Signal(syscall.SIGTERM)
	if err := p.Wait(); err != nil {
		t.Error(err)
	}
	told := regexp.MustCompile(`, (\d+) MB goal`).FindAllStringSubmatch(p.stderr.String(), -1)
	if len(told) == 0 {
		t.Fatalf("nothing was collected:\n%s", &p.stderr)
	}
	if goal, _ := strconv.Atoi(told[len(told)-1][1]); goal < 2*ballastSize>>20 {
		t.Errorf("the last of %d collections had the goal %d MB:\n%s", len(told), goal, &p.stderr)
	}
}
