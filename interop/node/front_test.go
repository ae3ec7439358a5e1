package node

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/catflap/catflap/interop/netns"
	"github.com/catflap/catflap/interop/peer"
)

// server is a server.xml with a DeltaManager whose changes are acknowledged, at
// an address that a front elsewhere reaches.
const server = `<Server port="-1">
  <Service name="Catalina">
    <Connector port="8080" protocol="HTTP/1.1"/>
    <Connector port="8009" protocol="AJP/1.3" address="@ADDR@" secret="between front and node"/>
    <Engine name="Catalina" defaultHost="localhost" jvmRoute="@ROUTE@">
      <Cluster className="org.apache.catalina.ha.tcp.SimpleTcpCluster" channelSendOptions="6"/>
      <Host name="localhost" appBase="webapps"/>
    </Engine>
  </Service>
</Server>
`

// site is an httpd.conf before two nodes.
func site(t *testing.T, host netns.Host, modules string, nodes []netns.Host) string {
	t.Helper()
	dir := peer.Folder(t)
	for _, folder := range []string{"conf", "logs", "htdocs"} {
		if err := os.Mkdir(filepath.Join(dir, folder), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	workers := "worker.list=lb\nworker.lb.type=lb\nworker.lb.balance_workers=pj001,pj002\n"
	for i, n := range nodes {
		workers += fmt.Sprintf("worker.pj00%[1]d.type=ajp13\nworker.pj00%[1]d.host=%[2]s\nworker.pj00%[1]d.port=8009\nworker.pj00%[1]d.secret=between front and node\n", i+1, n.Addr)
	}
	for name, text := range map[string]string{
		"conf/workers.properties": workers,
		"conf/httpd.conf": modules + strings.ReplaceAll(fmt.Sprintf(`ServerRoot "@DIR@"
Listen %s:80
ServerName front.example
DocumentRoot "@DIR@/htdocs"
ErrorLog "@DIR@/logs/error_log"
JkWorkersFile "@DIR@/conf/workers.properties"
JkLogFile "@DIR@/logs/mod_jk.log"
JkShmFile "@DIR@/logs/jk.shm"
JkMount /demo|/* lb
`, host.Addr), "@DIR@", dir),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "conf/httpd.conf")
}

// TestBehindFronts: visitors click through a front while a node is killed, and
// lose nothing: each click that was answered counts once. mod_jk sends a POST
// that a killed node may have run to the other one, so there the click that was
// under way may count twice.
func TestBehindFronts(t *testing.T) {
	binary := peer.BuildCatflap(t)
	hosts := netns.New(t, 3).Hosts
	front, nodes := hosts[2], hosts[:2]
	start := func(i int) *goNode {
		text := strings.NewReplacer("@ADDR@", nodes[i].Addr, "@ROUTE@", fmt.Sprintf("pj00%d", i+1)).Replace(server)
		return startNode(t, binary, nodes[i], text)
	}
	running := []*goNode{start(0), start(1)}
	for i, name := range []string{"httpd", "catflap"} {
		t.Run(name, func(t *testing.T) {
			var f *peer.Front
			if name == "httpd" {
				f = peer.StartHTTPDOn(t, front, site(t, front, peer.LoadModules("mpm_event", "authz_core", "jk"), nodes))
			} else {
				f = peer.StartCatflapOn(t, front, binary, site(t, front, "", nodes))
			}
			defer f.Process.Kill()
			twice := 0
			if name == "httpd" {
				twice = 1
			}
			crowd(t, front, f.Addr, twice, running[i].Kill)
			running[i] = start(i)
		})
	}
}

// crowd lets visitors click at addr, and disturbs them. So many clicks of each
// may count twice.
func crowd(t *testing.T, host netns.Host, addr string, twice int, disturb func()) {
	const visitors, clicks = 6, 12
	var all sync.WaitGroup
	half := make(chan bool, 2*visitors)
	routes := make(chan string, visitors)
	for range visitors {
		all.Go(func() {
			var v visitor
			acknowledged, tried := 0, 0
			var last answer
			for acknowledged < clicks && tried < 10*clicks {
				tried++
				a, err := v.click(host, addr)
				if err != nil { // it may have been counted, or not
					time.Sleep(100 * time.Millisecond)
					continue
				}
				acknowledged, last = acknowledged+1, a
				if a.Count < acknowledged || a.Count > tried+twice {
					t.Errorf("count %d after %d of %d clicks were answered", a.Count, acknowledged, tried)
					break
				}
				if acknowledged == clicks/2 {
					half <- true
				}
			}
			if acknowledged < clicks {
				t.Errorf("%d of %d clicks were answered", acknowledged, tried)
				half <- true
			}
			routes <- last.Node
		})
	}
	for range visitors {
		<-half
	}
	disturb()
	all.Wait()
	close(routes)
	for route := range routes {
		t.Logf("a visitor ends at %s", route)
	}
}
