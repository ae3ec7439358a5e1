package interop

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"io/fs"
	"net"
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

	"github.com/catflap/catflap/internal/certtest"
	"github.com/catflap/catflap/interop/peer"
)

// TestBesideDebian: Debian's httpd runs on its own files with its own control
// script, and catflap beside it on the same.
func TestBesideDebian(t *testing.T) {
	if !apart(t) {
		return
	}
	fresh(t, "/var/log/apache2", "/run/apache2", "/run/lock")
	siteOfItsOwn(t)
	defaultSSL(t)
	apachectl(t, "start")
	t.Cleanup(func() { apachectl(t, "stop") })
	runBeside(t, live{
		pidFile: "/run/apache2/apache2.pid", log: "/var/log/apache2/other_vhosts_access.log",
		says: `8080 for 80, 8443 for 443 \(1 certificate\), 8081 for 81; ajp13_worker refused`, tls: true,
		folders: []string{"/etc/apache2", "/var/log/apache2", "/run/apache2", "/run/lock", "/var/www"},
	})
}

// TestBesideRHEL: the same where files lie as RHEL has them, and name no
// PidFile.
func TestBesideRHEL(t *testing.T) {
	if !apart(t) {
		return
	}
	httpd := redHat(t)
	if err := httpd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { httpd.Process.Signal(syscall.SIGTERM); httpd.Wait() })
	await(t, "httpd serves", func() bool {
		conn, err := net.Dial("tcp", "127.0.0.1:81")
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	runBeside(t, live{
		pidFile: "/run/httpd/httpd.pid", log: "/etc/httpd/logs/access_log", says: "8080 for 80, 8081 for 81; tc5 refused",
		folders: []string{"/etc/httpd", "/var/log/httpd", "/run/httpd", "/var/www"},
	})
}

// A live is an httpd that runs.
type live struct {
	pidFile string
	log     string // an access log
	says    string // what catflap says of ports and workers
	tls     bool   // there is a site at 443
	folders []string
}

// runBeside runs catflap beside l: both answer alike, catflap writes nothing
// outside its folder, and httpd does not notice.
func runBeside(t *testing.T, l live) {
	t.Helper()
	cf := filepath.Join(peer.Folder(t), "cf")
	fresh(t, cf)
	await(t, "httpd has written its pid", func() bool { // it listens before that
		text, err := os.ReadFile(l.pidFile)
		return err == nil && strings.HasSuffix(string(text), "\n")
	})
	httpd := pidIn(t, l.pidFile)
	before := names(t, l.folders...)

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
	line := regexp.MustCompile(fmt.Sprintf(`(?m)^httpd \(pid %d\) untouched; logs and pid in cf; %s; ready in \d\.\d\d s$`, httpd, l.says))
	await(t, "the line that tells all", func() bool {
		select {
		case err := <-ended:
			t.Fatalf("catflap has ended: %v\n%s", err, said)
		default:
		}
		return line.MatchString(said.String())
	})
	compareBeside(t)
	if l.tls {
		live, beside := answerOf(t, "", 443, "/folder/"), answerOf(t, "", 8443, "/folder/")
		if live.status != 200 || beside.status != 200 || live.body != beside.body {
			t.Errorf("by TLS: httpd %+v, catflap %+v", live, beside)
		}
		if to := answerOf(t, "", 8443, "/folder").location; to != "https://127.0.0.1:8443/folder/" {
			t.Errorf("by TLS the redirect leads to %q", to)
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
	if after := names(t, l.folders...); !slices.Equal(before, after) {
		t.Errorf("files before\n%s\nand after\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
	if now := pidIn(t, l.pidFile); now != httpd || answerOf(t, "", 80, "/").status != 200 {
		t.Errorf("httpd was process %d, and is %d", httpd, now)
	}
	live, _ := os.ReadFile(l.log)
	own, err := os.ReadFile(cf + l.log)
	for _, path := range []string{"/", "/folder"} { // the last of httpd may not be written yet
		n, m := strings.Count(string(live), "GET "+path+" HTTP"), strings.Count(string(own), "GET "+path+" HTTP")
		if err != nil || m == 0 || n < m-1 || n > m+1 {
			t.Errorf("GET %s: %d lines of httpd, %d of catflap, %v", path, n, m, err)
		}
	}
}

// compareBeside asks both the same.
func compareBeside(t *testing.T) {
	t.Helper()
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
}

// otherSites are a second Listen and virtual hosts.
const otherSites = `Listen 81
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
`

// redHat lays files out as RHEL does, and returns its httpd.
func redHat(t *testing.T) *exec.Cmd {
	t.Helper()
	fresh(t, "/etc/httpd", "/var/log/httpd", "/run/httpd", "/var/www")
	own := peer.Folder(t)
	for name, line := range map[string]string{"/etc/passwd": "apache:x:48:48::/var/www:/sbin/nologin\n", "/etc/group": "apache:x:48:\n"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		write(t, own+name, string(text)+line)
		if err := syscall.Mount(own+name, name, "", syscall.MS_BIND, ""); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { syscall.Unmount(name, syscall.MNT_DETACH) })
	}
	for link, to := range map[string]string{"logs": "../../var/log/httpd", "run": "/run/httpd", "modules": "/usr/lib/apache2/modules"} {
		if err := os.Symlink(to, "/etc/httpd/"+link); err != nil {
			t.Fatal(err)
		}
	}
	write(t, "/etc/httpd/conf.modules.d/00-base.conf", `LoadModule access_compat_module modules/mod_access_compat.so
LoadModule alias_module modules/mod_alias.so
LoadModule authz_core_module modules/mod_authz_core.so
LoadModule authz_host_module modules/mod_authz_host.so
LoadModule autoindex_module modules/mod_autoindex.so
LoadModule dir_module modules/mod_dir.so
LoadModule mime_module modules/mod_mime.so
LoadModule mime_magic_module modules/mod_mime_magic.so
LoadModule negotiation_module modules/mod_negotiation.so
LoadModule setenvif_module modules/mod_setenvif.so
`)
	write(t, "/etc/httpd/conf.modules.d/00-mpm.conf", "LoadModule mpm_event_module modules/mod_mpm_event.so\n")
	write(t, "/etc/httpd/conf/mime.types", "text/html html htm\ntext/plain txt\n")
	write(t, "/etc/httpd/conf/magic", "0 string <html text/html\n")
	write(t, "/etc/httpd/conf/httpd.conf", `ServerRoot "/etc/httpd"
Listen 80
Include conf.modules.d/*.conf
User apache
Group apache
ServerAdmin root@localhost
ServerName 127.0.0.1
<Directory />
    AllowOverride none
    Require all denied
</Directory>
DocumentRoot "/var/www/html"
<Directory "/var/www">
    AllowOverride None
    Require all granted
</Directory>
<Directory "/var/www/html">
    Options Indexes FollowSymLinks
    AllowOverride None
    Require all granted
</Directory>
<IfModule dir_module>
    DirectoryIndex index.html
</IfModule>
<Files ".ht*">
    Require all denied
</Files>
ErrorLog "logs/error_log"
LogLevel warn
<IfModule log_config_module>
    LogFormat "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\"" combined
    CustomLog "logs/access_log" combined
</IfModule>
<IfModule mime_module>
    TypesConfig /etc/httpd/conf/mime.types
    AddType application/x-compress .Z
</IfModule>
AddDefaultCharset UTF-8
<IfModule mime_magic_module>
    MIMEMagicFile conf/magic
</IfModule>
EnableSendfile on
IncludeOptional conf.d/*.conf
`)
	write(t, "/etc/httpd/conf.d/tomcat.conf", `LoadModule jk_module modules/mod_jk.so
JkWorkersFile conf/workers.properties
JkLogFile logs/mod_jk.log
JkShmFile run/jk.shm
JkMount /app/* tc5
`)
	write(t, "/etc/httpd/conf/workers.properties", "worker.list=tc5\nworker.tc5.host=127.0.0.1\nworker.tc5.port=8009\n")
	write(t, "/etc/httpd/conf.d/vhosts.conf", "<VirtualHost *:80 *:81>\nDocumentRoot /var/www/html\n</VirtualHost>\n"+otherSites)
	pages(t)
	return exec.Command("/usr/sbin/apache2", "-d", "/etc/httpd", "-f", "conf/httpd.conf", "-DFOREGROUND", "-c", "PidFile run/httpd.pid", "-C", "DefaultRuntimeDir /run/httpd")
}

// defaultSSL enables Debian's site for TLS, with a key that only root may read.
func defaultSSL(t *testing.T) {
	t.Helper()
	for _, name := range []string{"mods-enabled/ssl.load", "mods-enabled/ssl.conf", "mods-enabled/socache_shmcb.load", "sites-enabled/default-ssl.conf"} {
		available := strings.Replace(name, "enabled", "available", 1)
		if err := os.Symlink("../"+available, "/etc/apache2/"+name); err != nil && !os.IsExist(err) {
			t.Fatal(err)
		}
	}
	fresh(t, "/etc/ssl")
	cert := certtest.Issue(t, nil, nil, "127.0.0.1", nil)
	write(t, "/etc/ssl/certs/ssl-cert-snakeoil.pem", cert.CertPEM())
	write(t, "/etc/ssl/private/ssl-cert-snakeoil.key", cert.KeyPEM(t))
	if err := os.Chmod("/etc/ssl/private", 0o700); err != nil {
		t.Fatal(err)
	}
}

// pages writes the files of the sites.
func pages(t *testing.T) {
	t.Helper()
	write(t, "/var/www/html/index.html", "the first\n")
	write(t, "/var/www/html/folder/index.html", "in a folder\n")
	write(t, "/var/www/other/index.html", "the other\n")
	write(t, "/var/www/other/folder/index.html", "in a folder of the other\n")
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
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
	pages(t)
	write(t, "/etc/apache2/sites-enabled/other.conf", otherSites)
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
	scheme := "http"
	if port%1000 == 443 {
		scheme = "https"
	}
	request, err := http.NewRequest("GET", fmt.Sprintf("%s://127.0.0.1:%d%s", scheme, port, path), nil)
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
		Transport:     &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
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
