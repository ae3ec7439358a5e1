package main

import (
	"fmt"
	"net"

	"github.com/catflap/catflap/tribes"
)

// contextPath is that of the application.
const contextPath = "/shop"

// A manager says how sessions are shared.
type manager struct {
	name       string
	class      string // of Tomcat
	attributes string // of its element
	options    tribes.Options
	backup     bool // one backup; sessions with a text are measured
	base       bool // what needs no session is measured with it
	lossless   bool // the other node is sure to have all of each session: memory is measured
	joins      bool // a node that joins is measured
}

const acknowledged = tribes.OptionAck | tribes.OptionSyncAck

var managers = []manager{
	{name: "delta asynchronous", class: "DeltaManager", attributes: `expireSessionsOnShutdown="false"`, options: tribes.OptionAsync, base: true},
	{name: "delta acknowledged", class: "DeltaManager", attributes: `expireSessionsOnShutdown="false"`, options: acknowledged, lossless: true, joins: true},
	{name: "backup acknowledged", class: "BackupManager", attributes: `mapSendOptions="6"`, options: acknowledged, backup: true, lossless: true},
}

// nodeSettings say what a node is like, of either kind.
type nodeSettings struct {
	route   string
	addr    string // IP:port of its HTTP connector
	group   int    // port of the group
	manager manager
}

// serverXML is the configuration of a node, the same for both kinds.
func (s nodeSettings) serverXML() string {
	_, port, _ := net.SplitHostPort(s.addr)
	return fmt.Sprintf(`<Server port="-1"><Service name="Catalina">
 <Connector port="%[2]s" address="127.0.0.1" protocol="HTTP/1.1" maxKeepAliveRequests="-1" keepAliveTimeout="120000"/>
 <Engine name="Catalina" defaultHost="localhost" jvmRoute="%[1]s">
  <Cluster className="org.apache.catalina.ha.tcp.SimpleTcpCluster" channelSendOptions="%[4]d">
   <Manager className="org.apache.catalina.ha.session.%[3]s" %[5]s notifyListenersOnReplication="true"/>
   <Channel className="org.apache.catalina.tribes.group.GroupChannel">
    <Membership className="org.apache.catalina.tribes.membership.McastService" address="228.0.0.4" port="%[6]d" bind="127.0.0.1"/>
    <Receiver className="org.apache.catalina.tribes.transport.nio.NioReceiver" address="127.0.0.1" port="4000"/>
    <Interceptor className="org.apache.catalina.tribes.group.interceptors.TcpFailureDetector"/>
    <Interceptor className="org.apache.catalina.tribes.group.interceptors.MessageDispatchInterceptor"/>
   </Channel>
   <Valve className="org.apache.catalina.ha.tcp.ReplicationValve"/>
   <Valve className="org.apache.catalina.ha.session.JvmRouteBinderValve"/>
   <ClusterListener className="org.apache.catalina.ha.session.ClusterSessionListener"/>
  </Cluster>
  <Host name="localhost" appBase="webapps" unpackWARs="false" autoDeploy="false"/>
 </Engine>
</Service></Server>
`, s.route, port, s.manager.class, s.manager.options, s.manager.attributes, s.group)
}
