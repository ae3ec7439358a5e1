package cluster

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/interop/netns"
	"github.com/catflap/catflap/interop/peer"
)

// A cast is how a group is made up: who takes part, and over what they share
// sessions.
type cast struct {
	tomcats, goes int
	backup        bool   // BackupManager, else DeltaManager
	host          bool   // the Cluster element is in the Host, else in the Engine
	acked         bool   // channelSendOptions and mapSendOptions 6, else 8
	front         string // catflap, mod_jk or mod_proxy
	short         bool   // sessions of Go nodes live for a minute
	ordered       bool   // an OrderInterceptor keeps messages of each node in order
}

func (c cast) String() string {
	manager, level, options := "delta", "engine", "async"
	if c.backup {
		manager = "backup"
	}
	if c.host {
		level = "host"
	}
	if c.acked {
		options = "acked"
	}
	name := fmt.Sprintf("%dtomcats%dgo/%s-%s-%s-%s", c.tomcats, c.goes, manager, level, options, c.front)
	if c.short {
		name += "-short"
	}
	if c.ordered {
		name += "-ordered"
	}
	return name
}

// secret is the one of all AJP connectors.
const secret = "between front and node"

// serverXML is the server.xml of all nodes of the cast.
func (c cast) serverXML() string {
	options, manager := 8, `<Manager className="org.apache.catalina.ha.session.DeltaManager" expireSessionsOnShutdown="false" notifyListenersOnReplication="true" processExpiresFrequency="1"/>`
	if c.acked {
		options = 6
	}
	if c.backup {
		manager = fmt.Sprintf(`<Manager className="org.apache.catalina.ha.session.BackupManager" notifyListenersOnReplication="true" mapSendOptions="%d" processExpiresFrequency="1"/>`, options)
	}
	order := ""
	if c.ordered {
		order = `<Interceptor className="org.apache.catalina.tribes.group.interceptors.OrderInterceptor"/>`
	}
	cluster := fmt.Sprintf(`<Cluster className="org.apache.catalina.ha.tcp.SimpleTcpCluster" channelSendOptions="%d">
    %s
    <Channel className="org.apache.catalina.tribes.group.GroupChannel">
     <Membership className="org.apache.catalina.tribes.membership.McastService" address="228.0.0.4" port="45564" frequency="500" dropTime="3000"/>
     <Receiver className="org.apache.catalina.tribes.transport.nio.NioReceiver" address="${NODE_ADDRESS}" port="4000" autoBind="100" selectorTimeout="5000" maxThreads="6"/>
     <Sender className="org.apache.catalina.tribes.transport.ReplicationTransmitter">
      <Transport className="org.apache.catalina.tribes.transport.nio.PooledParallelSender"/>
     </Sender>
     %s
     <Interceptor className="org.apache.catalina.tribes.group.interceptors.TcpFailureDetector"/>
     <Interceptor className="org.apache.catalina.tribes.group.interceptors.MessageDispatchInterceptor"/>
    </Channel>
    <Valve className="org.apache.catalina.ha.tcp.ReplicationValve" filter=""/>
    <Valve className="org.apache.catalina.ha.session.JvmRouteBinderValve"/>
    <ClusterListener className="org.apache.catalina.ha.session.ClusterSessionListener"/>
   </Cluster>`, options, manager, order)
	ofEngine, ofHost := cluster, ""
	if c.host {
		ofEngine, ofHost = "", cluster
	}
	return fmt.Sprintf(`<Server port="-1">
 <Service name="Catalina">
  <Connector port="8080" address="${NODE_ADDRESS}" protocol="HTTP/1.1"/>
  <Connector port="8009" address="${NODE_ADDRESS}" protocol="AJP/1.3" secret="%s" maxThreads="60"/>
  <Engine name="Catalina" defaultHost="localhost" jvmRoute="${NODE_ROUTE}" backgroundProcessorDelay="1">
   %s
   <Host name="localhost" appBase="webapps" unpackWARs="false" autoDeploy="false">
   %s
   </Host>
  </Engine>
 </Service>
</Server>
`, secret, ofEngine, ofHost)
}

// A node is a Tomcat or a Go node on its host.
type node struct {
	route string
	host  netns.Host
	run   runner
}

// A runner is the program of a node.
type runner interface {
	Start(t peer.T)
	Await(t peer.T) // until it serves
	Stop(t peer.T)  // in order
	Process() *peer.Process
	Log(t peer.T) string
}

// java reports whether n is a Tomcat.
func (n *node) java() bool { return n.tomcat() != nil }

func (n *node) tomcat() *peer.Tomcat {
	tc, _ := n.run.(*peer.Tomcat)
	return tc
}

// A group is a cast that runs.
type group struct {
	cast
	t         *testing.T
	net       *netns.Net
	nodes     []*node    // Tomcats and Go nodes by turns
	frontHost netns.Host // of the front, and of the visitors
}

// newGroup makes hosts and nodes; none runs yet.
func newGroup(t *testing.T, c cast) *group {
	t.Helper()
	n := c.tomcats + c.goes
	g := &group{cast: c, t: t, net: netns.New(t, n+1)}
	g.frontHost = g.net.Hosts[n]
	classes := ""
	if c.tomcats > 0 {
		classes = peer.CompileDemo(t)
	}
	for i := range n {
		each := &node{host: g.net.Hosts[i]}
		if i%2 == 0 && i/2 < c.tomcats || i >= 2*c.goes && c.tomcats > 0 {
			each.route = fmt.Sprint("t", i+1)
			each.run = peer.NewTomcat(t, peer.TomcatConfig{
				Route: each.route, Host: each.host, ServerXML: c.serverXML(), App: peer.Demo, Classes: classes, Memory: "128m",
			})
		} else {
			each.route = fmt.Sprint("g", i+1)
			cfg := peer.NodeConfig{Binary: binary(t), Route: each.route, Host: each.host, ServerXML: c.serverXML()}
			if c.short {
				cfg.WebXML = `<web-app xmlns="https://jakarta.ee/xml/ns/jakartaee" version="6.0"><distributable/><session-config><session-timeout>1</session-timeout></session-config></web-app>`
			}
			each.run = peer.NewNode(t, cfg)
		}
		g.nodes = append(g.nodes, each)
	}
	return g
}

// start starts nodes one after the other, and waits until they serve and each
// knows all.
func (g *group) start(t *testing.T, nodes ...*node) {
	t.Helper()
	for _, n := range nodes {
		g.startNode(t, n)
	}
	for _, n := range nodes {
		for _, other := range nodes {
			g.await(t, 15*time.Second, "%s knows %s", func() bool { return n == other || n.count(t, other, "joined") > n.count(t, other, "left") }, n.route, other.route)
		}
	}
}

// startNode starts n, for as long as the group runs, and waits until it serves.
func (g *group) startNode(t *testing.T, n *node) {
	t.Helper()
	n.run.Start(lasting{t, g.t})
	n.run.Await(t)
}

// lasting is a part of a test that starts what lasts for the whole test.
type lasting struct {
	*testing.T
	whole *testing.T
}

func (l lasting) Cleanup(f func()) { l.whole.Cleanup(f) }
func (l lasting) TempDir() string  { return l.whole.TempDir() }

// count returns how often n was told that another node has joined, or left.
func (n *node) count(t *testing.T, other *node, what string) int {
	t.Helper()
	words := map[string]string{"joined": `msg="replication member added"`, "left": `msg="received member disappeared"`}
	name := other.host.Addr
	if n.java() {
		words = map[string]string{"joined": "Replication member added:", "left": "Received member disappeared:"}
		name = strings.ReplaceAll(name, ".", ", ")
	}
	sum := 0
	for l := range strings.Lines(n.run.Log(t)) {
		if strings.Contains(l, words[what]) && strings.Contains(l, name) {
			sum++
		}
	}
	return sum
}

// await waits until ok says true.
func (g *group) await(t *testing.T, limit time.Duration, what string, ok func() bool, args ...any) {
	t.Helper()
	for end := time.Now().Add(limit); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %v it is not yet so: "+what, append([]any{limit}, args...)...)
		}
	}
}
