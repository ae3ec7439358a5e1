// Package certtest makes certificates for tests: what comes in are names and
// issuers, what goes out are certificates with their keys.
package certtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"sync"
	"sync/atomic"
	"time"
)

// A T is what is needed of a testing.TB.
type T interface {
	Helper()
	Fatalf(format string, args ...any)
}

// Issued is a certificate and its key.
type Issued struct {
	Cert *x509.Certificate
	Key  crypto.Signer
}

var serials atomic.Int64

// rsaKey is shared: making one takes long.
var rsaKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// RSA returns the RSA key of this process.
func RSA(t T) crypto.Signer {
	t.Helper()
	key, err := rsaKey()
	if err != nil {
		t.Fatalf("%v", err)
	}
	return key
}

// Issue makes a certificate for name, good for two hours, signed by the issuer
// by, or by itself if that is nil. key is its own, a fresh one on P-256 if that
// is nil. change may change the template; it may be nil.
func Issue(t T, by *Issued, key crypto.Signer, name string, change func(*x509.Certificate)) Issued {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serials.Add(1)), Subject: pkix.Name{CommonName: name, Organization: []string{"Test"}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{name},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
	}
	if change != nil {
		change(template)
	}
	if key == nil {
		var err error
		if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			t.Fatalf("%v", err)
		}
	}
	issuer := Issued{template, key}
	if by != nil {
		issuer = *by
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer.Cert, key.Public(), issuer.Key)
	if err != nil {
		t.Fatalf("%v", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return Issued{cert, key}
}

// Authority is a change for Issue: the certificate may issue others.
func Authority(c *x509.Certificate) {
	c.IsCA, c.BasicConstraintsValid, c.DNSNames = true, true, nil
	c.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
}

// Revoke makes the list of what i took back, good for an hour.
func (i Issued) Revoke(t T, number int64, taken ...Issued) *x509.RevocationList {
	t.Helper()
	template := &x509.RevocationList{Number: big.NewInt(number), ThisUpdate: time.Now().Add(-time.Minute), NextUpdate: time.Now().Add(time.Hour)}
	for _, one := range taken {
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: one.Cert.SerialNumber, RevocationTime: time.Now()})
	}
	der, err := x509.CreateRevocationList(rand.Reader, template, i.Cert, i.Key)
	if err != nil {
		t.Fatalf("%v", err)
	}
	list, err := x509.ParseRevocationList(der)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return list
}

// TLS returns i with the certificates of its issuers, for crypto/tls.
func (i Issued) TLS(issuers ...Issued) tls.Certificate {
	c := tls.Certificate{Certificate: [][]byte{i.Cert.Raw}, PrivateKey: i.Key, Leaf: i.Cert}
	for _, issuer := range issuers {
		c.Certificate = append(c.Certificate, issuer.Cert.Raw)
	}
	return c
}

// CertPEM returns the certificate as PEM.
func (i Issued) CertPEM() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.Cert.Raw}))
}

// KeyPEM returns the key as PEM, in PKCS #8.
func (i Issued) KeyPEM(t T) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(i.Key)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}
