package serverxml

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"

	syntax "github.com/catflap/catflap/internal/config/serverxml"
	"github.com/catflap/catflap/node"
)

// A connectorElement is what <Connector> says.
type connectorElement struct {
	node.Connector
	AJP      node.AJP
	TLS      tlsElement
	executor string
	tls      bool // SSLEnabled
}

var connectorTable = table[connectorElement]{"Connector", []row[connectorElement]{
	{"protocol", func(*connectorElement, given) {}, "HTTP/1.1, AJP/1.3, or the name of a class of Tomcat for one of them"},
	{"port", func(c *connectorElement, g given) { c.Port = g.port() }, "where it listens; 0 takes a free port, -1 turns it off"},
	{"address", func(c *connectorElement, g given) { c.Address = g.text() }, "on which address; default all of them, of AJP only this machine"},
	{"connectionTimeout", func(c *connectorElement, g given) { c.ConnectionTimeout = g.millis() }, "ms to wait for a request's head and for more of its body; -1 is for ever"},
	{"keepAliveTimeout", func(c *connectorElement, g given) { c.KeepAliveTimeout = g.millis() }, "ms to wait for the next request; default connectionTimeout"},
	{"maxKeepAliveRequests", func(c *connectorElement, g given) {
		if c.MaxKeepAlive = g.int(); c.MaxKeepAlive == 0 {
			c.MaxKeepAlive = 1
		}
	}, "of one connection; 1 is no keep-alive, -1 no limit"},
	{"executor", func(c *connectorElement, g given) { c.executor = g.text() }, "the Executor whose maxThreads count"},
	{"maxThreads", func(c *connectorElement, g given) { c.MaxThreads = max(0, g.int()) }, "requests at once; without it there is no limit"},
	{"maxConnections", func(c *connectorElement, g given) { c.MaxConnections = g.limit() }, "connections at once; -1 is no limit"},
	{"maxHttpHeaderSize", func(c *connectorElement, g given) { c.MaxHeaderSize = cmp.Or(c.MaxHeaderSize, max(0, g.int())) }, "bytes of a request's head"},
	{"maxHttpRequestHeaderSize", func(c *connectorElement, g given) { c.MaxHeaderSize = max(0, g.int()) }, "the same, and counts before it"},
	{"maxHeaderCount", func(c *connectorElement, g given) { c.MaxHeaderCount = g.limit() }, "headers of a request; -1 is no limit"},
	{"maxPostSize", func(c *connectorElement, g given) { c.MaxPostSize = cmp.Or(g.number(-1, 1<<40), 1) }, "bytes of a form; -1 is no limit"},
	{"scheme", func(c *connectorElement, g given) { c.Scheme = g.text() }, "what applications are told"},
	{"secure", func(c *connectorElement, g given) { c.Secure = g.bool() }, "whether they are told that the request came encrypted"},
	{"proxyName", func(c *connectorElement, g given) { c.ProxyName = g.text() }, "the name that they are told the client asked"},
	{"proxyPort", func(c *connectorElement, g given) { c.ProxyPort = max(0, g.port()) }, "and the port"},
	{"SSLEnabled", func(c *connectorElement, g given) { c.tls = g.bool() }, "it speaks TLS, with the PEM files of its SSLHostConfig"},
	{"SSLCertificateFile", func(c *connectorElement, g given) { c.TLS.CertificateFile = g.text() }, "of an old Tomcat: certificateFile"},
	{"SSLCertificateKeyFile", func(c *connectorElement, g given) { c.TLS.KeyFile = g.text() }, "of an old Tomcat: certificateKeyFile"},
	{"SSLCertificateChainFile", func(c *connectorElement, g given) { c.TLS.ChainFile = g.text() }, "of an old Tomcat: certificateChainFile"},
	{"keystoreFile", func(c *connectorElement, g given) { g.keystore() }, "an error that says how to make PEM files of it"},
	{"clientAuth", func(c *connectorElement, g given) { g.verifyClients() }, "an error unless it is false: certificates of clients are not checked"},
	{"SSLVerifyClient", func(c *connectorElement, g given) { g.verifyClients() }, "the same"},
}}

var ajpTable = table[connectorElement]{"Connector AJP", append(connectorTable.rows[:len(connectorTable.rows):len(connectorTable.rows)], []row[connectorElement]{
	{"secret", func(c *connectorElement, g given) { c.AJP.Secret = g.Value }, "what web servers have to know"},
	{"requiredSecret", func(c *connectorElement, g given) { c.AJP.Secret = g.Value }, "the same, of an old Tomcat"},
	{"secretRequired", func(c *connectorElement, g given) { c.AJP.SecretNotRequired = !g.bool() }, "false: no secret is wanted where there is none"},
	{"allowedRequestAttributesPattern", func(c *connectorElement, g given) { c.AJP.AllowedAttributes = g.pattern() }, "names of further attributes that the web server may send"},
	{"packetSize", func(c *connectorElement, g given) { c.AJP.PacketSize = int(g.number(1, 65536)) }, "bytes of a packet, from 8192 to 65536"},
}...)}

// connector reads a <Connector>; one without a port is none.
func (l *loader) connector(e *syntax.Element, s *serviceElement, offset int) {
	c := connectorElement{Connector: node.Connector{Line: l.line(e), Port: -1}}
	ajp, known := l.protocol(e)
	if !known {
		return
	}
	t := connectorTable
	if ajp {
		t = ajpTable
		c.ConnectionTimeout = -1
	}
	t.read(l, e, &c)
	l.connectorElements(e, &c)
	if c.Port < 0 {
		if e.Attribute("port") == nil {
			l.warn(e.Pos, "<Connector> has no port: it does not run", `write port="…", or port="-1" if that is meant`)
		}
		return
	}
	c.Port = l.moved(at(e, "port"), c.Port, offset)
	if c.executor != "" {
		threads, ok := s.executors[c.executor]
		if !ok {
			l.warn(at(e, "executor"), fmt.Sprintf("there is no <Executor> with the name %q", c.executor), "")
		}
		c.MaxThreads = threads
	}
	if ajp {
		c.Connector.AJP = &c.AJP
		l.secret(e, &c.AJP)
	}
	if c.tls && !ajp {
		c.Connector.TLS = l.tls(e, &c.TLS)
	}
	if !c.tls && !ajp {
		l.inClear(e)
	}
	l.twice(e, s, &c.Connector)
	s.Connectors = append(s.Connectors, c.Connector)
}

// protocol reports whether a Connector speaks AJP.
func (l *loader) protocol(e *syntax.Element) (ajp, known bool) {
	a := e.Attribute("protocol")
	if a == nil {
		return false, true
	}
	switch name := strings.TrimSpace(a.Value); name {
	case "HTTP/1.1", "org.apache.coyote.http11.Http11NioProtocol", "org.apache.coyote.http11.Http11Nio2Protocol", "org.apache.coyote.http11.Http11AprProtocol",
		"org.apache.coyote.http11.Http11Protocol":
		return false, true
	case "AJP/1.3", "org.apache.coyote.ajp.AjpNioProtocol", "org.apache.coyote.ajp.AjpNio2Protocol", "org.apache.coyote.ajp.AjpAprProtocol", "org.apache.coyote.ajp.AjpProtocol",
		"org.apache.jk.server.JkCoyoteHandler":
		return true, true
	}
	given{l, e.Name, *a}.wrong("a protocol that is known here: HTTP/1.1 or AJP/1.3")
	return false, false
}

// secret looks whether an AJP connector may run as it is. Where Tomcat's does
// not, because there is no secret, ours does on this machine alone.
func (l *loader) secret(e *syntax.Element, a *node.AJP) {
	address := ""
	if given := e.Attribute("address"); given != nil {
		address = strings.TrimSpace(given.Value)
	}
	ip, err := netip.ParseAddr(strings.Trim(address, "[]"))
	here := address == "" || address == "localhost" || err == nil && ip.IsLoopback()
	switch {
	case a.Secret != "" || a.SecretNotRequired:
	case here:
		l.warn(e.Pos, "the AJP connector has no secret: it runs, unlike Tomcat's, and is there for this machine only",
			`for a front elsewhere write address="…" and secret="…", the same secret there; for one here secretRequired="false" says that this is meant`)
	default:
		l.wrong(at(e, "address"), "an AJP connector that other machines reach has to have a secret", `write secret="…", the same as in the front; or secretRequired="false", if nobody else can reach the port`)
	}
}

// socketAddress is the address that c listens on; empty is all.
func socketAddress(c *node.Connector) string {
	switch ip, err := netip.ParseAddr(strings.Trim(c.Address, "[]")); {
	case c.Address == "" && c.AJP != nil || c.Address == "localhost":
		return "127.0.0.1"
	case err == nil && ip.IsUnspecified():
		return ""
	}
	return c.Address
}

// sameAddress reports whether sockets at both addresses are in each other's
// way.
func sameAddress(a, b string) bool { return a == b || a == "" || b == "" }

// twice tells of a port that two of a file's sockets want.
func (l *loader) twice(e *syntax.Element, s *serviceElement, c *node.Connector) {
	all := s.Connectors
	for _, other := range l.cfg.Services {
		all = append(all[:len(all):len(all)], other.Connectors...)
	}
	for _, other := range all {
		if other.Port == c.Port && c.Port > 0 && sameAddress(socketAddress(&other), socketAddress(c)) {
			l.wrong(at(e, "port"), fmt.Sprintf("the Connector of line %d has port %d, too", other.Line, c.Port), "give one of them another port or address")
		}
	}
	if stop := l.cfg.Shutdown; stop.Port == c.Port && c.Port > 0 && sameAddress(cmp.Or(stop.Address, "127.0.0.1"), socketAddress(c)) {
		l.wrong(at(e, "port"), fmt.Sprintf("port %d is where the node is told to stop, too", c.Port), "give the Server another port, or -1 for none")
	}
}
