package interop

import (
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/catflap/catflap/internal/stocktest"
	"github.com/catflap/catflap/interop/peer"
)

// TestStockServes: catflap serves the configurations that RHEL 9 and httpd
// itself come with, on their own ports, as the User they name.
func TestStockServes(t *testing.T) {
	if !apart(t) {
		return
	}
	for _, stock := range []struct {
		name, root, docRoot string
		tls                 bool
		started             []string // more of the command line
	}{
		{"rhel9", "/etc/httpd", "/var/www/html", true, nil},
		{"original", "/usr/local/apache2", "/usr/local/apache2/htdocs", false, nil},
		{"original", "/usr/local/apache2", "/usr/local/apache2/htdocs", true,
			[]string{"-c", "LoadModule ssl_module modules/mod_ssl.so", "-c", "Include conf/extra/httpd-ssl.conf"}},
	} {
		dir := stocktest.Lay(t, "../internal/config/testdata/stock/"+stock.name, stock.root)
		write(t, filepath.Join(dir, stock.docRoot, "page.html"), "the page\n")
		write(t, filepath.Join(dir, "/usr/share/httpd/noindex/index.html"), "nothing here yet\n")
		readable(t, dir)
		conf := filepath.Join(dir, stock.root, "conf/httpd.conf")
		serve := exec.Command(os.Getenv("CATFLAP_BINARY"), append([]string{"serve", "-f", conf, "-C", "ServerName www.example.com"}, stock.started...)...)
		output, err := os.Create(filepath.Join(dir, "output"))
		if err != nil {
			t.Fatal(err)
		}
		serve.Stdout, serve.Stderr = output, output
		serve.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := serve.Start(); err != nil {
			t.Fatal(err)
		}
		await(t, "catflap serves "+stock.name, func() bool {
			conn, err := net.Dial("tcp", "127.0.0.1:80")
			if err == nil {
				conn.Close()
			}
			return err == nil
		})
		ports := []int{80}
		if stock.tls {
			ports = append(ports, 443)
		}
		for _, port := range ports {
			if got := answerOf(t, "", port, "/page.html"); got.status != 200 || got.body != "the page\n" {
				t.Errorf("%s, port %d: %+v", stock.name, port, got)
			}
			if got := answerOf(t, "", port, "/cgi-bin/printenv"); got.status != 403 || strings.Contains(got.body, "#!") {
				t.Errorf("%s, port %d: what runs programs answers %+v", stock.name, port, got)
			}
		}
		if got := answerOf(t, "", 80, "/"); stock.name == "rhel9" && (got.status != 403 || got.body != "nothing here yet\n") {
			t.Errorf("%s: the page of an empty site is %+v", stock.name, got)
		}
		if err := serve.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := serve.Wait(); err != nil {
			text, _ := os.ReadFile(output.Name())
			t.Errorf("%s: %v\n%s", stock.name, err, text)
		}
		output.Close()
	}
}

// readable lets every user read what is below dir, and enter it.
func readable(t *testing.T, dir string) {
	t.Helper()
	peer.Folder(t) // opens the test's own folder
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return os.Chmod(name, 0o755)
	})
	if err != nil {
		t.Fatal(err)
	}
}
