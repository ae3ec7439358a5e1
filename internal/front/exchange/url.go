package exchange

import (
	"strconv"
	"strings"
)

// Absolute returns the URL of a path of this site as the client knows it: with
// the host and port that it asked for. Anything that does not begin with a
// slash is returned as it is.
//
// Source: httpd UseCanonicalName Off; server/core.c, ap_construct_url.
func (x *Exchange) Absolute(to string) string {
	if !strings.HasPrefix(to, "/") {
		return to
	}
	scheme, standard := "http://", 80
	if x.Client.TLS != nil || x.Site.HTTPS {
		scheme, standard = "https://", 443
	}
	host, port := x.Request.Host, x.Request.Port
	if host == "" {
		host, port = x.Site.Name, x.Site.PortOf(x.Client.TLS != nil)
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port != 0 && port != standard {
		host += ":" + strconv.Itoa(port)
	}
	return scheme + host + to
}

// EscapePath encodes a decoded path for a Location or a link: every byte that
// is not unreserved or one of $-_.+!*'(),:@&=/~; as %xx.
func EscapePath(decoded string) string {
	const hex = "0123456789abcdef"
	var b strings.Builder
	for i := range len(decoded) {
		c := decoded[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
			strings.IndexByte("$-_.+!*'(),:@&=/~;", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	return b.String()
}
