package serverxml

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	syntax "github.com/catflap/catflap/internal/config/serverxml"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/static"
)

const tribesClass = "org.apache.catalina.tribes."

var channelTable = table[clusterElement]{"Channel", []row[clusterElement]{
	{"heartbeatSleeptime", func(c *clusterElement, g given) { c.Channel.HeartbeatEvery = g.period() }, "ms between looks at connections and interceptors"},
}}

// channel reads a <Channel>.
func (l *loader) channel(e *syntax.Element, c *clusterElement) {
	if name := l.classOf(e, "Channel classes", tribesClass+"group.GroupChannel"); name != tribesClass+"group.GroupChannel" {
		l.wrong(at(e, "className"), fmt.Sprintf("the class of the Channel is %q", name), fmt.Sprintf("write className=%q", tribesClass+"group.GroupChannel"))
	}
	channelTable.read(l, e, c)
	for i := range e.Children {
		l.channelChild(e, &e.Children[i], c)
	}
}

func (l *loader) channelChild(e, child *syntax.Element, c *clusterElement) {
	switch child.Name {
	case "Membership":
		l.membership(child, c)
	case "Receiver":
		l.receiver(child, c)
	case "Sender":
		l.sender(child, c)
	case "Interceptor":
		l.interceptor(child, c)
	default:
		l.otherElement("Channel", e, child, "<Membership>", "<Receiver>", "<Sender>", "<Interceptor>")
	}
}

var mcastTable = table[clusterElement]{"Membership McastService", []row[clusterElement]{
	{"address", func(c *clusterElement, g given) { c.Channel.Membership.Group = g.group() }, "of the group; the same on all nodes; default 228.0.0.4"},
	{"mcastAddress", func(c *clusterElement, g given) { c.Channel.Membership.Group = g.group() }, "the same"},
	{"mcastAddr", func(c *clusterElement, g given) { c.Channel.Membership.Group = g.group() }, "the same, of an old Tomcat"},
	{"port", func(c *clusterElement, g given) { c.Channel.Membership.Port = int(g.number(1, 65535)) }, "of the group; the same on all nodes; default 45564"},
	{"mcastPort", func(c *clusterElement, g given) { c.Channel.Membership.Port = int(g.number(1, 65535)) }, "the same, of an old Tomcat"},
	{"bind", func(c *clusterElement, g given) { c.Channel.Membership.Bind = g.address() }, "the address of the interface to use"},
	{"mcastBindAddress", func(c *clusterElement, g given) { c.Channel.Membership.Bind = g.address() }, "the same, of an old Tomcat"},
	{"ttl", func(c *clusterElement, g given) { c.Channel.Membership.TTL = max(0, int(g.number(-1, 255))) }, "how many routers a heartbeat passes; default 1, this network"},
	{"mcastTTL", func(c *clusterElement, g given) { c.Channel.Membership.TTL = max(0, int(g.number(-1, 255))) }, "the same, of an old Tomcat"},
	{"frequency", func(c *clusterElement, g given) { c.Channel.Membership.Frequency = g.period() }, "ms between heartbeats; default 500"},
	{"mcastFrequency", func(c *clusterElement, g given) { c.Channel.Membership.Frequency = g.period() }, "the same, of an old Tomcat"},
	{"dropTime", func(c *clusterElement, g given) { c.Channel.Membership.DropTime = g.period() }, "ms of silence after which a node is gone; default 3000"},
	{"mcastDropTime", func(c *clusterElement, g given) { c.Channel.Membership.DropTime = g.period() }, "the same, of an old Tomcat"},
	{"memberDropTime", func(c *clusterElement, g given) { c.Channel.Membership.DropTime = g.period() }, "the same"},
	{"soTimeout", func(c *clusterElement, g given) { c.Channel.Membership.SoTimeout = max(0, g.millis()) }, "ms between looks for silent nodes; default frequency"},
	{"mcastSoTimeout", func(c *clusterElement, g given) { c.Channel.Membership.SoTimeout = max(0, g.millis()) }, "the same, of an old Tomcat"},
	{"domain", func(c *clusterElement, g given) { c.Channel.Domain = g.bytes() }, "told to others, for DomainFilterInterceptor"},
	{"mcastClusterDomain", func(c *clusterElement, g given) { c.Channel.Domain = g.bytes() }, "the same, of an old Tomcat"},
	{"localLoopbackDisabled", func(c *clusterElement, g given) { c.Channel.Membership.NoLoop = g.bool() }, "true: other nodes on this machine are not heard"},
	{"recoveryEnabled", func(c *clusterElement, g given) { c.Channel.Membership.NoRecovery = !g.bool() }, "false: a group that breaks is not joined again"},
	{"recoveryCounter", func(c *clusterElement, g given) { c.Channel.Membership.RecoveryCount = int(g.number(1, 1<<30)) }, "errors in a row after which it is joined again; default 10"},
	{"recoverySleepTime", func(c *clusterElement, g given) { c.Channel.Membership.RecoverySleep = g.period() }, "ms between tries; default 5000"},
}}

var staticTable = table[clusterElement]{"Membership StaticMembershipService", []row[clusterElement]{
	{"connectTimeout", func(c *clusterElement, g given) { c.Static.ConnectTimeout = g.period() }, "ms; default 500"},
	{"rpcTimeout", func(c *clusterElement, g given) { c.Static.RPCTimeout = g.period() }, "ms; default 3000"},
	{"expirationTime", func(c *clusterElement, g given) { c.Static.ExpirationTime = g.period() }, "ms of silence after which a node is gone; default 5000"},
	{"useThread", func(c *clusterElement, g given) { c.thread = g.bool() }, "true: nodes are asked each pingInterval, else with the channel's heartbeat"},
	{"pingInterval", func(c *clusterElement, g given) { c.Static.PingInterval = g.period() }, "ms; default 1000"},
}}

// membership reads a <Membership>.
func (l *loader) membership(e *syntax.Element, c *clusterElement) {
	switch name := l.classOf(e, "Membership classes", tribesClass+"membership.McastService"); name {
	case tribesClass + "membership.McastService":
		mcastTable.read(l, e, c)
		for i := range e.Children {
			l.otherElement("Membership", e, &e.Children[i])
		}
	case tribesClass + "membership.StaticMembershipService":
		c.Static = static.Config{PingInterval: time.Second}
		staticTable.read(l, e, c)
		if !c.thread {
			c.Static.PingInterval = 0
		}
		c.StaticMembers = l.members(e, c)
	default:
		l.wrong(at(e, "className"), fmt.Sprintf("Membership of the class %s is not known here: the node would find nobody", name),
			fmt.Sprintf("write className=%q, or %s, and name the members", tribesClass+"membership.McastService", "StaticMembershipService in that package"))
	}
}

// members reads the <Member> elements of e, and its <LocalMember>. The result
// is not nil.
func (l *loader) members(e *syntax.Element, c *clusterElement) []tribes.Member {
	all := []tribes.Member{}
	for i := range e.Children {
		child := &e.Children[i]
		m := tribes.Member{SecurePort: -1, UDPPort: -1, Static: true}
		switch child.Name {
		case "LocalMember":
			memberTable.read(l, child, &m)
			c.Channel.ID = m.ID
			if m.Domain != nil {
				c.Channel.Domain = m.Domain
			}
		case "Member":
			memberTable.read(l, child, &m)
			if child.Attribute("host") == nil || child.Attribute("port") == nil {
				l.wrong(child.Pos, "<Member> has to have host and port", "")
			}
			if child.Attribute("uniqueId") == nil {
				l.warn(child.Pos, "<Member> has no uniqueId: the member is not recognised by what it sends", `write uniqueId="{…}" with the 16 numbers that the member has in its own file, as LocalMember`)
			}
			all = append(all, m)
		default:
			l.otherElement(e.Name, e, child, "<Member>", "<LocalMember>")
		}
	}
	return all
}

var memberTable = table[tribes.Member]{"Member", []row[tribes.Member]{
	{"host", func(m *tribes.Member, g given) { m.Host = g.address() }, "its Receiver's address"},
	{"port", func(m *tribes.Member, g given) { m.Port = int32(g.number(1, 65535)) }, "and port"},
	{"securePort", func(m *tribes.Member, g given) { m.SecurePort = int32(g.port()) }, "is told"},
	{"udpPort", func(m *tribes.Member, g given) { m.UDPPort = int32(g.port()) }, "where it takes UDP"},
	{"uniqueId", func(m *tribes.Member, g given) { m.ID = g.id() }, "16 numbers from -128 to 255: {0,1,2,…}"},
	{"domain", func(m *tribes.Member, g given) { m.Domain = g.bytes() }, "as Membership's"},
}}

// group reads the address of a multicast group.
func (g given) group() netip.Addr {
	ip := g.address()
	if ip.IsValid() && !ip.IsMulticast() {
		g.wrong("an address of multicast, as 228.0.0.4")
	}
	return ip
}

// bytes reads text, or bytes as {1,2,3}.
//
// Source: tribes.util.Arrays.fromString, Arrays.convert.
func (g given) bytes() []byte {
	text := g.text()
	if !strings.HasPrefix(text, "{") {
		var b []byte
		for _, r := range g.Value {
			b = append(b, byte(min(r, 255)))
		}
		return b
	}
	text = strings.TrimSuffix(text[1:], "}")
	var b []byte
	for word := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil || n < -128 || n > 255 {
			g.wrong("a list of numbers from -128 to 255, as {1,2,3}")
			return nil
		}
		b = append(b, byte(n))
	}
	return b
}

// id reads a unique id.
func (g given) id() tribes.ID {
	b := g.bytes()
	if len(b) != 16 || !strings.HasPrefix(g.text(), "{") {
		if b != nil {
			g.wrong("16 numbers, as {0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15}")
		}
		return tribes.ID{}
	}
	return tribes.ID(b)
}

var receiverTable = table[clusterElement]{"Receiver", []row[clusterElement]{
	{"address", func(c *clusterElement, g given) { g.receiverAddress(&c.Channel.Address) }, "an address of this machine that the others reach, a name, or auto"},
	{"tcpListenAddress", func(c *clusterElement, g given) { g.receiverAddress(&c.Channel.Address) }, "the same, of an old Tomcat"},
	{"port", func(c *clusterElement, g given) { c.Channel.Port = int(g.number(1, 65535)) }, "default 4000"},
	{"tcpListenPort", func(c *clusterElement, g given) { c.Channel.Port = int(g.number(1, 65535)) }, "the same, of an old Tomcat"},
	{"autoBind", func(c *clusterElement, g given) { c.Channel.AutoBind = max(1, g.int()) }, "how many ports are tried from port on; default 100"},
	{"securePort", func(c *clusterElement, g given) { c.Channel.SecurePort = g.port() }, "is told to others"},
	{"udpPort", func(c *clusterElement, g given) { c.Channel.UDPPort = g.port() }, "where messages with the option udp come in"},
}}

// receiver reads a <Receiver>.
func (l *loader) receiver(e *syntax.Element, c *clusterElement) {
	if name := l.classOf(e, "Receiver classes", tribesClass+"transport.nio.NioReceiver"); !strings.HasPrefix(name, tribesClass+"transport.") {
		l.unsupported(at(e, "className"), fmt.Sprintf("the class %s is Java, which does not run here: what it takes is taken as NioReceiver takes it", name), "")
	}
	receiverTable.read(l, e, c)
	for i := range e.Children {
		l.otherElement("Receiver", e, &e.Children[i])
	}
}

// receiverAddress reads an address of this machine; auto is the zero one.
func (g given) receiverAddress(to *netip.Addr) {
	if *to = (netip.Addr{}); strings.EqualFold(g.text(), "auto") {
		return
	}
	*to = g.address()
	if _, err := netip.ParseAddr(g.text()); err != nil && to.IsLoopback() && !strings.EqualFold(g.text(), "localhost") {
		g.l.warn(g.Pos, fmt.Sprintf("the name %s is %v on this machine: other machines cannot reach that", g.text(), *to), "write the address of this machine, or correct /etc/hosts")
	}
	if to.IsUnspecified() {
		g.l.wrong(g.Pos, fmt.Sprintf("%s=%s: it is told to the other nodes, which cannot reach it", g.Name, quoteXML(g.Value)), `write an address of this machine, or "auto"`)
	}
}

var transportTable = table[clusterElement]{"Transport", []row[clusterElement]{
	{"timeout", func(c *clusterElement, g given) { c.Channel.Sender.Timeout = g.period() }, "ms to connect, to send, and for an acknowledgement; default 3000"},
	{"ackTimeout", func(c *clusterElement, g given) { c.Channel.Sender.Timeout = g.period() }, "the same, of an old Tomcat"},
	{"maxRetryAttempts", func(c *clusterElement, g given) {
		if c.Channel.Sender.MaxRetries = g.int(); c.Channel.Sender.MaxRetries == 0 {
			c.Channel.Sender.MaxRetries = -1
		}
	}, "how often a message is sent again; default 1"},
	{"keepAliveTime", func(c *clusterElement, g given) { c.Channel.Sender.KeepAliveTime = max(0, g.millis()) }, "ms that a connection is kept unused; -1 is for ever"},
	{"keepAliveCount", func(c *clusterElement, g given) { c.Channel.Sender.KeepAliveCount = max(0, g.int()) }, "messages of one connection; -1 is no limit"},
	{"throwOnFailedAck", func(c *clusterElement, g given) { c.Channel.Sender.AcceptFailedAck = !g.bool() }, "false: a node that could not work on a message is no error"},
	{"poolSize", func(c *clusterElement, g given) { c.Channel.Sender.PoolSize = int(g.number(1, 10000)) }, "connections to one node at once; default 25"},
	{"maxWait", func(c *clusterElement, g given) { c.Channel.Sender.MaxWait = max(0, g.millis()) }, "ms to wait for a free one; default 3000"},
}}

// sender reads a <Sender> with its <Transport>. Tomcat 5.5 has all of it in
// <Sender>.
func (l *loader) sender(e *syntax.Element, c *clusterElement) {
	l.transportClass(e, "Sender", tribesClass+"transport.ReplicationTransmitter")
	transportTable.read(l, e, c)
	for i := range e.Children {
		child := &e.Children[i]
		if child.Name != "Transport" {
			l.otherElement("Sender", e, child, "<Transport>")
			continue
		}
		l.transportClass(child, "Transport", tribesClass+"transport.nio.PooledParallelSender")
		transportTable.read(l, child, c)
	}
}

func (l *loader) transportClass(e *syntax.Element, section, usual string) {
	if name := l.classOf(e, section+" classes", usual); name != usual && bystanderOf(section+" classes", name) == nil {
		l.unsupported(at(e, "className"), fmt.Sprintf("the class %s is Java, which does not run here: messages are sent as %s does", name, shortClass(usual)), "")
	}
}
