package config

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/mistake"
	"github.com/catflap/catflap/internal/web/handshake"
	"github.com/catflap/catflap/internal/web/openssl"
)

// tlsOfferRows are the directives about versions and suites.
var tlsOfferRows = []row{
	{"SSLProtocol", topLevels, anyNumber, "", sslProtocol, "Which versions are spoken. TLSv1 and TLSv1.1 only with @SECLEVEL=0 in SSLCipherSuite, as with OpenSSL 3.", "TestTLS"},
	{"SSLCipherSuite", topLevels | inSection, oneOrTwo, "Colon-delimited list of permitted SSL Ciphers, optional preceded by protocol identifier ('XXX:...:XXX' - see manual)", sslCipherSuite,
		"Which suites of TLS 1.2 are offered, of those with ECDHE or RSA, AES or ChaCha20. Those of TLS 1.3 are, all three. In a section it closes.", "web/openssl TestCiphersAsOpenSSL"},
	{"SSLOpenSSLConfCmd", topLevels, two, "OpenSSL configuration command", sslConfCmd, "Curves, Groups, MinProtocol, MaxProtocol, Protocol, CipherString, Ciphersuites, Options -SessionTicket.", "TestGolden/tlsconfcmd"},
}

// tlsOffer is what a scope says about versions and suites.
type tlsOffer struct {
	protocols   *openssl.Protocols
	protocolsAt *httpdconf.Directive
	ciphers     *cipherSetting
	groups      []tls.CurveID
	low, high   uint16   // MinProtocol, MaxProtocol
	commands    []string // SSLOpenSSLConfCmd as written, for comparison
}

// cipherSetting is a cipher string.
type cipherSetting struct {
	text string
	at   *httpdconf.Directive
	arg  int
}

func sslProtocol(l *loader, p place, d *httpdconf.Directive) {
	var words []string
	for _, a := range d.Args {
		words = append(words, a.Text)
	}
	protocols, overridden, err := openssl.ParseProtocols(words)
	if err != nil {
		text := err.Error()
		if !strings.HasPrefix(text, "SSLv3") {
			text = "SSLProtocol: " + text
		}
		i := 0
		for i < len(words)-1 && parses(words[:i+1]) {
			i++
		}
		l.fail(d, at(d, i), text, "the names are TLSv1, TLSv1.1, TLSv1.2, TLSv1.3 and all, with + or -")
		return
	}
	for _, name := range overridden {
		l.say(d, at(d, 0), mistake.Warning, "SSLProtocol: Protocol '"+name+"' overrides already set parameter(s). Check if a +/- prefix is missing.", "write +"+name, "AH02532")
	}
	o := &p.scope.tls.offer
	o.protocols, o.protocolsAt = &protocols, d
}

func parses(words []string) bool {
	_, _, err := openssl.ParseProtocols(words)
	return err == nil
}

func sslCipherSuite(l *loader, p place, d *httpdconf.Directive) {
	i := len(d.Args) - 1
	c := &cipherSetting{arg(d, i), d, i}
	if p.in&topLevels == 0 {
		l.tls.sections = append(l.tls.sections, clientSection{p, d, handshake.ClientNone})
		return
	}
	if i == 1 {
		switch strings.ToUpper(arg(d, 0)) {
		case "SSL":
		case "TLSV1.3":
			l.suites13(d, i, c.text)
			return
		default:
			l.fail(d, at(d, 0), "protocol '"+arg(d, 0)+"' not supported", "write SSL, TLSv1.3, or nothing")
			return
		}
	}
	l.checkCiphers(c)
	p.scope.tls.offer.ciphers = c
}

// suites13 tells what follows from leaving out a suite of TLS 1.3.
func (l *loader) suites13(d *httpdconf.Directive, i int, spec string) {
	missing, unknown := openssl.Missing13(spec)
	for _, name := range unknown {
		l.warn(d, at(d, i), "there is no suite "+name+" of TLS 1.3", "the suites are TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384 and TLS_CHACHA20_POLY1305_SHA256")
	}
	if len(missing) > 0 {
		l.unsupported(d, at(d, i), d.Name+" "+d.Raw+": "+"offered beside: "+strings.Join(missing, ", ")+", since all three suites of TLS 1.3 are", "")
	}
}

// checkCiphers tells what in a cipher string chooses nothing.
func (l *loader) checkCiphers(c *cipherSetting) {
	list, err := openssl.ParseCiphers(c.text)
	if err != nil {
		l.say(c.at, at(c.at, c.arg), mistake.Error, "Unable to configure permitted SSL ciphers: "+err.Error(), "write a cipher string such as HIGH:!aNULL", "AH01898")
		return
	}
	var lacking []string
	for _, word := range list.Missed {
		if openssl.Known(word) {
			lacking = append(lacking, word)
			continue
		}
		l.warn(c.at, at(c.at, c.arg), "SSLCipherSuite: there is no suite and no word \""+word+"\"; it chooses nothing, as in httpd", "")
	}
	if n := len(lacking); n > 0 {
		shown := strings.Join(lacking[:min(n, 3)], ", ")
		if n > 3 {
			shown += fmt.Sprintf(" and %d more", n-3)
		}
		l.unsupported(c.at, at(c.at, c.arg), "SSLCipherSuite: "+shown+": crypto/tls has no such suite; clients that have no other do not get in", "")
	}
}

// sslConfCmd reads SSLOpenSSLConfCmd.
func sslConfCmd(l *loader, p place, d *httpdconf.Directive) {
	o, value := &p.scope.tls.offer, arg(d, 1)
	switch strings.ToLower(arg(d, 0)) {
	case "curves", "groups":
		ids, missed, err := openssl.ParseGroups(value)
		switch {
		case err != nil:
			l.fail(d, at(d, 1), "SSLOpenSSLConfCmd "+d.Raw+": "+err.Error(), "write names such as X25519:P-256")
			return
		case len(ids) == 0:
			l.fail(d, at(d, 1), "SSLOpenSSLConfCmd "+d.Raw+": crypto/tls has none of these groups", "add X25519 or P-256")
			return
		case len(missed) > 0:
			l.unsupported(d, at(d, 1), "SSLOpenSSLConfCmd "+d.Raw+": "+strings.Join(missed, ", ")+" is not offered: crypto/tls does not have it", "")
		}
		o.groups = ids
	case "minprotocol", "maxprotocol":
		l.confVersion(o, d)
	case "protocol":
		protocols, _, err := openssl.ParseProtocols(plusAll(strings.Split(value, ",")))
		if err != nil {
			l.fail(d, at(d, 1), err.Error(), "")
			return
		}
		o.protocols, o.protocolsAt = &protocols, d
	case "cipherstring":
		o.ciphers = &cipherSetting{value, d, 1}
		l.checkCiphers(o.ciphers)
	case "ciphersuites":
		l.suites13(d, 1, value)
	case "options":
		l.confOptions(p, d)
	case "ecdhparameters", "dhparameters", "recordpadding", "noresumptiononreneg", "numtickets":
		l.classify(d, Needless, "crypto/tls chooses by itself")
	case "signaturealgorithms", "clientsignaturealgorithms", "privatekey", "certificate", "serverinfofile", "chaincafile", "chaincapath", "verifycafile", "verifycapath",
		"requestcafile", "requestcapath", "verifymode":
		l.unsupported(d, at(d, 0), "SSLOpenSSLConfCmd "+arg(d, 0)+" has no effect here: crypto/tls has no such setting", "")
	default:
		l.fail(d, at(d, 0), "'"+arg(d, 0)+"': invalid OpenSSL configuration command", near(arg(d, 0), []string{"Curves", "Groups", "MinProtocol", "MaxProtocol", "CipherString", "Ciphersuites", "Options"}))
		return
	}
	o.commands = append(o.commands, strings.ToLower(arg(d, 0))+" "+value)
}

// plusAll makes names without sign add, as OpenSSL does.
func plusAll(words []string) []string {
	for i, w := range words {
		if w = strings.TrimSpace(w); !strings.HasPrefix(w, "-") && !strings.HasPrefix(w, "+") {
			w = "+" + w
		}
		words[i] = w
	}
	return words
}

func (l *loader) confVersion(o *tlsOffer, d *httpdconf.Directive) {
	to := &o.low
	if strings.EqualFold(arg(d, 0), "MaxProtocol") {
		to = &o.high
	}
	if strings.EqualFold(arg(d, 1), "None") {
		*to = 0
		return
	}
	protocols, _, err := openssl.ParseProtocols([]string{arg(d, 1)})
	if low, high, _ := protocols.Range(); err == nil && low == high {
		*to = low
		return
	}
	l.fail(d, at(d, 1), "SSLOpenSSLConfCmd "+d.Raw+": there is no such version", "write TLSv1.2 or TLSv1.3")
}

// confOptions reads the value of SSLOpenSSLConfCmd Options.
func (l *loader) confOptions(p place, d *httpdconf.Directive) {
	off := false
	for word := range strings.SplitSeq(arg(d, 1), ",") {
		switch strings.ToLower(strings.TrimSpace(word)) {
		case "-sessionticket":
			p.scope.tls.session.tickets = &off
		case "sessionticket", "+sessionticket", "serverpreference", "+serverpreference", "bugs", "norenegotiation", "+norenegotiation", "-compression", "prioritizechacha", "+prioritizechacha",
			"-unsafelegacyrenegotiation", "-emptyfragments", "emptyfragments", "nomiddleboxcompat", "encryptthenmac", "extendedmastersecret", "ecdhsingle", "dhsingle":
		default:
			l.unsupported(d, at(d, 1), "SSLOpenSSLConfCmd Options "+word+" has no effect here: crypto/tls has no such setting", "")
		}
	}
}

// over is o with what it leaves open from main.
func (o tlsOffer) over(main tlsOffer) tlsOffer {
	if o.protocols == nil {
		o.protocols, o.protocolsAt = main.protocols, main.protocolsAt
	}
	if o.ciphers == nil {
		o.ciphers = main.ciphers
	}
	if o.groups == nil {
		o.groups = main.groups
	}
	if o.low == 0 {
		o.low = main.low
	}
	if o.high == 0 {
		o.high = main.high
	}
	o.commands = slices.Concat(main.commands, o.commands)
	return o
}

// offer fills versions and suites of cfg, or tells why there are none; d is a
// directive of the site.
func (l *loader) offer(o tlsOffer, cfg *handshake.Config, d *httpdconf.Directive) {
	text := "DEFAULT"
	if o.ciphers != nil {
		text, d = o.ciphers.text, o.ciphers.at
	}
	list, err := openssl.ParseCiphers(text)
	if err != nil {
		return // it is told where it stands
	}
	protocols := openssl.AllProtocols
	if o.protocols != nil {
		protocols, d = *o.protocols, o.protocolsAt
	}
	old := protocols.Has(tls.VersionTLS10) || protocols.Has(tls.VersionTLS11)
	if list.Level > 0 {
		protocols = protocols.Without(tls.VersionTLS10).Without(tls.VersionTLS11)
	}
	for _, v := range []uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12, tls.VersionTLS13} {
		if o.low != 0 && v < o.low || o.high != 0 && v > o.high {
			protocols = protocols.Without(v)
		}
	}
	var holes []string
	cfg.MinVersion, cfg.MaxVersion, holes = protocols.Range()
	if len(holes) > 0 && !l.tls.told[line(d)+"holes"] {
		l.tls.told[line(d)+"holes"] = true
		l.unsupported(d, at(d, 0), d.Name+" "+d.Raw+": "+strings.Join(holes, " and ")+" is spoken, too: all versions from the lowest to the highest are", "")
	}
	cfg.Suites, cfg.Groups = list.Suites, o.groups
	none := fault{at: d, text: "No SSL protocols available [hint: SSLProtocol]", code: "AH02231", fix: "write SSLProtocol all"}
	switch {
	case cfg.MaxVersion == 0 && old:
		none.fix = "TLSv1 and TLSv1.1 need @SECLEVEL=0 in SSLCipherSuite, as with OpenSSL 3; add TLSv1.2 or TLSv1.3"
		l.tell([]fault{none})
	case cfg.MaxVersion == 0:
		l.tell([]fault{none})
	case len(list.Suites) == 0 && cfg.MaxVersion < tls.VersionTLS13:
		l.tell([]fault{{at: o.ciphers.at, text: "Unable to configure permitted SSL ciphers", code: "AH01898", fix: "it chooses no suite of TLS 1.2 that crypto/tls has; add ECDHE+AESGCM"}})
	case list.Level > 0 && o.protocolsAt != nil && names10(o.protocolsAt):
		l.tell([]fault{{at: o.protocolsAt, warn: true, text: o.protocolsAt.Name + " " + o.protocolsAt.Raw + ": TLSv1 and TLSv1.1 are not spoken with a security level above 0, as with OpenSSL 3",
			fix: "take them out, or write @SECLEVEL=0 into SSLCipherSuite"}})
	}
}

// names10 reports whether a line asks for TLS 1.0 or 1.1 by name.
func names10(d *httpdconf.Directive) bool {
	return slices.ContainsFunc(d.Args, func(a httpdconf.Arg) bool {
		name := strings.TrimPrefix(a.Text, "+")
		return strings.EqualFold(name, "TLSv1") || strings.EqualFold(name, "TLSv1.1")
	})
}
