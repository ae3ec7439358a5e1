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
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestNodeSignals: HUP does nothing but a line in the log; TERM waits for
// requests, a second one does not.
func TestNodeSignals(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_, port, _ := net.SplitHostPort(addr)
	l.Close()
	base := t.TempDir()
	if err := os.MkdirAll(filepath.Join(base, "webapps/ROOT"), 0o755); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(`<Server port="-1"><Service name="Catalina"><Connector port=%q address="127.0.0.1" protocol="HTTP/1.1"/>
<Engine name="Catalina" defaultHost="localhost" jvmRoute="n1"><Host name="localhost" appBase="webapps"/></Engine></Service></Server>`, port)
	if err := os.WriteFile(filepath.Join(base, "server.xml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	program, err := exec.LookPath("catflap")
	if err != nil {
		t.Fatal(err)
	}
	for _, times := range []int{1, 2} {
		var stdout, stderr bytes.Buffer
		notified := notifySocket(t)
		cmd := exec.Command(program, "node", "-f", filepath.Join(base, "server.xml"))
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+notified.LocalAddr().String())
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cmd.Process.Kill() })
		if said := told(t, notified); !strings.Contains(said, "READY=1") || !strings.Contains(said, "STATUS=catflap node: serving ") {
			t.Errorf("systemd is told %q", said)
		}
		// An upload that does not come to its end keeps the request under way.
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "POST /demo/api HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 8\r\nExpect: 100-continue\r\n\r\n")
		conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		const wanted = "HTTP/1.1 100 Continue\r\n\r\n"
		if got, err := io.ReadAll(io.LimitReader(conn, int64(len(wanted)))); string(got) != wanted {
			t.Fatalf("%q, %v: the body is not wanted", got, err)
		}
		fmt.Fprint(conn, "op=")
		for end := time.Now().Add(20 * time.Second); ; {
			if a, err := http.Get("http://" + addr + "/demo/api"); err == nil {
				a.Body.Close()
				break
			}
			if time.Now().After(end) {
				t.Fatal("does not answer")
			}
		}
		http.DefaultClient.CloseIdleConnections()
		cmd.Process.Signal(syscall.SIGHUP)
		cmd.Process.Signal(syscall.SIGTERM)
		if said := told(t, notified); !strings.Contains(said, "STOPPING=1") {
			t.Errorf("systemd is told %q", said)
		}
		if times == 2 {
			cmd.Process.Signal(syscall.SIGTERM)
		} else {
			fmt.Fprint(conn, "count")
			conn.SetReadDeadline(time.Now().Add(20 * time.Second))
			if answer, _ := io.ReadAll(conn); !strings.Contains(string(answer), `"count":1`) {
				t.Errorf("the request that ran is answered %q", answer)
			}
		}
		err = cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != times-1 {
			t.Errorf("%d TERM: %v\n%s", times, err, &stderr)
		}
		if log := stderr.String(); !strings.Contains(log, "HUP does nothing") || strings.Contains(log, "ended at once") != (times == 2) {
			t.Errorf("%d TERM:\n%s", times, log)
		}
	}
}

// notifySocket is where systemd would be told how a service is.
func notifySocket(t *testing.T) *net.UnixConn {
	t.Helper()
	dir, err := os.MkdirTemp("", "notify") // a short name: sockets have a limit
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: filepath.Join(dir, "s")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// told is what systemd is told next.
func told(t *testing.T, c *net.UnixConn) string {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(20 * time.Second))
	b := make([]byte, 4096)
	n, err := c.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}
