package handshake

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/internal/certtest"
)

// pki is two levels of issuers and clients of both.
type pki struct {
	root, middle, direct, below, self certtest.Issued
}

func newPKI(t *testing.T) pki {
	root := certtest.Issue(t, nil, nil, "root", certtest.Authority)
	middle := certtest.Issue(t, &root, nil, "middle", certtest.Authority)
	return pki{root, middle, certtest.Issue(t, &root, nil, "direct", nil), certtest.Issue(t, &middle, nil, "below", nil), certtest.Issue(t, nil, nil, "self", nil)}
}

func certs(all ...certtest.Issued) (list []*x509.Certificate) {
	for _, i := range all {
		list = append(list, i.Cert)
	}
	return list
}

// TestVerify: the same outcomes as from httpd 2.4.71, whose rules they are.
func TestVerify(t *testing.T) {
	p := newPKI(t)
	now := time.Now()
	expired := certtest.Issue(t, &p.root, nil, "old", func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Minute) })
	early := certtest.Issue(t, &p.root, nil, "new", func(c *x509.Certificate) { c.NotBefore = now.Add(30 * time.Minute) })
	oldSelf := certtest.Issue(t, nil, nil, "old self", func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Minute) })
	server := certtest.Issue(t, &p.root, nil, "server", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
	for _, test := range []struct {
		rule  string
		mode  ClientMode
		depth int
		roots []certtest.Issued
		sent  []certtest.Issued
		want  string // of SSL_CLIENT_VERIFY; empty: the handshake ends
	}{
		{"none is asked for", ClientNone, 1, nil, []certtest.Issued{p.self}, "NONE"},
		{"none came", ClientOptional, 1, []certtest.Issued{p.root}, nil, "NONE"},
		{"issued by the root", ClientRequire, 1, []certtest.Issued{p.root}, []certtest.Issued{p.direct}, "SUCCESS"},
		{"at depth 0 only a root itself could come", ClientRequire, 0, []certtest.Issued{p.root}, []certtest.Issued{p.direct}, ""},
		{"two issuers at depth 1", ClientRequire, 1, []certtest.Issued{p.root}, []certtest.Issued{p.below, p.middle}, ""},
		{"two issuers at depth 2", ClientRequire, 2, []certtest.Issued{p.root}, []certtest.Issued{p.below, p.middle}, "SUCCESS"},
		{"the one between is known", ClientRequire, 2, []certtest.Issued{p.root, p.middle}, []certtest.Issued{p.below}, "SUCCESS"},
		{"only the one between is known: no root, no trust", ClientRequire, 2, []certtest.Issued{p.middle}, []certtest.Issued{p.below}, ""},
		{"the one between is missing", ClientRequire, 2, []certtest.Issued{p.root}, []certtest.Issued{p.below}, ""},
		{"by itself", ClientOptional, 2, []certtest.Issued{p.root}, []certtest.Issued{p.self}, ""},
		{"by itself, which does not matter", ClientOptionalNoCA, 2, []certtest.Issued{p.root}, []certtest.Issued{p.self}, "FAILED:self-signed certificate"},
		{"unknown, which does not matter", ClientOptionalNoCA, 2, []certtest.Issued{p.root}, []certtest.Issued{p.below}, "FAILED:unable to get local issuer certificate"},
		{"an unknown root was sent, which does not matter", ClientOptionalNoCA, 2, nil, []certtest.Issued{p.direct, p.root}, "FAILED:self-signed certificate in certificate chain"},
		{"good, though it does not matter", ClientOptionalNoCA, 2, []certtest.Issued{p.root}, []certtest.Issued{p.direct}, "SUCCESS"},
		{"expired", ClientOptionalNoCA, 2, []certtest.Issued{p.root}, []certtest.Issued{expired}, ""},
		{"not yet good", ClientOptionalNoCA, 2, []certtest.Issued{p.root}, []certtest.Issued{early}, ""},
		{"unknown and expired", ClientOptionalNoCA, 2, []certtest.Issued{p.root}, []certtest.Issued{oldSelf}, ""},
		{"for servers only", ClientOptionalNoCA, 2, []certtest.Issued{p.root}, []certtest.Issued{server}, ""},
		{"nobody is trusted", ClientRequire, 2, nil, []certtest.Issued{p.direct}, ""},
	} {
		auth := ClientAuth{Mode: test.mode, Depth: test.depth, Roots: certs(test.roots...)}
		got, err := auth.Verify(certs(test.sent...), now)
		if got != test.want || (err != nil) != (test.want == "") {
			t.Errorf("%s: %q, %v", test.rule, got, err)
		}
	}
}

// TestRevocation: what was taken back is refused, at the newest list's word.
func TestRevocation(t *testing.T) {
	p := newPKI(t)
	now := time.Now()
	lists := func(all ...*x509.RevocationList) []*x509.RevocationList { return all }
	for _, test := range []struct {
		rule             string
		lists            []*x509.RevocationList
		whole, missingOK bool
		sent             []certtest.Issued
		at               time.Time
		want             string // words of the error
	}{
		{"not in the list", lists(p.root.Revoke(t, 1)), false, false, []certtest.Issued{p.direct}, now, ""},
		{"in the list", lists(p.root.Revoke(t, 1, p.direct)), false, false, []certtest.Issued{p.direct}, now, "revoked"},
		{"no list", nil, false, false, []certtest.Issued{p.direct}, now, "unable to get certificate CRL"},
		{"no list, which is fine", nil, false, true, []certtest.Issued{p.direct}, now, ""},
		{"a list of another issuer", lists(p.middle.Revoke(t, 1)), false, false, []certtest.Issued{p.direct}, now, "unable to get certificate CRL"},
		{"an old list", lists(p.root.Revoke(t, 1)), false, false, []certtest.Issued{p.direct}, now.Add(90 * time.Minute), "CRL has expired"},
		{"an old list, though none would be fine", lists(p.root.Revoke(t, 1)), false, true, []certtest.Issued{p.direct}, now.Add(90 * time.Minute), "CRL has expired"},
		{"the one between, when only the leaf is checked", lists(p.root.Revoke(t, 1, p.middle), p.middle.Revoke(t, 1)), false, false, []certtest.Issued{p.below, p.middle}, now, ""},
		{"the one between, when all are", lists(p.root.Revoke(t, 1, p.middle), p.middle.Revoke(t, 1)), true, false, []certtest.Issued{p.below, p.middle}, now, "revoked"},
		{"all are fine", lists(p.root.Revoke(t, 1), p.middle.Revoke(t, 1)), true, false, []certtest.Issued{p.below, p.middle}, now, ""},
	} {
		auth := ClientAuth{Mode: ClientRequire, Depth: 5, Roots: certs(p.root), Revocation: NewRevocation(test.lists, test.whole, test.missingOK)}
		chain, err := auth.chain(certs(test.sent...), now)
		if err != nil {
			t.Fatal(err)
		}
		err = auth.Revocation.check(chain, test.at)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.rule, err)
		}
	}
	auth := ClientAuth{Mode: ClientOptionalNoCA, Depth: 5, Roots: certs(p.root), Revocation: NewRevocation(lists(p.root.Revoke(t, 1, p.direct)), false, false)}
	if got, err := auth.Verify(certs(p.direct), now); err == nil {
		t.Errorf("revoked, with optional_no_ca: %s", got)
	}
}

// TestClientsInHandshakes: what Verify says holds in handshakes, also in
// resumed ones; clients are told who may issue.
func TestClientsInHandshakes(t *testing.T) {
	p := newPKI(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		cfg := site("a", certtest.Issue(t, nil, nil, "a", nil).TLS())
		cfg.Client = ClientAuth{Mode: ClientRequire, Depth: 2, Roots: certs(p.root)}
		policy := New(cfg)
		var asked [][]byte
		client := &tls.Config{ServerName: "a", MinVersion: version, MaxVersion: version, ClientSessionCache: tls.NewLRUClientSessionCache(4),
			GetClientCertificate: func(r *tls.CertificateRequestInfo) (*tls.Certificate, error) {
				asked = r.AcceptableCAs
				c := p.below.TLS(p.middle)
				return &c, nil
			}}
		s := NewServer()
		a, _, err := shake(t, s, always(policy), client)
		if err != nil || a.TLS.Verified != "SUCCESS" || len(a.TLS.Client) != 2 || len(a.TLS.ClientPEM) != 2 || string(asked[0]) != string(p.root.Cert.RawSubject) {
			t.Fatalf("%x: %v, %+v, asked %d", version, err, a, len(asked))
		}
		b, _, err := shake(t, s, always(policy), client)
		if err != nil || !b.TLS.Resumed || b.TLS.Verified != "SUCCESS" || len(b.TLS.Client) != 2 {
			t.Errorf("%x, resumed: %v, %+v", version, err, b)
		}
		cfg.Client.Revocation = NewRevocation([]*x509.RevocationList{p.middle.Revoke(t, 1, p.below)}, false, false)
		policy.Set(cfg)
		if c, _, err := shake(t, s, always(policy), client); err == nil {
			t.Errorf("%x: revoked since, and resumed: %+v", version, c.TLS)
		}
		client.GetClientCertificate, client.ClientSessionCache = nil, nil
		if _, _, err := shake(t, s, always(policy), client); err == nil {
			t.Errorf("%x: without a certificate", version)
		}
		cfg.Client = ClientAuth{Mode: ClientOptional, Depth: 2, Roots: certs(p.root), Named: certs(p.self)}
		if a, _, err := shake(t, s, always(New(cfg)), client); err != nil || a.TLS.Verified != "NONE" {
			t.Errorf("%x: optional: %v", version, err)
		}
	}
}

func TestVariables(t *testing.T) {
	subject := pkix.Name{Country: []string{"DE"}, Organization: []string{"Tests, all"}, OrganizationalUnit: []string{`Dept "x"`, "Second"}, CommonName: "Zoë Tëst"}
	issuer := certtest.Issue(t, nil, nil, "Issuer", certtest.Authority)
	client := certtest.Issue(t, &issuer, nil, "x", func(c *x509.Certificate) {
		c.Subject = subject
		c.DNSNames, c.EmailAddresses = []string{"one.example", "two.example"}, []string{"a@example.com"}
		c.NotBefore, c.NotAfter = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), time.Date(2126, 10, 12, 13, 14, 15, 0, time.UTC)
		c.SerialNumber.SetString("abc", 16)
	})
	server := certtest.Issue(t, nil, certtest.RSA(t), "server.example", nil)
	cfg := site("a", server.TLS())
	cfg.Client = ClientAuth{Mode: ClientOptional, Depth: 2, Roots: certs(issuer)}
	a, _, err := shake(t, NewServer(), always(New(cfg)), &tls.Config{ServerName: "a.example", MaxVersion: tls.VersionTLS12, Certificates: []tls.Certificate{client.TLS(issuer)}})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"HTTPS": "on", "SSL_PROTOCOL": "TLSv1.2", "SSL_CIPHER": "ECDHE-RSA-AES128-GCM-SHA256", "SSL_CIPHER_USEKEYSIZE": "128", "SSL_CIPHER_ALGKEYSIZE": "128",
		"SSL_CIPHER_EXPORT": "false", "SSL_SESSION_ID": a.TLS.Session, "SSL_SESSION_RESUMED": "Initial", "SSL_TLS_SNI": "a.example", "SSL_COMPRESS_METHOD": "NULL",
		"SSL_CLIENT_VERIFY": "SUCCESS", "SSL_CLIENT_S_DN": `CN=Zoë Tëst,OU=Dept \"x\"+OU=Second,O=Tests\, all,C=DE`, "SSL_CLIENT_I_DN": "CN=Issuer,O=Test",
		"SSL_CLIENT_S_DN_CN": "Zoë Tëst", "SSL_CLIENT_S_DN_OU_1": `Dept "x"`, "SSL_CLIENT_S_DN_OU": "Second", "SSL_CLIENT_S_DN_Email": "", "SSL_CLIENT_I_DN_O": "Test",
		"SSL_CLIENT_M_SERIAL": "0ABC", "SSL_CLIENT_M_VERSION": "3", "SSL_CLIENT_V_START": "Jan  2 03:04:05 2026 GMT", "SSL_CLIENT_V_END": "Oct 12 13:14:15 2126 GMT",
		"SSL_CLIENT_A_KEY": "id-ecPublicKey", "SSL_CLIENT_A_SIG": "ecdsa-with-SHA256", "SSL_CLIENT_SAN_DNS_1": "two.example", "SSL_CLIENT_SAN_Email_0": "a@example.com",
		"SSL_CLIENT_SAN_DNS_2": "", "SSL_CLIENT_CERT": client.CertPEM(), "SSL_CLIENT_CERT_CHAIN_0": issuer.CertPEM(), "SSL_CLIENT_CERT_CHAIN_1": "", "SSL_CLIENT_CERT_CHAIN_x": "",
		"SSL_SERVER_S_DN_CN": "server.example", "SSL_SERVER_A_KEY": "rsaEncryption", "SSL_SERVER_CERT": server.CertPEM(), "SSL_SERVER_SAN_DNS_0": "server.example",
		"SSL_NO_SUCH": "", "SSL_CLIENT_": "", "": "",
	} {
		if got := a.TLS.Variable(a.TLS, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	bare := *a.TLS
	bare.Client, bare.ClientPEM, bare.Server = nil, nil, nil
	for _, name := range []string{"SSL_CLIENT_S_DN", "SSL_CLIENT_CERT", "SSL_SERVER_CERT", "SSL_SERVER_S_DN"} {
		if got := variable(&bare, name); got != "" {
			t.Errorf("%s of nothing is %q", name, got)
		}
	}
}

// FuzzName: no panic, whatever a certificate has for a name.
func FuzzName(f *testing.F) {
	f.Add([]byte{0x30, 0x0c, 0x31, 0x0a, 0x30, 0x08, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x01, 'a'})
	f.Add([]byte{0x30, 0x00})
	f.Add([]byte{0x30, 0x0b, 0x31, 0x09, 0x30, 0x07, 0x06, 0x03, 0x2a, 0x03, 0x04, 0x05, 0x00})
	f.Fuzz(func(t *testing.T, raw []byte) {
		text := distinguished(raw)
		if strings.ContainsAny(text, "\n\r\x00") {
			t.Errorf("%q", text)
		}
		component(raw, "CN", 0)
	})
}
