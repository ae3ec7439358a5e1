// Package certificate reads the PEM files that SSLCertificateFile and its kin
// name. What comes in are their bytes; what goes out are certificates, keys
// and revocation lists, or what is wrong with them, in words.
package certificate

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// most bounds the blocks of one file.
const most = 2000

// An Error tells what is wrong with a pair of files.
type Error struct {
	Fault Fault
	Text  string // what exactly, in words
}

func (e *Error) Error() string { return e.Text }

// A Fault is what kind of mistake it is.
type Fault int

const (
	FaultCertificate Fault = iota // the certificate cannot be read
	FaultKey                      // the key cannot
	FaultEncrypted                // the key is there, and wants a pass phrase
	FaultMismatch                 // they do not belong together
)

// Pair reads a certificate with its issuers, which may follow it or come in
// chain, and its key. All may be in one file.
func Pair(cert, key, chain []byte) (tls.Certificate, error) {
	all, err := All(cert)
	if err != nil {
		return tls.Certificate{}, &Error{FaultCertificate, err.Error()}
	}
	if len(chain) > 0 {
		more, err := All(chain)
		if err != nil {
			return tls.Certificate{}, &Error{FaultCertificate, "the chain: " + err.Error()}
		}
		all = append(all, more...)
	}
	private, err := privateKey(key)
	if err != nil {
		return tls.Certificate{}, err
	}
	public, ok := all[0].PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(private.Public()) {
		wanted, got := keyText(all[0].PublicKey), keyText(private.Public())
		if wanted == got {
			got = "another one"
		}
		return tls.Certificate{}, &Error{FaultMismatch, fmt.Sprintf("the certificate is for %s, the key is %s", wanted, got)}
	}
	pair := tls.Certificate{PrivateKey: private, Leaf: all[0]}
	for _, c := range all {
		pair.Certificate = append(pair.Certificate, c.Raw)
	}
	return pair, nil
}

// keyText tells a key from another.
func keyText(public crypto.PublicKey) string {
	switch k := public.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("an RSA key of %d bits", k.N.BitLen())
	case *ecdsa.PublicKey:
		return "an ECDSA key on " + k.Curve.Params().Name
	case ed25519.PublicKey:
		return "an Ed25519 key"
	}
	return fmt.Sprintf("a key of another kind (%T)", public)
}

// All reads all certificates of a file; there is at least one.
func All(text []byte) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	err := blocks(text, func(b *pem.Block) error {
		switch b.Type {
		case "CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE":
		default:
			return nil
		}
		der := b.Bytes
		if b.Type == "TRUSTED CERTIFICATE" {
			der = firstElement(der)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return fmt.Errorf("certificate %d: %w", len(all)+1, err)
		}
		all = append(all, c)
		return nil
	})
	if err == nil && len(all) == 0 {
		err = errors.New("there is no certificate in it: no line -----BEGIN CERTIFICATE-----")
	}
	return all, err
}

// firstElement returns the first DER element of what OpenSSL makes of a
// certificate with trust settings: the certificate.
func firstElement(der []byte) []byte {
	if len(der) < 4 || der[0] != 0x30 {
		return der
	}
	length, head := int(der[1]), 2
	if length >= 0x80 {
		n := length & 0x7f
		if n > 3 || len(der) < 2+n {
			return der
		}
		length, head = 0, 2+n
		for _, b := range der[2:head] {
			length = length<<8 | int(b)
		}
	}
	if head+length > len(der) {
		return der
	}
	return der[:head+length]
}

// RevocationLists reads all lists of a file; there is at least one.
func RevocationLists(text []byte) ([]*x509.RevocationList, error) {
	var all []*x509.RevocationList
	err := blocks(text, func(b *pem.Block) error {
		if b.Type != "X509 CRL" {
			return nil
		}
		list, err := x509.ParseRevocationList(b.Bytes)
		if err != nil {
			return fmt.Errorf("list %d: %w", len(all)+1, err)
		}
		all = append(all, list)
		return nil
	})
	if err == nil && len(all) == 0 {
		err = errors.New("there is no list in it: no line -----BEGIN X509 CRL-----")
	}
	return all, err
}

// blocks calls f with each block of a file.
func blocks(text []byte, f func(*pem.Block) error) error {
	for range most {
		block, rest := pem.Decode(text)
		if block == nil {
			return nil
		}
		if err := f(block); err != nil {
			return err
		}
		text = rest
	}
	return fmt.Errorf("it has more than %d parts", most)
}

// privateKey finds the key in a file.
func privateKey(text []byte) (crypto.Signer, error) {
	var key crypto.Signer
	err := blocks(text, func(b *pem.Block) error {
		if key != nil || !strings.HasSuffix(b.Type, "PRIVATE KEY") {
			return nil
		}
		if b.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(b.Headers["Proc-Type"], "ENCRYPTED") {
			return &Error{FaultEncrypted, "the key is encrypted, and nobody is asked for its pass phrase"}
		}
		var err error
		key, err = parseKey(b)
		return err
	})
	if err != nil {
		if _, ok := errors.AsType[*Error](err); !ok {
			err = &Error{FaultKey, err.Error()}
		}
		return nil, err
	}
	if key == nil {
		return nil, &Error{FaultKey, "there is no key in it: no line -----BEGIN PRIVATE KEY-----"}
	}
	return key, nil
}

func parseKey(b *pem.Block) (crypto.Signer, error) {
	var key any
	var err error
	switch b.Type {
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(b.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(b.Bytes)
	default:
		key, err = x509.ParsePKCS8PrivateKey(b.Bytes)
	}
	if err != nil {
		return nil, fmt.Errorf("the key cannot be read: %w", err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a key of this kind cannot sign (%T)", key)
	}
	return signer, nil
}
