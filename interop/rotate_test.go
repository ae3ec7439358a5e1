package interop

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// stock is what Debian's apache2 installs for logrotate.
const stock = "/etc/logrotate.d/apache2"

// rotation writes stock down for h: the same lines, but for h's folder, and
// for whom it tells.
func (h *house) rotation(t *testing.T, reload string) string {
	t.Helper()
	text, err := os.ReadFile(stock)
	if err != nil {
		t.Fatal(err)
	}
	lines := string(text)
	for old, replacement := range map[string]string{
		"/var/log/apache2/*.log":                                        h.dir + "/log/*.log",
		"pgrep -f ^/usr/sbin/apache2 > /dev/null":                       "test -s " + h.dir + "/run/pid",
		"invoke-rc.d apache2 reload 2>&1 | logger -t apache2.logrotate": reload,
	} {
		if !strings.Contains(lines, old) {
			t.Fatalf("%s has no %q:\n%s", stock, old, text)
		}
		lines = strings.ReplaceAll(lines, old, replacement)
	}
	h.write(t, "etc/logrotate", 0o644, lines)
	return h.dir + "/etc/logrotate"
}

// rotate runs logrotate as if a day had gone by.
func (h *house) rotate(t *testing.T, rotation string) {
	t.Helper()
	output, err := exec.Command("logrotate", "--force", "--verbose", "--state", h.dir+"/run/logrotate", rotation).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
}

// TestRotation: Debian's own rotation of the logs works as for httpd: what is
// written after it is in the fresh files, which keep the mode and the owner
// that logrotate gave them, also if the reload that it asks for is refused.
func TestRotation(t *testing.T) {
	inHouse(t, "", func(t *testing.T, h *house) {
		// httpd was started with a PidFile of its own.
		rotation := h.rotation(t, fmt.Sprintf("kill -HUP %d", h.server.Pid()))
		h.write(t, "run/pid", 0o644, fmt.Sprintln(h.server.Pid()))
		if h.server.Name == "httpd" {
			rotation = h.rotation(t, fmt.Sprintf("kill -USR1 %d", h.server.Pid()))
		}
		h.turn(t, rotation, 1)
		if h.server.Name == "httpd" {
			return // with a mistake in its files it would end
		}
		conf := h.read(t, "etc/httpd.conf")
		h.write(t, "etc/httpd.conf", 0o644, conf+"Nonsense\n")
		h.turn(t, rotation, 2)
		if log := h.read(t, "log/error.log"); !strings.Contains(log, "Nonsense") || !strings.Contains(log, "reload refused") {
			t.Errorf("the fresh error.log does not tell of the refusal:\n%s", log)
		}
		h.write(t, "etc/httpd.conf", 0o644, conf)
		h.turn(t, rotation, 3)
	})
}

// turn rotates the logs for the nth time and sees to it that they go on.
func (h *house) turn(t *testing.T, rotation string, n int) {
	t.Helper()
	before, after := fmt.Sprintf("/before-%d", n), fmt.Sprintf("/after-%d", n)
	h.get(t, before)
	await(t, "the line before", func() bool { return strings.Contains(h.read(t, "log/access.log"), before) })
	h.rotate(t, rotation)
	if !strings.Contains(h.read(t, "log/access.log.1"), before) {
		t.Error("the old log was not moved away")
	}
	// Until the server has reopened it, lines go to the old file.
	await(t, "a line in the fresh log", func() bool {
		h.get(t, after)
		return strings.Contains(h.read(t, "log/access.log"), after)
	})
	old := h.read(t, "log/access.log.1")
	h.get(t, after+"-at-last")
	await(t, "the last line", func() bool { return strings.Contains(h.read(t, "log/access.log"), after+"-at-last") })
	if h.read(t, "log/access.log.1") != old {
		t.Error("the old log is still written to")
	}
	adm, err := user.LookupGroup("adm")
	if err != nil {
		t.Fatal(err)
	}
	rotated, _ := filepath.Glob(h.dir + "/log/*.log.1") // stock leaves empty ones alone
	if len(rotated) < 2 {
		t.Errorf("rotated: %v", rotated)
	}
	for _, old := range rotated {
		log := strings.TrimSuffix(old, ".1")
		info, err := os.Stat(log)
		if err != nil {
			t.Fatal(err)
		}
		is := info.Sys().(*syscall.Stat_t)
		if info.Mode().Perm() != 0o640 || is.Uid != 0 || fmt.Sprint(is.Gid) != adm.Gid {
			t.Errorf("%s: %v %d:%d, want 0640 root:adm", log, info.Mode(), is.Uid, is.Gid)
		}
	}
}
