package interop

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/catflap/catflap/interop/peer"
)

// TestCutOverDebian: catflap takes the place of Debian's httpd on its own files,
// and gives it back: httpd stops, catflap starts in the background, also where
// /run/apache2 is gone as after a start of the machine, writes on into the same
// logs, reloads, stops, and httpd starts again.
func TestCutOverDebian(t *testing.T) {
	if !apart(t) {
		return
	}
	fresh(t, "/var/log/apache2", "/run/apache2", "/run/lock")
	siteOfItsOwn(t)
	binary := catflapBinary(t)
	catflap := func(arguments ...string) (said string) {
		t.Helper()
		stdout, stderr, code := peer.RunCatflap(t, binary, arguments...)
		if code != 0 {
			t.Fatalf("catflap %v: exit code %d\n%s%s", arguments, code, stdout, stderr)
		}
		return stdout
	}
	who := func() string {
		answer := answerOf(t, "other.example", 81, "/")
		if answer.status != 200 || answer.body != "the other\n" {
			t.Fatalf("%+v", answer)
		}
		return answer.server
	}
	apachectl(t, "start")
	if got := who(); !strings.HasPrefix(got, "Apache") {
		t.Fatalf("it is %s", got)
	}
	if _, stderr, code := peer.RunCatflap(t, binary, "-k", "start"); code != 1 || !strings.Contains(stderr, "is apache2, not catflap") {
		t.Errorf("while httpd runs: exit code %d\n%s", code, stderr)
	}
	if _, stderr, code := peer.RunCatflap(t, binary, "stop"); code != 1 || !strings.Contains(stderr, "is apache2, not catflap: nothing was sent to it") {
		t.Errorf("while httpd runs: exit code %d\n%s", code, stderr)
	}

	began := time.Now()
	apachectl(t, "stop")
	if err := syscall.Unmount("/run/apache2", 0); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll("/run/apache2"); err != nil {
		t.Fatal(err)
	}
	catflap("-k", "start")
	t.Cleanup(func() { peer.RunCatflap(t, binary, "-k", "stop") }) // should it still run
	t.Logf("from the stop of httpd to catflap: %v", time.Since(began))
	if got := who(); !strings.HasPrefix(got, "catflap") {
		t.Errorf("it is %s", got)
	}
	if got := catflap("-k", "start"); !strings.Contains(got, "already running") {
		t.Errorf("a second start: %s", got)
	}
	if got := catflap("-k", "graceful"); !strings.HasPrefix(got, "reloaded: ") {
		t.Errorf("graceful: %s", got)
	}
	if got := catflap("reload"); !strings.HasPrefix(got, "reloaded: ") {
		t.Errorf("reload: %s", got)
	}
	who()
	if got := catflap("-k", "stop"); !strings.HasPrefix(got, "stopped: ") {
		t.Errorf("stop: %s", got)
	}
	apachectl(t, "start")
	t.Cleanup(func() { apachectl(t, "stop") })
	if got := who(); !strings.HasPrefix(got, "Apache") {
		t.Errorf("in the end it is %s", got)
	}
	await(t, "all four requests are in one log", func() bool {
		log, _ := os.ReadFile("/var/log/apache2/other_vhosts_access.log")
		return strings.Count(string(log), "GET / HTTP/1.1\" 200") == 4
	})
	errors, err := os.ReadFile("/var/log/apache2/error.log")
	for _, want := range []string{"catflap configured -- resuming normal operations", "graceful restart done", "AH00491: shutting down"} {
		if err != nil || !strings.Contains(string(errors), want) {
			t.Errorf("error.log lacks %q, %v:\n%s", want, err, errors)
		}
	}
}
