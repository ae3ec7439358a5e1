package worker

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/settings"
)

// told is what a container is told of TLS.
type told struct {
	TLS                                   bool
	Cert, Cipher, Session, Protocol, User string
	Bits                                  int
}

// TestTLS: containers are told what mod_jk tells them: what SSLOptions export,
// by the names of the indicators.
func TestTLS(t *testing.T) {
	all := map[string]string{"HTTPS": "on", "SSL_CIPHER": "C", "SSL_SESSION_ID": "S", "SSL_CIPHER_USEKEYSIZE": "256", "SSL_PROTOCOL": "TLSv1.3",
		"SSL_CLIENT_CERT": "cert\n", "SSL_CLIENT_CERT_CHAIN_0": "one\n", "SSL_CLIENT_CERT_CHAIN_1": "two\n", "SSL_CLIENT_S_DN_CN": "joe"}
	connection := &exchange.TLS{Variable: func(_ *exchange.TLS, name string) string { return all[name] }}
	std, both := settings.SSLOptions{StdEnvVars: true}, settings.SSLOptions{StdEnvVars: true, ExportCertData: true}
	for _, test := range []struct {
		rule    string
		tls     *exchange.TLS
		options settings.SSLOptions
		change  func(*exchange.Exchange)
		want    told
	}{
		{"in clear", nil, both, nil, told{}},
		{"without SSLOptions only that it is TLS", connection, settings.SSLOptions{}, nil, told{TLS: true}},
		{"StdEnvVars", connection, std, nil, told{TLS: true, Cipher: "C", Session: "S", Protocol: "TLSv1.3", Bits: 256}},
		{"ExportCertData", connection, both, nil, told{TLS: true, Cipher: "C", Session: "S", Protocol: "TLSv1.3", Bits: 256, Cert: "cert\n"}},
		{"ForwardSSLCertChain", connection, both, func(x *exchange.Exchange) { x.Site.Forward.CertChain = true },
			told{TLS: true, Cipher: "C", Session: "S", Protocol: "TLSv1.3", Bits: 256, Cert: "cert\none\ntwo\n"}},
		{"-ForwardKeySize", connection, std, func(x *exchange.Exchange) { x.Site.Forward.NoKeySize = true }, told{TLS: true, Cipher: "C", Session: "S", Protocol: "TLSv1.3"}},
		{"JkExtractSSL Off", connection, both, func(x *exchange.Exchange) { x.Site.Forward.SSL.Off = true }, told{}},
		{"a site with SSLEngine off", connection, both, func(x *exchange.Exchange) { x.Site.TLS = false }, told{}},
		{"SSLUserName", connection, settings.SSLOptions{}, func(x *exchange.Exchange) { x.Settings.SSL.UserName = "SSL_CLIENT_S_DN_CN" }, told{TLS: true, User: "joe ClientCert"}},
		{"indicators", connection, both, func(x *exchange.Exchange) {
			x.Site.Forward.CertChain = true
			x.Site.Forward.SSL = exchange.Indicators{HTTPS: "MY", Protocol: "P", Cipher: "Q", Session: "R", KeySize: "K", Certs: "D", CertChain: "N"}
			x.Env = exchange.Vars{{Name: "MY", Value: "On"}, {Name: "P", Value: "p"}, {Name: "Q", Value: "q"}, {Name: "R", Value: "r"}, {Name: "K", Value: "128"}, {Name: "D", Value: "d"}, {Name: "N0", Value: "n"}}
		}, told{TLS: true, Cipher: "q", Session: "r", Protocol: "p", Bits: 128, Cert: "dn"}},
		{"variables of the environment, in clear", nil, settings.SSLOptions{}, func(x *exchange.Exchange) {
			x.Env = exchange.Vars{{Name: "HTTPS", Value: "on"}, {Name: "SSL_CIPHER", Value: "c"}}
		}, told{TLS: true, Cipher: "c"}},
		{"a variable says that it is not", connection, std, func(x *exchange.Exchange) { x.Env = exchange.Vars{{Name: "HTTPS", Value: "off"}} }, told{}},
		{"no number of bits", connection, std, func(x *exchange.Exchange) { x.Env = exchange.Vars{{Name: "SSL_CIPHER_USEKEYSIZE", Value: "many"}} },
			told{TLS: true, Cipher: "C", Session: "S", Protocol: "TLSv1.3"}},
	} {
		_, x := request("GET", "/", nil, 0)
		x.Client.TLS, x.Site.TLS, x.Settings.SSL.Options = test.tls, test.tls != nil, test.options
		if test.change != nil {
			test.change(x)
		}
		o := outgoings.Get().(*outgoing)
		o.fill(x, &Config{})
		a := o.Attributes
		got := told{TLS: o.TLS, Cert: a.SSLCert, Cipher: a.SSLCipher, Session: a.SSLSession, Bits: a.SSLKeySize, User: a.RemoteUser}
		if a.AuthType != "" {
			got.User += " " + a.AuthType
		}
		for _, r := range a.Request {
			if r.Name == "AJP_SSL_PROTOCOL" {
				got.Protocol = r.Value
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", test.rule, diff)
		}
		o.giveBack()
		if o.TLS {
			t.Errorf("%s: TLS stays for the next request", test.rule)
		}
	}
}
