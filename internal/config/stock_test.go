package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/internal/front"
	"github.com/catflap/catflap/internal/stocktest"
)

// stock lays a stock configuration and loads its main file.
func stock(t *testing.T, name, root string, o Options) (*front.Config, *Report, string) {
	t.Helper()
	dir := stocktest.Lay(t, filepath.Join("testdata/stock", name), root)
	o.File = filepath.Join(dir, root, "conf/httpd.conf")
	for i, line := range o.After {
		o.After[i] = stocktest.Moved(line, dir)
	}
	cfg, report := Load(o)
	return cfg, report, dir
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
