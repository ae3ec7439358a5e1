package serverxml

import (
	"fmt"
	"slices"
	"strings"

	syntax "github.com/catflap/catflap/internal/config/serverxml"
	"github.com/catflap/catflap/internal/mistake"
	"github.com/catflap/catflap/node"
)

// A tlsElement is what <SSLHostConfig> and <Certificate> say.
type tlsElement struct {
	node.TLS
	name         string
	certificates int
}

var sslHostTable = table[tlsElement]{"SSLHostConfig", []row[tlsElement]{
	{"hostName", func(t *tlsElement, g given) { t.name = g.text() }, "the one that the Connector's defaultSSLHostConfigName names counts for every name"},
	{"protocols", func(t *tlsElement, g given) { g.protocols(t) }, "of TLSv1.2 and TLSv1.3; older ones are not spoken"},
	{"certificateVerification", func(t *tlsElement, g given) { g.verifyClients() }, "an error unless it is none or optional: certificates of clients are not checked"},
}}

var certificateTable = table[tlsElement]{"Certificate", []row[tlsElement]{
	{"certificateFile", func(t *tlsElement, g given) { t.CertificateFile = g.text() }, "PEM"},
	{"certificateKeyFile", func(t *tlsElement, g given) { t.KeyFile = g.text() }, "PEM, not encrypted; default certificateFile"},
	{"certificateChainFile", func(t *tlsElement, g given) { t.ChainFile = g.text() }, "PEM"},
	{"certificateKeystoreFile", func(t *tlsElement, g given) { g.keystore() }, "an error that says how to make PEM files of it"},
	{"certificateKeyPassword", func(t *tlsElement, g given) { g.keyPassword() }, "an error that says how to decrypt the key"},
	{"certificateKeyPasswordFile", func(t *tlsElement, g given) { g.keyPassword() }, "the same"},
}}

// keystore tells how to make PEM files of a keystore.
func (g given) keystore() {
	file := g.text()
	if unset(g.Value) != "" {
		g.wrong("")
		return
	}
	pem := strings.TrimSuffix(file, ".jks") + ".pem"
	g.l.wrong(g.Pos, fmt.Sprintf("%s: keystores of Java are not read, and the port is not served in clear", g.Name),
		fmt.Sprintf(`openssl pkcs12 -in %s -nodes -out %s, then <Certificate certificateFile="%s"/>; if openssl cannot read it, first keytool -importkeystore -srckeystore %s -destkeystore %s -deststoretype PKCS12, and take that`,
			quoteShell(file), quoteShell(pem), pem, quoteShell(file), quoteShell(file+".p12")))
}

// keyPassword tells how to decrypt a key.
func (g given) keyPassword() {
	g.l.wrong(g.Pos, fmt.Sprintf("%s: encrypted keys are not read", g.Name), "openssl pkey -in KEY -out PLAINKEY, readable by nobody else, then certificateKeyFile=\"PLAINKEY\"")
}

// quoteShell quotes what a shell would take apart.
func quoteShell(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("/._-+", r) && (r < '0' || r > 'z' || r > '9' && r < 'A' || r > 'Z' && r < 'a')
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// verifyClients refuses to serve who would have to show a certificate.
func (g given) verifyClients() {
	switch strings.ToLower(g.text()) {
	case "none", "false":
	case "optional", "optionalnoca", "optional_no_ca", "want":
		g.l.unsupported(g.Pos, fmt.Sprintf("%s=%s has no effect: clients are not asked for certificates", g.Name, quoteXML(g.Value)), "")
	default:
		g.l.wrong(g.Pos, fmt.Sprintf("%s=%s: certificates of clients are not checked here, so that all would be let in", g.Name, quoteXML(g.Value)),
			"let a front check them, and remove this; or turn the Connector off with port=\"-1\"")
	}
}

// protocols reads versions of TLS.
func (g given) protocols(t *tlsElement) {
	t.Protocols = nil
	text := strings.NewReplacer("+", " +", "-", " -", ",", " ").Replace(g.Value)
	for word := range strings.FieldsSeq(text) {
		name := strings.TrimLeft(word, "+-")
		versions := []string{name}
		switch strings.ToLower(name) {
		case "all":
			versions = []string{"TLSv1.2", "TLSv1.3"}
		case "tlsv1.2":
			versions[0] = "TLSv1.2"
		case "tlsv1.3":
			versions[0] = "TLSv1.3"
		case "sslv2hello":
			continue
		case "sslv2", "sslv3", "tlsv1", "tlsv1.0", "tlsv1.1":
			if word[0] != '-' {
				g.l.unsupported(g.Pos, name+" is not spoken: it is not safe", "")
			}
			continue
		default:
			g.wrong("a list of TLSv1.2 and TLSv1.3")
			return
		}
		for _, v := range versions {
			t.Protocols = slices.DeleteFunc(t.Protocols, func(s string) bool { return s == v })
			if word[0] != '-' {
				t.Protocols = append(t.Protocols, v)
			}
		}
	}
	if len(t.Protocols) == 0 {
		g.l.wrong(g.Pos, fmt.Sprintf("%s=%s leaves no version that is spoken here", g.Name, quoteXML(g.Value)), `write protocols="TLSv1.2,TLSv1.3"`)
	}
}

// connectorElements reads what a Connector holds. Of several SSLHostConfigs the
// default one counts.
func (l *loader) connectorElements(e *syntax.Element, c *connectorElement) {
	wanted := "_default_"
	if a := e.Attribute("defaultSSLHostConfigName"); a != nil {
		wanted = a.Value
	}
	for i := range e.Children {
		child := &e.Children[i]
		switch child.Name {
		case "SSLHostConfig":
			t := tlsElement{name: "_default_"}
			l.sslHost(child, &t)
			if !strings.EqualFold(t.name, wanted) {
				l.unsupported(child.Pos, fmt.Sprintf("the certificate of %s is not shown: clients get that of the default", t.name), "")
				continue
			}
			c.TLS = t
		case "Listener":
			l.listener(child)
		default:
			l.otherElement("Connector", e, child, "<SSLHostConfig>", "<Listener>")
		}
	}
}

// sslHost reads an <SSLHostConfig>. Of several certificates the first counts.
func (l *loader) sslHost(e *syntax.Element, t *tlsElement) {
	both := table[tlsElement]{sslHostTable.name, slices.Concat(sslHostTable.rows, certificateTable.rows)}
	both.read(l, e, t)
	for i := range e.Children {
		child := &e.Children[i]
		if child.Name != "Certificate" {
			l.otherElement("SSLHostConfig", e, child, "<Certificate>")
			continue
		}
		if t.certificates++; t.certificates > 1 {
			l.unsupported(child.Pos, "a second certificate of one name is not shown", "")
			continue
		}
		certificateTable.read(l, child, t)
	}
}

// ofTLS are attributes of a Connector that only one with TLS needs.
var ofTLS = []string{
	"sslProtocol", "sslEnabledProtocols", "ciphers", "clientAuth", "keystorePass", "keystoreType", "keyAlias", "SSLCertificateFile", "SSLCipherSuite", "SSLProtocol",
}

// inClear tells of a Connector that is set up for TLS and does not speak it.
func (l *loader) inClear(e *syntax.Element) {
	what := ""
	for _, a := range e.Attributes {
		if slices.Contains(ofTLS, a.Name) {
			what = a.Name
			break
		}
	}
	for i := range e.Children {
		if name := e.Children[i].Name; name == "SSLHostConfig" || name == "Factory" {
			what = "<" + name + ">"
		}
	}
	if what != "" {
		l.warn(at(e, "SSLEnabled"), fmt.Sprintf("the Connector has %s, but no SSLEnabled=\"true\": it speaks in clear, as in Tomcat since 6.0", what), "write SSLEnabled=\"true\" for TLS, or remove what is for it")
	}
}

// tls returns what a Connector with SSLEnabled encrypts with. Without a
// certificate it is an error: it is not served in clear.
func (l *loader) tls(e *syntax.Element, t *tlsElement) *node.TLS {
	if t.CertificateFile == "" {
		if l.found.Errors() == 0 || !l.toldIn(e) {
			l.wrong(e.Pos, "the Connector has SSLEnabled and no certificate", `write <SSLHostConfig><Certificate certificateFile="….pem" certificateKeyFile="….pem"/></SSLHostConfig> in it`)
		}
		return nil
	}
	if t.KeyFile == "" {
		t.KeyFile = t.CertificateFile
	}
	return &t.TLS
}

// toldIn reports whether there is a mistake in e.
func (l *loader) toldIn(e *syntax.Element) bool {
	for _, m := range l.found {
		if m.Pos.File == e.Pos.File && m.Pos.Line >= e.Pos.Line && m.Pos.Line <= lastLine(e) && m.Severity == mistake.Error {
			return true
		}
	}
	return false
}

// lastLine is the last line in which something of e begins.
func lastLine(e *syntax.Element) int {
	last := e.Pos.Line
	for _, a := range e.Attributes {
		last = max(last, a.Pos.Line)
	}
	for i := range e.Children {
		last = max(last, lastLine(&e.Children[i]))
	}
	return last
}
