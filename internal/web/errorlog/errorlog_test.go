package errorlog

import (
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestLines(t *testing.T) {
	var b strings.Builder
	log := slog.New(New(&b, Levels{Default: slog.LevelWarn, Modules: map[string]slog.Level{"authz_core": slog.LevelDebug}}))
	log.Info("below the level", "module", "core")
	log.Debug("a module of its own", "module", "authz_core")
	log.Error("File does not exist: /x", "module", "core", "client", "10.0.0.9:51000", "code", "AH00128")
	log.With("module", "jk").Warn("line\nend \x01", "err", "a \"b\" c", "n", 3, "empty", "")
	log.Log(t.Context(), Notice, "always")
	log.Log(t.Context(), Alert, "above", slog.Group("g", "a", 1))
	pid := fmt.Sprintf("[pid %d:tid %d] ", os.Getpid(), os.Getpid())
	want := strings.Join([]string{
		"[authz_core:debug] " + pid + "a module of its own",
		"[core:error] " + pid + "[client 10.0.0.9:51000] AH00128: File does not exist: /x",
		"[jk:warn] " + pid + `line\nend \x01 err="a 'b' c" n=3 empty=""`,
		"[core:notice] " + pid + "always",
		"[core:alert] " + pid + "above g.a=1",
	}, "\n") + "\n"
	// httpd: [Tue Nov 24 11:39:51.203820 2026]
	stamp := regexp.MustCompile(`(?m)^\[(Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d\.\d{6} \d{4}\] `)
	if got := stamp.ReplaceAllString(b.String(), ""); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestLevels(t *testing.T) {
	for _, l := range levels {
		got, ok := ParseLevel(strings.ToUpper(l.name))
		if !ok || got != l.level || name(l.level) != l.name {
			t.Errorf("%s is %v, %v, and written %s", l.name, got, ok, name(l.level))
		}
	}
	if _, ok := ParseLevel("loud"); ok {
		t.Error("loud is a level")
	}
}
