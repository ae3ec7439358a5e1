package ajp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/http"
	"strconv"
)

// Names of request attributes that web servers send.
const (
	AttrRemotePort  = "AJP_REMOTE_PORT"  // the client's port
	AttrLocalAddr   = "AJP_LOCAL_ADDR"   // the address that the client connected to
	AttrSSLProtocol = "AJP_SSL_PROTOCOL" // TLSv1.3
	AttrActivation  = "JK_LB_ACTIVATION" // of the member: ACT, DIS or STP
)

// FromContext returns what the web server told about the request whose context
// is ctx: its attributes, and its fields as they came. Headers is nil: they
// are in the http.Request; the secret is left out. It returns nil for a
// request that did not come to a Server. It is not to be changed.
//
// What it tells is true if the web server is: RemoteUser is who that has
// authenticated, SSLCert the client certificate that it has verified.
func FromContext(ctx context.Context) *ForwardRequest {
	m, _ := ctx.Value(forwardKey{}).(*ForwardRequest)
	return m
}

type forwardKey struct{}

type peerKey struct{}

// PeerAddr returns the address of the web server that a request came from, nil
// if it did not come to a Server.
func PeerAddr(ctx context.Context) net.Addr {
	addr, _ := ctx.Value(peerKey{}).(net.Addr)
	return addr
}

// A requestContext is the context of one request.
type requestContext struct {
	context.Context
	message *ForwardRequest
	conn    net.Conn
}

// Value also gives the address that the client connected to, as http.Server
// does; that of the connection if it is not known.
func (c *requestContext) Value(key any) any {
	switch key {
	case forwardKey{}:
		return c.message
	case peerKey{}:
		return c.conn.RemoteAddr()
	case http.LocalAddrContextKey:
		if ip := net.ParseIP(c.message.LocalAddr()); ip != nil {
			return net.Addr(&net.TCPAddr{IP: ip, Port: c.message.ServerPort})
		}
		return c.conn.LocalAddr()
	}
	return c.Context.Value(key)
}

// RequestAttribute returns the value of a named attribute, and whether it was
// sent. Of two with the same name the last counts, as in Tomcat.
func (a *Attributes) RequestAttribute(name string) (value string, ok bool) {
	for i := range a.Request {
		if a.Request[i].Name == name {
			value, ok = a.Request[i].Value, true
		}
	}
	return value, ok
}

// RemotePort returns the client's port, 0 if it is not known.
func (m *ForwardRequest) RemotePort() int {
	text, ok := m.Attributes.RequestAttribute(AttrRemotePort)
	if !ok {
		return 0
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return 0
	}
	return int(port)
}

// LocalAddr returns the address that the client connected to, "" if it is not
// known.
func (m *ForwardRequest) LocalAddr() string {
	addr, _ := m.Attributes.RequestAttribute(AttrLocalAddr)
	return addr
}

// SSLProtocol returns the version of TLS between client and web server, as
// OpenSSL writes it: "TLSv1.3". It is "" if it is not known.
func (m *ForwardRequest) SSLProtocol() string {
	name, _ := m.Attributes.RequestAttribute(AttrSSLProtocol)
	return name
}

// Activation returns what the operator of the balancer has set for this
// member: ACT, DIS or STP; "" if it is not known. At DIS no new session should
// begin here.
func (m *ForwardRequest) Activation() string {
	text, _ := m.Attributes.RequestAttribute(AttrActivation)
	return text
}

// Certificates returns the client's certificate, its own first, nil if it has
// none.
func (m *ForwardRequest) Certificates() ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for rest := []byte(m.Attributes.SSLCert); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return all, nil
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		all = append(all, certificate)
	}
}

// tlsState returns the state of TLS between client and web server, nil if
// there is none. What is not known stays zero: Version, CipherSuite, and the
// PeerCertificates if they cannot be read.
func (m *ForwardRequest) tlsState() *tls.ConnectionState {
	if !m.TLS {
		return nil
	}
	state := &tls.ConnectionState{
		HandshakeComplete: true, ServerName: m.ServerName,
		Version: tlsVersions[m.SSLProtocol()], CipherSuite: cipherSuites[m.Attributes.SSLCipher],
	}
	if m.Attributes.SSLCert != "" {
		state.PeerCertificates, _ = m.Certificates() // none is no proof of anything
	}
	return state
}

var tlsVersions = map[string]uint16{
	"TLSv1": tls.VersionTLS10, "TLSv1.1": tls.VersionTLS11, "TLSv1.2": tls.VersionTLS12, "TLSv1.3": tls.VersionTLS13,
}

// cipherSuites are the suites that Go has a number for, by OpenSSL's name.
var cipherSuites = map[string]uint16{
	"TLS_AES_128_GCM_SHA256":        tls.TLS_AES_128_GCM_SHA256,
	"TLS_AES_256_GCM_SHA384":        tls.TLS_AES_256_GCM_SHA384,
	"TLS_CHACHA20_POLY1305_SHA256":  tls.TLS_CHACHA20_POLY1305_SHA256,
	"ECDHE-ECDSA-AES128-GCM-SHA256": tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	"ECDHE-ECDSA-AES256-GCM-SHA384": tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	"ECDHE-ECDSA-CHACHA20-POLY1305": tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	"ECDHE-ECDSA-AES128-SHA256":     tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256,
	"ECDHE-ECDSA-AES128-SHA":        tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
	"ECDHE-ECDSA-AES256-SHA":        tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
	"ECDHE-RSA-AES128-GCM-SHA256":   tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	"ECDHE-RSA-AES256-GCM-SHA384":   tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	"ECDHE-RSA-CHACHA20-POLY1305":   tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	"ECDHE-RSA-AES128-SHA256":       tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256,
	"ECDHE-RSA-AES128-SHA":          tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
	"ECDHE-RSA-AES256-SHA":          tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
	"AES128-GCM-SHA256":             tls.TLS_RSA_WITH_AES_128_GCM_SHA256,
	"AES256-GCM-SHA384":             tls.TLS_RSA_WITH_AES_256_GCM_SHA384,
	"AES128-SHA256":                 tls.TLS_RSA_WITH_AES_128_CBC_SHA256,
	"AES128-SHA":                    tls.TLS_RSA_WITH_AES_128_CBC_SHA,
	"AES256-SHA":                    tls.TLS_RSA_WITH_AES_256_CBC_SHA,
	"ECDHE-RSA-DES-CBC3-SHA":        tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA,
	"DES-CBC3-SHA":                  tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA,
	"ECDHE-ECDSA-RC4-SHA":           tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA,
	"ECDHE-RSA-RC4-SHA":             tls.TLS_ECDHE_RSA_WITH_RC4_128_SHA,
	"RC4-SHA":                       tls.TLS_RSA_WITH_RC4_128_SHA,
}
