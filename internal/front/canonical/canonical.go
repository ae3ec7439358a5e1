// Package canonical gives a path one meaning. What comes in is a
// request-target as the client sent it, what goes out is the path in the three
// shapes of exchange.Path, decoded and normalised once, or a refusal. The
// front and the container then never disagree about which resource is meant.
package canonical

import (
	"strings"

	"github.com/catflap/catflap/internal/front/exchange"
)

// Parse returns the path of target: the part before "?", of an absolute URL
// the part after its host, of "*" (OPTIONS) itself. Percent escapes are
// decoded once, "//" is merged, "." and ".." are resolved, a path parameter
// (";name=value") stays with its segment in Decoded and Encoded, byte for byte.
// A ";" that was %3B is no parameter but a byte of the name, in all shapes.
//
// The error is an *exchange.Refusal: 400 for a bad escape, for climbing above
// the root, for "." or ".." that carries a parameter, which every server
// resolves differently, for control bytes as they are, for a fragment, and for
// what is neither a path nor a URL of http or https; 404 for an encoded slash
// or NUL.
//
// A plain path is returned three times as it is, without allocation.
//
// Source: httpd server/util.c, unescape_url and ap_normalize_path, and
// server/protocol.c, ap_parse_request_line, as seen at work; the reading of
// Encoded by Tomcat's CoyoteAdapter, as seen at work.
func Parse(target string) (exchange.Path, error) { return SlashesRefused.Parse(target) }

// Slashes says what an encoded slash is: AllowEncodedSlashes.
type Slashes int

const (
	SlashesRefused Slashes = iota // Off: the path is refused
	SlashesDecoded                // On: a slash like any other
	SlashesKept                   // NoDecode: three bytes of a name, which go out encoded once more
	// SlashesUnparsed is NoDecode where containers get the path as it came, and
	// may decode it: as SlashesKept, but Mount has slashes in their place, so
	// that rules hold whatever a container makes of them.
	SlashesUnparsed
)

// Parse is the function of that name, with encoded slashes as s says.
func (s Slashes) Parse(target string) (exchange.Path, error) {
	if s != SlashesUnparsed {
		return s.parse(target)
	}
	decoded, err := SlashesDecoded.parse(target)
	if err != nil {
		return exchange.Path{}, err
	}
	kept, err := SlashesKept.parse(target)
	kept.Mount = decoded.Mount
	return kept, err
}

func (s Slashes) parse(target string) (exchange.Path, error) {
	path, _, _ := strings.Cut(target, "?")
	if strings.IndexByte(target, '#') >= 0 {
		return exchange.Path{}, refuse(target, fragment)
	}
	path, ok := withoutHost(path)
	if !ok {
		return exchange.Path{}, refuse(target, notPath)
	}
	if path == "*" {
		return exchange.Path{Decoded: "*", Mount: "*", Encoded: "*"}, nil
	}
	switch look(path) {
	case nothing:
		return exchange.Path{Decoded: path, Mount: path, Encoded: path}, nil
	case parameters:
		return exchange.Path{Decoded: path, Mount: withoutParameters(path), Encoded: path}, nil
	}
	if s == SlashesDecoded {
		path = encodedSlash.Replace(path)
	}
	p, why := resolve(path, s == SlashesKept)
	if why != fine {
		return exchange.Path{}, refuse(target, why)
	}
	return p, nil
}

var encodedSlash = strings.NewReplacer("%2F", "/", "%2f", "/")

// withoutHost returns the path of target, which may be an absolute URL of
// http or https.
func withoutHost(target string) (path string, ok bool) {
	if target != "" && target[0] == '/' || target == "*" {
		return target, true
	}
	scheme, rest, found := strings.Cut(target, "://")
	if !found || !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
		return "", false
	}
	host, path := rest, "/"
	if slash := strings.IndexByte(rest, '/'); slash >= 0 {
		host, path = rest[:slash], rest[slash:]
	}
	return path, host != "" && strings.IndexByte(host, '@') < 0
}

// work is what a path needs.
type work int

const (
	nothing    work = iota // it is canonical in all shapes
	parameters             // only Mount differs
	everything
)

// look tells what path needs.
func look(path string) work {
	found := nothing
	for i := range len(path) {
		switch c := path[i]; {
		case c == ';':
			found = parameters
		case !unreserved[c]:
			return everything
		case c == '/' && i+1 < len(path) && (path[i+1] == '/' || path[i+1] == '.'):
			return everything
		}
	}
	return found
}

// unreserved are the bytes that Encoded holds as they are, beside the ";" that
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

// withoutParameters returns the Mount of a path without escapes, dot segments
// and double slashes: a segment that is nothing but parameters goes.
func withoutParameters(path string) string {
	var buf [256]byte
	b := buf[:0]
	for i := 0; i < len(path); {
		if path[i] == ';' {
			n := strings.IndexByte(path[i:], '/')
			if n < 0 {
				break
			}
			i += n
		}
		if path[i] != '/' || len(b) == 0 || b[len(b)-1] != '/' {
			b = append(b, path[i])
		}
		i++
	}
	return string(b)
}
