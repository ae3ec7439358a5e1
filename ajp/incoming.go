package ajp

import (
	"crypto/subtle"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
)

// An incoming is what was made out of a Forward Request for an http.Request.
type incoming struct {
	message *ForwardRequest
	header  http.Header
	url     *url.URL
	host    string
	length  int64 // of the body; -1: not declared
	coding  []string
	form    bool // the body is a form
	major   int
	minor   int
}

// incoming judges m. What is refused is refused before the Handler sees it.
func (s *Server) incoming(m *ForwardRequest) (incoming, *refusal) {
	in := incoming{message: m}
	refused := in.readHeader()
	if refused == nil {
		if most := s.settings.headers; most > 0 && len(m.Headers) > most {
			refused = &refusal{http.StatusInternalServerError, false, "more headers than maxHeaderCount"}
		}
	}
	if why := s.admit(m); why != "" { // before anything else is told
		return in, &refusal{http.StatusForbidden, false, why}
	}
	if refused == nil {
		refused = in.readTarget()
	}
	return in, refused
}

// admit says why m is forbidden, "" if it is not.
func (s *Server) admit(m *ForwardRequest) string {
	secret := m.Attributes.Secret
	m.Attributes.Secret = "" // not for the Handler
	if s.Secret != "" && subtle.ConstantTimeCompare([]byte(secret), []byte(s.Secret)) != 1 {
		if secret == "" {
			return "no secret was sent: the web server's worker needs the one of this server"
		}
		return "the secret is wrong: the web server's worker needs the one of this server"
	}
	for i := range m.Attributes.Request {
		if name := m.Attributes.Request[i].Name; !s.allows(name) {
			return "the request attribute " + strconv.Quote(name) + " does not match allowedRequestAttributesPattern"
		}
	}
	return ""
}

// readHeader reads the headers. What decides about framing and host is there
// at most once.
func (in *incoming) readHeader() *refusal {
	m := in.message
	in.header = make(http.Header, len(m.Headers))
	values := make([]string, len(m.Headers)) // each value as a slice of one
	in.length = -1
	declared, named := false, false
	var refused *refusal
	bad := func(why string) {
		if refused == nil {
			refused = &refusal{http.StatusBadRequest, false, why}
		}
	}
	for i := range m.Headers {
		h := &m.Headers[i]
		if !isToken(h.Name) || !isText(h.Value) {
			bad("a header that HTTP cannot carry")
			continue
		}
		name := textproto.CanonicalMIMEHeaderKey(h.Name)
		switch name {
		case "Host":
			if named {
				bad("two Host headers")
			}
			in.host, named = h.Value, true
			continue
		case "Transfer-Encoding":
			if !strings.EqualFold(h.Value, "chunked") || in.coding != nil {
				bad("a Transfer-Encoding other than chunked")
			}
			in.coding = []string{"chunked"}
			continue
		case "Content-Length":
			length, err := strconv.ParseUint(h.Value, 10, 63)
			if err != nil || declared {
				bad("a Content-Length that is no number, or a second one")
				length = 0
			}
			in.length, declared = int64(length), true
		case "Content-Type":
			in.form = isForm(h.Value)
		}
		if all, more := in.header[name]; more {
			in.header[name] = append(all, h.Value)
			continue
		}
		values[i] = h.Value
		in.header[name] = values[i : i+1 : i+1]
	}
	if declared && in.coding != nil {
		bad("a Content-Length beside a Transfer-Encoding")
	}
	return refused
}

// isForm reports whether a Content-Type is that of a form's fields.
func isForm(value string) bool {
	kind, _, _ := strings.Cut(value, ";")
	return strings.EqualFold(strings.TrimSpace(kind), "application/x-www-form-urlencoded")
}

// isText reports whether HTTP can carry a value.
func isText(value string) bool { return !strings.ContainsAny(value, "\r\n\x00") }

// readTarget reads request line and host.
func (in *incoming) readTarget() *refusal {
	m := in.message
	var ok bool
	if in.major, in.minor, ok = http.ParseHTTPVersion(m.Protocol); !ok {
		return &refusal{http.StatusBadRequest, true, "the protocol " + strconv.Quote(m.Protocol)}
	}
	if !isToken(m.Method) {
		return &refusal{http.StatusBadRequest, true, "the method " + strconv.Quote(m.Method)}
	}
	uri := m.URI
	if after, ok := cutScheme(uri); ok {
		host, path := after, "/"
		if slash := strings.IndexByte(after, '/'); slash >= 0 {
			host, path = after[:slash], after[slash:]
		}
		in.host, uri = host, path
	}
	if !isHost(in.host) {
		return &refusal{http.StatusBadRequest, false, "the host " + strconv.Quote(in.host)}
	}
	if in.host == "" && m.ServerName != "" {
		in.host = m.ServerName
		if usual := map[bool]int{false: 80, true: 443}[m.TLS]; m.ServerPort != usual {
			in.host = net.JoinHostPort(m.ServerName, strconv.Itoa(m.ServerPort))
		}
	}
	path, ok := decodePath(uri)
	if uri == "*" && m.Method == http.MethodOptions {
		path, ok = uri, true
	}
	if !ok || hasControl(m.Attributes.Query) {
		return &refusal{http.StatusBadRequest, true, "the target " + strconv.Quote(uri)}
	}
	in.url = &url.URL{Path: path, RawQuery: m.Attributes.Query, ForceQuery: m.Attributes.HasQuery && m.Attributes.Query == ""}
	if in.url.EscapedPath() != uri {
		in.url.RawPath = uri
	}
	return nil
}

// cutScheme returns what follows http:// or https://.
func cutScheme(uri string) (after string, ok bool) {
	for _, scheme := range [...]string{"http://", "https://"} {
		if len(uri) >= len(scheme) && strings.EqualFold(uri[:len(scheme)], scheme) {
			return uri[len(scheme):], true
		}
	}
	return "", false
}

// decodePath returns the decoded path of uri. As in Tomcat it has to begin
// with a slash, must not climb above its root, and has no encoded slash, no
// backslash and no NUL: who maps paths to files could take them for others.
func decodePath(uri string) (string, bool) {
	if !strings.HasPrefix(uri, "/") || hasControl(uri) {
		return "", false
	}
	if strings.Contains(uri, "%2f") || strings.Contains(uri, "%2F") {
		return "", false
	}
	path, err := url.PathUnescape(uri)
	if err != nil || strings.ContainsAny(path, "\\\x00") || climbs(path) {
		return "", false
	}
	return path, true
}

// climbs reports whether path has .. above its root. Path parameters do not
// hide them.
func climbs(path string) bool {
	if !strings.Contains(path, "..") {
		return false
	}
	depth := 0
	for segment := range strings.SplitSeq(path[1:], "/") {
		switch segment, _, _ = strings.Cut(segment, ";"); segment {
		case "", ".":
		case "..":
			if depth--; depth < 0 {
				return true
			}
		default:
			depth++
		}
	}
	return false
}

// hasControl reports whether text has a byte that cannot stand in a URL.
func hasControl(text string) bool {
	for i := range len(text) {
		if text[i] < 0x20 || text[i] == 0x7f {
			return true
		}
	}
	return false
}

// isHost reports whether host can be that of a URL, with or without a port.
func isHost(host string) bool {
	name, port := host, ""
	if colon := strings.LastIndexByte(host, ':'); colon >= 0 && !strings.HasSuffix(host, "]") {
		name, port = host[:colon], host[colon+1:]
	}
	for i := range len(port) {
		if port[i] < '0' || port[i] > '9' {
			return false
		}
	}
	if strings.HasPrefix(name, "[") {
		return strings.HasSuffix(name, "]") && net.ParseIP(name[1:len(name)-1]) != nil
	}
	for i := range len(name) {
		c := name[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte("-._~!$&'()*+,;=%", c) >= 0:
		default:
			return false
		}
	}
	return true
}

// request returns the http.Request, without its body.
func (in *incoming) request(ctx *requestContext) *http.Request {
	m := in.message
	target := in.url.Path
	if target != "*" {
		target = in.url.RequestURI()
	}
	r := &http.Request{
		Method: m.Method, URL: in.url, Proto: m.Protocol, ProtoMajor: in.major, ProtoMinor: in.minor,
		Header: in.header, ContentLength: in.length, TransferEncoding: in.coding, Host: in.host, RequestURI: target,
		TLS: m.tlsState(),
	}
	if m.RemoteAddr != "" {
		r.RemoteAddr = net.JoinHostPort(m.RemoteAddr, strconv.Itoa(m.RemotePort()))
	}
	return r.WithContext(ctx)
}
