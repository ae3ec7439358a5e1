package canonical

import (
	"strings"
	"sync"

	"github.com/catflap/catflap/internal/front/exchange"
)

// A segment is one part of a path, between slashes: where it and its slash
// begin in the shapes.
type segment struct{ decoded, encoded, mount int }

// shapes are a path in the making. What ".." takes away is cut off the ends.
type shapes struct {
	decoded, encoded, mount []byte
	kept                    []segment
	folder                  bool // it ends in a slash
	slashes                 bool // encoded slashes are kept
}

// idle are shapes to be used again. They grow with the longest path, which
// LimitRequestLine bounds.
var idle = sync.Pool{New: func() any { return new(shapes) }}

// resolve does all that most paths do not need. slashes keeps encoded ones.
func resolve(path string, slashes bool) (exchange.Path, reason) {
	p := idle.Get().(*shapes)
	defer idle.Put(p)
	*p = shapes{p.decoded[:0], p.encoded[:0], p.mount[:0], p.kept[:0], false, slashes}
	for rest, more := path[1:], true; more; {
		var raw string
		raw, rest, more = strings.Cut(rest, "/")
		if why := p.add(raw); why != fine {
			return exchange.Path{}, why
		}
	}
	if p.folder || len(p.kept) == 0 {
		p.decoded, p.encoded = append(p.decoded, '/'), append(p.encoded, '/')
	}
	if p.folder || len(p.kept) == 0 || p.kept[len(p.kept)-1].mount == len(p.mount) {
		p.mount = append(p.mount, '/')
	}
	return exchange.Path{Decoded: string(p.decoded), Mount: string(p.mount), Encoded: string(p.encoded)}, fine
}

// add takes in one segment as received.
func (p *shapes) add(raw string) reason {
	start := segment{len(p.decoded), len(p.encoded), len(p.mount)}
	name, why := p.decode(raw)
	if why != fine {
		return why
	}
	decoded := p.decoded[start.decoded+1:]
	dots, _, _ := strings.Cut(string(decoded[:min(len(decoded), 3)]), ";")
	switch {
	case len(decoded) == 0, string(decoded) == ".":
		p.cut(start)
		p.folder = true
	case string(decoded) == "..":
		if len(p.kept) == 0 {
			return above
		}
		p.cut(p.kept[len(p.kept)-1])
		p.kept, p.folder = p.kept[:len(p.kept)-1], true
	case dots == "." || dots == "..": // also if the semicolon was encoded
		return dotParameter
	default:
		if name > 0 { // a segment of nothing but parameters is none for Mount
			p.mount = append(append(p.mount, '/'), decoded[:name]...)
		}
		p.kept, p.folder = append(p.kept, start), false
	}
	return fine
}

// cut takes away all from start on.
func (p *shapes) cut(start segment) {
	p.decoded, p.encoded, p.mount = p.decoded[:start.decoded], p.encoded[:start.encoded], p.mount[:start.mount]
}

// decode appends a slash and raw to decoded and encoded, and returns how long
// its name is without parameters.
func (p *shapes) decode(raw string) (name int, why reason) {
	p.decoded, p.encoded = append(p.decoded, '/'), append(p.encoded, '/')
	name = -1
	first := len(p.decoded)
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case c == ';':
			if name < 0 {
				name = len(p.decoded) - first
			}
			p.decoded, p.encoded = append(p.decoded, c), append(p.encoded, c)
			continue
		case c == '%':
			if i+2 >= len(raw) || unhex(raw[i+1]) < 0 || unhex(raw[i+2]) < 0 {
				return 0, badEscape
			}
			c = byte(unhex(raw[i+1])<<4 | unhex(raw[i+2]))
			i += 2
			if c == '/' && p.slashes {
				p.decoded = append(p.decoded, raw[i-2:i+1]...)
				p.encoded = append(append(p.encoded, "%25"...), raw[i-1:i+1]...)
				continue
			}
			if c == '/' || c == 0 {
				return 0, slashOrNUL
			}
		case c < ' ' || c == 0x7f:
			return 0, control
		}
		p.decoded = append(p.decoded, c)
		if unreserved[c] {
			p.encoded = append(p.encoded, c)
		} else {
			p.encoded = append(p.encoded, '%', upper[c>>4], upper[c&15])
		}
	}
	if name < 0 {
		name = len(p.decoded) - first
	}
	return name, fine
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
