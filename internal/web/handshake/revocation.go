package handshake

import (
	"crypto/x509"
	"time"
)

// A Revocation knows which certificates were taken back. It never changes.
type Revocation struct {
	lists     map[string][]*revocationList // by the raw name of the issuer
	whole     bool
	missingOK bool
}

type revocationList struct {
	list    *x509.RevocationList
	serials map[string]bool
	foreign bool // it has something critical that is not known here
}

// NewRevocation returns what lists say. whole checks all of a chain, not only
// the client's own certificate (SSLCARevocationCheck chain); missingOK lets
// certificates through whose issuer has no list (no_crl_for_cert_ok).
func NewRevocation(lists []*x509.RevocationList, whole, missingOK bool) *Revocation {
	r := &Revocation{lists: map[string][]*revocationList{}, whole: whole, missingOK: missingOK}
	for _, list := range lists {
		l := &revocationList{list: list, serials: map[string]bool{}}
		for _, entry := range list.RevokedCertificateEntries {
			l.serials[string(entry.SerialNumber.Bytes())] = true
			for _, e := range entry.Extensions {
				l.foreign = l.foreign || e.Critical
			}
		}
		for _, e := range list.Extensions {
			l.foreign = l.foreign || e.Critical
		}
		r.lists[string(list.RawIssuer)] = append(r.lists[string(list.RawIssuer)], l)
	}
	return r
}

// check judges a chain, the client's own certificate first.
//
// Source: OpenSSL crypto/x509/x509_vfy.c, check_revocation, as seen at work.
func (r *Revocation) check(chain []*x509.Certificate, now time.Time) error {
	for i, cert := range chain {
		if i > 0 && !r.whole {
			break
		}
		issuer := cert // the last one issued itself
		if i+1 < len(chain) {
			issuer = chain[i+1]
		}
		if err := r.one(cert, issuer, now); err != nil {
			return err
		}
	}
	return nil
}

// one judges a certificate by the newest list of its issuer.
func (r *Revocation) one(cert, issuer *x509.Certificate, now time.Time) error {
	var newest *revocationList
	for _, l := range r.lists[string(issuer.RawSubject)] {
		if l.foreign || l.list.CheckSignatureFrom(issuer) != nil {
			continue
		}
		if newest == nil || l.list.ThisUpdate.After(newest.list.ThisUpdate) {
			newest = l
		}
	}
	switch {
	case newest == nil && r.missingOK:
		return nil
	case newest == nil:
		return &VerifyError{"unable to get certificate CRL", false}
	case newest.serials[string(cert.SerialNumber.Bytes())]:
		return &VerifyError{"certificate revoked", false}
	case now.Before(newest.list.ThisUpdate):
		return &VerifyError{"CRL is not yet valid", false}
	case !newest.list.NextUpdate.IsZero() && now.After(newest.list.NextUpdate):
		return &VerifyError{"CRL has expired", false}
	}
	return nil
}
