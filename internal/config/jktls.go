package config

import (
	"cmp"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/front/exchange"
)

// jkTLSRows are mod_jk's directives about what containers are told of TLS.
var jkTLSRows = []row{
	{"JkExtractSSL", topLevels, flag, "", jkExtractSSL, "Whether they are told at all.", "front/worker TestTLS"},
	{"JkHTTPSIndicator", topLevels, one, "Name of the Apache environment that contains SSL indication", jkIndicator(func(i *exchange.Indicators) *string { return &i.HTTPS }), "The variable that is on in TLS.", "front/worker TestTLS"},
	{"JkSSLPROTOCOLIndicator", topLevels, one, "Name of the Apache environment that contains the SSL protocol name", jkIndicator(func(i *exchange.Indicators) *string { return &i.Protocol }), "The variable with the version.", "front/worker TestTLS"},
	{"JkCERTSIndicator", topLevels, one, "Name of the Apache environment that contains SSL client certificates", jkIndicator(func(i *exchange.Indicators) *string { return &i.Certs }), "The variable with the client's certificate.", "front/worker TestTLS"},
	{"JkCIPHERIndicator", topLevels, one, "Name of the Apache environment that contains SSL client cipher", jkIndicator(func(i *exchange.Indicators) *string { return &i.Cipher }), "The variable with the suite.", "front/worker TestTLS"},
	{"JkCERTCHAINPrefix", topLevels, one, "Name of the Apache environment (prefix) that contains SSL client chain certificates", jkIndicator(func(i *exchange.Indicators) *string { return &i.CertChain }), "How the variables with the certificates of its issuers begin.", "front/worker TestTLS"},
	{"JkSESSIONIndicator", topLevels, one, "Name of the Apache environment that contains SSL session", jkIndicator(func(i *exchange.Indicators) *string { return &i.Session }), "The variable with the id of the session.", "front/worker TestTLS"},
	{"JkKEYSIZEIndicator", topLevels, one, "Name of the Apache environment that contains SSL key size in use", jkIndicator(func(i *exchange.Indicators) *string { return &i.KeySize }), "The variable with the bits of the key.", "front/worker TestTLS"},
}

// jkTLS is what a scope says about them.
type jkTLS struct {
	extract *bool
	names   exchange.Indicators
}

func jkExtractSSL(l *loader, p place, d *httpdconf.Directive) {
	if on, ok := l.flag(d); ok {
		p.scope.jk.ssl.extract = &on
	}
}

func jkIndicator(of func(*exchange.Indicators) *string) func(*loader, place, *httpdconf.Directive) {
	return func(_ *loader, p place, d *httpdconf.Directive) { *of(&p.scope.jk.ssl.names) = arg(d, 0) }
}

// indicators puts together what the main server and a host say.
func indicators(main, own jkTLS) exchange.Indicators {
	a, b := own.names, main.names
	return exchange.Indicators{
		Off:   !either(own.extract, main.extract, true),
		HTTPS: cmp.Or(a.HTTPS, b.HTTPS), Protocol: cmp.Or(a.Protocol, b.Protocol), Cipher: cmp.Or(a.Cipher, b.Cipher), Session: cmp.Or(a.Session, b.Session),
		KeySize: cmp.Or(a.KeySize, b.KeySize), Certs: cmp.Or(a.Certs, b.Certs), CertChain: cmp.Or(a.CertChain, b.CertChain),
	}
}
