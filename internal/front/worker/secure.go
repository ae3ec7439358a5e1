package worker

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/catflap/catflap/ajp"
	"github.com/catflap/catflap/internal/front/exchange"
)

// secure tells the container of TLS, as far as the variables of the request
// do: those of mod_ssl that SSLOptions export, or others by the same names.
//
// Source: mod_jk, JkExtractSSL and the indicators; apache-2.0/mod_jk.c,
// init_ws_service.
func (o *outgoing) secure(x *exchange.Exchange) {
	names := &x.Site.Forward.SSL
	if names.Off || !strings.EqualFold(x.Variable(cmp.Or(names.HTTPS, "HTTPS")), "on") {
		return
	}
	o.TLS = true
	a := &o.Attributes
	a.SSLCert = x.Variable(cmp.Or(names.Certs, "SSL_CLIENT_CERT"))
	if x.Site.Forward.CertChain {
		a.SSLCert += chain(x, cmp.Or(names.CertChain, "SSL_CLIENT_CERT_CHAIN_"))
	}
	a.SSLCipher = x.Variable(cmp.Or(names.Cipher, "SSL_CIPHER"))
	a.SSLSession = x.Variable(cmp.Or(names.Session, "SSL_SESSION_ID"))
	if !x.Site.Forward.NoKeySize {
		if bits, err := strconv.Atoi(x.Variable(cmp.Or(names.KeySize, "SSL_CIPHER_USEKEYSIZE"))); err == nil && bits > 0 && bits < 1<<16 {
			a.SSLKeySize = bits
		}
	}
	if protocol := x.Variable(cmp.Or(names.Protocol, "SSL_PROTOCOL")); protocol != "" {
		a.Request = append(a.Request, ajp.RequestAttribute{Name: "AJP_SSL_PROTOCOL", Value: protocol})
	}
}

// mostIssuers bounds the certificates of one chain.
const mostIssuers = 20

// chain returns the certificates of the client's issuers, one after the other.
func chain(x *exchange.Exchange, prefix string) string {
	var b strings.Builder
	for n := range mostIssuers {
		text := x.Variable(prefix + strconv.Itoa(n))
		if text == "" {
			break
		}
		b.WriteString(text)
	}
	return b.String()
}
