package config

import (
	"slices"
	"strconv"
	"strings"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/front"
)

// protocolRows are the directives about which HTTP is spoken.
var protocolRows = []row{
	{"Protocols", topLevels, some, "Controls which protocols are allowed", protocols, "h2 in TLS, h2c for clients that begin with it, http/1.1, which is always spoken. Without mod_http2 only that.", "TestTLS"},
	{"ProtocolsHonorOrder", topLevels, one, "'off' (default) or 'on' to respect given order of protocols, by default the client specified order determines selection", protocolsHonorOrder, "Whether the order of Protocols counts, or the client's.", "web/handshake TestProtocolsAreChosen"},
	{"H2MaxSessionStreams", topLevels, one, "maximum number of open streams per session", h2Streams, "How many requests one connection carries at once.", "web/listener TestStreamsAreBounded"},
	{"H2Direct", topLevels, one, "on to enable direct HTTP/2 mode", h2Direct, "Whether h2c is taken up from clients that begin with it.", "TestTLS"},
}

// protocolSettings are those of a scope.
type protocolSettings struct {
	names   []string // lower case; nil: as inherited
	order   *bool
	streams *int
	direct  *bool
}

var protocolNames = []string{"h2", "h2c", "http/1.1", "acme-tls/1"}

func protocols(l *loader, p place, d *httpdconf.Directive) {
	names := []string{}
	for i, a := range d.Args {
		name := strings.ToLower(a.Text)
		if !slices.Contains(protocolNames, name) {
			l.warn(d, at(d, i), "Protocols: no module here speaks "+a.Text+"; it has no effect, as in httpd", near(name, protocolNames))
			continue
		}
		names = append(names, name)
	}
	if slices.ContainsFunc(names, func(n string) bool { return n == "h2" || n == "h2c" }) && !l.modules["http2_module"] {
		l.classify(d, Needless, "without mod_http2 HTTP/1.1 is spoken, as in httpd")
	}
	p.scope.tls.applied.names = names
}

func protocolsHonorOrder(l *loader, p place, d *httpdconf.Directive) {
	onOff(l, d, &p.scope.tls.applied.order, "ProtocolsHonorOrder must be 'on' or 'off'")
}

func h2Streams(l *loader, p place, d *httpdconf.Directive) {
	n, err := strconv.Atoi(arg(d, 0))
	if err != nil || n < 1 {
		l.fail(d, at(d, 0), "value must be > 0", "write a number, such as 100")
		return
	}
	p.scope.tls.applied.streams = &n
}

func h2Direct(l *loader, p place, d *httpdconf.Directive) {
	onOff(l, d, &p.scope.tls.applied.direct, "value must be On or Off")
}

// onOff sets to as the first argument of d says; text is what is wrong if it is
// neither.
func onOff(l *loader, d *httpdconf.Directive, to **bool, text string) {
	switch on := strings.ToLower(arg(d, 0)); on {
	case "on", "off":
		value := on == "on"
		*to = &value
	default:
		l.fail(d, at(d, 0), text, "")
	}
}

// spoken are the protocols of a site.
func (l *loader) spoken(s *scope) []string {
	names := s.tls.applied.names
	if names == nil {
		names = l.main.tls.applied.names
	}
	if names == nil {
		return []string{"http/1.1"}
	}
	return names
}

// alpn is what a site offers in TLS, and whether the client's order counts.
func (l *loader) alpn(s *scope) (names []string, clientOrder bool) {
	for _, name := range l.spoken(s) {
		if name == "h2" && l.modules["http2_module"] || name == "http/1.1" {
			names = append(names, name)
		}
	}
	if !slices.Contains(names, "http/1.1") {
		names = append(names, "http/1.1") // it is always spoken
	}
	return names, !either(s.tls.applied.order, l.main.tls.applied.order, true)
}

// http2 is how a site speaks HTTP/2.
func (l *loader) http2(s *scope) front.HTTP2 {
	own, main := s.tls.applied, l.main.tls.applied
	return front.HTTP2{
		Clear:   slices.Contains(l.spoken(s), "h2c") && l.modules["http2_module"] && either(own.direct, main.direct, true),
		Streams: either(own.streams, main.streams, 100),
	}
}
