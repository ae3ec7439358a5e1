package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catflap/catflap/interop/peer"
)

// modules are what the tests' own configurations load.
var modules = []string{
	"mpm_event", "authz_core", "authz_host", "access_compat", "mime", "negotiation", "autoindex", "dir", "alias", "env", "setenvif", "headers", "jk",
}

// A front describes a configuration of the tests' own.
type front struct {
	workers string // workers.properties
	site    string // what comes after the common directives
	dir     string // a folder to write to, which other users may enter
}

// write writes f down for one more server, at a free port, and returns the
// name of its httpd.conf. In f.site, @DIR@ stands for f.dir, @TOP@ for the
// server's own folder and @PORT@ for the port.
func (f front) write(t *testing.T) string {
	t.Helper()
	top, err := os.MkdirTemp(f.dir, "server-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(top, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"logs", "conf"} {
		if err := os.Mkdir(filepath.Join(top, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	addr := peer.FreeAddr(t)
	_, port, _ := strings.Cut(addr, ":")
	text := fmt.Sprintf("ServerRoot %q\nListen %s\n", top, addr) + peer.LoadModules(modules...) +
		"ServerName 127.0.0.1\nUser daemon\nGroup daemon\nTypesConfig conf/mime.types\n" +
		"ErrorLog logs/error_log\nLogLevel warn\nServerLimit 4\nStartServers 1\nThreadsPerChild 64\nMaxRequestWorkers 256\n" +
		"JkWorkersFile conf/workers.properties\nJkLogFile logs/mod_jk.log\nJkLogLevel info\nJkShmFile logs/jk.shm\n" +
		strings.NewReplacer("@DIR@", f.dir, "@TOP@", top, "@PORT@", port).Replace(f.site)
	for name, text := range map[string]string{
		"httpd.conf":         text,
		"workers.properties": f.workers,
		"mime.types":         "text/html html htm\ntext/css css\ntext/plain txt\nimage/png png\napplication/x-tar tar\n",
	} {
		if err := os.WriteFile(filepath.Join(top, "conf", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if !t.Failed() {
			return
		}
		for _, name := range []string{"error_log", "mod_jk.log"} {
			log, err := os.ReadFile(filepath.Join(top, "logs", name))
			if err == nil {
				t.Logf("%s:\n%s", name, log[max(0, len(log)-3000):])
			}
		}
	})
	return filepath.Join(top, "conf/httpd.conf")
}

// An endpoint is an AJP connector that takes the secret.
type endpoint struct{ route, addr string }

// balancerOver is workersOver for Tomcats.
func balancerOver(nodes ...*peer.Tomcat) string {
	var all []endpoint
	for _, node := range nodes {
		all = append(all, endpoint{node.Route, node.AJPAddr})
	}
	return workersOver(all...)
}

// workersOver is a workers.properties with a sticky balancer "lb" over nodes,
// and the status worker "manager".
func workersOver(nodes ...endpoint) string {
	var text strings.Builder
	var names []string
	for _, node := range nodes {
		host, port, _ := strings.Cut(node.addr, ":")
		fmt.Fprintf(&text, "worker.%[1]s.type=ajp13\nworker.%[1]s.host=%[2]s\nworker.%[1]s.port=%[3]s\nworker.%[1]s.secret=%[4]s\n",
			node.route, host, port, secret)
		names = append(names, node.route)
	}
	members := strings.Join(names, ",")
	return "worker.list=lb,manager," + members + "\n" + text.String() +
		"worker.lb.type=lb\nworker.lb.balance_workers=" + members + "\nworker.manager.type=status\n"
}

// file writes a file into f.dir.
func (f front) file(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(f.dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
