// Package handshake speaks TLS with one client until HTTP can begin. What
// comes in are a connection and the policies of the sites behind it; what goes
// out are the connection in TLS and the record of what was agreed on.
package handshake

import (
	"crypto/sha256"
	"crypto/tls"
	"sync/atomic"
	"time"
)

// A Config says how one site speaks TLS.
type Config struct {
	Site         string            // its name: a session is resumed at no other site
	Certificates []tls.Certificate // each with its Leaf; one a kind of key
	MinVersion   uint16
	MaxVersion   uint16
	Suites       []uint16      // of TLS 1.2 and before
	Groups       []tls.CurveID // nil: those of crypto/tls
	Protocols    []string      // for ALPN, the server's favourite first
	ClientOrder  bool          // ProtocolsHonorOrder off: the client's favourite
	Sessions     Sessions
	Client       ClientAuth
	// Setup is all that a client can notice of it, and Auth what of that is
	// about certificates of clients: texts to be compared.
	Setup, Auth string
}

// Sessions is how sessions are resumed.
type Sessions struct {
	Off   bool          // SSLSessionTickets off: clients get no tickets, but keys of what Cache holds
	Cache int           // SSLSessionCache: bytes at most; 0: none
	Life  time.Duration // SSLSessionCacheTimeout; default 300 s
	Key   []byte        // what SSLSessionTicketKeyFile holds; nil: a key of this process, renewed each day
}

// A Policy is a Config at work. Many goroutines may use it.
type Policy struct {
	current atomic.Pointer[compiled]
}

// compiled is a Config ready for handshakes.
type compiled struct {
	config *Config
	tls    *tls.Config // of each connection a copy is used
	site   [sha256.Size]byte
}

// New returns the policy of cfg.
func New(cfg Config) *Policy {
	p := &Policy{}
	p.Set(cfg)
	return p
}

// Set lets cfg hold for handshakes from now on.
func (p *Policy) Set(cfg Config) {
	if cfg.Sessions.Life <= 0 {
		cfg.Sessions.Life = 300 * time.Second
	}
	c := &compiled{config: &cfg, site: sha256.Sum256([]byte(cfg.Site + "\x00" + cfg.Auth))}
	c.tls = &tls.Config{
		GetCertificate:              c.certificate,
		MinVersion:                  cfg.MinVersion,
		MaxVersion:                  cfg.MaxVersion,
		CipherSuites:                cfg.Suites,
		CurvePreferences:            cfg.Groups,
		ClientAuth:                  cfg.Client.wanted(),
		ClientCAs:                   cfg.Client.named(),
		SessionTicketsDisabled:      cfg.Sessions.Off && cfg.Sessions.Cache == 0,
		DynamicRecordSizingDisabled: true, // a large answer leaves in records as large as can be, as from httpd
	}
	if len(cfg.Suites) == 0 {
		c.tls.MinVersion = tls.VersionTLS13 // nil would be all suites of TLS 1.2
	}
	if cfg.Sessions.Key != nil {
		c.tls.SetSessionTicketKeys([][32]byte{sha256.Sum256(cfg.Sessions.Key)})
	}
	p.current.Store(c)
}

// Config returns what holds now.
func (p *Policy) Config() *Config { return p.current.Load().config }

// certificate chooses the first certificate that the client can use: those
// with the faster keys first. Which names are in it does not matter, as in
// httpd: the site was chosen already.
func (c *compiled) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	all := c.config.Certificates
	if len(all) == 1 {
		return &all[0], nil
	}
	anyName := *hello
	anyName.ServerName = ""
	for i := range all {
		if anyName.SupportsCertificate(&all[i]) == nil {
			return &all[i], nil
		}
	}
	return &all[0], nil
}

// protocols are those to be offered for ALPN. A client that knows none of ours
// gets HTTP/1.1 without one, as from httpd.
func (c *Config) protocols(client []string, h2 bool) []string {
	first, second := c.Protocols, client
	if c.ClientOrder {
		first, second = client, c.Protocols
	}
	for _, a := range first {
		for _, b := range second {
			if a == b && (h2 || a != "h2") {
				return []string{a}
			}
		}
	}
	return nil
}
