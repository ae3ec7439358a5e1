package front

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/internal/privilege"
)

// TestPipedLogs: the programs of all kinds of logs get every line, over a
// reload that names them again, and end with the server.
func TestPipedLogs(t *testing.T) {
	programs := &privilege.Programs{Complain: func(err error) { t.Error(err) }}
	f := configure(t, echo, func(c *Config) {
		logs := &c.Sites[0].Logs
		to := func(name string) string {
			return "|$echo began >>" + filepath.Join(c.Process.ServerRoot, "logs", name) + "; cat >>" + filepath.Join(c.Process.ServerRoot, "logs", name)
		}
		logs.Error.Name, logs.JK.Name = to("error"), to("jk")
		logs.Access[0].Name = to("access")
	})
	f.begin(t, privilege.Direct{Programs: programs})
	f.get(t, "/a.html")
	f.get(t, "/app/x")
	if err := f.front.Reopen(); err != nil {
		t.Error(err)
	}
	next := *f.cfg
	if err := f.front.Reload(t.Context(), &next); err != nil {
		t.Fatal(err)
	}
	f.get(t, "/none.html")
	f.stop(t)
	if !programs.Wait(20 * time.Second) {
		t.Fatal("a program runs on")
	}
	for name, want := range map[string][]string{
		"access": {"GET /a.html 200", "GET /app/x 200", "GET /none.html 404"}, "error": {"AH00489", "AH00493", "AH00491"}, "jk": {"lb 200"},
	} {
		text := f.log(t, name)
		for _, line := range want {
			if !strings.Contains(text, line) {
				t.Errorf("%s lacks %q:\n%s", name, line, text)
			}
		}
		if strings.Count(text, "began") != 1 {
			t.Errorf("the program of %s was started again:\n%s", name, text)
		}
	}
}

// TestLostLines: a program that does not read holds up nobody, and what it
// missed is told.
func TestLostLines(t *testing.T) {
	programs := &privilege.Programs{}
	var go1 string
	f := configure(t, echo, func(c *Config) {
		go1 = filepath.Join(c.Process.ServerRoot, "logs/go")
		c.Sites[0].Logs.Access[0].Name = "|$while ! test -e " + go1 + "; do sleep 0.1; done; cat >" + go1
	})
	f.begin(t, privilege.Direct{Programs: programs})
	line := []byte(strings.Repeat("x", 1<<20) + "\n")
	access := f.front.current.Load().sites[0].written[0].file
	for range 3 {
		access.WriteLine(line)
	}
	if status, _, _ := f.get(t, "/a.html"); status != "200 OK" {
		t.Error(status)
	}
	for end := time.Now().Add(20 * time.Second); !strings.Contains(f.log(t, "error_log"), "lines of a log are lost"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("nothing is told:\n%s", f.log(t, "error_log"))
		}
	}
	if err := os.WriteFile(go1, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	f.stop(t)
	if !programs.Wait(20 * time.Second) {
		t.Error("the program runs on")
	}
	if text := f.log(t, "error_log"); !strings.Contains(text, `log="|$while`) || !strings.Contains(text, `why="its program does not read"`) {
		t.Errorf("error_log:\n%s", text)
	}
}

// TestProgramThatIsNotThere: the server does not start, and says why.
func TestProgramThatIsNotThere(t *testing.T) {
	f := configure(t, echo, func(c *Config) { c.Sites[0].Logs.Access[0].Name = "|/nowhere/program" })
	if _, err := New(f.cfg, privilege.Direct{}); err == nil || !strings.Contains(err.Error(), "AH00104: unable to start piped log program '/nowhere/program'") {
		t.Errorf("%v", err)
	}
}
