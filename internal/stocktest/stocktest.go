// Package stocktest lays the configurations that distributions come with below
// a folder of a test. What comes in is a fixture, what goes out is a folder that
// takes the place of the root of the file system in it.
package stocktest

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catflap/catflap/internal/certtest"
)

// Lay copies the stock configuration in the folder from, whose ServerRoot is
// root, below a new folder with all that it names, and returns that folder.
func Lay(t testing.TB, from, root string) string {
	t.Helper()
	dir := t.TempDir()
	err := filepath.WalkDir(from, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		to := filepath.Join(dir, root, strings.TrimPrefix(file, from))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		return os.WriteFile(to, []byte(Moved(string(text), dir)), 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{
		root + "/logs", root + "/run", "/var/www/html", "/var/www/cgi-bin", "/usr/share/httpd/noindex", "/usr/local/apache2/htdocs", "/usr/local/apache2/docs/a.site.example",
		"/usr/local/apache2/docs/b.site.example", "/home/joe/public_html", "/etc/pki/tls/certs", "/etc/pki/tls/private",
	} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "etc/mime.types"), []byte("text/html html\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	pair := certtest.Issue(t, nil, nil, "www.example.com", nil)
	for name, text := range map[string]string{
		"etc/pki/tls/certs/localhost.crt": pair.CertPEM(), "etc/pki/tls/private/localhost.key": pair.KeyPEM(t),
		root + "/conf/server.crt": pair.CertPEM(), root + "/conf/server.key": pair.KeyPEM(t),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Moved puts dir before the absolute names in text, and a user that is there
// in place of RHEL's.
func Moved(text, dir string) string {
	for _, top := range []string{"/etc/", "/var/", "/usr/", "/home/", "/run/"} {
		for _, before := range []string{`"`, " ", ":"} {
			text = strings.ReplaceAll(text, before+top, before+dir+top)
		}
	}
	return strings.NewReplacer("User apache", "User daemon", "Group apache", "Group daemon", `"/etc/httpd"`, `"`+dir+`/etc/httpd"`).Replace(text)
}
