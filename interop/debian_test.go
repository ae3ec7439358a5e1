package interop

import (
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDebianIsChecked: what check tells of Debian's own files, which nobody
// has touched: no error, and nothing closes but the status of httpd.
func TestDebianIsChecked(t *testing.T) {
	cmd := exec.Command(catflapBinary(t), "check", "-f", "/etc/apache2/apache2.conf")
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s%s", err, stdout.String(), stderr.String())
	}
	lines := strings.Split(strings.TrimSpace(stdout.String()), "\n")
	if first := regexp.MustCompile(`^/etc/apache2/apache2\.conf: \d\d files, \d{3} directives, 1 virtual host, 0 balancers, 1 worker$`); !first.MatchString(lines[0]) {
		t.Errorf("first line: %s", lines[0])
	}
	if !strings.HasSuffix(stdout.String(), "\nSyntax OK\n") {
		t.Errorf("last lines: %s", stdout.String())
	}
	if !regexp.MustCompile(`(?m)^honoured \d+, needless \d+, unsupported \d+ \(1 closes /server-status, \d harmless: --verbose\)`).MatchString(stdout.String()) {
		t.Errorf("summary: %s", stdout.String())
	}
	told := slices.DeleteFunc(strings.Split(stderr.String(), "\n"), func(line string) bool {
		return !strings.Contains(line, "unsupported: ") && !strings.Contains(line, "error: ")
	})
	if want := []string{"mods-enabled/status.conf:6:13: unsupported: SetHandler server-status: catflap has no such handler; so /server-status answers 403"}; !slices.Equal(told, want) {
		t.Errorf("told %q", told)
	}
}
