package interop

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/catflap/catflap/interop/peer"
)

// TestAJPByHand: ajp ping says in words what is wrong with a real Tomcat, and
// ajp get shows what it answers.
func TestAJPByHand(t *testing.T) {
	a, b := nodes(t)
	binary := catflapBinary(t)
	host, port, _ := strings.Cut(a.AJPAddr, ":")
	_, httpPort, _ := strings.Cut(a.HTTPAddr, ":")
	_, deadPort, _ := strings.Cut(peer.FreeAddr(t), ":")
	_, portB, _ := strings.Cut(b.AJPAddr, ":")
	var workers strings.Builder
	add := func(name, port, more string) {
		fmt.Fprintf(&workers, "worker.%[1]s.host=%[2]s\nworker.%[1]s.port=%[3]s\n%[4]s", name, host, port, strings.ReplaceAll(more, "NAME", name))
	}
	good := "worker.NAME.secret=" + secret + "\n"
	add("good", port, good)
	add("other", portB, good)
	add("missing", port, "")
	add("wrong", port, "worker.NAME.secret=another\n")
	add("large", port, good+"worker.NAME.max_packet_size=16384\n")
	add("http", httpPort, good)
	add("dead", deadPort, good)
	workers.WriteString("worker.lost.host=nosuch.invalid\nworker.list=good,other,missing,wrong,large,http,dead,lost,lb\nworker.lb.type=lb\nworker.lb.balance_workers=good,other\n")
	dir := t.TempDir()
	conf := filepath.Join(dir, "httpd.conf")
	for name, text := range map[string]string{
		conf: fmt.Sprintf("ServerRoot %q\nListen 127.0.0.1:8080\nServerName a.example\nErrorLog e\nJkWorkersFile w\nJkLogFile jk\n", dir), filepath.Join(dir, "w"): workers.String(),
	} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	says := func(code int, want string, arguments ...string) {
		t.Helper()
		out, messages, got := peer.RunCatflap(t, binary, append([]string{"ajp"}, arguments...)...)
		if got != code || !strings.Contains(out, want) {
			t.Errorf("%v: exit code %d, want %d and %q:\n%s%s", arguments, got, code, want, out, messages)
		}
	}
	says(0, "good  "+a.AJPAddr+"  ok: CPONG after ", "ping", "good", "-f", conf)
	says(1, "missing  "+a.AJPAddr+"  secret missing: it wants a secret, and none is set\n  fix: write worker.missing.secret=…", "ping", "missing", "-f", conf)
	says(1, "  secret wrong: it does not take this secret\n  fix: let worker.wrong.secret and <Connector", "ping", "wrong", "-f", conf)
	says(1, "  packet too small: it does not take packets of 16384 bytes, as max_packet_size says\n  fix: write <Connector", "ping", "large", "-f", conf)
	says(1, "  not AJP: port "+httpPort+" answers in HTTP", "ping", "http", "-f", conf)
	says(1, "  refused: nothing listens there\n  fix: start Tomcat", "ping", "dead", "-f", conf)
	says(1, "  unknown name: nosuch.invalid has no address", "ping", "lost", "-f", conf)
	says(0, "other  "+b.AJPAddr+"  ok: ", "ping", "lb", "-f", conf)
	says(1, "dead     ", "ping", "--all", "-f", conf)
	says(0, "ok: CPONG", "ping", a.AJPAddr, "-f", conf) // with the secret of the worker there
	says(1, "secret missing", "ping", a.AJPAddr, "-f", conf, "--secret", "")
	says(0, "ok: CPONG", "ping", b.AJPAddr, "-f", conf, "--secret", secret)

	says(0, "200 OK\n", "get", "good", "/demo/x", "-f", conf)
	says(0, "\n\nbody.length=0\n", "get", "good", "/demo/x", "-f", conf)
	says(0, "\nserverName=www.site.example\n", "get", "good", "http://www.site.example/demo/x?y=1", "-f", conf)
	says(0, "404 Not Found\n", "get", "good", "/WEB-INF/x", "-f", conf)
	says(0, "other  "+b.AJPAddr+"  200 OK, ", "get", "lb", "/demo/x", "-f", conf)
	says(1, "secret wrong", "get", "wrong", "/demo/x", "-f", conf)

	if err := syscall.Kill(a.Pid(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer syscall.Kill(a.Pid(), syscall.SIGCONT)
	says(1, "  silent: it accepts, but does not answer CPING within 2s", "ping", "good", "-f", conf)
}

// TestAJPForbidden: a system that does not let the process connect is told
// with the SELinux boolean. A route that prohibits gives the same error.
func TestAJPForbidden(t *testing.T) {
	binary := catflapBinary(t)
	space := fmt.Sprintf("catflap-ajp-%d", os.Getpid())
	for _, arguments := range []string{"netns add " + space, "-n " + space + " link set lo up", "-n " + space + " route add prohibit 10.99.0.1", "-n " + space + " route add unreachable 10.99.0.2"} {
		if out, err := exec.Command("ip", strings.Fields(arguments)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v\n%s", arguments, err, out)
		}
		if strings.HasPrefix(arguments, "netns add") {
			t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", space).Run() })
		}
	}
	for ip, want := range map[string]string{
		"10.99.0.1": "forbidden: this system does not let this process connect: SELinux, or a firewall here\n  fix: with SELinux: setsebool -P httpd_can_network_connect on",
		"10.99.0.2": "unreachable: there is no way to 10.99.0.2",
	} {
		out, err := exec.Command("ip", "netns", "exec", space, binary, "ajp", "ping", net.JoinHostPort(ip, "8009"), "-f", os.DevNull, "-C", "Listen 127.0.0.1:8080", "-C", "ErrorLog /tmp/e").CombinedOutput()
		if err == nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v, want %q:\n%s", ip, err, want, out)
		}
	}
}
