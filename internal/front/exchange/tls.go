package exchange

import (
	"crypto/x509"
	"strings"
)

// A TLS is what the handshake of a connection agreed on. It never changes; all
// requests of the connection share it.
type TLS struct {
	Protocol   string              // as OpenSSL names it: "TLSv1.3"
	Cipher     string              // likewise
	Bits       int                 // of the key that encrypts
	Session    string              // in hex; the same once the session is resumed
	Resumed    bool                // the handshake was a short one
	ServerName string              // of SNI, lower case; empty if the client sent none
	Verified   string              // as SSL_CLIENT_VERIFY: NONE, SUCCESS or FAILED:why
	Client     []*x509.Certificate // what the client sent, its own first
	ClientPEM  []string            // likewise
	Server     *x509.Certificate   // what the client was shown; nil if it is not known

	// Variable returns a variable of mod_ssl by its name, "" if there is none
	// or nothing is known.
	Variable func(t *TLS, name string) string
}

// TLS returns what is known of the TLS that the request came by; nil in clear,
// and for a site that is not TLS by itself.
func (x *Exchange) TLS() *TLS {
	if x.Site == nil || !x.Site.TLS {
		return nil
	}
	return x.Client.TLS
}

// SSLVariable returns a variable of mod_ssl, whatever SSLOptions export; ""
// if there is none.
func (x *Exchange) SSLVariable(name string) string {
	switch t := x.TLS(); {
	case t != nil && t.Variable != nil:
		return t.Variable(t, name)
	case name == "HTTPS":
		return "off"
	}
	return ""
}

// Variable returns a variable of the environment, "" if it is not set.
func (x *Exchange) Variable(name string) string {
	value, _ := x.Lookup(name)
	return value
}

// Lookup returns a variable of the environment as a module sees it: one that
// was set, or one that mod_ssl exports.
func (x *Exchange) Lookup(name string) (value string, set bool) {
	if len(x.Env) > 0 {
		if value, ok := x.Env.Get(name); ok {
			return value, true
		}
	}
	return x.Exported(name)
}

// Exported returns a variable of mod_ssl, if the settings of the request let it
// be one of the environment.
//
// Source: httpd modules/ssl/ssl_engine_kernel.c, ssl_hook_Fixup, as seen at
// work.
func (x *Exchange) Exported(name string) (value string, set bool) {
	if x.TLS() == nil || x.Settings == nil {
		return "", false
	}
	options := x.Settings.SSL.Options
	switch {
	case name == "HTTPS", name == "SSL_TLS_SNI":
	case strings.HasPrefix(name, "SSL_CLIENT_CERT"), strings.HasPrefix(name, "SSL_SERVER_CERT"):
		if !options.ExportCertData {
			return "", false
		}
	case !options.StdEnvVars:
		return "", false
	}
	value = x.SSLVariable(name)
	return value, value != ""
}

// CertificateUser is the user that SSLUserName names, "" if there is none.
func (x *Exchange) CertificateUser() string {
	if x.Settings == nil || x.Settings.SSL.UserName == "" || x.TLS() == nil {
		return ""
	}
	return x.SSLVariable(x.Settings.SSL.UserName)
}
