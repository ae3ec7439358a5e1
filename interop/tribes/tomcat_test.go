package tribes

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/interop/netns"
	"github.com/catflap/catflap/interop/peer"
)

// A tomcat is a Tomcat that is a member of a group and has no application.
type tomcat struct {
	*peer.Tomcat
	host netns.Host
}

// A tomcatConfig says what is different from the default of its Cluster.
type tomcatConfig struct {
	Stack      string // names of interceptors; default "detector dispatch"
	Membership string // more attributes
}

// interceptors are Tomcat's elements by the names of stackOf.
var interceptors = map[string]string{
	"dispatch":      `<Interceptor className="org.apache.catalina.tribes.group.interceptors.MessageDispatchInterceptor"/>`,
	"detector":      `<Interceptor className="org.apache.catalina.tribes.group.interceptors.TcpFailureDetector"/>`,
	"ping":          `<Interceptor className="org.apache.catalina.tribes.group.interceptors.TcpPingInterceptor"/>`,
	"gzip":          `<Interceptor className="org.apache.catalina.tribes.group.interceptors.GzipInterceptor"/>`,
	"order":         `<Interceptor className="org.apache.catalina.tribes.group.interceptors.OrderInterceptor"/>`,
	"fragmentation": `<Interceptor className="org.apache.catalina.tribes.group.interceptors.FragmentationInterceptor"/>`,
	"encrypt":       `<Interceptor className="org.apache.catalina.tribes.group.interceptors.EncryptInterceptor" encryptionKey="` + encryptKey + `"/>`,
}

// startTomcat starts a Tomcat on a host; it ends with the test. It does not
// wait until it is a member.
func startTomcat(t *testing.T, host netns.Host, cfg tomcatConfig) *tomcat {
	t.Helper()
	if cfg.Stack == "" {
		cfg.Stack = "detector dispatch"
	}
	var stack strings.Builder
	for _, name := range strings.Fields(cfg.Stack) {
		stack.WriteString("       " + interceptors[name] + "\n")
	}
	tc := &tomcat{host: host, Tomcat: peer.NewTomcat(t, peer.TomcatConfig{
		Route: host.Name, Host: host, Memory: "128m", App: peer.NoApp, ServerXML: fmt.Sprintf(serverXML, cfg.Membership, stack.String()),
	})}
	tc.Start(t)
	return tc
}

const serverXML = `<Server port="-1">
 <Service name="Catalina">
  <Engine name="Catalina" defaultHost="localhost">
   <Cluster className="org.apache.catalina.ha.tcp.SimpleTcpCluster">
    <Channel className="org.apache.catalina.tribes.group.GroupChannel">
     <Membership className="org.apache.catalina.tribes.membership.McastService" %s/>
     <Receiver className="org.apache.catalina.tribes.transport.nio.NioReceiver" address="${NODE_ADDRESS}" port="4000"/>
%s    </Channel>
   </Cluster>
   <Host name="localhost" appBase="webapps" autoDeploy="false"/>
  </Engine>
 </Service>
</Server>
`

// name is what Tomcat calls the member on a host.
func name(host netns.Host) string {
	return "tcp://{" + strings.ReplaceAll(host.Addr, ".", ", ") + "}:4000"
}

// events are what tc logged of a host, in order: "added", "disappeared".
func (tc *tomcat) events(t *testing.T, host netns.Host) []string {
	t.Helper()
	var all []string
	for l := range strings.Lines(tc.Log(t)) {
		if !strings.Contains(l, name(host)) {
			continue
		}
		switch {
		case strings.Contains(l, "Replication member added:"):
			all = append(all, "added")
		case strings.Contains(l, "Received member disappeared:"):
			all = append(all, "disappeared")
		}
	}
	return all
}

// await waits until the events of a host are want.
func (tc *tomcat) await(t *testing.T, host netns.Host, limit time.Duration, want ...string) {
	t.Helper()
	await(t, limit, func() error {
		if got := strings.Join(tc.events(t, host), " "); got != strings.Join(want, " ") {
			return fmt.Errorf("tomcat on %s logged %q of %s, want %q", tc.host.Addr, got, host.Addr, want)
		}
		return nil
	})
}
