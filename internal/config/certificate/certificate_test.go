package certificate

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"github.com/catflap/catflap/internal/certtest"
)

// encoded is a block with one header, or none.
func encoded(kind string, der []byte, header string) string {
	b := &pem.Block{Type: kind, Bytes: der}
	if header != "" {
		name, value, _ := strings.Cut(header, ": ")
		b.Headers = map[string]string{name: value}
	}
	return string(pem.EncodeToMemory(b))
}

func TestPair(t *testing.T) {
	root := certtest.Issue(t, nil, nil, "root", certtest.Authority)
	ec := certtest.Issue(t, &root, nil, "a.example", nil)
	withRSA := certtest.Issue(t, nil, certtest.RSA(t), "a.example", nil)
	other := certtest.Issue(t, nil, nil, "b.example", nil)
	sec1, err := x509.MarshalECPrivateKey(ec.Key.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	pkcs1 := x509.MarshalPKCS1PrivateKey(withRSA.Key.(*rsa.PrivateKey))
	for _, test := range []struct {
		rule             string
		cert, key, chain string
		issuers          int
		fault            Fault
		words            string // of the error; empty: none
	}{
		{"PKCS #8", ec.CertPEM(), ec.KeyPEM(t), "", 0, 0, ""},
		{"SEC 1, after the parameters of its curve", ec.CertPEM(), encoded("EC PARAMETERS", []byte{6, 0}, "") + encoded("EC PRIVATE KEY", sec1, ""), "", 0, 0, ""},
		{"PKCS #1", withRSA.CertPEM(), encoded("RSA PRIVATE KEY", pkcs1, ""), "", 0, 0, ""},
		{"all in one file, with text around", "Subject: a\n" + ec.KeyPEM(t) + "\n" + ec.CertPEM() + root.CertPEM(), ec.KeyPEM(t) + ec.CertPEM(), "", 1, 0, ""},
		{"the chain in a file of its own", ec.CertPEM(), ec.KeyPEM(t), root.CertPEM(), 1, 0, ""},
		{"trusted by OpenSSL", encoded("TRUSTED CERTIFICATE", append(append([]byte{}, ec.Cert.Raw...), 0x30, 0), ""), ec.KeyPEM(t), "", 0, 0, ""},
		{"no certificate", "junk", ec.KeyPEM(t), "", 0, FaultCertificate, "no certificate"},
		{"a broken certificate", encoded("CERTIFICATE", []byte{1}, ""), ec.KeyPEM(t), "", 0, FaultCertificate, "certificate 1: "},
		{"a broken chain", ec.CertPEM(), ec.KeyPEM(t), "junk", 0, FaultCertificate, "the chain: "},
		{"no key", ec.CertPEM(), ec.CertPEM(), "", 0, FaultKey, "no key"},
		{"a broken key", ec.CertPEM(), encoded("PRIVATE KEY", []byte{1}, ""), "", 0, FaultKey, "cannot be read"},
		{"encrypted, of old", ec.CertPEM(), encoded("EC PRIVATE KEY", sec1, "Proc-Type: 4,ENCRYPTED"), "", 0, FaultEncrypted, "encrypted"},
		{"encrypted", ec.CertPEM(), encoded("ENCRYPTED PRIVATE KEY", []byte{1}, ""), "", 0, FaultEncrypted, "encrypted"},
		{"another key", ec.CertPEM(), other.KeyPEM(t), "", 0, FaultMismatch, "an ECDSA key on P-256, the key is another one"},
		{"a key of another kind", ec.CertPEM(), withRSA.KeyPEM(t), "", 0, FaultMismatch, "an RSA key of 2048 bits"},
		{"too much", strings.Repeat(encoded("X", nil, ""), most+1), ec.KeyPEM(t), "", 0, FaultCertificate, "more than"},
	} {
		pair, err := Pair([]byte(test.cert), []byte(test.key), []byte(test.chain))
		if test.words == "" {
			if err != nil || len(pair.Certificate) != 1+test.issuers || pair.Leaf == nil || pair.PrivateKey == nil {
				t.Errorf("%s: %v, %d certificates", test.rule, err, len(pair.Certificate))
			}
			continue
		}
		wrong, ok := errors.AsType[*Error](err)
		if !ok || wrong.Fault != test.fault || !strings.Contains(wrong.Text, test.words) {
			t.Errorf("%s: %v", test.rule, err)
		}
	}
}

func TestRevocationLists(t *testing.T) {
	root := certtest.Issue(t, nil, nil, "root", certtest.Authority)
	list := root.Revoke(t, 1)
	text := "text\n" + encoded("X509 CRL", list.Raw, "") + root.CertPEM() + encoded("X509 CRL", list.Raw, "")
	if all, err := RevocationLists([]byte(text)); err != nil || len(all) != 2 {
		t.Errorf("%d lists, %v", len(all), err)
	}
	for _, bad := range []string{"", root.CertPEM(), encoded("X509 CRL", []byte{1}, "")} {
		if _, err := RevocationLists([]byte(bad)); err == nil {
			t.Errorf("%.40q is taken", bad)
		}
	}
}

// FuzzPair: no panic, and a pair that was read is the same after it was
// written.
func FuzzPair(f *testing.F) {
	t := f
	ec := certtest.Issue(t, nil, nil, "a", nil)
	f.Add([]byte(ec.CertPEM() + ec.KeyPEM(t)))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"))
	f.Add([]byte(encoded("TRUSTED CERTIFICATE", []byte{0x30, 0x84, 1, 1, 1, 1, 1}, "")))
	f.Add([]byte(encoded("X509 CRL", []byte{0x30, 0}, "")))
	f.Fuzz(func(t *testing.T, text []byte) {
		RevocationLists(text)
		pair, err := Pair(text, text, nil)
		if err != nil {
			return
		}
		key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
		if err != nil {
			t.Fatal(err)
		}
		var written string
		for _, der := range pair.Certificate {
			written += encoded("CERTIFICATE", der, "")
		}
		again, err := Pair([]byte(written), []byte(encoded("PRIVATE KEY", key, "")), nil)
		if err != nil || !again.Leaf.Equal(pair.Leaf) || len(again.Certificate) != len(pair.Certificate) {
			t.Errorf("%v", err)
		}
	})
}
