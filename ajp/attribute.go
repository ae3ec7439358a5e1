package ajp

import "encoding/binary"

// Attribute codes of a Forward Request.
const (
	attrContext      = 0x01
	attrServletPath  = 0x02
	attrRemoteUser   = 0x03
	attrAuthType     = 0x04
	attrQueryString  = 0x05
	attrRoute        = 0x06
	attrSSLCert      = 0x07
	attrSSLCipher    = 0x08
	attrSSLSession   = 0x09
	attrRequest      = 0x0a
	attrSSLKeySize   = 0x0b
	attrSecret       = 0x0c
	attrStoredMethod = 0x0d
	attrDone         = 0xff
)

// Attributes are what a web server tells about a request beside its head. An
// empty string is not sent, but for Query.
//
//	code   byte    01 … 0d
//	value  string  but ssl_key_size: integer; req_attribute: two strings
//	…
//	end    byte    ff
type Attributes struct {
	Context      string // 01, never sent by known web servers
	ServletPath  string // 02, likewise
	RemoteUser   string // 03
	AuthType     string // 04
	HasQuery     bool   // there was a "?": Query is sent even if it is empty
	Query        string // 05, without "?"
	Route        string // 06: the jvmRoute of the member that was chosen
	SSLCert      string // 07: PEM, a chain one after the other
	SSLCipher    string // 08
	SSLSession   string // 09
	SSLKeySize   int    // 0b, in bits; 0 is not sent
	Secret       string // 0c
	StoredMethod string // 0d: set while reading; writing takes it from Method
	Request      []RequestAttribute
}

// A RequestAttribute is a named attribute, code 0a. A container takes only
// names that it knows or is told to. Nothing that a client sends may become
// one.
type RequestAttribute struct{ Name, Value string }

func (a *Attributes) appendTo(b []byte, method string) []byte {
	b = appendAttr(b, attrSecret, a.Secret)
	b = appendAttr(b, attrContext, a.Context)
	b = appendAttr(b, attrServletPath, a.ServletPath)
	b = appendAttr(b, attrRemoteUser, a.RemoteUser)
	b = appendAttr(b, attrAuthType, a.AuthType)
	if a.HasQuery || a.Query != "" {
		b = appendString(append(b, attrQueryString), a.Query)
	}
	b = appendAttr(b, attrRoute, a.Route)
	b = appendAttr(b, attrSSLCert, a.SSLCert)
	b = appendAttr(b, attrSSLCipher, a.SSLCipher)
	b = appendAttr(b, attrSSLSession, a.SSLSession)
	if a.SSLKeySize > 0 {
		b = binary.BigEndian.AppendUint16(append(b, attrSSLKeySize), uint16(a.SSLKeySize))
	}
	if methodCode(method) == methodStored {
		b = appendString(append(b, attrStoredMethod), method)
	}
	for i := range a.Request {
		b = appendString(append(b, attrRequest), a.Request[i].Name)
		b = appendString(b, a.Request[i].Value)
	}
	return append(b, attrDone)
}

func appendAttr(b []byte, code byte, value string) []byte {
	if value == "" {
		return b
	}
	return appendString(append(b, code), value)
}

// parse reads up to the end. An unknown code is an error: its length is not
// known.
func (a *Attributes) parse(p *payload) {
	*a = Attributes{Request: a.Request[:0]}
	for p.err == nil {
		code := p.byte()
		if p.err != nil || code == attrDone {
			return
		}
		switch code {
		case attrRequest:
			name := p.text()
			a.Request = append(a.Request, RequestAttribute{name, p.text()})
			continue
		case attrSSLKeySize:
			a.SSLKeySize = int(p.uint16())
			continue
		case attrQueryString:
			a.HasQuery = true
		}
		to := a.field(code)
		if to == nil {
			p.at--
			p.fail("an unknown attribute code")
			return
		}
		*to = p.text()
	}
}

// field returns where the attribute with code is kept, nil if it is no string.
func (a *Attributes) field(code byte) *string {
	switch code {
	case attrContext:
		return &a.Context
	case attrServletPath:
		return &a.ServletPath
	case attrRemoteUser:
		return &a.RemoteUser
	case attrAuthType:
		return &a.AuthType
	case attrQueryString:
		return &a.Query
	case attrRoute:
		return &a.Route
	case attrSSLCert:
		return &a.SSLCert
	case attrSSLCipher:
		return &a.SSLCipher
	case attrSSLSession:
		return &a.SSLSession
	case attrSecret:
		return &a.Secret
	case attrStoredMethod:
		return &a.StoredMethod
	}
	return nil
}
