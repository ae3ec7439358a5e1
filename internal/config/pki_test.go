package config

import (
	"crypto/x509"
	"encoding/pem"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/internal/certtest"
	"github.com/catflap/catflap/internal/privilege"
)

// writePKI writes certificates and keys for a.example and b.example, an issuer
// and its list of what it took back, and files with something wrong into dir.
func writePKI(t testing.TB, dir string) {
	t.Helper()
	ca := certtest.Issue(t, nil, nil, "Test CA", certtest.Authority)
	a := certtest.Issue(t, &ca, nil, "a.example", nil)
	b := certtest.Issue(t, nil, nil, "b.example", nil)
	withRSA := certtest.Issue(t, nil, certtest.RSA(t), "a.example", nil)
	old := certtest.Issue(t, nil, nil, "a.example", func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2002, 1, 1, 0, 0, 0, 0, time.UTC)
	})
	list := string(pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: ca.Revoke(t, 1, a).Raw}))
	for name, text := range map[string]string{
		"a.crt": a.CertPEM(), "a.key": a.KeyPEM(t), "b.crt": b.CertPEM(), "b.key": b.KeyPEM(t), "a-rsa.crt": withRSA.CertPEM(), "a-rsa.key": withRSA.KeyPEM(t),
		"both.pem": a.KeyPEM(t) + a.CertPEM(), "old.crt": old.CertPEM(), "old.key": old.KeyPEM(t), "ca.crt": ca.CertPEM(), "junk": "junk\n", "empty": "",
		"encrypted.key": "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n", "crl.pem": list,
		"folder/0a1b2c3d.0": ca.CertPEM(), "folder/0a1b2c3d.1": b.CertPEM(), "folder/0a1b2c3d.r0": list, "folder/readme": "no certificate",
		"ticket.key": strings.Repeat("k", 48), "short.key": "short",
	} {
		file := filepath.Join(dir, name)
		os.MkdirAll(filepath.Dir(file), 0o755)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// noKeys opens what anybody may read: no keys.
type noKeys struct{ privilege.Direct }

func (n noKeys) Read(name string) (*os.File, error) {
	if filepath.Ext(name) == ".key" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return n.Direct.Read(name)
}

// TestUnreadableKeys: a key that only the server may read is told as not
// checked, where who checks is somebody else; the server itself needs it.
func TestUnreadableKeys(t *testing.T) {
	dir := write(t, map[string]string{"httpd.conf": `ServerName a.example
Listen 443
LoadModule ssl_module s
<VirtualHost *:443>
SSLEngine on
SSLCertificateFile tls/a.crt
SSLCertificateKeyFile tls/a.key
</VirtualHost>
`})
	writePKI(t, filepath.Join(dir, "tls"))
	key := filepath.Join(dir, "tls/a.key")
	for _, unprivileged := range []bool{true, false} {
		_, report := Load(Options{File: filepath.Join(dir, "httpd.conf"), Root: dir, Opener: noKeys{}, Unprivileged: unprivileged})
		errors, told := report.Mistakes.Errors(), slices.ContainsFunc(report.Unchecked, func(u Unchecked) bool { return u.Name == key })
		if unprivileged && (errors != 0 || !told) || !unprivileged && (errors != 1 || told) {
			t.Errorf("unprivileged %v: %v, %+v", unprivileged, report.Mistakes.Error(), report.Unchecked)
		}
	}
}
