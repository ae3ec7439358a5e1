package ajp

import "encoding/binary"

// SendHeaders begins the container's answer.
//
//	prefix       byte     4
//	status       integer  200 … 999
//	reason       string   Tomcat sends the status in digits
//	num_headers  integer
//	headers      (name, value) × num_headers; a name is a string or 0xA0 and a code
//
// Source: AJP/1.3 reference, "Send Headers".
type SendHeaders struct {
	Status  int
	Reason  string
	Headers []Header
}

// AppendTo appends the payload of m to b. Strings must not be longer than
// 65534 bytes.
func (m *SendHeaders) AppendTo(b []byte) []byte {
	b = append(b, byte(PrefixSendHeaders))
	b = binary.BigEndian.AppendUint16(b, uint16(m.Status))
	b = appendString(b, m.Reason)
	b = binary.BigEndian.AppendUint16(b, uint16(len(m.Headers)))
	for _, h := range m.Headers {
		if code := responseCode(h.Name); code != 0 {
			b = append(b, 0xa0, code)
		} else {
			b = appendString(b, h.Name)
		}
		b = appendString(b, h.Value)
	}
	return b
}

// parse reads what follows the prefix. Headers are used again. A name that is
// no token, or a value with a line end or NUL, is refused: it could forge a
// response.
func (m *SendHeaders) parse(p *payload) error {
	m.Status = int(p.uint16())
	if p.err == nil && (m.Status < 200 || m.Status > 999) {
		p.at -= 2
		p.fail("a status that cannot end a request")
	}
	reason, _ := p.string()
	m.Reason = ""
	if len(reason) > 0 && !decimal(reason) {
		m.Reason = string(reason)
	}
	count := int(p.uint16())
	m.Headers = m.Headers[:0]
	for range count {
		at := p.at
		name := p.name(responseHeaders[:])
		value, ok := p.string()
		if p.err != nil {
			break
		}
		if !ok || !isToken(name) || !isValue(value) {
			p.at = at
			p.fail("a header that HTTP cannot carry")
			break
		}
		m.Headers = append(m.Headers, Header{name, string(value)})
	}
	return p.done()
}

// decimal tells that a reason is only the status again.
func decimal(reason []byte) bool {
	for _, c := range reason {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// isToken reports whether name is a token of RFC 9110.
func isToken(name string) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '-', c == '_', c == '.', c == '!', c == '#', c == '$', c == '%', c == '&', c == '\'', c == '*', c == '+',
			c == '^', c == '`', c == '|', c == '~':
		default:
			return false
		}
	}
	return name != ""
}

// isValue reports whether value has no byte that ends a header line.
func isValue(value []byte) bool {
	for _, c := range value {
		if c == '\r' || c == '\n' || c == 0 {
			return false
		}
	}
	return true
}

// SendBodyChunk carries a part of the answer's body. An empty one asks for
// what came so far to be flushed to the client.
//
//	prefix  byte     3
//	length  integer  at most MaxPacket-8
//	data    length bytes
//	end     byte     0; some containers leave it out, more bytes are ignored
//
// Source: AJP/1.3 reference, "Send Body Chunk".
type SendBodyChunk struct{ Data []byte }

// AppendTo appends the payload of m to b.
func (m SendBodyChunk) AppendTo(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(append(b, byte(PrefixSendBodyChunk)), uint16(len(m.Data)))
	b = append(b, m.Data...)
	return append(b, 0)
}

func (m *SendBodyChunk) parse(p *payload) error {
	m.Data = p.take(int(p.uint16()))
	return p.err
}

// GetBodyChunk asks the web server for more of the request body.
//
//	prefix  byte     6
//	length  integer  the most body bytes wanted, at most MaxPacket-6
//
// Source: AJP/1.3 reference, "Get Body Chunk".
type GetBodyChunk struct{ Length uint16 }

// AppendTo appends the payload of m to b.
func (m GetBodyChunk) AppendTo(b []byte) []byte {
	return binary.BigEndian.AppendUint16(append(b, byte(PrefixGetBodyChunk)), m.Length)
}

func (m *GetBodyChunk) parse(p *payload) error {
	m.Length = p.uint16()
	return p.done()
}

// EndResponse ends the answer.
//
//	prefix  byte     5
//	reuse   boolean  the connection takes another request
//
// Source: AJP/1.3 reference, "End Response".
type EndResponse struct{ Reuse bool }

// AppendTo appends the payload of m to b.
func (m EndResponse) AppendTo(b []byte) []byte {
	return appendBool(append(b, byte(PrefixEndResponse)), m.Reuse)
}

func (m *EndResponse) parse(p *payload) error {
	m.Reuse = p.bool()
	return p.done()
}
