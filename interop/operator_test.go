package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/interop/peer"
)

// answeredBy sends n requests, with a session of route if it is not empty, and
// returns which nodes answered how many of them, or with which status none did.
func answeredBy(t *testing.T, server *peer.Front, path, route string, n int) map[string]int {
	t.Helper()
	got := map[string]int{}
	for range n {
		status, _, body := visit(t, server, path, route)
		_, node, ok := strings.Cut(body, "route=")
		if node, _, _ = strings.Cut(node, "\n"); !ok || status != 200 {
			node = fmt.Sprint(status)
		}
		got[node]++
	}
	return got
}

// change makes a change on the status page.
func change(t *testing.T, server *peer.Front, query string) {
	t.Helper()
	if _, _, body := visit(t, server, "/st?mime=txt&"+query, ""); !strings.Contains(body, "type=OK") {
		t.Fatalf("%s: %s", query, body)
	}
}

// TestTakenOutAndIn takes a node out, and in again, on the status page of both fronts.
// Each change holds for the next request.
func TestTakenOutAndIn(t *testing.T) {
	onBothFronts(t, func(t *testing.T, start func(conf string) *peer.Front) {
		a, b := nodes(t)
		conf := front{workers: statusWorkers(t, a, b), site: statusSite, dir: peer.Folder(t)}.write(t)
		server := start(conf)
		change(t, server, "cmd=update&w=lb&sw=b&vwf=1")
		want := func(what, route string, nodes map[string]int) {
			t.Helper()
			if got := answeredBy(t, server, "/app/page", route, 6); fmt.Sprint(got) != fmt.Sprint(nodes) {
				t.Errorf("%s, session of %q: %v, want %v", what, route, got, nodes)
			}
		}
		want("both active", "", map[string]int{a.Route: 3, b.Route: 3})
		change(t, server, "cmd=update&w=lb&sw=a&vwa=D")
		want("a disabled", "", map[string]int{b.Route: 6})
		want("a disabled", a.Route, map[string]int{a.Route: 6})
		change(t, server, "cmd=update&w=lb&sw=a&vwa=S")
		want("a stopped", a.Route, map[string]int{b.Route: 6})
		change(t, server, "cmd=update&w=lb&sw=b&vwa=S")
		want("both stopped", "", map[string]int{"503": 6})
		change(t, server, "cmd=update&w=lb&att=vwa&val0=0&val1=0")
		want("both active again", "", map[string]int{a.Route: 3, b.Route: 3})
		change(t, server, "cmd=update&w=lb&sw=a&vwd=1")
		want("a farther", "", map[string]int{b.Route: 6})
		change(t, server, "cmd=update&w=lb&sw=a&vwd=0")
		change(t, server, "cmd=update&w=lb&vls=0")
		if got := answeredBy(t, server, "/app/page", b.Route, 20); got[a.Route] == 0 || got[b.Route] == 0 || got[a.Route]+got[b.Route] != 20 {
			t.Errorf("without sticky sessions: %v", got)
		}
		change(t, server, "cmd=update&w=lb&vls=1&vlf=1")
		change(t, server, "cmd=update&w=lb&sw=a&vwa=S")
		want("forced, a stopped", a.Route, map[string]int{"503": 6})
	})
}

// TestStandby: activations of the file, and failover to a member that is
// disabled, through its redirect, but never to one that is stopped.
func TestStandby(t *testing.T) {
	onBothFronts(t, func(t *testing.T, start func(conf string) *peer.Front) {
		a, b := nodes(t)
		workers := strings.Replace(statusWorkers(t, a, b), "worker.list=", "worker.list=lb3,", 1) +
			"worker.lb3.type=lb\nworker.lb3.balance_workers=dead,b\nworker.lb3.recover_time=3600\nworker.dead.redirect=" + b.Route + "\nworker.b.activation=D\n"
		server := start(front{workers: workers, site: statusSite + "JkMount /stand/* lb3\n", dir: peer.Folder(t)}.write(t))
		want := func(what, route string, node string) {
			t.Helper()
			if got := answeredBy(t, server, "/stand/by", route, 3); got[node] != 3 {
				t.Errorf("%s, session of %q: %v, want %s", what, route, got, node)
			}
		}
		want("the other is dead", "", b.Route)
		want("the other is dead", "dead", b.Route)
		want("the other is dead", b.Route, b.Route)
		change(t, server, "cmd=update&w=lb3&sw=b&vwa=S")
		want("stopped", "", "503")
		want("stopped", b.Route, "503")
		change(t, server, "cmd=update&w=lb3&sw=b&vwa=A")
		want("active", "", b.Route)
	})
}

// TestChangesAndReload: what was changed on the status page holds over a
// reload of the same files, and ends where a line says something else. (mod_jk
// forgets it all at a reload.)
func TestChangesAndReload(t *testing.T) {
	a, b := nodes(t)
	conf := front{workers: statusWorkers(t, a, b), site: statusSite, dir: peer.Folder(t)}.write(t)
	server := peer.StartCatflap(t, catflapBinary(t), conf)
	change(t, server, "cmd=update&w=lb&sw=b&vwa=D&vwf=7&vart=9000")
	change(t, server, "cmd=update&w=lb&vlm=N&vlr=5")
	folder := filepath.Dir(conf)
	reload := func(more string) string {
		t.Helper()
		log := filepath.Join(folder, "../logs/error_log")
		before := count(t, log, "graceful restart done")
		text := statusTextOf(t, folder) + more
		if err := os.WriteFile(filepath.Join(folder, "workers.properties"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := server.Signal(); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(30 * time.Second); count(t, log, "graceful restart done") == before; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("it does not reload")
			}
		}
		_, _, body := visit(t, server, "/st?cmd=show&mime=txt&w=lb", "")
		return body
	}
	for _, test := range []struct {
		what, more string
		want       []string
	}{
		{"the same files", "", []string{"activation=DIS lbfactor=7", "reply_timeout=9000", "method=Next", "retries=5"}},
		{"a comment", "# nothing\n", []string{"activation=DIS lbfactor=7", "reply_timeout=9000", "method=Next", "retries=5"}},
		{"other keys", "worker.b.busy_limit=9\nworker.a.lbfactor=2\n", []string{"activation=DIS lbfactor=7", "reply_timeout=9000", "busy_limit=9", "activation=ACT lbfactor=2"}},
		{"its line", "worker.b.lbfactor=4\nworker.lb.method=R\n", []string{"activation=DIS lbfactor=4", "reply_timeout=9000", "method=Request", "retries=5"}},
		{"a line where none was", "worker.b.activation=A\nworker.b.reply_timeout=0\n", []string{"activation=ACT lbfactor=4", "retries=5"}},
	} {
		body := reload(test.more)
		for _, want := range test.want {
			if !strings.Contains(body, want) {
				t.Errorf("after a reload with %s there is no %s:\n%s", test.what, want, body)
			}
		}
	}
	if log := filepath.Join(folder, "../logs/mod_jk.log"); count(t, log, "a change of the operator still holds over the file") != 5+5+5+3+1 ||
		count(t, log, "a change of the operator has ended, since the file says something else") != 2+2 {
		text, _ := os.ReadFile(log)
		t.Errorf("the log:\n%s", text)
	}
}

func statusTextOf(t *testing.T, folder string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "workers.properties"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// count returns how many lines of a file hold text.
func count(t *testing.T, file, text string) int {
	t.Helper()
	all, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(all), text)
}
