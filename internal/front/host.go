package front

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/vhost"
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

// namesOf tells the names of a site that has a full ServerName; nil if it has
// none. One like localhost is mostly there for a warning to go, and says nothing
// about the names that clients use.
func namesOf(h vhost.Host) func(name string) bool {
	if _, err := netip.ParseAddr(h.Name); !h.Named || err == nil || !strings.Contains(h.Name, ".") {
		return nil
	}
	return h.Called
}

// checkHost refuses a Host that names no host or no port.
//
// Source: httpd server/vhost.c, fix_hostname, with HttpProtocolOptions Strict.
func checkHost(r *http.Request) error {
	if r.Host == "" && !r.ProtoAtLeast(1, 1) {
		return nil
	}
	if !goodHost(r.Host) {
		return errBadHost
	}
	return nil
}

// checkPath refuses a :path of HTTP/2 that is a URL, or has bytes that no URL
// has.
//
// Source: RFC 9113, 8.3.1: absolute-form is none of its targets.
func checkPath(r *http.Request) error {
	target := r.RequestURI
	if r.ProtoMajor < 2 || (strings.HasPrefix(target, "/") || target == "*") && !strings.ContainsFunc(target, isBlank) {
		return nil
	}
	return &exchange.Refusal{Status: http.StatusBadRequest, Level: "info", Module: "http2", Log: "the :path of a request is none: " + target}
}

// goodHost reports whether host is an address or a name of sensible bytes,
// perhaps with a port. What consists of digits and dots is an address; else the
// last of several labels begins with a letter.
func goodHost(host string) bool {
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, rest, ok := strings.Cut(inner, "]")
		address, err := netip.ParseAddr(inner)
		if !ok || err != nil || !address.Is6() || address.Zone() != "" {
			return false
		}
		port, ok := strings.CutPrefix(rest, ":")
		return rest == "" || ok && goodPort(port)
	}
	name, port, ok := strings.Cut(host, ":")
	if ok && !goodPort(port) {
		return false
	}
	if name = strings.TrimSuffix(name, "."); name == "" || strings.Contains(name, "..") || strings.HasSuffix(name, ".") {
		return false
	}
	numeric := true
	for i := range len(name) {
		switch c := name[i]; {
		case '0' <= c && c <= '9', c == '.':
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '-', c == '_':
			numeric = false
		default:
			return false
		}
	}
	if numeric {
		_, err := netip.ParseAddr(name)
		return err == nil
	}
	last := name[strings.LastIndexByte(name, '.')+1:]
	return last == name || last != "" && isLetter(last[0])
}

// goodPort reports whether port is a number from 1 to 65535.
func goodPort(port string) bool {
	digits := strings.Trim(port, "0123456789") == "" && port != ""
	return digits && decimal(strings.TrimLeft(port, "0")) > 0
}

var errBadHost = &exchange.Refusal{Status: http.StatusBadRequest, Code: "AH02429", Log: "Request Host header contains an invalid hostname", Level: "error", Module: "core"}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isBlank(c rune) bool { return c <= ' ' || c == 0x7f }
