package front

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/catflap/catflap/internal/front/exchange"
)

// hostOf splits the Host of a request: lower case, without a final dot, and
// the port, or 0.
func hostOf(host string) (name string, port int) {
	if host == "" {
		return "", 0
	}
	name = host
	if strings.HasPrefix(host, "[") {
		if end := strings.IndexByte(host, ']'); end > 0 {
			name, host = host[1:end], host[end+1:]
			if rest, ok := strings.CutPrefix(host, ":"); ok {
				port = decimal(rest)
			}
			return strings.ToLower(name), port
		}
	}
	if colon := strings.LastIndexByte(host, ':'); colon >= 0 {
		name, port = host[:colon], decimal(host[colon+1:])
	}
	return strings.ToLower(strings.TrimSuffix(name, ".")), port
}

// decimal returns the port that s spells, 0 if it spells none.
func decimal(s string) int {
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' || n > 65535 {
			return 0
		}
		n = n*10 + int(s[i]-'0')
	}
	if n > 65535 {
		return 0
	}
	return n
}

// checkHost refuses a Host that names no host: an empty one, one with a byte
// that no name has, with an empty label or an empty port.
//
// Source: httpd server/vhost.c, fix_hostname, with HttpProtocolOptions Strict.
func checkHost(r *http.Request, name string) error {
	bad := errBadHost
	if r.Host == "" {
		if r.ProtoAtLeast(1, 1) {
			return bad
		}
		return nil
	}
	if strings.HasSuffix(r.Host, ":") || name == "" || strings.Contains(name, "..") || name[0] == '.' {
		return bad
	}
	if strings.HasPrefix(r.Host, "[") {
		if address, err := netip.ParseAddr(name); err != nil || address.Zone() != "" {
			return bad
		}
		return nil
	}
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return bad
		}
	}
	return nil
}

var errBadHost = &exchange.Refusal{Status: http.StatusBadRequest, Code: "AH02429", Log: "Request Host header contains an invalid hostname", Level: "error", Module: "core"}
