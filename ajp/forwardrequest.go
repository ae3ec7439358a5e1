package ajp

import "encoding/binary"

// A ForwardRequest asks the container to answer one HTTP request.
//
//	prefix       byte     2
//	method       byte     1 … 27, or ff: attribute 0d holds it
//	protocol     string   HTTP/1.1
//	req_uri      string   path as it goes to the container, without query
//	remote_addr  string
//	remote_host  string   null if it is not known
//	server_name  string
//	server_port  integer
//	is_ssl       boolean
//	num_headers  integer
//	headers      (name, value) × num_headers; a name is a string or 0xA0 and a code
//	attributes   see Attributes
//
// Source: AJP/1.3 reference, "Forward Request".
type ForwardRequest struct {
	Method     string
	Protocol   string
	URI        string
	RemoteAddr string
	RemoteHost string // empty is sent as null
	ServerName string
	ServerPort int
	TLS        bool
	Headers    []Header
	Attributes Attributes
}

// AppendTo appends the payload of m to b. A string that is too long for its
// field is a *TooLargeError, and b is returned as it was.
func (m *ForwardRequest) AppendTo(b []byte) ([]byte, error) {
	if err := m.checkStrings(); err != nil {
		return b, err
	}
	b = append(b, byte(PrefixForwardRequest), methodCode(m.Method))
	b = appendString(b, m.Protocol)
	b = appendString(b, m.URI)
	b = appendString(b, m.RemoteAddr)
	if m.RemoteHost == "" {
		b = appendNull(b)
	} else {
		b = appendString(b, m.RemoteHost)
	}
	b = appendString(b, m.ServerName)
	b = binary.BigEndian.AppendUint16(b, uint16(m.ServerPort))
	b = appendBool(b, m.TLS)
	b = binary.BigEndian.AppendUint16(b, uint16(len(m.Headers)))
	for i := range m.Headers {
		h := &m.Headers[i]
		if code := requestCode(h.Name); code != 0 {
			b = append(b, 0xa0, code)
		} else {
			b = appendString(b, h.Name)
		}
		b = appendString(b, h.Value)
	}
	return m.Attributes.appendTo(b, m.Method), nil
}

// checkStrings makes sure that no length wraps.
func (m *ForwardRequest) checkStrings() error {
	longest := max(len(m.Method), len(m.Protocol), len(m.URI), len(m.RemoteAddr), len(m.RemoteHost), len(m.ServerName))
	a := &m.Attributes
	longest = max(longest, len(a.Context), len(a.ServletPath), len(a.RemoteUser), len(a.AuthType), len(a.Query), len(a.Route),
		len(a.SSLCert), len(a.SSLCipher), len(a.SSLSession), len(a.Secret))
	for i := range a.Request {
		longest = max(longest, len(a.Request[i].Name), len(a.Request[i].Value))
	}
	sum := longest
	for i := range m.Headers {
		longest = max(longest, len(m.Headers[i].Value))
		if n := len(m.Headers[i].Name); n >= codedName && n <= codedEnd {
			longest = max(longest, maxString+1)
		} else {
			longest = max(longest, n)
		}
		sum += len(m.Headers[i].Name) + len(m.Headers[i].Value)
	}
	if longest > maxString || len(m.Headers) > maxString {
		return &TooLargeError{Need: max(sum, longest), Max: MaxMaxPacket, Largest: m.largest()}
	}
	return nil
}

// largest names the header that takes most, without its value.
func (m *ForwardRequest) largest() string {
	name, most := "", 0
	for _, h := range m.Headers {
		if n := len(h.Name) + len(h.Value); n > most {
			name, most = h.Name, n
		}
	}
	return name
}

// parse reads m from a payload, its prefix first. Its strings share one copy of
// the payload.
func (m *ForwardRequest) parse(p *payload) error {
	p.whole = string(p.bytes)
	if Prefix(p.byte()) != PrefixForwardRequest {
		p.at = 0
		p.fail("not this message")
	}
	code := p.byte()
	m.Protocol = p.text()
	m.URI = p.text()
	m.RemoteAddr = p.text()
	m.RemoteHost = p.text()
	m.ServerName = p.text()
	m.ServerPort = int(p.uint16())
	m.TLS = p.bool()
	count := int(p.uint16())
	m.Headers = m.Headers[:0]
	for range count {
		if p.err != nil {
			break
		}
		name := p.name(requestHeaders[:])
		m.Headers = append(m.Headers, Header{name, p.text()})
	}
	m.Attributes.parse(p)
	switch {
	case p.err != nil:
	case code == methodStored:
		if m.Method = m.Attributes.StoredMethod; m.Method == "" {
			p.fail("a stored method without its attribute")
		}
	case code == 0 || int(code) >= len(methods):
		p.at = 1
		p.fail("an unknown method code")
	default:
		m.Method = methods[code]
	}
	return p.done()
}

// ParseForwardRequest reads a payload. Strings are copied, so that the payload
// may be used again.
func ParseForwardRequest(bytes []byte) (*ForwardRequest, error) {
	m := new(ForwardRequest)
	if err := m.parse(&payload{message: PrefixForwardRequest.String(), bytes: bytes}); err != nil {
		return nil, err
	}
	return m, nil
}
