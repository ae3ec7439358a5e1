package handshake

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// A ClientMode is the argument of SSLVerifyClient.
type ClientMode int

const (
	ClientNone         ClientMode = iota
	ClientOptional                // one may come, and must be good
	ClientRequire                 // one must come, and be good
	ClientOptionalNoCA            // one may come; that nobody known issued it does not matter
)

// ClientAuth is what is wanted of clients.
type ClientAuth struct {
	Mode       ClientMode
	Depth      int                 // SSLVerifyDepth: issuers above the client's own certificate
	Roots      []*x509.Certificate // SSLCACertificateFile and -Path
	Named      []*x509.Certificate // SSLCADNRequestFile and -Path: whose names the client is told; nil: Roots
	Revocation *Revocation         // nil: SSLCARevocationCheck none
}

// wanted is what crypto/tls asks of the client; the rest is for Verify.
func (c *ClientAuth) wanted() tls.ClientAuthType {
	switch c.Mode {
	case ClientNone:
		return tls.NoClientCert
	case ClientRequire:
		return tls.RequireAnyClientCert
	}
	return tls.RequestClientCert
}

// named are the issuers that the client is told.
func (c *ClientAuth) named() *x509.CertPool {
	if c.Mode == ClientNone {
		return nil
	}
	pool := x509.NewCertPool()
	all := c.Named
	if all == nil {
		all = c.Roots
	}
	for _, cert := range all {
		pool.AddCert(cert)
	}
	return pool
}

// A VerifyError is why the certificate of a client is not good.
type VerifyError struct {
	Words   string // OpenSSL's
	unknown bool   // only since nobody known issued it
}

func (e *VerifyError) Error() string { return "certificate verification: " + e.Words }

// Verify judges what a client sent, its own certificate first, and returns the
// value of SSL_CLIENT_VERIFY. An error ends the handshake.
//
// Source: httpd modules/ssl/ssl_engine_kernel.c, ssl_callback_SSLVerify, and
// OpenSSL, as seen at work.
func (c *ClientAuth) Verify(sent []*x509.Certificate, now time.Time) (string, error) {
	if len(sent) == 0 || c.Mode == ClientNone {
		return "NONE", nil
	}
	chain, err := c.chain(sent, now)
	if err == nil && len(chain)-1 > c.Depth {
		err = &VerifyError{fmt.Sprintf("the chain has %d issuers, SSLVerifyDepth lets it have %d", len(chain)-1, c.Depth), false}
	}
	if err == nil && c.Revocation != nil {
		err = c.Revocation.check(chain, now)
	}
	if err == nil {
		return "SUCCESS", nil
	}
	if failed, ok := errors.AsType[*VerifyError](err); ok && failed.unknown && c.Mode == ClientOptionalNoCA {
		return "FAILED:" + failed.Words, nil
	}
	return "", err
}

// chain finds the shortest way from sent[0] to one of Roots that issued itself:
// like OpenSSL it trusts no other, though those may be on the way.
func (c *ClientAuth) chain(sent []*x509.Certificate, now time.Time) ([]*x509.Certificate, error) {
	options := x509.VerifyOptions{
		Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	for _, cert := range c.Roots {
		if selfIssued(cert) {
			options.Roots.AddCert(cert)
		} else {
			options.Intermediates.AddCert(cert)
		}
	}
	for _, cert := range sent[1:] {
		options.Intermediates.AddCert(cert)
	}
	chains, err := sent[0].Verify(options)
	if err != nil {
		return nil, inWords(err, sent, now)
	}
	shortest := chains[0]
	for _, chain := range chains[1:] {
		if len(chain) < len(shortest) {
			shortest = chain
		}
	}
	return shortest, nil
}

func selfIssued(c *x509.Certificate) bool { return bytes.Equal(c.RawSubject, c.RawIssuer) }

// inWords is a failure in OpenSSL's words. One that is also out of its time is
// not only unknown.
func inWords(err error, sent []*x509.Certificate, now time.Time) error {
	switch leaf := sent[0]; {
	case now.After(leaf.NotAfter):
		return &VerifyError{"certificate has expired", false}
	case now.Before(leaf.NotBefore):
		return &VerifyError{"certificate is not yet valid", false}
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		switch invalid.Reason {
		case x509.Expired:
			return &VerifyError{"certificate has expired", false}
		case x509.IncompatibleUsage:
			return &VerifyError{"unsupported certificate purpose", false}
		}
		return &VerifyError{invalid.Error(), false}
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		words := "unable to get local issuer certificate"
		switch {
		case selfIssued(sent[0]):
			words = "self-signed certificate"
		case selfIssued(sent[len(sent)-1]):
			words = "self-signed certificate in certificate chain"
		}
		return &VerifyError{words, true}
	}
	return &VerifyError{err.Error(), false}
}
