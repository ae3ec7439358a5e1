package exchange

import "net/netip"

// A Site is what a virtual host is and how it forwards. It never changes; all
// requests of the host share it.
type Site struct {
	Name    string // canonical ServerName, without port
	Port    int    // port of ServerName, or of <VirtualHost> without a ServerName; 0 is the scheme's own
	HTTPS   bool   // ServerName https://…: clients come by https, whatever arrives here
	Admin   string // ServerAdmin
	TLS     bool   // SSLEngine on
	Product string // the Server header
	Trace   TraceMode
	// LocalName returns the name of one of our addresses, "" if it has none;
	// nil knows none. Many goroutines may call it.
	LocalName func(netip.Addr) string
	// Called reports whether the site has a name, in lower case and without a
	// final dot: its ServerName, a ServerAlias. nil says that it answers for
	// names that the files do not tell. Many goroutines may call it.
	Called  func(name string) bool
	Forward Forwarding
}

// A TraceMode is TraceEnable.
type TraceMode int

const (
	TraceOff      TraceMode = iota
	TraceOn                 // TRACE sends the request back
	TraceExtended           // with its body
)

// PortOf returns the canonical port, for a connection with TLS or without.
func (s *Site) PortOf(tls bool) int {
	switch {
	case s.Port != 0:
		return s.Port
	case tls || s.HTTPS:
		return 443
	}
	return 80
}

// Forwarding is JkOptions and the like: how requests of a site go to a
// container.
type Forwarding struct {
	URI             URIMode
	NoKeySize       bool // -ForwardKeySize
	LocalAddress    bool // +ForwardLocalAddress: our address as remote_addr
	PhysicalAddress bool // +ForwardPhysicalAddress
	Directories     bool // +ForwardDirectories
	FlushPackets    bool // flush to the client after each body chunk
	FlushHeader     bool // flush to the client after the headers
	DisableReuse    bool // close the container's connection after each request
	CertChain       bool // +ForwardSSLCertChain
	EnvVars         []EnvAttribute
	RejectUnsafe    bool // paths with % or \ after decoding are not mapped
	SSL             Indicators
}

// An EnvAttribute is one JkEnvVar: a variable that goes to the container as a
// request attribute, unless it is empty.
type EnvAttribute struct {
	Name    string
	Default string // its value if it is not set
}

// A URIMode is which of JkOptions' ForwardURI… was the last.
type URIMode int

const (
	URIProxy          URIMode = iota // the canonical path, encoded
	URICompat                        // as URIProxy here; mod_jk sends it unencoded
	URICompatUnparsed                // the request-target's path as received
	URIEscaped                       // the canonical path, encoded with lower-case hex
)

// Indicators are the names of the variables that tell a container of TLS. An
// empty one means its default.
type Indicators struct {
	Off       bool   // JkExtractSSL Off: nothing is told
	HTTPS     string // JkHTTPSIndicator; default HTTPS
	Protocol  string // JkSSLPROTOCOLIndicator; default SSL_PROTOCOL
	Cipher    string // JkCIPHERIndicator; default SSL_CIPHER
	Session   string // JkSESSIONIndicator; default SSL_SESSION_ID
	KeySize   string // JkKEYSIZEIndicator; default SSL_CIPHER_USEKEYSIZE
	Certs     string // JkCERTSIndicator; default SSL_CLIENT_CERT
	CertChain string // JkCERTCHAINPrefix; default SSL_CLIENT_CERT_CHAIN_
}
