package handshake

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/web/openssl"
)

// A Server does handshakes. Its keys for the tickets of sessions outlive the
// policies. Many goroutines may use it.
type Server struct {
	base     *tls.Config
	sessions cache
}

// NewServer returns a server with fresh keys.
func NewServer() *Server {
	return &Server{base: &tls.Config{GetConfigForClient: configFor}}
}

// An Agreement is the outcome of a handshake.
type Agreement struct {
	Conn     *tls.Conn
	TLS      *exchange.TLS
	Policy   *Policy
	Protocol string // of ALPN: "h2", "http/1.1", or empty
}

// Do does the handshake on conn. choose returns the policy of the site that
// has a name; the name is that of SNI in lower case, or empty. h2 tells whether
// HTTP/2 may be agreed on at all. Time is limited by whoever owns conn.
func (s *Server) Do(conn net.Conn, choose func(serverName string) *Policy, h2 bool) (*Agreement, error) {
	a := &attempt{server: s, choose: choose, h2: h2}
	c := tls.Server(conn, s.base)
	if err := c.HandshakeContext(context.WithValue(context.Background(), attemptKey{}, a)); err != nil {
		return nil, err
	}
	return a.agreed(c), nil
}

// An attempt is one handshake.
type attempt struct {
	server   *Server
	choose   func(string) *Policy
	h2       bool
	policy   *Policy
	compiled *compiled
	config   *tls.Config // of compiled, with what is of this connection
	name     string
	fresh    sessionID // of this handshake, if it does not resume
	resumed  sessionID
	verified string
	shown    *tls.Certificate
}

type attemptKey struct{}

type sessionID [32]byte

var errNoPolicy = errors.New("no site here speaks TLS")

// configFor implements tls.Config.GetConfigForClient.
func configFor(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	a := hello.Context().Value(attemptKey{}).(*attempt)
	a.name = strings.TrimSuffix(strings.ToLower(hello.ServerName), ".")
	if a.policy = a.choose(a.name); a.policy == nil {
		return nil, errNoPolicy
	}
	a.compiled = a.policy.current.Load()
	if _, err := rand.Read(a.fresh[:]); err != nil {
		return nil, err
	}
	c := a.compiled.tls.Clone()
	c.NextProtos = a.compiled.config.protocols(hello.SupportedProtos, a.h2)
	c.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		var err error
		a.shown, err = a.compiled.certificate(hello)
		return a.shown, err
	}
	c.VerifyConnection = a.verify
	if !c.SessionTicketsDisabled {
		c.WrapSession, c.UnwrapSession = a.wrap, a.unwrap
	}
	a.config = c
	return c, nil
}

// verify judges the client's certificate, also when a session is resumed.
func (a *attempt) verify(cs tls.ConnectionState) error {
	var err error
	a.verified, err = a.compiled.config.Client.Verify(cs.PeerCertificates, time.Now())
	return err
}

// A ticket carries, besides what crypto/tls needs:
//
//	mark  "catflap"  8 bytes, with the layout's number
//	id    32 bytes   of the session
//	site  32 bytes   for which it holds
//	born  int64      Unix time, big-endian
const (
	ticketMark = "catflap1"
	ticketSize = len(ticketMark) + 32 + 32 + 8
)

// keys are those that tickets are written with.
func (a *attempt) keys() *tls.Config {
	if a.compiled.config.Sessions.Key != nil {
		return a.config
	}
	return a.server.base
}

// wrap implements tls.Config.WrapSession.
func (a *attempt) wrap(cs tls.ConnectionState, state *tls.SessionState) ([]byte, error) {
	id := a.fresh
	if cs.DidResume {
		id = a.resumed
	}
	extra := make([]byte, 0, ticketSize)
	extra = append(append(append(extra, ticketMark...), id[:]...), a.compiled.site[:]...)
	extra = binary.BigEndian.AppendUint64(extra, uint64(time.Now().Unix()))
	state.Extra = append(state.Extra, extra)
	if s := &a.compiled.config.Sessions; s.Off {
		bytes, err := state.Bytes()
		if err != nil {
			return nil, err
		}
		return a.server.sessions.put(bytes, s.Cache), nil
	}
	return a.keys().EncryptTicket(cs, state)
}

// open returns the session of a ticket, nil if there is none.
func (a *attempt) open(ticket []byte, cs tls.ConnectionState) *tls.SessionState {
	var state *tls.SessionState
	var err error
	if a.compiled.config.Sessions.Off {
		kept := a.server.sessions.get(ticket)
		if kept == nil {
			return nil
		}
		state, err = tls.ParseSessionState(kept)
	} else {
		state, err = a.keys().DecryptTicket(ticket, cs)
	}
	if err != nil {
		return nil
	}
	return state
}

// unwrap implements tls.Config.UnwrapSession. A session of another site, or
// one that is too old, is not resumed.
func (a *attempt) unwrap(ticket []byte, cs tls.ConnectionState) (*tls.SessionState, error) {
	state := a.open(ticket, cs)
	if state == nil {
		return nil, nil // a full handshake does
	}
	for _, extra := range state.Extra {
		rest, ok := strings.CutPrefix(string(extra), ticketMark)
		if !ok || len(extra) != ticketSize || rest[32:64] != string(a.compiled.site[:]) {
			continue
		}
		age := time.Since(time.Unix(int64(binary.BigEndian.Uint64(extra[len(extra)-8:])), 0))
		if age > a.compiled.config.Sessions.Life {
			return nil, nil
		}
		copy(a.resumed[:], rest)
		state.Extra = nil
		return state, nil
	}
	return nil, nil
}

// agreed records what the handshake came to.
func (a *attempt) agreed(c *tls.Conn) *Agreement {
	cs := c.ConnectionState()
	id := a.fresh
	if cs.DidResume {
		id = a.resumed
	}
	t := &exchange.TLS{
		Protocol: openssl.VersionName(cs.Version), Session: hex.EncodeToString(id[:]), Resumed: cs.DidResume, ServerName: a.name,
		Verified: a.verified, Client: cs.PeerCertificates, Variable: variable,
	}
	t.Cipher, t.Bits = openssl.SuiteName(cs.CipherSuite)
	for _, cert := range cs.PeerCertificates {
		t.ClientPEM = append(t.ClientPEM, toPEM(cert))
	}
	if shown := a.shown; shown != nil {
		t.Server = shown.Leaf
	} else if all := a.compiled.config.Certificates; len(all) > 0 {
		t.Server = all[0].Leaf // of a resumed session
	}
	return &Agreement{Conn: c, TLS: t, Policy: a.policy, Protocol: cs.NegotiatedProtocol}
}

func toPEM(c *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
}
