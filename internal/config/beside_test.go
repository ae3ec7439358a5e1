package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/catflap/catflap/internal/front"
)

// TestBeside: ports, names and nothing else are moved.
func TestBeside(t *testing.T) {
	dir := t.TempDir()
	for _, folder := range []string{"logs", "htdocs"} {
		os.Mkdir(filepath.Join(dir, folder), 0o755)
	}
	file := filepath.Join(dir, "httpd.conf")
	os.WriteFile(file, []byte(`
Listen 80
Listen 127.0.0.1:81
Listen [::1]:82
ServerName main.example:80
DocumentRoot htdocs
ErrorLog logs/error
CustomLog logs/access "%r"
<VirtualHost *:80 127.0.0.1:81 *>
ServerName one.example:81
</VirtualHost>
<VirtualHost [::1]:82>
ServerName behind.example:8443
ErrorLog logs/../logs/two
</VirtualHost>
`), 0o644)
	load := func(b *Beside) (*front.Config, *Report) {
		cfg, report := Load(Options{File: file, Root: dir, Beside: b})
		if cfg == nil {
			t.Fatal(report.Mistakes.Error())
		}
		return cfg, report
	}
	plain, report := load(nil)
	if report.Moved != nil || plain.Listen[0].Address != ":80" {
		t.Errorf("moved without being asked: %v", plain.Listen)
	}
	beside := &Beside{Dir: "/cf", Offset: 8000}
	cfg, report := load(beside)
	var listens []string
	for _, l := range cfg.Listen {
		listens = append(listens, l.Address)
	}
	if got := strings.Join(listens, " "); got != ":8080 127.0.0.1:8081 [::1]:8082" {
		t.Errorf("Listen: %s", got)
	}
	for i, want := range []struct {
		ports []int
		port  int
		log   string
	}{
		{nil, 8080, "/cf" + dir + "/logs/error"}, {[]int{8080, 8081, 0}, 8081, "/cf" + dir + "/logs/error"}, {[]int{8082}, 8443, "/cf" + dir + "/logs/two"},
	} {
		s := cfg.Sites[i]
		var ports []int
		for _, a := range s.Host.Addresses {
			ports = append(ports, a.Port)
		}
		if !slices.Equal(ports, want.ports) || s.Exchange.Port != want.port || s.Logs.Error.Name != want.log || s.Logs.Access[0].Name != "/cf"+dir+"/logs/access" {
			t.Errorf("site %d: ports %v, own port %d, logs %s %s", i, ports, s.Exchange.Port, s.Logs.Error.Name, s.Logs.Access[0].Name)
		}
		if s.Translate.DocumentRoot != plain.Sites[i].Translate.DocumentRoot {
			t.Errorf("site %d: DocumentRoot %s", i, s.Translate.DocumentRoot)
		}
	}
	pid := filepath.Join(dir, "logs/httpd.pid")
	if cfg.Process.PidFile != "/cf"+pid || report.PidFile != "/cf"+pid || report.Moved.PidFile != pid {
		t.Errorf("PidFile %s, told %s, the live one %s", cfg.Process.PidFile, report.PidFile, report.Moved.PidFile)
	}
	if want := []Port{{80, 8080, 0}, {81, 8081, 0}, {82, 8082, 0}}; !slices.Equal(report.Moved.Ports, want) {
		t.Errorf("%v", report.Moved.Ports)
	}
	if got := beside.Folders(cfg); !slices.Equal(got, []string{"/cf" + dir + "/logs"}) {
		t.Errorf("folders %q", got)
	}
}

// TestBesideTLS: certificates are counted where they are shown, and a site's own
// port is that of TLS.
func TestBesideTLS(t *testing.T) {
	dir := write(t, map[string]string{"httpd.conf": `ServerName a.example
Listen 80
Listen 443
LoadModule ssl_module s
SSLCertificateFile tls/both.pem
<VirtualHost *:443>
ServerName a.example
SSLEngine on
SSLCertificateFile tls/a-rsa.crt
SSLCertificateKeyFile tls/both.pem
SSLCertificateKeyFile tls/a-rsa.key
</VirtualHost>
<VirtualHost *:443>
ServerName b.example
SSLEngine on
</VirtualHost>
<VirtualHost *:80>
ServerName a.example
</VirtualHost>
`})
	writePKI(t, filepath.Join(dir, "tls"))
	cfg, report := Load(Options{File: filepath.Join(dir, "httpd.conf"), Root: dir, Beside: &Beside{Dir: "/cf", Offset: 8000}})
	if cfg == nil {
		t.Fatal(report.Mistakes.Error())
	}
	if want := []Port{{80, 8080, 0}, {443, 8443, 2}}; !slices.Equal(report.Moved.Ports, want) {
		t.Errorf("%v", report.Moved.Ports)
	}
	if cfg.Sites[1].Exchange.Port != 8443 || cfg.Sites[3].Exchange.Port != 8080 {
		t.Errorf("own ports %d and %d", cfg.Sites[1].Exchange.Port, cfg.Sites[3].Exchange.Port)
	}
}

// TestBesidePipes: what a program would read goes to a file, the same for the
// same program.
func TestBesidePipes(t *testing.T) {
	m := &Moved{}
	b := Beside{Dir: "/cf"}
	for _, c := range [][2]string{
		{"/var/log/a", "/cf/var/log/a"}, {"|rotatelogs x", "/cf/piped-1.log"}, {"||cat", "/cf/piped-2.log"}, {"|rotatelogs x", "/cf/piped-1.log"}, {"", ""}, {"/var/../../log", "/cf/log"},
	} {
		if got := b.log(c[0], m); got != c[1] {
			t.Errorf("%s: %s, want %s", c[0], got, c[1])
		}
	}
	if len(m.Piped) != 2 {
		t.Errorf("%q", m.Piped)
	}
}

// TestDefaultPidFile: it is where httpd of that layout has it.
func TestDefaultPidFile(t *testing.T) {
	dir := t.TempDir()
	os.Mkdir(filepath.Join(dir, "logs"), 0o755)
	file := filepath.Join(dir, "httpd.conf")
	os.WriteFile(file, []byte("Listen 80\nServerName a.example\n"), 0o644)
	for _, want := range []string{"logs/httpd.pid", "run/httpd.pid"} {
		if _, report := Load(Options{File: file, Root: dir}); report.PidFile != filepath.Join(dir, want) {
			t.Errorf("%s, want %s", report.PidFile, want)
		}
		os.Symlink("/run", filepath.Join(dir, "run"))
	}
}
