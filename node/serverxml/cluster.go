package serverxml

import (
	"fmt"
	"slices"
	"strings"

	syntax "github.com/catflap/catflap/internal/config/serverxml"
	"github.com/catflap/catflap/node"
)

// A clusterElement is what <Cluster> says.
type clusterElement struct {
	node.Cluster
	listens  bool // there is a <ClusterListener>
	sessions bool // and one of them is ClusterSessionListener
	thread   bool // of StaticMembershipService: useThread
	valves   int
	bound    bool     // there is a JvmRouteBinderValve
	reports  bool     // there is a ReplicationValve
	order    []string // classes of its Interceptors
}

var clusterTable = table[clusterElement]{"Cluster", []row[clusterElement]{
	{"clusterName", func(c *clusterElement, g given) { c.Name = g.text() }, "names the channel; default the name of the Engine or Host"},
	{"channelSendOptions", func(c *clusterElement, g given) { c.SendOptions = g.options() }, "how a DeltaManager's messages leave: a number or names, as asynchronous or sync,use_ack; default 8"},
	{"channelStartOptions", func(c *clusterElement, g given) { g.startOptions(c) }, "15, or 3: nobody is heard of by multicast"},
	{"managerClassName", func(*clusterElement, given) {}, "of an old Tomcat: a DeltaManager is taken"},
	{"expireSessionsOnShutdown", func(c *clusterElement, g given) { c.Manager.ExpireOnShutdown = g.bool() }, "of an old Tomcat: that of Manager"},
	{"notifyListenersOnReplication", func(c *clusterElement, g given) { c.Manager.NoReplicatedAttributes = !g.bool() }, "of an old Tomcat: that of Manager"},
	{"mcastAddr", func(c *clusterElement, g given) { c.Channel.Membership.Group = g.address() }, "of an old Tomcat: Membership's address"},
	{"mcastPort", func(c *clusterElement, g given) { c.Channel.Membership.Port = g.port() }, "of an old Tomcat: Membership's port"},
	{"mcastFrequency", func(c *clusterElement, g given) { c.Channel.Membership.Frequency = g.period() }, "of an old Tomcat: Membership's frequency"},
	{"mcastDropTime", func(c *clusterElement, g given) { c.Channel.Membership.DropTime = g.period() }, "of an old Tomcat: Membership's dropTime"},
	{"tcpListenAddress", func(c *clusterElement, g given) { g.receiverAddress(&c.Channel.Address) }, "of an old Tomcat: Receiver's address"},
	{"tcpListenPort", func(c *clusterElement, g given) { c.Channel.Port = g.port() }, "of an old Tomcat: Receiver's port"},
}}

// startOptions reads channelStartOptions.
func (g given) startOptions(c *clusterElement) {
	switch n := g.number(0, 15); n {
	case 15:
	case 3:
		c.Channel.NoMembership = true
	default:
		g.l.unsupported(g.Pos, fmt.Sprintf("%s=%s has no effect: all parts of the channel run", g.Name, quoteXML(g.Value)), "write 15, or 3 for members that are configured only")
	}
}

const simpleTCPCluster = "org.apache.catalina.ha.tcp.SimpleTcpCluster"

// cluster reads a <Cluster>, of which there is at most one; before is the one
// that was there.
func (l *loader) cluster(e *syntax.Element, before *node.Cluster) *node.Cluster {
	if before != nil {
		l.wrong(e.Pos, fmt.Sprintf("there is a Cluster already, in line %d", before.Line), "remove one of them")
		return before
	}
	if name := l.classOf(e, "Cluster classes", ""); name != simpleTCPCluster {
		l.wrong(at(e, "className"), fmt.Sprintf("the class of the Cluster is %q", name), fmt.Sprintf("write className=%q", simpleTCPCluster))
		return nil
	}
	c := clusterElement{Cluster: node.Cluster{Line: l.line(e)}}
	c.Manager.Line = l.line(e)
	clusterTable.read(l, e, &c)
	for i := range e.Children {
		l.clusterChild(e, &e.Children[i], &c)
	}
	l.clusterDefaults(e, &c)
	return &c.Cluster
}

func (l *loader) clusterChild(e, child *syntax.Element, c *clusterElement) {
	switch child.Name {
	case "Manager":
		c.Cluster.Manager = l.manager(child, true)
	case "Channel":
		l.channel(child, c)
	case "Membership", "Receiver", "Sender":
		l.warn(child.Pos, fmt.Sprintf("<%s> in <Cluster> is of Tomcat 5.5: it is taken as that of its Channel; nodes of 5.5 do not understand those of today", child.Name), "put it into <Channel>")
		l.channelChild(e, child, c)
	case "Valve":
		l.clusterValve(child, c)
	case "ClusterListener":
		l.clusterListener(child, c)
	case "Deployer":
		l.unsupported(child.Pos, "<Deployer> has no effect: applications are not spread over the nodes", "")
	case "Listener":
		l.listener(child)
	default:
		l.otherElement("Cluster", e, child, "<Manager>", "<Channel>", "<Valve>", "<ClusterListener>", "<Listener>")
	}
}

// clusterDefaults fills in what Tomcat does, and tells what cannot be meant.
//
// Source: SimpleTcpCluster.checkDefaults.
func (l *loader) clusterDefaults(e *syntax.Element, c *clusterElement) {
	if c.valves > 0 {
		c.NotReplicated, c.NotBound = !c.reports, !c.bound
		if c.NotReplicated {
			l.warn(e.Pos, "the Cluster has Valves and no ReplicationValve: changes of sessions are not told to other nodes", `write <Valve className="org.apache.catalina.ha.tcp.ReplicationValve"/> in it`)
		}
	}
	if c.listens && !c.sessions && c.Cluster.Manager.Kind == node.DeltaManager {
		l.warn(e.Pos, "the Cluster has ClusterListeners and no ClusterSessionListener: a Tomcat with this file takes no session of other nodes; this node does",
			`write <ClusterListener className="org.apache.catalina.ha.session.ClusterSessionListener"/> in it`)
	}
	for i, kind := range c.order {
		if kind == "EncryptInterceptor" && slices.Contains(c.order[:i], "TcpFailureDetector") {
			l.wrong(e.Pos, "EncryptInterceptor stands below TcpFailureDetector: Tomcat does not start so", "put it before TcpFailureDetector")
		}
	}
}

// A replicationValve is what a ReplicationValve says.
type replicationValve struct {
	filter string
}

var replicationTable = table[replicationValve]{"Valve ReplicationValve", []row[replicationValve]{
	{"filter", func(v *replicationValve, g given) { v.filter = g.filter() }, "paths of requests that change no session: one regular expression, or several with ; between, as Tomcat 5.5 and 6.0 have them"},
}}

var binderTable = table[bool]{"Valve JvmRouteBinderValve", []row[bool]{
	{"enabled", func(on *bool, g given) { *on = g.bool() }, "false: ids keep the route of a node that is gone"},
}}

// filter reads the filter of a ReplicationValve. Tomcat since 7.0 takes it as
// one expression, in which a path never has a ";"; before it was a list.
func (g given) filter() string {
	if !strings.Contains(g.Value, ";") {
		if g.Value != "" {
			g.pattern()
		}
		return g.Value
	}
	var all []string
	for text := range strings.SplitSeq(g.Value, ";") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		if _, err := javaPattern(text); err != nil {
			g.l.wrong(g.Pos, fmt.Sprintf("%s: %s is no regular expression that is known here: %v", g.Name, quoteXML(text), err), "")
			continue
		}
		all = append(all, text)
	}
	joined := strings.Join(all, "|")
	g.l.warn(g.Pos, "filter is a list with ; between, as Tomcat 5.5 and 6.0 have it: each of it counts here. Tomcat since 7.0 takes it as one expression, which no path matches",
		fmt.Sprintf("write filter=%s, which means the same to both", quoteXML(joined)))
	return joined
}

// clusterValve reads a <Valve> of a Cluster.
func (l *loader) clusterValve(e *syntax.Element, c *clusterElement) {
	name := l.classOf(e, "Valve classes", "")
	c.valves++
	switch name {
	case "org.apache.catalina.ha.tcp.ReplicationValve":
		var v replicationValve
		replicationTable.read(l, e, &v)
		c.reports, c.Filter = true, v.filter
	case "org.apache.catalina.ha.session.JvmRouteBinderValve":
		c.bound = true
		binderTable.read(l, e, &c.bound)
	case "org.apache.catalina.ha.authenticator.ClusterSingleSignOn":
		l.unsupported(e.Pos, "ClusterSingleSignOn has no effect: a login holds for one application", "")
	default:
		c.valves--
		l.unsupported(at(e, "className"), fmt.Sprintf("%s has no effect in a Cluster", name), "put it into the Engine or Host, if it is for requests")
	}
}

// clusterListener reads a <ClusterListener>, none of which is needed.
func (l *loader) clusterListener(e *syntax.Element, c *clusterElement) {
	name := l.classOf(e, "ClusterListener classes", "")
	c.listens = true
	switch shortClass(name) {
	case "ClusterSessionListener":
		c.sessions = true
	case "JvmRouteSessionIDBinderListener":
		l.warn(at(e, "className"), "JvmRouteSessionIDBinderListener is of an old Tomcat: JvmRouteBinderValve does its work, and Tomcat 10.1 does not have it", "remove the line")
	default:
		l.unsupported(at(e, "className"), fmt.Sprintf("ClusterListener %s is Java, which does not run here: the messages that it waits for are dropped", name), "")
	}
}
