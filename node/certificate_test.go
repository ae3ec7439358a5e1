package node

import (
	"encoding/pem"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catflap/catflap/internal/certtest"
)

// TestCertificateMistakes: what is wrong with the files of a Connector's TLS is
// told with what to do.
func TestCertificateMistakes(t *testing.T) {
	dir := t.TempDir()
	one, other := certtest.Issue(t, nil, nil, "one", nil), certtest.Issue(t, nil, nil, "other", nil)
	old := pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"}, Bytes: []byte("x")}
	for name, text := range map[string]string{
		"cert.pem": one.CertPEM(), "key.pem": one.KeyPEM(t), "other.pem": other.KeyPEM(t), "old.pem": string(pem.EncodeToMemory(&old)),
		"encrypted.pem": string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")})), "cert.der": "\x30\x82", "both.p12": "\x30\x82",
	} {
		write(t, filepath.Join(dir, name), text)
	}
	for _, test := range []struct{ certificate, key, want string }{
		{"cert.pem", "key.pem", ""},
		{"cert.pem", "other.pem", "certificate cert.pem with the key other.pem: tls: private key does not match public key\n  fix: certificateFile has the certificate, before"},
		{"cert.pem", "encrypted.pem", "encrypted.pem: the key is encrypted, and is not read\n  fix: openssl pkey"},
		{"cert.pem", "old.pem", "old.pem: the key is encrypted, and is not read\n  fix: openssl pkey"},
		{"cert.der", "key.pem", "cert.der: it is no PEM file\n  fix: of PKCS12"},
		{"cert.pem", "both.p12", "both.p12: it is no PEM file\n  fix: of PKCS12"},
		{"both.p12", "", "both.p12: it is no PEM file\n  fix: of PKCS12"},
		{"missing.pem", "key.pem", "missing.pem: no such file or directory\n  fix: certificateFile and certificateKeyFile name PEM files that this user can read"},
	} {
		cfg := httpNode(Host{Name: "localhost", NoDeploy: true})
		cfg.Base = dir
		cfg.Services[0].Connectors[0].TLS = &TLS{CertificateFile: test.certificate, KeyFile: test.key}
		if _, err := New(cfg); (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s, %s: %v", test.certificate, test.key, err)
		}
	}
}
