package config

import (
	"slices"
	"strings"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/config/mistake"
	"github.com/catflap/catflap/internal/front"
	"github.com/catflap/catflap/internal/front/mount"
	"github.com/catflap/catflap/internal/front/settings"
	"github.com/catflap/catflap/internal/front/translate"
	"github.com/catflap/catflap/internal/front/vhost"
)

// TLS is not spoken yet, and nothing is served in clear that the file says is
// TLS: such a site answers 403, and an address that only such sites have is
// not opened.

// sslEngine notes that a site is TLS, or is not.
func sslEngine(l *loader, p place, d *httpdconf.Directive) {
	on := true
	switch strings.ToLower(arg(d, 0)) {
	case "on":
		l.closes(d, d.Pos, p.what(), "SSLEngine on: catflap does not speak TLS yet; so "+p.what()+" is not served at all, and never in clear", "keep httpd in front of it until then")
	case "off":
		on = false
		l.classify(d, Needless, "that is what is done")
	case "optional":
		on = false
		l.unsupported(d, d.Pos, "SSLEngine optional: catflap does not speak TLS yet, so this site is served in clear only", "")
	default:
		l.fail(d, at(d, 0), "Argument must be On or Off", "")
		return
	}
	p.scope.tls = &on
}

// encrypted reports whether the file says that a host is TLS: by SSLEngine,
// its own or the main server's, or, as mod_ssl does, by a Listen with https.
func (l *loader) encrypted(s *scope) bool {
	if s.tls != nil {
		return *s.tls
	}
	if l.main.tls != nil {
		return *l.main.tls
	}
	return slices.ContainsFunc(s.host.Addresses, func(a vhost.Address) bool { return a.Port != 0 && l.httpsPorts[a.Port] })
}

// closeTLS closes hosts that are TLS, and takes out the addresses that only
// they have.
func (l *loader) closeTLS() {
	for _, s := range append([]*scope{l.main}, l.hosts...) {
		if l.encrypted(s) {
			s.encrypted = true
		}
	}
	l.cfg.Listen = slices.DeleteFunc(l.cfg.Listen, func(listen front.Listen) bool {
		if l.clear(portOf(listen.Address)) {
			return false
		}
		d := l.listenAt[listen.Address]
		l.say(d, at(d, 0), mistake.Unsupported, "Listen "+d.Raw+": all that is served there is TLS, which catflap does not speak yet; so this address is not opened", "", "")
		return true
	})
}

// clear reports whether a site may answer in clear on a port: the hosts with
// that very port decide, then those of any port, then the main server.
func (l *loader) clear(port int) bool {
	for _, want := range []int{port, 0} {
		found, plain := false, false
		for _, s := range l.hosts {
			if slices.ContainsFunc(s.host.Addresses, func(a vhost.Address) bool { return a.Port == want }) {
				found, plain = true, plain || !s.encrypted
			}
		}
		if found {
			return plain
		}
	}
	return !l.main.encrypted && !l.httpsPorts[port]
}

// closedSite is all that is left of a host that is TLS.
func closedSite(site front.Site) front.Site {
	site.Sections = vhost.Sections{Server: []*settings.Layer{{Closed: &settings.Closed{Place: site.Place, By: "SSLEngine"}}}}
	site.Translate = translate.Config{Mounts: mount.New(nil)}
	return site
}
