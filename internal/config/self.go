package config

import (
	"runtime"
	"strings"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/front/canonical"
	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/settings"
)

// selfRows are the directives about what the server says of itself.
var selfRows = []row{
	{"UseCanonicalName", anywhere, one, "How to work out the ServerName : Port when constructing URLs", useCanonicalName, "By which name the server speaks of itself, in redirects, signatures, %V and to containers: as asked, ServerName, or by DNS.", "interop TestCanonicalNames"},
	{"UseCanonicalPhysicalPort", anywhere, one, "Whether to use the physical Port when constructing URLs", useCanonicalPort, "Whether the port of the socket stands in where the client, or ServerName, names none.", "interop TestCanonicalNames"},
	{"ServerSignature", anywhere, one, "En-/disable server signature (on|off|email)", serverSignature, "The last line of error pages and listings.", "interop TestSignatures"},
	{"ServerTokens", inServer, one, "Determine tokens displayed in the Server: header - Min(imal), Major, Minor, Prod(uctOnly), OS, or Full", serverTokens, "The Server header: catflap, with Major, Minor or Min its version, with OS or Full also the system. Without the line it is catflap.", "TestGolden/self"},
	{"AllowEncodedSlashes", topLevels, one, "Allow URLs containing '/' encoded as '%2F'", allowEncodedSlashes, "Whether %2F in a path is 404, a slash (On), or part of a name (NoDecode).", "interop TestEncodedSlashes"},
	{"TraceEnable", topLevels, one, "'on' (default), 'off' or 'extended' to trace request body content", traceEnable, "TRACE is answered only where it stands with on or extended.", "interop TestTrace"},
}

func allowEncodedSlashes(l *loader, p place, d *httpdconf.Directive) {
	words := map[string]canonical.Slashes{"off": canonical.SlashesRefused, "on": canonical.SlashesDecoded, "nodecode": canonical.SlashesKept}
	if mode, ok := keyword(l, d, words, "AllowEncodedSlashes must be On, Off, or NoDecode"); ok {
		p.scope.slashes = &mode
	}
}

// slashes is what encoded slashes are in a host; it inherits nothing, as seen
// at work.
func (l *loader) slashes(s *scope, uri exchange.URIMode) canonical.Slashes {
	mode := canonical.SlashesRefused
	if s.slashes != nil {
		mode = *s.slashes
	}
	if mode == canonical.SlashesKept && uri == exchange.URICompatUnparsed {
		mode = canonical.SlashesUnparsed
	}
	return mode
}

// keyword reads one of the words, in any case of letters; or says text.
func keyword[T any](l *loader, d *httpdconf.Directive, words map[string]T, text string) (T, bool) {
	found, ok := words[strings.ToLower(arg(d, 0))]
	if !ok {
		l.fail(d, at(d, 0), text, "")
	}
	return found, ok
}

func canonicalOf(layer *settings.Layer) *settings.CanonicalChange {
	if layer.Canonical == nil {
		layer.Canonical = &settings.CanonicalChange{}
	}
	return layer.Canonical
}

func useCanonicalName(l *loader, p place, d *httpdconf.Directive) {
	words := map[string]settings.CanonicalName{"off": settings.NameAsked, "on": settings.NameOwn, "dns": settings.NameByDNS}
	if name, ok := keyword(l, d, words, "parameter must be 'on', 'off', or 'dns'"); ok {
		canonicalOf(p.layer).Name = &name
	}
}

func useCanonicalPort(l *loader, p place, d *httpdconf.Directive) {
	if on, ok := keyword(l, d, map[string]bool{"on": true, "off": false}, "parameter must be 'on' or 'off'"); ok {
		canonicalOf(p.layer).PhysicalPort = &on
	}
}

func serverSignature(l *loader, p place, d *httpdconf.Directive) {
	words := map[string]settings.Signature{"off": settings.SignatureOff, "on": settings.SignatureOn, "email": settings.SignatureEMail}
	if s, ok := keyword(l, d, words, "ServerSignature: use one of: off | on | email"); ok {
		p.layer.Signature = &s
	}
}

// serverTokens makes the Server header. What it tells of the version is for
// the curious; without the line nothing is told.
func serverTokens(l *loader, _ place, d *httpdconf.Directive) {
	major, _, _ := strings.Cut(l.o.Version, ".")
	words := map[string]string{"major": "/" + major, "minor": "/" + l.o.Version, "min": "/" + l.o.Version, "minimal": "/" + l.o.Version, "prod": "", "productonly": ""}
	words["os"] = "/" + l.o.Version + " (" + strings.ToUpper(runtime.GOOS[:1]) + runtime.GOOS[1:] + ")"
	words["full"] = words["os"]
	if tail, ok := keyword(l, d, words, "ServerTokens takes 1 argument: 'Prod(uctOnly)', 'Major', 'Minor', 'Min(imal)', 'OS', or 'Full'"); ok {
		l.cfg.Process.ServerTokens = product + tail
	}
}

// product is the name that the Server header begins with.
const product = "catflap"

func traceEnable(l *loader, p place, d *httpdconf.Directive) {
	words := map[string]exchange.TraceMode{"off": exchange.TraceOff, "on": exchange.TraceOn, "extended": exchange.TraceExtended}
	if mode, ok := keyword(l, d, words, "TraceEnable must be one of 'on', 'off', or 'extended'"); ok {
		p.scope.trace = &mode
	}
}
