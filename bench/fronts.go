package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/catflap/catflap/interop/peer"
)

// A front is one that is measured.
type front struct {
	name string
	addr string
	pid  int
}

// fronts are all of them, and the text of their configuration.
type fronts struct {
	fronts        []front
	configuration string
}

func (f *fronts) names() []string {
	var all []string
	for _, one := range f.fronts {
		all = append(all, one.name)
	}
	return all
}

// start starts Tomcat and the fronts before it; also is the file of another
// catflap, or empty.
func start(t peer.T, also string) *fronts {
	tomcat := peer.StartTomcat(t, peer.TomcatConfig{Route: "n1", MaxThreads: 80, Memory: "512m"})
	root := peer.Folder(t)
	write(t, root, "htdocs/1k.html", strings.Repeat("x", 1<<10))
	write(t, root, "htdocs/100k.html", strings.Repeat("x", 100<<10))
	all := &fronts{}
	httpd := peer.StartHTTPD(t, all.httpdConf(t, root, "httpd", tomcat.AJPAddr))
	binary := peer.BuildCatflap(t)
	catflap := peer.StartCatflap(t, binary, all.httpdConf(t, root, "catflap", tomcat.AJPAddr))
	haproxy, addr := all.haproxy(t, root, tomcat.HTTPAddr)
	all.fronts = []front{
		{"httpd", httpd.Addr, httpd.Pid()}, {"catflap", catflap.Addr, catflap.Pid()}, {"haproxy", addr, haproxy},
	}
	if also != "" {
		other := peer.StartCatflap(t, also, all.httpdConf(t, root, "also", tomcat.AJPAddr))
		all.fronts = append(all.fronts, front{"also", other.Addr, other.Pid()})
	}
	return all
}

// httpdConf writes the configuration that httpd and catflap share, but for
// where they listen and log.
func (f *fronts) httpdConf(t peer.T, root, name, tomcat string) string {
	host, port, err := net.SplitHostPort(tomcat)
	if err != nil {
		t.Fatalf("%v", err)
	}
	server := filepath.Join(root, name)
	write(t, server, "logs/empty", "")
	write(t, server, "conf/workers.properties", fmt.Sprintf(
		"worker.list=lb\nworker.n1.type=ajp13\nworker.n1.host=%s\nworker.n1.port=%s\nworker.lb.type=lb\nworker.lb.balance_workers=n1\n", host, port))
	write(t, server, "conf/mime.types", "text/html html\n")
	text := fmt.Sprintf(`ServerRoot "%s"
Listen %s
ServerName bench.example
User www-data
Group www-data
%s
DocumentRoot "%s/htdocs"
<Directory "%s/htdocs">
    Require all granted
</Directory>
TypesConfig conf/mime.types
ErrorLog logs/error_log
LogFormat "%%h %%l %%u %%t \"%%r\" %%>s %%b \"%%{Referer}i\" \"%%{User-Agent}i\"" combined
CustomLog logs/access_log combined
JkWorkersFile conf/workers.properties
JkMount /*.do lb
JkLogFile logs/mod_jk.log
JkShmFile logs/shm
`, server, peer.FreeAddr(t), peer.LoadModules("mpm_event", "authz_core", "mime", "dir", "jk"), root, root)
	f.configuration += "# " + name + "\n" + text + "\n"
	return write(t, server, "conf/httpd.conf", text)
}

// haproxy starts HAProxy before Tomcat's HTTP connector; it has no files of
// its own, so that Tomcat serves those, too.
func (f *fronts) haproxy(t peer.T, root, tomcat string) (pid int, addr string) {
	addr = peer.FreeAddr(t)
	text := fmt.Sprintf(`global
    maxconn 4096
    log %s/haproxy.sock local0
defaults
    mode http
    option httplog
    log global
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend main
    bind %s
    default_backend tomcat
backend tomcat
    server n1 %s
`, root, addr, tomcat)
	f.configuration += "# haproxy\n" + text + "\n"
	return runHAProxy(t, write(t, root, "haproxy.cfg", text), filepath.Join(root, "haproxy.sock"), filepath.Join(root, "haproxy.log"), addr), addr
}

// write writes a file below root and returns its name.
func write(t peer.T, root, name, text string) string {
	file := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatalf("%v", err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatalf("%v", err)
	}
	return file
}
