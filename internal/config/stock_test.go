package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/internal/certtest"
	"github.com/catflap/catflap/internal/front"
)

// stock copies a stock configuration below a folder, which takes the place of
// the root of the file system in it, and loads its main file.
func stock(t *testing.T, name, root string, o Options) (*front.Config, *Report, string) {
	t.Helper()
	dir := t.TempDir()
	from := filepath.Join("testdata/stock", name)
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
		return os.WriteFile(to, []byte(moved(string(text), dir)), 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{
		root + "/logs", "/var/www/html", "/var/www/cgi-bin", "/usr/share/httpd/noindex", "/usr/local/apache2/htdocs", "/usr/local/apache2/docs/a.site.example",
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
	o.File = filepath.Join(dir, root, "conf/httpd.conf")
	for i, line := range o.After {
		o.After[i] = moved(line, dir)
	}
	cfg, report := Load(o)
	return cfg, report, dir
}

// moved puts dir before the absolute names in text, and a user that is there
// in place of RHEL's.
func moved(text, dir string) string {
	for _, top := range []string{"/etc/", "/var/", "/usr/", "/home/", "/run/"} {
		for _, before := range []string{`"`, " ", ":"} {
			text = strings.ReplaceAll(text, before+top, before+dir+top)
		}
	}
	return strings.NewReplacer("User apache", "User daemon", "Group apache", "Group daemon", `"/etc/httpd"`, `"`+dir+`/etc/httpd"`).Replace(text)
}

// TestStock: the configurations that RHEL 9 and httpd itself come with (the
// same directives in words of our own) have no error, what is told of them is
// what is listed, and nothing closes but what would run, show the server or
// ask for a password.
func TestStock(t *testing.T) {
	for _, test := range []struct {
		name, root, told string
		after            []string
		closed           []string
	}{
		{"rhel9", "/etc/httpd", "rhel9.txt", nil, []string{"/cgi-bin/"}},
		{"original", "/usr/local/apache2", "original.txt", nil, []string{"/cgi-bin/"}},
		{"original", "/usr/local/apache2", "original-extra.txt",
			[]string{"LoadModule userdir_module modules/mod_userdir.so", "LoadModule ssl_module modules/mod_ssl.so", "Include conf/extra/*.conf"},
			[]string{"/cgi-bin/", "what is below DIR/usr/local/apache2/uploads", "/server-status", "/server-info"}},
	} {
		cfg, report, dir := stock(t, test.name, test.root, Options{After: test.after})
		var told strings.Builder
		for _, m := range report.Mistakes {
			if m.Line = ""; !m.Harmless && m.Code != "AH00558" { // which tells of the host
				told.WriteString(strings.ReplaceAll(m.String(), dir, "") + "\n")
			}
		}
		want, err := os.ReadFile(filepath.Join("testdata/stock", test.told))
		if os.Getenv("UPDATE") != "" {
			err = os.WriteFile(filepath.Join("testdata/stock", test.told), []byte(told.String()), 0o644)
			want = []byte(told.String())
		}
		if diff := cmp.Diff(string(want), told.String()); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", test.told, err, diff)
		}
		if cfg == nil || report.Mistakes.Errors() > 0 {
			t.Errorf("%s: not loaded: %v", test.told, report.Mistakes)
		}
		var closed []string
		for _, d := range report.Directives {
			if d.Closes != "" {
				closed = append(closed, strings.ReplaceAll(d.Closes, dir, "DIR"))
			}
		}
		if diff := cmp.Diff(test.closed, closed); diff != "" {
			t.Errorf("%s: %s", test.told, diff)
		}
	}
}
