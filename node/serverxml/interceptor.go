package serverxml

import (
	"fmt"
	"strings"

	syntax "github.com/catflap/catflap/internal/config/serverxml"
	"github.com/catflap/catflap/node"
	"github.com/catflap/catflap/tribes/interceptor"
)

// flagRow is what every Interceptor has.
func flagRow[T any](base func(*T) *interceptor.Base) row[T] {
	return row[T]{"optionFlag", func(c *T, g given) { base(c).Flag = g.options() }, "send options of the messages that it is for; default all"}
}

var dispatchTable = table[interceptor.DispatchConfig]{"Interceptor MessageDispatchInterceptor", []row[interceptor.DispatchConfig]{
	{"maxQueueSize", func(c *interceptor.DispatchConfig, g given) { c.MaxQueueSize = g.number(1, 1<<40) }, "bytes of messages that wait; default 64 MiB"},
	{"alwaysSend", func(c *interceptor.DispatchConfig, g given) { c.NeverSend = !g.bool() }, "false: what does not fit is dropped, not waited for"},
	{"maxThreads", func(c *interceptor.DispatchConfig, g given) { c.Threads = int(g.number(1, 10000)) }, "messages that are sent at once; default 10"},
	flagRow(func(c *interceptor.DispatchConfig) *interceptor.Base { return &c.Base }),
}}

var detectorTable = table[interceptor.FailureDetectorConfig]{"Interceptor TcpFailureDetector", []row[interceptor.FailureDetectorConfig]{
	{"connectTimeout", func(c *interceptor.FailureDetectorConfig, g given) { c.ConnectTimeout = g.period() }, "ms; default 1000"},
	{"performSendTest", func(c *interceptor.FailureDetectorConfig, g given) { c.NoSendTest = !g.bool() }, "false: to connect is enough"},
	{"performReadTest", func(c *interceptor.FailureDetectorConfig, g given) { c.ReadTest = g.bool() }, "true: the node has to answer"},
	{"readTestTimeout", func(c *interceptor.FailureDetectorConfig, g given) { c.ReadTestTimeout = g.period() }, "ms; default 5000"},
	{"removeSuspectsTimeout", func(c *interceptor.FailureDetectorConfig, g given) { c.RemoveSuspectTimeout = g.times(1e9) }, "seconds; default 300"},
	flagRow(func(c *interceptor.FailureDetectorConfig) *interceptor.Base { return &c.Base }),
}}

var pingTable = table[interceptor.PingConfig]{"Interceptor TcpPingInterceptor", []row[interceptor.PingConfig]{
	{"interval", func(c *interceptor.PingConfig, g given) { c.Interval = g.period() }, "ms; default 1000"},
	{"useThread", func(c *interceptor.PingConfig, g given) { c.UseThread = g.bool() }, "true: each interval, else with the channel's heartbeat"},
	{"staticOnly", func(c *interceptor.PingConfig, g given) { c.StaticOnly = g.bool() }, "true: only configured members"},
	flagRow(func(c *interceptor.PingConfig) *interceptor.Base { return &c.Base }),
}}

var gzipTable = table[interceptor.GzipConfig]{"Interceptor GzipInterceptor", []row[interceptor.GzipConfig]{
	{"compressionMinSize", func(c *interceptor.GzipConfig, g given) { c.MinSize = max(0, g.int()) }, "bytes; shorter messages are left as they are"},
	flagRow(func(c *interceptor.GzipConfig) *interceptor.Base { return &c.Base }),
}}

var encryptTable = table[interceptor.EncryptConfig]{"Interceptor EncryptInterceptor", []row[interceptor.EncryptConfig]{
	{"encryptionAlgorithm", func(c *interceptor.EncryptConfig, g given) { c.Algorithm = g.text() }, "AES/GCM/NoPadding or AES/CBC/PKCS5Padding; the same on all nodes"},
	{"encryptionKey", func(c *interceptor.EncryptConfig, g given) { c.Key = g.text() }, "32, 48 or 64 hex digits; the same on all nodes"},
	{"replayWindowTime", func(c *interceptor.EncryptConfig, g given) { c.ReplayWindow = g.period() }, "ms that clocks may differ by; default 10000"},
	{"replayWindowMessageCount", func(c *interceptor.EncryptConfig, g given) { c.ReplayCount = int(g.number(1, 1<<24)) }, "messages that are remembered; default 8192"},
	flagRow(func(c *interceptor.EncryptConfig) *interceptor.Base { return &c.Base }),
}}

var fragmentationTable = table[interceptor.FragmentationConfig]{"Interceptor FragmentationInterceptor", []row[interceptor.FragmentationConfig]{
	{"maxSize", func(c *interceptor.FragmentationConfig, g given) { c.MaxSize = int(g.number(1, 1<<30)) }, "bytes of a piece; default 102400"},
	{"expire", func(c *interceptor.FragmentationConfig, g given) { c.Expire = g.period() }, "ms that missing pieces are waited for; default 60000"},
	flagRow(func(c *interceptor.FragmentationConfig) *interceptor.Base { return &c.Base }),
}}

var orderTable = table[interceptor.OrderConfig]{"Interceptor OrderInterceptor", []row[interceptor.OrderConfig]{
	{"expire", func(c *interceptor.OrderConfig, g given) { c.Expire = g.period() }, "ms that a gap is waited for; default 3000"},
	{"forwardExpired", func(c *interceptor.OrderConfig, g given) { c.DropExpired = !g.bool() }, "false: what waited in vain is dropped"},
	{"maxQueue", func(c *interceptor.OrderConfig, g given) { c.MaxQueue = int(min(g.number(1, 1<<31-1), 1<<20)) }, "messages of a node that wait"},
	flagRow(func(c *interceptor.OrderConfig) *interceptor.Base { return &c.Base }),
}}

var throughputTable = table[interceptor.ThroughputConfig]{"Interceptor ThroughputInterceptor", []row[interceptor.ThroughputConfig]{
	{"interval", func(c *interceptor.ThroughputConfig, g given) { c.Interval = g.number(1, 1<<40) }, "every so many messages a line is logged"},
	flagRow(func(c *interceptor.ThroughputConfig) *interceptor.Base { return &c.Base }),
}}

var domainTable = table[interceptor.DomainFilterConfig]{"Interceptor DomainFilterInterceptor", []row[interceptor.DomainFilterConfig]{
	{"domain", func(c *interceptor.DomainFilterConfig, g given) { c.Domain = g.bytes() }, "only nodes of it are known"},
	{"logInterval", func(c *interceptor.DomainFilterConfig, g given) { c.LogInterval = g.number(1, 1<<40) }, "every so many refused messages one is logged"},
	flagRow(func(c *interceptor.DomainFilterConfig) *interceptor.Base { return &c.Base }),
}}

var staticMembersTable = table[interceptor.StaticMembershipConfig]{"Interceptor StaticMembershipInterceptor", []row[interceptor.StaticMembershipConfig]{
	flagRow(func(c *interceptor.StaticMembershipConfig) *interceptor.Base { return &c.Base }),
}}

// readInto reads e, and returns what it says as an Interceptor's Config.
func readInto[T any](l *loader, e *syntax.Element, t table[T]) T {
	var c T
	t.read(l, e, &c)
	return c
}

const interceptorClass = tribesClass + "group.interceptors."

// interceptor reads an <Interceptor>.
func (l *loader) interceptor(e *syntax.Element, c *clusterElement) {
	name := l.classOf(e, "Interceptor classes", "")
	short := strings.TrimPrefix(name, interceptorClass)
	i := node.Interceptor{Line: l.line(e)}
	switch short {
	case "MessageDispatchInterceptor":
		i.Config = readInto(l, e, dispatchTable)
	case "TcpFailureDetector":
		i.Config = readInto(l, e, detectorTable)
	case "TcpPingInterceptor":
		i.Config = readInto(l, e, pingTable)
	case "GzipInterceptor":
		i.Config = readInto(l, e, gzipTable)
	case "EncryptInterceptor":
		i.Config = l.encrypt(e)
	case "FragmentationInterceptor":
		i.Config = readInto(l, e, fragmentationTable)
	case "OrderInterceptor":
		i.Config = readInto(l, e, orderTable)
	case "ThroughputInterceptor":
		i.Config = readInto(l, e, throughputTable)
	case "DomainFilterInterceptor":
		i.Config = readInto(l, e, domainTable)
	case "StaticMembershipInterceptor":
		s := readInto(l, e, staticMembersTable)
		s.Members = l.members(e, c)
		i.Config = s
	default:
		l.otherInterceptor(e, name)
		return
	}
	c.order = append(c.order, short)
	c.Interceptors = append(c.Interceptors, i)
	for j := range e.Children {
		if short != "StaticMembershipInterceptor" {
			l.otherElement("Interceptor", e, &e.Children[j])
		}
	}
}

// otherInterceptor tells of one that is not here. What changes messages cannot
// be left out: then the nodes do not understand each other.
func (l *loader) otherInterceptor(e *syntax.Element, name string) {
	pos := at(e, "className")
	switch b := bystanderOf("Interceptor classes", name); {
	case name == "":
		l.wrong(e.Pos, "<Interceptor> has no className", "")
	case b == nil:
		l.wrong(pos, fmt.Sprintf("the Interceptor %s is not known here: if it changes messages, this node and the others do not understand each other", name), "remove it from all nodes")
	case b.class == classCloses:
		l.wrong(pos, fmt.Sprintf("%s %s", shortClass(name), b.why), "remove it from all nodes")
	case b.class == classUnsupported:
		l.unsupported(pos, fmt.Sprintf("%s has no effect: %s", shortClass(name), b.why), "")
	}
}

// encrypt reads an EncryptInterceptor, and tries its key.
func (l *loader) encrypt(e *syntax.Element) interceptor.EncryptConfig {
	cfg := readInto(l, e, encryptTable)
	if _, err := interceptor.NewEncrypt(cfg); err != nil {
		l.wrong(at(e, "encryptionKey"), err.Error(), "openssl rand -hex 32 makes a key; all nodes have to have the same")
	}
	return cfg
}
