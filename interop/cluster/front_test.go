package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/catflap/catflap/interop/peer"
)

// binary builds catflap, once, unless CATFLAP_BINARY names one.
func binary(t *testing.T) string {
	t.Helper()
	if ready := os.Getenv("CATFLAP_BINARY"); ready != "" {
		return ready
	}
	built.Do(func() {
		dir, err := os.MkdirTemp("", "catflap-cluster-")
		if err == nil {
			err = os.Chmod(dir, 0o755) // it serves as another user
		}
		if err != nil {
			t.Fatal(err)
		}
		builtDir = dir
		peer.Build(t, filepath.Join(dir, "catflap"))
	})
	return filepath.Join(builtDir, "catflap")
}

var (
	built    sync.Once
	builtDir string
)

// startFront starts the front of the cast, and returns where it listens.
func (g *group) startFront() string {
	g.t.Helper()
	conf, addr := g.writeFront()
	if g.front == "catflap" {
		peer.StartCatflapOn(g.t, g.frontHost, binary(g.t), conf)
	} else {
		peer.StartHTTPDOn(g.t, g.frontHost, conf)
	}
	return addr
}

// writeFront writes the front's configuration down.
func (g *group) writeFront() (conf, addr string) {
	g.t.Helper()
	dir := peer.Folder(g.t)
	for _, folder := range []string{"logs", "conf", "htdocs"} {
		if err := os.Mkdir(filepath.Join(dir, folder), 0o755); err != nil {
			g.t.Fatal(err)
		}
	}
	addr = g.frontHost.Addr + ":80"
	text := fmt.Sprintf("ServerRoot %q\nListen %s\n", dir, addr) + peer.LoadModules("mpm_event", "authz_core", "mime", "dir") +
		"ServerName localhost\nUser daemon\nGroup daemon\nTypesConfig /etc/mime.types\nDocumentRoot htdocs\nErrorLog logs/error_log\nLogLevel warn\n" +
		"ServerLimit 4\nStartServers 1\nThreadsPerChild 64\nMaxRequestWorkers 256\n"
	if g.front == "mod_proxy" {
		text += g.proxyConf()
	} else {
		text += peer.LoadModules("jk") + "JkWorkersFile conf/workers.properties\nJkLogFile logs/mod_jk.log\nJkLogLevel info\nJkShmFile logs/jk.shm\nJkMount /demo/* jk_controller\n"
	}
	conf = filepath.Join(dir, "conf/httpd.conf")
	for name, text := range map[string]string{conf: text, filepath.Join(dir, "conf/workers.properties"): g.workers()} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			g.t.Fatal(err)
		}
	}
	g.t.Cleanup(func() {
		for _, name := range []string{"error_log", "mod_jk.log"} {
			if log, err := os.ReadFile(filepath.Join(dir, "logs", name)); err == nil && g.t.Failed() {
				g.t.Logf("%s:\n%s", name, log[max(0, len(log)-3000):])
			}
		}
	})
	return conf, addr
}

// workers is workers.properties. What mod_jk is not told it does otherwise: it
// waits for a stopped node for ever, and sends a POST a second time.
func (g *group) workers() string {
	more := ""
	if g.front == "mod_jk" {
		more = "worker.%[1]s.ping_mode=A\nworker.%[1]s.ping_timeout=2000\nworker.%[1]s.recovery_options=3\n"
	}
	var text strings.Builder
	var names []string
	for _, n := range g.nodes {
		fmt.Fprintf(&text, "worker.%[1]s.type=ajp13\nworker.%[1]s.host=%[2]s\nworker.%[1]s.port=8009\nworker.%[1]s.secret=%[3]s\nworker.%[1]s.lbfactor=1\n", n.route, n.host.Addr, secret)
		if more != "" {
			fmt.Fprintf(&text, more, n.route)
		}
		names = append(names, n.route)
	}
	return "worker.list=jk_controller\n" + text.String() +
		"worker.jk_controller.type=lb\nworker.jk_controller.balance_workers=" + strings.Join(names, ",") + "\nworker.jk_controller.sticky_session=1\nworker.jk_controller.recover_time=1\n"
}

func (g *group) proxyConf() string {
	var members strings.Builder
	for _, n := range g.nodes {
		fmt.Fprintf(&members, " BalancerMember ajp://%s:8009 route=%s \"secret=%s\" ping=2 connectiontimeout=2 retry=1\n", n.host.Addr, n.route, secret)
	}
	return peer.LoadModules("proxy", "proxy_ajp", "proxy_balancer", "lbmethod_byrequests", "slotmem_shm") +
		"<Proxy \"balancer://nodes\">\n" + members.String() + " ProxySet stickysession=JSESSIONID|jsessionid\n</Proxy>\nProxyPass /demo balancer://nodes/demo\n"
}
