// Package canonical gives a path one meaning. What comes in is a
// request-target as the client sent it, what goes out is the path in the three
// shapes of exchange.Path, decoded and normalised once, or a refusal. The
// front and the container then never disagree about which resource is meant.
package canonical

import (
	"net/http"
	"strings"

	"github.com/catflap/catflap/internal/front/exchange"
)

// Parse returns the path of target: the part before "?", of an absolute URL
// the part after its host. Percent escapes are decoded once, "//" is merged,
// "." and ".." are resolved, a path parameter (";name=value") stays with its
// segment.
//
// The error is an *exchange.Refusal: 400 for a bad escape, for climbing above
// the root, for "." or ".." that carries a parameter, which every server
// resolves differently, and for what does not begin with a slash; 404 for an
// encoded slash or NUL.
//
// Source: httpd server/util.c, unescape_url and ap_normalize_path, as seen at
// work; a ";" that was %3B is a byte of the name here, as in Tomcat.
func Parse(target string) (exchange.Path, error) {
	path, _, _ := strings.Cut(target, "?")
	path = withoutHost(path)
	if path == "*" {
		return exchange.Path{Decoded: "*", Mount: "*", Encoded: "*"}, nil
	}
	if path == "" || path[0] != '/' {
		return exchange.Path{}, refuse(http.StatusBadRequest, "AH10244", "invalid URI path: it does not begin with a slash")
	}
	if plain(path) {
		return exchange.Path{Decoded: path, Mount: path, Encoded: path}, nil
	}
	return resolve(path)
}

// withoutHost returns the path of an absolute URL.
func withoutHost(target string) string {
	if target != "" && target[0] == '/' {
		return target
	}
	_, rest, ok := strings.Cut(target, "://")
	if !ok {
		return target
	}
	if slash := strings.IndexByte(rest, '/'); slash >= 0 {
		return rest[slash:]
	}
	return "/"
}

// plain reports whether path is canonical in all shapes already.
func plain(path string) bool {
	for i := range len(path) {
		c := path[i]
		if !unreserved[c] {
			return false
		}
		if c == '/' && i+1 < len(path) && (path[i+1] == '/' || path[i+1] == '.') {
			return false
		}
	}
	return true
}

// unreserved are the bytes that Encoded holds as they are; ";" only where it
// begins a parameter.
var unreserved = func() (set [256]bool) {
	for c := '0'; c <= '9'; c++ {
		set[c] = true
	}
	for c := 'a'; c <= 'z'; c++ {
		set[c], set[c-'a'+'A'] = true, true
	}
	for _, c := range "~$-_.!+*'(),:@&=/" {
		set[c] = true
	}
	return set
}()

// A segment is one part of a path, between slashes.
type segment struct {
	name    string // decoded, without parameters
	decoded string // decoded, with parameters
	encoded string
}

// resolve does all that plain paths do not need.
func resolve(path string) (exchange.Path, error) {
	var kept []segment
	folder := false // the path ends in a slash
	for rest := path[1:]; ; {
		raw, after, more := strings.Cut(rest, "/")
		s, err := decode(raw)
		if err != nil {
			return exchange.Path{}, err
		}
		switch {
		case s.decoded == "":
			folder = true
		case s.decoded == ".":
			folder = true
		case s.decoded == "..":
			if len(kept) == 0 {
				return exchange.Path{}, refuse(http.StatusBadRequest, "AH10244", "invalid URI path: it climbs above the root")
			}
			kept, folder = kept[:len(kept)-1], true
		case isDots(s.name):
			return exchange.Path{}, refuse(http.StatusBadRequest, "AH10244", "invalid URI path: a dot segment with a parameter")
		default:
			kept, folder = append(kept, s), false
		}
		if !more {
			break
		}
		rest = after
	}
	return join(kept, folder), nil
}

// isDots reports whether some server may take name for "." or "..": also if
// its ";" was encoded.
func isDots(name string) bool {
	name, _, _ = strings.Cut(name, ";")
	return name == "." || name == ".."
}

// join returns the shapes of the segments.
func join(kept []segment, folder bool) exchange.Path {
	var decoded, mount, encoded strings.Builder
	for _, s := range kept {
		decoded.WriteByte('/')
		decoded.WriteString(s.decoded)
		encoded.WriteByte('/')
		encoded.WriteString(s.encoded)
		if s.name != "" {
			mount.WriteByte('/')
			mount.WriteString(s.name)
		}
	}
	if folder || len(kept) == 0 {
		decoded.WriteByte('/')
		encoded.WriteByte('/')
	}
	if folder || len(kept) == 0 || kept[len(kept)-1].name == "" {
		mount.WriteByte('/')
	}
	return exchange.Path{Decoded: decoded.String(), Mount: mount.String(), Encoded: encoded.String()}
}

// decode reads one segment.
func decode(raw string) (segment, error) {
	var decoded, encoded []byte
	name := -1 // where the first parameter begins in decoded
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case c == ';':
			if name < 0 {
				name = len(decoded)
			}
			decoded, encoded = append(decoded, c), append(encoded, c)
			continue
		case c == '%':
			if i+2 >= len(raw) || unhex(raw[i+1]) < 0 || unhex(raw[i+2]) < 0 {
				return segment{}, refuse(http.StatusBadRequest, "AH10244", "invalid URI path: a bad percent escape")
			}
			c = byte(unhex(raw[i+1])<<4 | unhex(raw[i+2]))
			i += 2
			if c == '/' || c == 0 {
				return segment{}, refuse(http.StatusNotFound, "AH00026", "found an encoded slash or NUL in the URI path (AllowEncodedSlashes is off)")
			}
		case c == 0:
			return segment{}, refuse(http.StatusBadRequest, "AH10244", "invalid URI path: a NUL")
		}
		decoded = append(decoded, c)
		if unreserved[c] {
			encoded = append(encoded, c)
		} else {
			encoded = append(encoded, '%', upper[c>>4], upper[c&15])
		}
	}
	s := segment{decoded: string(decoded), encoded: string(encoded)}
	s.name = s.decoded
	if name >= 0 {
		s.name = s.decoded[:name]
	}
	return s, nil
}

const upper = "0123456789ABCDEF"

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

func refuse(status int, code, text string) error {
	return &exchange.Refusal{Status: status, Code: code, Log: text, Level: "error", Module: "core"}
}
