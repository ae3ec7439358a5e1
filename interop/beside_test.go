package interop

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/catflap/catflap/interop/peer"
)

// TestBesideDebian: Debian's httpd runs on its own files with its own control
// script, and catflap beside it on the same: both answer alike, catflap writes
// nothing outside its folder, and httpd does not notice.
func TestBesideDebian(t *testing.T) {
	if !apart(t) {
		return
	}
	fresh(t, "/var/log/apache2", "/run/apache2", "/run/lock")
	cf := filepath.Join(peer.Folder(t), "cf")
	fresh(t, cf)
	siteOfItsOwn(t)
	apachectl(t, "start")
	t.Cleanup(func() { apachectl(t, "stop") })
	httpd := pidIn(t, "/run/apache2/apache2.pid")
	before := names(t, "/etc/apache2", "/var/log/apache2", "/run/apache2", "/run/lock", "/var/www")

	binary := catflapBinary(t)
	server := writingOnly(cf, exec.Command(binary, "serve", "--beside", "cf", "--port-offset", "8000"))
	server.Dir = filepath.Dir(cf)
	said := &output{}
	server.Stdout, server.Stderr = said, said
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Wait() }()
	t.Cleanup(func() { server.Process.Kill() })
	line := regexp.MustCompile(fmt.Sprintf(`(?m)^httpd \(pid %d\) untouched; logs and pid in cf; 8080 for 80, 8081 for 81; ajp13_worker refused; ready in \d\.\d\d s$`, httpd))
	await(t, "the line that tells all", func() bool {
		select {
		case err := <-ended:
			t.Fatalf("catflap has ended: %v\n%s", err, said)
		default:
		}
		return line.MatchString(said.String())
	})

	for _, c := range []struct{ host, path, location string }{
		{"", "/", ""},
		{"", "/index.html", ""},
		{"", "/nowhere", ""},
		{"", "/folder", "http://127.0.0.1:PORT/folder/"},
		{"name.example", "/folder", "http://name.example:PORT/folder/"},
		{"other.example", "/", ""},
		{"other.example", "/folder", "http://other.example:PORT/folder/"},
		{"canonical.example", "/folder", "http://canonical.example:PORT/folder/"},
	} {
		for _, port := range []int{80, 81} {
			live, beside := answerOf(t, c.host, port, c.path), answerOf(t, c.host, port+8000, c.path)
			if want := strings.ReplaceAll(c.location, "PORT", strconv.Itoa(port+8000)); beside.location != want {
				t.Errorf("%s %s at %d redirects to %q, want %q", c.host, c.path, port+8000, beside.location, want)
			}
			if live.status != beside.status || live.body != beside.body && live.status == 200 {
				t.Errorf("%s %s at %d: httpd %d %q, catflap %d %q", c.host, c.path, port, live.status, live.body, beside.status, beside.body)
			}
		}
	}

	for _, command := range [][]string{{"reload", "--beside", "cf"}, {"stop", "--beside", "cf"}} {
		cmd := exec.Command(binary, command...)
		cmd.Dir = server.Dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %v\n%s", command, err, out)
		}
	}
	if err := <-ended; err != nil {
		t.Errorf("catflap: %v\n%s", err, said)
	}
	after := names(t, "/etc/apache2", "/var/log/apache2", "/run/apache2", "/run/lock", "/var/www")
	if !slices.Equal(before, after) {
		t.Errorf("files before\n%s\nand after\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
	if now := pidIn(t, "/run/apache2/apache2.pid"); now != httpd || answerOf(t, "", 80, "/").status != 200 {
		t.Errorf("httpd was process %d, and is %d", httpd, now)
	}
	live, _ := os.ReadFile("/var/log/apache2/other_vhosts_access.log")
	own, err := os.ReadFile(cf + "/var/log/apache2/other_vhosts_access.log")
	if err != nil || bytes.Count(live, []byte("\n")) != bytes.Count(own, []byte("\n")) || bytes.Count(own, []byte("\n")) == 0 {
		t.Errorf("httpd's log\n%s\ncatflap's, %v\n%s", live, err, own)
	}
}

// siteOfItsOwn adds to Debian's configuration, in a copy of it, a second Listen,
// virtual hosts, and a folder without a slash.
func siteOfItsOwn(t *testing.T) {
	t.Helper()
	own := peer.Folder(t)
	for _, folder := range []string{"/etc/apache2", "/var/www"} {
		to := own + folder
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("cp", "-a", folder, to).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if err := syscall.Mount(to, folder, "", syscall.MS_BIND, ""); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { syscall.Unmount(folder, syscall.MNT_DETACH) })
	}
	write := func(name, text string) {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("/var/www/html/index.html", "the first\n")
	write("/var/www/html/folder/index.html", "in a folder\n")
	write("/var/www/other/index.html", "the other\n")
	write("/var/www/other/folder/index.html", "in a folder of the other\n")
	write("/etc/apache2/sites-enabled/other.conf", `Listen 81
<VirtualHost *:80 *:81>
ServerName other.example
DocumentRoot /var/www/other
</VirtualHost>
<VirtualHost *:80>
ServerName canonical.example:80
UseCanonicalName On
DocumentRoot /var/www/other
</VirtualHost>
<VirtualHost *:81>
ServerName canonical.example:81
UseCanonicalName On
DocumentRoot /var/www/other
</VirtualHost>
<VirtualHost *:81>
ServerName name.example
DocumentRoot /var/www/html
</VirtualHost>
`)
}

func apachectl(t *testing.T, verb string) {
	t.Helper()
	cmd := exec.Command("apache2ctl", verb)
	cmd.Env = append(os.Environ(), "APACHE_STARTED_BY_SYSTEMD=1") // it asks no systemd
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("apache2ctl %s: %v\n%s", verb, err, out)
	}
	await(t, "apache2ctl "+verb, func() bool {
		_, err := os.Stat("/run/apache2/apache2.pid")
		return (err == nil) == (verb == "start")
	})
}

func pidIn(t *testing.T, name string) int {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// An output is what a process has said so far.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// names are the files below folders.
func names(t *testing.T, folders ...string) []string {
	t.Helper()
	var all []string
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(name string, _ fs.DirEntry, err error) error {
			all = append(all, name)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// An answered is what a server said.
type answered struct {
	status                 int
	location, body, server string
}

func answerOf(t *testing.T, host string, port int, path string) answered {
	t.Helper()
	request, err := http.NewRequest("GET", fmt.Sprintf("http://127.0.0.1:%d%s", port, path), nil)
	if err != nil {
		t.Fatal(err)
	}
	if host != "" {
		request.Host = host
		if port != 80 {
			request.Host += fmt.Sprintf(":%d", port)
		}
	}
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answered{answer.StatusCode, answer.Header.Get("Location"), string(body), answer.Header.Get("Server")}
}
