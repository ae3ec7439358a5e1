package ajp

// A Header is one header line. Its name is compared without regard to case.
type Header struct{ Name, Value string }

// Coded header names stand as two bytes, 0xA0 and a code, where the length of
// a literal name would be. The index is the code.
var (
	requestHeaders = [...]string{
		1: "Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language", "Authorization", "Connection",
		"Content-Type", "Content-Length", "Cookie", "Cookie2", "Host", "Pragma", "Referer", "User-Agent",
	}
	responseHeaders = [...]string{
		1: "Content-Type", "Content-Language", "Content-Length", "Date", "Last-Modified", "Location",
		"Set-Cookie", "Set-Cookie2", "Servlet-Engine", "Status", "WWW-Authenticate",
	}
)

const (
	codedName   = 0xa000 // a name's length from here to codedEnd is a code
	codedEnd    = 0xa0ff
	lengthCoded = 8 // Content-Length in a request
)

// requestCode returns the code of a request header, 0 if it has none.
func requestCode(name string) byte {
	for code := 1; code < len(requestHeaders); code++ {
		if foldEqual(requestHeaders[code], name) {
			return byte(code)
		}
	}
	return 0
}

// responseCode returns the code of a response header, 0 if it has none.
func responseCode(name string) byte {
	for code := 1; code < len(responseHeaders); code++ {
		if foldEqual(responseHeaders[code], name) {
			return byte(code)
		}
	}
	return 0
}

// foldEqual compares ASCII without regard to case.
func foldEqual(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		x, y := a[i], b[i]
		if x != y && (x|0x20 != y|0x20 || x|0x20 < 'a' || x|0x20 > 'z') {
			return false
		}
	}
	return true
}

// name reads a header name of the table coded. known are literal names that
// need no string of their own.
func (p *payload) name(coded []string) string {
	length := p.uint16()
	if length >= codedName && length <= codedEnd {
		code := int(length - codedName)
		if code == 0 || code >= len(coded) {
			p.at -= 2
			p.fail("an unknown coded header name")
			return ""
		}
		return coded[code]
	}
	text, ok := p.stringOf(length)
	if !ok {
		p.fail("a header without a name")
		return ""
	}
	if p.whole != "" {
		return p.textOf(text)
	}
	return intern(text)
}

// intern returns the string of a header name, without making one for those
// that containers often send.
func intern(name []byte) string {
	switch string(name) { // does not allocate
	case "Cache-Control":
		return "Cache-Control"
	case "Expires":
		return "Expires"
	case "Vary":
		return "Vary"
	case "ETag":
		return "ETag"
	case "Accept-Ranges":
		return "Accept-Ranges"
	case "Content-Disposition":
		return "Content-Disposition"
	case "X-Frame-Options":
		return "X-Frame-Options"
	case "X-Content-Type-Options":
		return "X-Content-Type-Options"
	case "Strict-Transport-Security":
		return "Strict-Transport-Security"
	case "Allow":
		return "Allow"
	}
	return string(name)
}
