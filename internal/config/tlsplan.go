package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/catflap/catflap/internal/config/certificate"
	"github.com/catflap/catflap/internal/front"
	"github.com/catflap/catflap/internal/web/handshake"
)

// A tlsPlan is what the directives say about the TLS of one site. The files
// that it names are read by load, when the configuration is read and each time
// that they change.
type tlsPlan struct {
	name   string // HOST:443, as mod_ssl calls it
	pairs  []certPair
	chain  *fileSetting
	key    *fileSetting // SSLSessionTicketKeyFile
	client tlsClient
	base   handshake.Config // all but what comes of files
	named  string           // ServerName, if the site has one
	read   func(name string) ([]byte, error)
	list   func(folder string) ([]string, error) // its files, with their folder
}

// A certPair is a certificate and its key.
type certPair struct{ cert, key fileSetting }

// planTLS puts together what the main server and s say.
func (l *loader) planTLS(s *scope) *tlsPlan {
	own, main := &s.tls, &l.main.tls
	if s == l.main {
		main = &tlsSettings{}
	}
	files := own.files.over(main.files)
	p := &tlsPlan{name: l.addressOf(s), chain: files.chain, client: own.client.over(main.client), named: s.name, read: l.read, list: l.list}
	for i, cert := range files.certs {
		p.pairs = append(p.pairs, certPair{cert, files.keyOf(i)})
	}
	if p.key = own.session.key; p.key == nil {
		p.key = main.session.key
	}
	offer := own.offer.over(main.offer)
	p.base.Site = fmt.Sprint(s.name, s.host.Addresses)
	p.base.Sessions.Off = !either(own.session.tickets, main.session.tickets, true)
	p.base.Sessions.Cache = l.main.tls.session.cache
	p.base.Sessions.Life = time.Duration(max(1, either(own.session.life, main.session.life, 300))) * time.Second
	p.base.Client.Mode = p.client.wants()
	p.base.Client.Depth = either(p.client.depth, nil, 1)
	if len(p.pairs) > 0 {
		l.offer(offer, &p.base, p.pairs[0].cert.at)
	}
	p.base.Protocols, p.base.ClientOrder = l.alpn(s)
	p.base.Setup, p.base.Auth = p.texts(offer)
	return p
}

// texts are what two sites are compared by: the arguments, not what is in the
// files.
func (p *tlsPlan) texts(o tlsOffer) (setup, auth string) {
	var b, c strings.Builder
	for _, pair := range p.pairs {
		fmt.Fprintln(&b, pair.cert.name, pair.key.name)
	}
	ciphers := ""
	if o.ciphers != nil {
		ciphers = o.ciphers.text
	}
	fmt.Fprintln(&b, nameOfFile(p.chain), p.base.MinVersion, p.base.MaxVersion, ciphers, o.commands)
	fmt.Fprintln(&c, p.base.Client.Mode, p.base.Client.Depth, o.commands)
	for _, f := range []*fileSetting{p.client.caFile, p.client.caPath, p.client.dnFile, p.client.dnPath, p.client.crlFile, p.client.crlPath} {
		fmt.Fprintln(&c, nameOfFile(f))
	}
	if p.client.checks() {
		fmt.Fprintln(&c, p.client.check.text)
	}
	return b.String(), c.String()
}

func nameOfFile(f *fileSetting) string {
	if f == nil {
		return "-"
	}
	return f.name
}

// files are all that load reads; a folder stands for what is in it.
func (p *tlsPlan) files() []string {
	var all []string
	for _, pair := range p.pairs {
		all = append(all, pair.cert.name, pair.key.name)
	}
	for _, f := range []*fileSetting{p.chain, p.key, p.client.caFile, p.client.caPath, p.client.dnFile, p.client.dnPath, p.client.crlFile, p.client.crlPath} {
		if f != nil {
			all = append(all, f.name)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// tlsOf is what the front is told of a site.
func (l *loader) tlsOf(s *scope) *front.TLS {
	p := s.tls.plan
	cfg, faults := p.load()
	l.tell(faults)
	l.tell(p.advice(cfg, time.Now()))
	return &front.TLS{
		Handshake: cfg, StrictSNI: either(s.tls.strict, l.main.tls.strict, false), Files: p.files(),
		Read: func() (handshake.Config, error) {
			cfg, faults := p.load()
			var all []error
			for _, f := range faults {
				all = append(all, f)
			}
			return cfg, errors.Join(all...)
		},
	}
}

// load reads the files of p. With a fault the Config is not whole.
func (p *tlsPlan) load() (handshake.Config, []fault) {
	cfg, r := p.base, &planReader{p: p}
	cfg.Certificates = r.certificates()
	if p.key != nil {
		if cfg.Sessions.Key = r.file(p.key, "Failed to read 48 bytes from "+p.key.name, "AH02287"); cfg.Sessions.Key != nil && len(cfg.Sessions.Key) < 48 {
			r.add(fault{at: p.key.at, text: "Failed to read 48 bytes from " + p.key.name, code: "AH02287", fix: fmt.Sprintf("it has %d: openssl rand -out FILE 48 makes one", len(cfg.Sessions.Key))})
		}
	}
	if cfg.Client.Mode != handshake.ClientNone {
		cfg.Client.Roots = r.authorities(p.client.caFile, p.client.caPath)
		if p.client.dnFile != nil || p.client.dnPath != nil {
			cfg.Client.Named = r.authorities(p.client.dnFile, p.client.dnPath)
		}
		cfg.Client.Revocation = r.revocation()
	}
	return cfg, r.faults
}

// A planReader carries one load.
type planReader struct {
	p      *tlsPlan
	faults []fault
}

func (r *planReader) add(f fault) { r.faults = append(r.faults, f) }

// file reads a file, nil if it cannot be.
func (r *planReader) file(f *fileSetting, text, code string) []byte {
	b, err := r.p.read(f.name)
	if err != nil {
		r.add(fault{at: f.at, name: f.name, err: err, text: text, code: code, fix: err.Error()})
		return nil
	}
	return b
}

// certificates reads all pairs. Of one kind of key the last counts, as with
// OpenSSL. Those with the faster keys come first.
func (r *planReader) certificates() []tls.Certificate {
	p := r.p
	var chain []byte
	if p.chain != nil {
		chain = r.file(p.chain, "Failed to configure CA certificate chain "+p.chain.name, "AH01903")
	}
	byKind := map[x509.PublicKeyAlgorithm]tls.Certificate{}
	for i, pair := range p.pairs {
		id := fmt.Sprintf("%s:%d", p.name, i)
		cert := r.file(&pair.cert, "Failed to configure certificate "+id+", check "+pair.cert.name, "AH02561")
		key := cert
		if pair.key.name != pair.cert.name {
			key = r.file(&pair.key, "Failed to configure private key "+id+", check "+pair.key.name, "AH02564")
		}
		if cert == nil || key == nil {
			continue
		}
		c, err := certificate.Pair(cert, key, chain)
		if err != nil {
			r.pairFault(id, pair, err)
			continue
		}
		byKind[c.Leaf.PublicKeyAlgorithm] = c
	}
	var all []tls.Certificate
	for _, kind := range []x509.PublicKeyAlgorithm{x509.ECDSA, x509.Ed25519, x509.RSA} {
		if c, ok := byKind[kind]; ok {
			all = append(all, c)
		}
	}
	return all
}

// pairFault says what is wrong with a pair.
func (r *planReader) pairFault(id string, pair certPair, err error) {
	f := fault{at: pair.cert.at, text: "Failed to configure certificate " + id + ", check " + pair.cert.name, code: "AH02561", fix: err.Error()}
	if wrong, ok := errors.AsType[*certificate.Error](err); ok && wrong.Fault != certificate.FaultCertificate {
		f.at, f.code = pair.key.at, "AH02564"
		switch wrong.Fault {
		case certificate.FaultEncrypted:
			f.text = "Failed to configure encrypted private key " + id + ", check " + pair.key.name
			f.fix = wrong.Text + "; write it without one, for root to read only: openssl pkey -in " + pair.key.name + " -out NEW"
		case certificate.FaultMismatch:
			f.text, f.code = "Certificate and private key "+id+" from "+pair.cert.name+" and "+pair.key.name+" do not match", "AH02565"
		default:
			f.text = "Failed to configure private key " + id + ", check " + pair.key.name
			if pair.key.name == pair.cert.name {
				f.fix = wrong.Text + "; write SSLCertificateKeyFile"
			}
		}
	}
	r.add(f)
}

// The names of files in a folder that OpenSSL looks at.
var (
	hashedCerts = regexp.MustCompile(`^[0-9a-f]{8}\.[0-9]+$`)
	hashedLists = regexp.MustCompile(`^[0-9a-f]{8}\.r[0-9]+$`)
)

// each calls f with what is in a file, and in those files of a folder whose
// names are like hashed.
func (r *planReader) each(file, folder *fileSetting, hashed *regexp.Regexp, f func(at *fileSetting, name string, text []byte)) {
	if file != nil {
		if text := r.file(file, file.at.Name+": "+file.name+" cannot be read", ""); text != nil {
			f(file, file.name, text)
		}
	}
	if folder == nil {
		return
	}
	names, err := r.p.list(folder.name)
	if err != nil {
		r.add(fault{at: folder.at, name: folder.name, err: err, text: folder.at.Name + ": " + folder.name + " cannot be read", fix: err.Error()})
		return
	}
	for _, name := range names {
		if !hashed.MatchString(filepath.Base(name)) {
			continue
		}
		text, err := r.p.read(name)
		if err != nil {
			r.add(fault{at: folder.at, name: name, err: err, text: folder.at.Name + ": " + name + " cannot be read", fix: err.Error()})
			continue
		}
		f(folder, name, text)
	}
}

// authorities reads certificates of issuers.
func (r *planReader) authorities(file, folder *fileSetting) []*x509.Certificate {
	all := []*x509.Certificate{}
	r.each(file, folder, hashedCerts, func(at *fileSetting, name string, text []byte) {
		found, err := certificate.All(text)
		if err != nil {
			r.add(fault{at: at.at, text: at.at.Name + ": " + name + " has no certificates that can be used", fix: err.Error()})
			return
		}
		all = append(all, found...)
	})
	return all
}

// revocation reads the lists of what was taken back.
func (r *planReader) revocation() *handshake.Revocation {
	c := &r.p.client
	if !c.checks() {
		return nil
	}
	var all []*x509.RevocationList
	r.each(c.crlFile, c.crlPath, hashedLists, func(at *fileSetting, name string, text []byte) {
		found, err := certificate.RevocationLists(text)
		if err != nil {
			r.add(fault{at: at.at, text: "Host " + r.p.name + ": unable to configure X.509 CRL storage for certificate revocation: " + name, code: "AH01901", fix: err.Error()})
			return
		}
		all = append(all, found...)
	})
	return handshake.NewRevocation(all, c.check.whole, c.check.missingOK)
}

// advice tells what is likely a mistake, and serves all the same.
func (p *tlsPlan) advice(cfg handshake.Config, now time.Time) []fault {
	var all []fault
	for _, c := range cfg.Certificates {
		leaf, at := c.Leaf, p.pairs[0].cert.at
		switch {
		case now.After(leaf.NotAfter):
			all = append(all, fault{at: at, warn: true, text: "the certificate of " + p.name + " has expired: it was good until " + leaf.NotAfter.UTC().Format("2006-01-02 15:04 MST"), fix: "renew it"})
		case now.Before(leaf.NotBefore):
			all = append(all, fault{at: at, warn: true, text: "the certificate of " + p.name + " is not good before " + leaf.NotBefore.UTC().Format("2006-01-02 15:04 MST"), fix: "is the clock right?"})
		}
		if p.named != "" && leaf.VerifyHostname(p.named) != nil && leaf.Subject.CommonName != p.named {
			all = append(all, fault{at: at, warn: true, text: p.name + ":0 server certificate does NOT include an ID which matches the server name", code: "AH01909",
				fix: "its names are " + strings.Join(append(leaf.DNSNames, leaf.Subject.CommonName), ", ")})
		}
	}
	switch c := &p.client; {
	case c.wants() == handshake.ClientNone:
	case c.caFile == nil && c.caPath == nil:
		all = append(all, fault{at: c.modeAt, warn: true, text: "Init: Oops, you want to request client authentication, but no CAs are known for verification!?", code: "AH01897", fix: "write SSLCACertificateFile"})
	}
	if c := &p.client; c.checks() && c.crlFile == nil && c.crlPath == nil {
		all = append(all, fault{at: c.check.at, text: "Host " + p.name + ": CRL checking has been enabled, but neither SSLCARevocationFile nor SSLCARevocationPath is configured", code: "AH01899", fix: "write SSLCARevocationFile"})
	}
	return all
}

// list returns the files of a folder.
func (l *loader) list(folder string) ([]string, error) {
	entries, err := files{l.o.Opener}.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		names = append(names, filepath.Join(folder, e.Name()))
	}
	return names, nil
}
