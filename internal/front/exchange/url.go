package exchange

import (
	"strconv"
	"strings"

	"github.com/catflap/catflap/internal/front/settings"
)

// ServerName is the name by which the server speaks of itself.
//
// Source: httpd server/core.c, ap_get_server_name.
func (x *Exchange) ServerName() string {
	name := x.canonical().Name
	if name == settings.NameByDNS && x.Site.LocalName != nil {
		if found := x.Site.LocalName(x.Client.Local.Addr()); found != "" {
			return found
		}
	}
	if name == settings.NameAsked && x.Request.Host != "" {
		return x.Request.Host
	}
	return x.Site.Name
}

// ServerPort is the port of ServerName.
//
// Source: httpd server/core.c, ap_get_server_port, as seen at work.
func (x *Exchange) ServerPort() int {
	c := x.canonical()
	switch {
	case c.Name != settings.NameOwn && x.Request.Port != 0:
		return x.Request.Port
	case c.PhysicalPort && (c.Name != settings.NameOwn || x.Site.Port == 0):
		return int(x.Client.Local.Port())
	}
	return x.Site.PortOf(x.Client.TLS != nil)
}

func (x *Exchange) canonical() settings.Canonical {
	if x.Settings == nil {
		return settings.Canonical{}
	}
	return x.Settings.Canonical
}

// Absolute returns the URL of a path of this site, with ServerName and
// ServerPort. Anything that does not begin with a slash is returned as it is.
//
// Source: httpd server/core.c, ap_construct_url.
func (x *Exchange) Absolute(to string) string {
	if !strings.HasPrefix(to, "/") {
		return to
	}
	scheme, standard := "http://", 80
	if x.Client.TLS != nil || x.Site.HTTPS {
		scheme, standard = "https://", 443
	}
	host, port := x.ServerName(), x.ServerPort()
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
