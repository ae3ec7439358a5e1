package http1

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"strings"
)

// A head is what the head of a request is read into. Its memory is used again
// for the next one.
type head struct {
	lines  []span // of the head, without CR LF; the first is the request line
	fields http.Header
	values []string // what fields has, one value each
	url    url.URL

	hosts, lengths, encodings int // how many there are of these headers
}

// A span is a part of the head, by its offsets.
type span struct{ from, to int }

// mostBlank is how many empty lines may come before a request.
const mostBlank = 10

// readHead reads the head of a request. A Fault is for the client, an error is
// the end of the connection.
func (c *connection) readHead() (*Fault, error) {
	from, err := c.collect()
	if errors.Is(err, os.ErrDeadlineExceeded) && c.conn.Closing() {
		c.conn.Enter(Head) // the deadline was for being idle
		from, err = c.collect()
	}
	if err == nil {
		text := string(c.in.buf[from:c.in.r])
		for i := range c.head.lines {
			c.head.lines[i].from -= from
			c.head.lines[i].to -= from
		}
		return c.understand(text), nil
	}
	c.reset()
	line := bytes.TrimLeft(c.in.buf[from:c.in.w], "\r\n")
	if len(c.head.lines) > 0 {
		line = c.in.buf[c.head.lines[0].from:c.head.lines[0].to]
	}
	c.request.RequestURI = string(line)
	fault, ok := errors.AsType[*Fault](err)
	switch {
	case ok:
	case err == errHeadTooLong && len(c.head.lines) == 0:
		fault = &Fault{http.StatusRequestURITooLong, "the request line is too long"}
	case err == errHeadTooLong:
		fault = &Fault{http.StatusBadRequest, "the headers of the request are too long"}
	case errors.Is(err, os.ErrDeadlineExceeded) && len(line) > 0:
		fault = &Fault{http.StatusRequestTimeout, "the head of the request took too long"}
	case err == io.EOF && len(line) > 0:
		fault = &Fault{http.StatusBadRequest, "the request ended within its head"}
	default:
		return nil, err
	}
	c.refused()
	return fault, nil
}

// refused makes the request one without a body, after which the connection
// ends.
func (c *connection) refused() {
	c.request.Close = true
	c.request.ContentLength, c.request.Body = 0, http.NoBody
	c.body.begin(0, false)
}

var errBareLF = &Fault{http.StatusBadRequest, "a line of the request ends with LF alone, not CR LF"}

// collect reads up to the empty line that ends the head, and notes where its
// lines are. It returns where the first one begins; c.in.r is behind the head.
func (c *connection) collect() (from int, err error) {
	in, h := &c.in, &c.head
	h.lines = h.lines[:0]
	from = in.r
	for begin, scan, blank := in.r, in.r, 0; ; {
		nl := bytes.IndexByte(in.buf[scan:in.w], '\n')
		if nl < 0 {
			scan = in.w
			if err := in.more(); err != nil {
				return from, err
			}
			continue
		}
		end := scan + nl
		scan = end + 1
		switch {
		case end == begin || in.buf[end-1] != '\r':
			if len(h.lines) == 0 {
				h.lines = append(h.lines, span{begin, end})
			}
			return from, errBareLF
		case end-1 > begin:
			h.lines = append(h.lines, span{begin, end - 1})
		case len(h.lines) > 0:
			in.r = scan
			return from, nil
		default:
			if blank++; blank > mostBlank {
				return from, &Fault{http.StatusBadRequest, "empty lines instead of a request"}
			}
			from, in.r = scan, scan
		}
		begin = scan
	}
}

// reset makes the request an empty one.
func (c *connection) reset() {
	h, r := &c.head, c.request
	clear(h.fields)
	h.values = h.values[:0]
	h.hosts, h.lengths, h.encodings = 0, 0, 0
	h.url = url.URL{}
	r.Method, r.RequestURI, r.Host = "", "", ""
	r.Proto, r.ProtoMajor, r.ProtoMinor = "", 1, 1
	r.URL, r.Header = &h.url, h.fields
	r.ContentLength, r.TransferEncoding, r.Body = 0, nil, http.NoBody
	r.Close, r.Trailer, r.Form, r.PostForm, r.MultipartForm, r.Pattern = false, nil, nil, nil, nil, ""
}

// understand makes the request of text, which c.head.lines divides.
func (c *connection) understand(text string) *Fault {
	c.reset()
	lines := c.head.lines
	fault := c.requestLine(text[lines[0].from:lines[0].to])
	if fault == nil {
		fault = c.fieldLines(text)
	}
	if fault == nil {
		fault = c.frame()
	}
	if fault != nil {
		c.refused()
	}
	return fault
}

// requestLine reads
//
//	method SP request-target SP HTTP-version
//
// Source: RFC 9112, 3; httpd server/protocol.c, read_request_line, as seen at work.
func (c *connection) requestLine(line string) *Fault {
	r := c.request
	r.RequestURI = line
	bad := func(reason string) *Fault { return &Fault{http.StatusBadRequest, reason} }
	method, rest, ok := strings.Cut(line, " ")
	if !ok || !isToken(method) {
		return bad("the request line does not begin with a method")
	}
	target, version, ok := strings.Cut(rest, " ")
	if !ok {
		return &Fault{http.StatusHTTPVersionNotSupported, "the request line has no version: HTTP/0.9 is not spoken here"}
	}
	major, minor, ok := httpVersion(version)
	switch {
	case !ok || major == 0 || method == "PRI":
		return bad("the request line does not end with a version of HTTP/1")
	case target == "" || !visible(target):
		return bad("the request line has bytes that no URL has")
	case major != 1:
		return &Fault{http.StatusHTTPVersionNotSupported, "HTTP/" + version[5:] + " is not spoken here"}
	}
	r.Method, r.RequestURI, r.Proto, r.ProtoMajor, r.ProtoMinor = method, target, version, major, minor
	return c.target(target)
}

// httpVersion reads "HTTP/" digit "." digit.
func httpVersion(s string) (major, minor int, ok bool) {
	if s == "HTTP/1.1" {
		return 1, 1, true
	}
	if len(s) != 8 || s[:5] != "HTTP/" || s[6] != '.' || s[5] < '0' || s[5] > '9' || s[7] < '0' || s[7] > '9' {
		return 0, 0, false
	}
	return int(s[5] - '0'), int(s[7] - '0'), true
}

// target fills the URL. What is not well escaped stays as it is: the handler
// judges paths.
func (c *connection) target(target string) *Fault {
	u := &c.head.url
	switch {
	case target[0] == '/':
		path, query, asked := strings.Cut(target, "?")
		u.Path, u.RawQuery, u.ForceQuery = path, query, asked && query == ""
		if strings.IndexByte(path, '%') >= 0 {
			if decoded, err := url.PathUnescape(path); err == nil {
				u.Path, u.RawPath = decoded, path
			}
		}
	case target == "*" && c.request.Method == http.MethodOptions:
		u.Path = target
	case c.request.Method == http.MethodConnect:
		u.Host, c.request.Host = target, target
	default:
		parsed, err := url.ParseRequestURI(target)
		if err != nil {
			return &Fault{http.StatusBadRequest, "the request line has no valid URL"}
		}
		*u = *parsed
	}
	return nil
}

// framing reports whether a header of that name says whose request it is or
// where it ends: who reads such a one over several lines may read it in two
// ways.
func framing(name string) bool {
	return strings.EqualFold(name, "Host") || strings.EqualFold(name, "Content-Length") || strings.EqualFold(name, "Transfer-Encoding")
}

// fieldLines reads the headers. A line that begins with a blank continues the
// one before.
func (c *connection) fieldLines(text string) *Fault {
	h, lines := &c.head, c.head.lines[1:]
	if cap(h.values) < len(lines) {
		h.values = make([]string, 0, len(lines)+8)
	}
	for i := 0; i < len(lines); i++ {
		line := text[lines[i].from:lines[i].to]
		name, value, ok := strings.Cut(line, ":")
		if !ok || !isToken(name) {
			return &Fault{http.StatusBadRequest, "a header line is not a name and a colon"}
		}
		value = trimBlanks(value)
		for i+1 < len(lines) && (text[lines[i+1].from] == ' ' || text[lines[i+1].from] == '\t') {
			i++
			more := trimBlanks(text[lines[i].from:lines[i].to])
			if more == "" || framing(name) {
				return &Fault{http.StatusBadRequest, "a header goes on in another line"}
			}
			value = trimBlanks(value + " " + more)
		}
		if !printable(value) {
			return &Fault{http.StatusBadRequest, "a header has a byte that none may have"}
		}
		h.add(textproto.CanonicalMIMEHeaderKey(name), value, c.request)
	}
	return nil
}

// add adds one header. Host goes to the request itself.
func (h *head) add(name, value string, r *http.Request) {
	switch name {
	case "Host":
		h.hosts++
		r.Host = value
		return
	case "Content-Length":
		h.lengths++
	case "Transfer-Encoding":
		h.encodings++
	}
	h.values = append(h.values, value)
	if before, ok := h.fields[name]; ok {
		h.fields[name] = append(before, value)
		return
	}
	n := len(h.values)
	h.fields[name] = h.values[n-1 : n : n]
}

// frame decides where the body ends, and whether the connection stays.
//
// Source: RFC 9112, 6.3, and what httpd does.
func (c *connection) frame() *Fault {
	h, r := &c.head, c.request
	bad := func(reason string) *Fault { return &Fault{http.StatusBadRequest, reason} }
	switch {
	case h.hosts > 1:
		return bad("the request has several Host headers")
	case h.hosts == 0 && r.ProtoMinor >= 1:
		return bad("the request has no Host header")
	case h.url.Host != "":
		r.Host = h.url.Host
	}
	length := int64(0)
	switch {
	case h.encodings > 0 && h.lengths > 0:
		return bad("the request has a Content-Length beside Transfer-Encoding")
	case h.encodings > 0:
		coding := strings.ToLower(strings.Join(h.fields["Transfer-Encoding"], ","))
		if coding != "chunked" && strings.HasSuffix(coding, "chunked") {
			return &Fault{http.StatusNotImplemented, "the request has another Transfer-Encoding before chunked"}
		}
		if coding != "chunked" {
			return bad("the request has a Transfer-Encoding other than chunked")
		}
		length = -1
	case h.lengths > 1:
		return bad("the request has several Content-Length headers")
	case h.lengths == 1:
		var ok bool
		if length, ok = contentLength(h.fields["Content-Length"][0]); !ok {
			return bad("the Content-Length is not a number")
		}
	}
	expects := false
	if text, ok := h.fields["Expect"]; ok {
		if len(text) > 1 || !strings.EqualFold(text[0], "100-continue") {
			return &Fault{http.StatusExpectationFailed, "the request expects something other than 100-continue"}
		}
		expects = r.ProtoMinor >= 1
	}
	c.keepAlive()
	if length < 0 {
		r.TransferEncoding = chunkedCoding
		delete(h.fields, "Transfer-Encoding")
		r.Close = r.Close || r.ProtoMinor == 0 // whoever does not know chunks may see another end
	}
	c.body.begin(length, expects)
	if r.ContentLength = length; length != 0 {
		r.Body = &c.body
	}
	return nil
}

var chunkedCoding = []string{"chunked"}

// keepAlive reads what the client wants of the connection.
func (c *connection) keepAlive() {
	r := c.request
	r.Close = r.ProtoMinor == 0
	for _, value := range c.head.fields["Connection"] {
		for option := range strings.SplitSeq(value, ",") {
			switch option = trimBlanks(option); {
			case strings.EqualFold(option, "close"):
				r.Close = true
				return
			case r.ProtoMinor == 0 && strings.EqualFold(option, "keep-alive"):
				r.Close = false
			}
		}
	}
}

// contentLength reads a length: digits and nothing else.
func contentLength(s string) (n int64, ok bool) {
	if s == "" || len(s) > 18 {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int64(s[i]-'0')
	}
	return n, true
}

// tokenBytes are those of which names consist.
var tokenBytes = func() (is [256]bool) {
	for c := range is {
		is[c] = c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte("!#$%&'*+-.^_`|~", byte(c)) >= 0
	}
	return is
}()

func isToken(s string) bool {
	for i := range len(s) {
		if !tokenBytes[s[i]] {
			return false
		}
	}
	return s != ""
}

// visible reports whether s has no controls and no blanks.
func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

// printable reports whether s has no controls but tabs.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' && s[i] != '\t' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

func trimBlanks(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}
