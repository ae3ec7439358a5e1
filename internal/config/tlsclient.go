package config

import (
	"fmt"
	"strings"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/web/handshake"
)

// tlsClientRows are the directives about certificates of clients.
var tlsClientRows = []row{
	{"SSLVerifyClient", topLevels | inSection, one, "SSL Client verify type ('none', 'optional', 'require', 'optional_no_ca')", sslVerifyClient,
		"Whether clients show certificates. For a site it is honoured; a section that wants more than its site is closed.", "TestTLSAsHTTPD"},
	{"SSLVerifyDepth", topLevels | inSection, one, "SSL Client verify depth ('N' - number of intermediate certificates)", sslVerifyDepth, "How many issuers may be above a client's certificate.", "web/handshake TestVerify"},
	{"SSLCACertificateFile", topLevels, one, "SSL CA Certificate file ('/path/to/file' - PEM encoded)", sslFile(func(t *tlsSettings, f fileSetting) { t.client.caFile = &f }), "Who may issue them.", "web/handshake TestVerify"},
	{"SSLCACertificatePath", topLevels, one, "SSL CA Certificate path ('/path/to/dir' - contains PEM encoded files)", sslFolder(func(t *tlsSettings, f fileSetting) { t.client.caPath = &f }), "A folder of such, named by hash.", "TestGolden/tlsclient"},
	{"SSLCADNRequestFile", topLevels, one, "SSL CA Distinguished Name file ('/path/to/file' - PEM encoded to derive acceptable CA names to request)", sslFile(func(t *tlsSettings, f fileSetting) { t.client.dnFile = &f }), "Whose names clients are told instead.", "TestGolden/tlsclient"},
	{"SSLCADNRequestPath", topLevels, one, "SSL CA Distinguished Name path ('/path/to/dir' - symlink hashes to PEM of acceptable CA names to request)", sslFolder(func(t *tlsSettings, f fileSetting) { t.client.dnPath = &f }), "A folder of such.", "TestGolden/tlsclient"},
	{"SSLCARevocationFile", topLevels, one, "SSL CA Certificate Revocation List (CRL) file ('/path/to/file' - PEM encoded)", sslFile(func(t *tlsSettings, f fileSetting) { t.client.crlFile = &f }), "Which certificates were taken back. Looked at for changes every 5 s.", "web/handshake TestRevocation"},
	{"SSLCARevocationPath", topLevels, one, "SSL CA Certificate Revocation List (CRL) path ('/path/to/dir' - contains PEM encoded files)", sslFolder(func(t *tlsSettings, f fileSetting) { t.client.crlPath = &f }), "A folder of such.", "TestGolden/tlsclient"},
	{"SSLCARevocationCheck", topLevels, anyNumber, "", sslRevocationCheck, "chain or leaf, also with no_crl_for_cert_ok.", "web/handshake TestRevocation"},
	{"SSLOCSPEnable", topLevels, one, "OCSP checking mode ('on', 'off', 'leaf')", sslOCSP, "Nobody is asked: a site with it that wants certificates of clients is closed.", "TestGolden/tlsclient"},
}

// tlsClient is what a scope says about certificates of clients.
type tlsClient struct {
	mode                                             *handshake.ClientMode
	modeAt                                           *httpdconf.Directive
	depth                                            *int
	caFile, caPath, dnFile, dnPath, crlFile, crlPath *fileSetting
	check                                            *revocationCheck
	ocsp                                             *httpdconf.Directive // SSLOCSPEnable on or leaf
}

// revocationCheck is SSLCARevocationCheck.
type revocationCheck struct {
	whole, missingOK bool
	text             string // as written; "none" checks nothing
	at               *httpdconf.Directive
}

// A clientSection is a section that wants something of the client's TLS that
// could only be had by another handshake.
type clientSection struct {
	place place
	at    *httpdconf.Directive
	mode  handshake.ClientMode // of SSLVerifyClient; none: it wants other suites
}

var clientModes = map[string]handshake.ClientMode{
	"none": handshake.ClientNone, "off": handshake.ClientNone, "optional": handshake.ClientOptional,
	"require": handshake.ClientRequire, "on": handshake.ClientRequire, "optional_no_ca": handshake.ClientOptionalNoCA,
}

// sslVerifyClient reads SSLVerifyClient. In a section httpd asks anew within
// the connection, which crypto/tls does not.
func sslVerifyClient(l *loader, p place, d *httpdconf.Directive) {
	mode, ok := clientModes[strings.ToLower(arg(d, 0))]
	if !ok {
		l.fail(d, at(d, 0), "SSLVerifyClient: Invalid argument '"+arg(d, 0)+"'", near(arg(d, 0), []string{"none", "optional", "require", "optional_no_ca"}))
		return
	}
	if p.in&topLevels != 0 {
		p.scope.tls.client.mode, p.scope.tls.client.modeAt = &mode, d
		return
	}
	if mode != handshake.ClientNone {
		l.tls.sections = append(l.tls.sections, clientSection{p, d, mode})
	}
}

func sslVerifyDepth(l *loader, p place, d *httpdconf.Directive) {
	if strings.HasPrefix(arg(d, 0), "-") {
		l.fail(d, at(d, 0), "SSLVerifyDepth: Invalid argument '"+arg(d, 0)+"'", "write a number from 0 on")
		return
	}
	n, digits := leadingNumber(arg(d, 0))
	if digits != len(arg(d, 0)) {
		l.warn(d, at(d, 0), fmt.Sprintf("SSLVerifyDepth %s: not a number; %d is taken, as in httpd", arg(d, 0), n), "write a number")
	}
	if p.in&topLevels == 0 {
		l.classify(d, Needless, "it goes with SSLVerifyClient, which closes the section")
		return
	}
	p.scope.tls.client.depth = &n
}

// sslRevocationCheck reads SSLCARevocationCheck.
func sslRevocationCheck(l *loader, p place, d *httpdconf.Directive) {
	check := &revocationCheck{text: strings.ToLower(d.Raw), at: d}
	word := strings.ToLower(arg(d, 0))
	switch {
	case word == "none", word == "leaf":
	case word == "chain":
		check.whole = true
	default:
		l.fail(d, at(d, 0), "SSLCARevocationCheck: Invalid argument '"+arg(d, 0)+"'", "write none, leaf or chain")
		return
	}
	for i := range d.Args[1:] {
		if !strings.EqualFold(arg(d, i+1), "no_crl_for_cert_ok") {
			l.fail(d, at(d, i+1), "SSLCARevocationCheck: Invalid argument '"+arg(d, i+1)+"'", "write no_crl_for_cert_ok")
			return
		}
		check.missingOK = true
	}
	if word == "none" {
		check.text = "none"
	}
	p.scope.tls.client.check = check
}

func sslOCSP(l *loader, p place, d *httpdconf.Directive) {
	switch strings.ToLower(arg(d, 0)) {
	case "off":
		l.classify(d, Needless, "that is what is done")
	case "on", "leaf":
		p.scope.tls.client.ocsp = d
		l.note(d, Unsupported, "SSLOCSPEnable "+d.Raw+": nobody is asked whether certificates were taken back", "")
	default:
		l.fail(d, at(d, 0), "SSLOCSPEnable: Invalid argument '"+arg(d, 0)+"'", "write on, leaf or off")
	}
}

// over is c with what it leaves open from main.
func (c tlsClient) over(main tlsClient) tlsClient {
	if c.mode == nil {
		c.mode, c.modeAt = main.mode, main.modeAt
	}
	if c.depth == nil {
		c.depth = main.depth
	}
	for _, f := range []struct{ own, main **fileSetting }{
		{&c.caFile, &main.caFile}, {&c.caPath, &main.caPath}, {&c.dnFile, &main.dnFile}, {&c.dnPath, &main.dnPath},
		{&c.crlFile, &main.crlFile}, {&c.crlPath, &main.crlPath},
	} {
		if *f.own == nil {
			*f.own = *f.main
		}
	}
	if c.check == nil {
		c.check = main.check
	}
	if c.ocsp == nil {
		c.ocsp = main.ocsp
	}
	return c
}

// wants is what a site wants of clients.
func (c *tlsClient) wants() handshake.ClientMode {
	if c.mode == nil {
		return handshake.ClientNone
	}
	return *c.mode
}

// checks reports whether revocation is checked.
func (c *tlsClient) checks() bool { return c.check != nil && c.check.text != "none" }

// closeClientSections closes sections that want more of a client's TLS than
// the handshake of their site has asked for, and sites whose clients nobody
// can judge. In clear httpd asks for nothing, so nothing is closed.
func (l *loader) closeClientSections() {
	for _, s := range append([]*scope{l.main}, l.hosts...) {
		if s.tls.plan == nil || s.tls.plan.client.wants() == handshake.ClientNone || s.tls.plan.client.ocsp == nil {
			continue
		}
		d := s.tls.plan.client.ocsp
		l.close(place{scope: s, layer: &s.layer, in: inVHost}, d, "SSLOCSPEnable "+d.Raw+": nobody is asked whether certificates of clients were taken back")
	}
	for _, c := range l.tls.sections {
		s := c.place.scope
		switch {
		case s != l.main && s.tls.plan == nil:
			l.classify(c.at, Needless, "the site is in clear, where it has no effect")
		case s.tls.plan != nil && s != l.main && c.mode != handshake.ClientNone && s.tls.plan.client.satisfies(c.mode):
			l.classify(c.at, Needless, "the site wants no less")
		default:
			l.close(c.place, c.at, c.at.Name+" "+c.at.Raw+": catflap does not ask for another handshake within a connection")
		}
	}
}

// satisfies reports whether a client that a site let in has met mode, too.
func (c *tlsClient) satisfies(mode handshake.ClientMode) bool {
	switch c.wants() {
	case handshake.ClientRequire:
		return true
	case handshake.ClientOptional:
		return mode == handshake.ClientOptional || mode == handshake.ClientOptionalNoCA
	case handshake.ClientOptionalNoCA:
		return mode == handshake.ClientOptionalNoCA
	}
	return false
}
