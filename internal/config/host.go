package config

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/front/vhost"
	"github.com/catflap/catflap/internal/mistake"
)

// hostRows are the directives about virtual hosts and their names.
var hostRows = []row{
	{"<VirtualHost", inServer, anyNumber, "", virtualHost, "A site of its own, by address and name.", "front/vhost TestSelect"},
	{"ServerName", topLevels, one, "The hostname and port of the server", serverName, "The name of the site, and the port of its own URLs.", "front/vhost TestSelect"},
	{"ServerAlias", inVHost, anyNumber, "", serverAlias, "Other names of the site; may hold * and ?.", "front/vhost TestSelect"},
	{"ServerAdmin", topLevels, one, "The email address of the server administrator", serverAdmin, "Whom error pages name.", "front/module/errordoc TestBuiltIn"},
	{"NameVirtualHost", topLevels, one, "A numeric IP address:port, or the name of a host", nameVirtualHost, "Without effect since httpd 2.4.", "TestGolden/vhosts"},
}

func virtualHost(l *loader, _ place, d *httpdconf.Directive) {
	if len(d.Args) == 0 {
		l.fail(d, d.Pos, "<VirtualHost> directive requires additional arguments", "write <VirtualHost *:80>")
		return
	}
	s := &scope{at: d}
	for i := range d.Args {
		s.host.Addresses = append(s.host.Addresses, l.addresses(d, i)...)
	}
	dropped := len(s.host.Addresses) == 0
	l.walk(d.Body, place{scope: s, layer: &s.layer, in: inVHost})
	if !dropped {
		l.hosts = append(l.hosts, s)
	}
}

// addresses resolves argument i of <VirtualHost>.
func (l *loader) addresses(d *httpdconf.Directive, i int) []vhost.Address {
	text := arg(d, i)
	host, port, ok := splitHostPort(text)
	if word := text[strings.LastIndexByte(text, ':')+1:]; !ok && strings.Trim(word, "0123456789") != "" {
		host, ok = text, true // to httpd it is all a name, which nobody knows
	}
	if !ok {
		l.fail(d, at(d, i), "The address or port is invalid", "write ADDRESS:PORT, *:PORT or *; a port is at most 65535")
		return nil
	}
	if host == "*" || strings.EqualFold(host, "_default_") {
		return []vhost.Address{{Port: port}}
	}
	if ip, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return []vhost.Address{{IP: ip, Port: port, Name: strings.ToLower(strings.Trim(host, "[]"))}}
	}
	found, err := l.o.Resolve(host)
	if err != nil || len(found) == 0 {
		l.say(d, at(d, i), mistake.Warning, "Could not resolve host name "+host+" -- ignoring! Without another address this virtual host is not there, as in httpd",
			"correct the name, or write its address or *", "AH00547")
		return nil
	}
	var all []vhost.Address
	for _, ip := range found {
		all = append(all, vhost.Address{IP: ip.Unmap(), Port: port, Name: strings.ToLower(host)})
	}
	return all
}

// splitHostPort reads HOST, HOST:PORT or HOST:*; the port is 0 for all.
func splitHostPort(text string) (host string, port int, ok bool) {
	i := strings.LastIndexByte(text, ':')
	if i < 0 || strings.HasSuffix(text, "]") {
		return text, 0, true
	}
	host = text[:i]
	if text[i+1:] == "*" {
		return host, 0, true
	}
	port, err := strconv.Atoi(text[i+1:])
	return host, port, err == nil && port >= 1 && port <= 65535
}

func serverName(l *loader, p place, d *httpdconf.Directive) {
	name := arg(d, 0)
	if scheme, rest, ok := strings.Cut(name, "://"); ok {
		p.scope.https, name = strings.EqualFold(scheme, "https"), rest
	}
	host, port, ok := splitHostPort(name)
	if !ok {
		l.fail(d, at(d, 0), "The port number \""+arg(d, 0)+"\" is outside the appropriate range (i.e., 1..65535).", "")
		return
	}
	p.scope.name, p.scope.port = host, port
	p.scope.host.Name = strings.ToLower(strings.TrimSuffix(host, "."))
}

func serverAlias(_ *loader, p place, d *httpdconf.Directive) {
	for _, a := range d.Args {
		p.scope.host.Aliases = append(p.scope.host.Aliases, a.Text)
	}
}

func serverAdmin(_ *loader, p place, d *httpdconf.Directive) { p.scope.admin = arg(d, 0) }

func nameVirtualHost(l *loader, _ place, d *httpdconf.Directive) {
	l.say(d, d.Pos, mistake.Warning, "NameVirtualHost has no effect and will be removed in the next release", "take the line out", "AH00548")
}
