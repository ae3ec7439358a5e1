package config

import (
	"slices"
	"strings"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/front"
	"github.com/catflap/catflap/internal/front/mount"
	"github.com/catflap/catflap/internal/front/settings"
	"github.com/catflap/catflap/internal/front/translate"
	"github.com/catflap/catflap/internal/front/vhost"
	"github.com/catflap/catflap/internal/mistake"
)

// Which sites are TLS. Nothing is served in clear that the file says is TLS: a
// site of which that cannot be done is an error, or answers 403, and an address
// that only such sites have is not opened.

// tlsRows are the directives about TLS as a whole.
var tlsRows = []row{
	{"SSLEngine", topLevels, one, "SSL switch for the protocol engine ('on', 'off')", sslEngine, "Whether a site is TLS.", "TestTLS"},
	{"SSLStrictSNIVHostCheck", topLevels, flag, "", sslStrictSNI, "Whether clients without SNI get 403.", "front TestSNI"},
	{"SSLVHostSNIPolicy", inServer, one, "SSL VirtualHost SNI compatibility policy setting", sslSNIPolicy, "Which sites a connection may be used for: others get 421.", "front TestSNI"},
	{"SSLOptions", anywhere, anyNumber, "", sslOptions, "+StdEnvVars and +ExportCertData: what of TLS containers are told. The others have no effect.", "TestTLSAsHTTPD"},
	{"SSLRequireSSL", inSection, anyNumber, "", sslRequireSSL, "In clear it is 403.", "front/module/access TestSSL"},
	{"SSLUserName", anywhere, one, "Set user name to SSL variable value", sslUserName, "The variable that names the user.", "TestTLSAsHTTPD"},
}

// tlsSettings are those of a scope about TLS.
type tlsSettings struct {
	engine   *bool // SSLEngine
	engineAt *httpdconf.Directive
	strict   *bool // SSLStrictSNIVHostCheck
	broken   bool  // a file that it names is not there, which is told
	files    tlsFiles
	offer    tlsOffer
	client   tlsClient
	session  tlsSession
	applied  protocolSettings

	encrypted bool     // it is TLS
	closed    bool     // and cannot be
	plan      *tlsPlan // what is said about that; nil in clear
}

// tlsFound is what the reading of all scopes has found about TLS.
type tlsFound struct {
	https    map[int]bool    // ports that Listen says are https
	sections []clientSection // that want another handshake
	told     map[string]bool // faults of files, each once
}

// sslEngine notes that a site is TLS, or is not.
func sslEngine(l *loader, p place, d *httpdconf.Directive) {
	on := true
	switch strings.ToLower(arg(d, 0)) {
	case "on":
	case "off":
		on = false
	case "optional":
		on = false
		l.unsupported(d, d.Pos, "SSLEngine optional: no client changes to TLS within a connection, so this site is served in clear only", "")
	default:
		l.fail(d, at(d, 0), "Argument must be On or Off", "")
		return
	}
	p.scope.tls.engine, p.scope.tls.engineAt = &on, d
}

func sslStrictSNI(l *loader, p place, d *httpdconf.Directive) {
	if on, ok := l.flag(d); ok {
		p.scope.tls.strict = &on
	}
}

func sslSNIPolicy(l *loader, _ place, d *httpdconf.Directive) {
	policy, ok := map[string]front.SNIPolicy{"secure": front.SNISecure, "authonly": front.SNIAuthOnly, "strict": front.SNIStrict, "insecure": front.SNIInsecure}[strings.ToLower(arg(d, 0))]
	if !ok {
		l.fail(d, at(d, 0), "Invalid SSLVhostSNIPolicy argument '"+arg(d, 0)+"'", near(arg(d, 0), []string{"strict", "secure", "authonly", "insecure"}))
		return
	}
	l.cfg.Process.SNIPolicy = policy
}

// sslChange is what a layer says about TLS, made if it says nothing yet.
func sslChange(layer *settings.Layer) *settings.SSLChange {
	if layer.SSL == nil {
		layer.SSL = &settings.SSLChange{}
	}
	return layer.SSL
}

// sslOptionNames are the arguments of SSLOptions.
var sslOptionNames = []string{"StdEnvVars", "ExportCertData", "FakeBasicAuth", "StrictRequire", "OptRenegotiate", "LegacyDNStringFormat", "ExportCB64Data", "CompatEnvVars"}

// sslOptions reads SSLOptions. A word without sign forgets what is inherited,
// the first one of a line.
//
// Source: httpd modules/ssl/ssl_engine_config.c, ssl_cmd_SSLOptions.
func sslOptions(l *loader, p place, d *httpdconf.Directive) {
	change, first := sslChange(p.layer), true
	for i, a := range d.Args {
		name := strings.TrimLeft(a.Text, "+-")
		n := slices.IndexFunc(sslOptionNames, func(known string) bool { return strings.EqualFold(known, name) })
		if n < 0 {
			l.fail(d, at(d, i), "SSLOptions: Illegal option '"+name+"'", near(name, sslOptionNames))
			return
		}
		var bit settings.SSLOptions
		switch sslOptionNames[n] {
		case "StdEnvVars":
			bit.StdEnvVars = true
		case "ExportCertData":
			bit.ExportCertData = true
		case "FakeBasicAuth":
			l.note(d, Unsupported, "SSLOptions FakeBasicAuth: no user is made of a certificate; what needs one is closed", "")
		}
		minus := strings.HasPrefix(a.Text, "-")
		if !minus && !strings.HasPrefix(a.Text, "+") && first {
			*change = settings.SSLChange{Replace: true, Required: change.Required, UserName: change.UserName}
			first = false
		}
		set, clear := &change.Set, &change.Clear
		if minus {
			set, clear = clear, set
		}
		set.StdEnvVars, clear.StdEnvVars = set.StdEnvVars || bit.StdEnvVars, clear.StdEnvVars && !bit.StdEnvVars
		set.ExportCertData, clear.ExportCertData = set.ExportCertData || bit.ExportCertData, clear.ExportCertData && !bit.ExportCertData
	}
}

func sslRequireSSL(_ *loader, p place, _ *httpdconf.Directive) { sslChange(p.layer).Required = true }

func sslUserName(_ *loader, p place, d *httpdconf.Directive) {
	sslChange(p.layer).UserName = arg(d, 0)
}

// encrypted reports whether the file says that a host is TLS: by SSLEngine,
// its own or the main server's, or, as mod_ssl does, by a Listen with https.
func (l *loader) encrypted(s *scope) bool {
	if engine := l.engineOf(s); engine != nil {
		return *engine
	}
	return slices.ContainsFunc(s.host.Addresses, func(a vhost.Address) bool { return a.Port != 0 && l.tls.https[a.Port] })
}

// engineOf is SSLEngine of a host, its own or the main server's; nil if there
// is none.
func (l *loader) engineOf(s *scope) *bool {
	if s.tls.engine != nil {
		return s.tls.engine
	}
	return l.main.tls.engine
}

// secure makes hosts TLS that are, closes those that cannot be, and takes out
// the addresses that only the latter have.
func (l *loader) secure() {
	for _, s := range append([]*scope{l.main}, l.hosts...) {
		if s.tls.encrypted = l.encrypted(s); !s.tls.encrypted {
			continue
		}
		s.tls.plan = l.planTLS(s)
		switch {
		case len(s.tls.plan.pairs) > 0, s.tls.broken, l.main.tls.broken:
		case l.engineOf(s) == nil: // TLS by Listen only, of which httpd makes a site in clear
			s.tls.closed = true
		default:
			d := s.tls.engineAt
			if d == nil {
				d = l.main.tls.engineAt
			}
			l.say(d, d.Pos, mistake.Error, "Failed to configure at least one certificate and key for "+l.addressOf(s),
				"write SSLCertificateFile and SSLCertificateKeyFile", "AH02572")
		}
	}
	l.closeClientSections()
	l.cfg.Listen = slices.DeleteFunc(l.cfg.Listen, func(listen front.Listen) bool {
		if l.answers(portOf(listen.Address)) {
			return false
		}
		d := l.listenAt[listen.Address]
		l.say(d, at(d, 0), mistake.Unsupported, "Listen "+d.Raw+": it is for TLS, and no site there has SSLEngine on and a certificate; httpd speaks HTTP in clear there; so this address is not opened",
			"", "")
		return true
	})
	l.reportClear()
}

// addressOf names a host as mod_ssl does.
func (l *loader) addressOf(s *scope) string {
	name := s.name
	if name == "" {
		name = l.main.name
	}
	return name + ":443"
}

// on returns the hosts that answer on a port: those with that very port, then
// those of any port, then the main server. The first one decides whether TLS
// is spoken there.
func (l *loader) on(port int) []*scope {
	for _, want := range []int{port, 0} {
		var found []*scope
		for _, s := range l.hosts {
			if slices.ContainsFunc(s.host.Addresses, func(a vhost.Address) bool { return a.Port == want }) {
				found = append(found, s)
			}
		}
		if found != nil {
			return found
		}
	}
	return []*scope{l.main}
}

// answers reports whether a site may answer on a port.
func (l *loader) answers(port int) bool {
	return slices.ContainsFunc(l.on(port), func(s *scope) bool {
		if s.tls.encrypted {
			return !s.tls.closed
		}
		return !l.tls.https[port] || l.engineOf(s) != nil // clear by SSLEngine off
	})
}

// reportClear tells of hosts that are TLS on an address where the first host is
// not: no TLS is spoken there.
func (l *loader) reportClear() {
	for _, s := range l.hosts {
		if !s.tls.encrypted || s.tls.closed || s.tls.engineAt == nil {
			continue
		}
		for _, a := range s.host.Addresses {
			if a.Port == 0 {
				continue
			}
			first := l.firstAt(a)
			if first == nil || first.tls.encrypted {
				continue
			}
			d := s.tls.engineAt
			l.closes(d, d.Pos, "the site "+s.name, "SSLEngine on: the first site of its address ("+line(first.at)+") is in clear, so no TLS is spoken there; httpd serves this site in clear, here it answers 403",
				"give it an address of its own, or the first site a certificate")
			break
		}
	}
}

// firstAt is the first host with just that address.
func (l *loader) firstAt(a vhost.Address) *scope {
	for _, s := range l.hosts {
		if slices.ContainsFunc(s.host.Addresses, func(other vhost.Address) bool {
			return (other.Any() && a.Any() || other.IP == a.IP) && other.Port == a.Port
		}) {
			return s
		}
	}
	return nil
}

// closedSite is all that is left of a host that is TLS and cannot be.
func closedSite(site front.Site) front.Site {
	site.Sections = vhost.Sections{Server: []*settings.Layer{{Closed: &settings.Closed{Place: site.Place, By: "Listen with https"}}}}
	site.Translate = translate.Config{Mounts: mount.New(nil)}
	return site
}
