package node

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// An entry is what one line of an access log tells of.
type entry struct {
	*call
	r     *http.Request // as it came
	host  string        // of its header Host
	ended time.Time
}

// A pattern is the form of a line: a list of appenders.
type pattern []func(b []byte, e *entry) []byte

func (p pattern) append(b []byte, e *entry) []byte {
	for _, each := range p {
		b = each(b, e)
	}
	return append(b, '\n')
}

// patterns have a name.
var patterns = map[string]string{
	"common":   `%h %l %u %t "%r" %s %b`,
	"combined": `%h %l %u %t "%r" %s %b "%{Referer}i" "%{User-Agent}i"`,
}

// parsePattern compiles a pattern.
//
// Source: Tomcat's AbstractAccessLogValve.
func parsePattern(text string) (pattern, error) {
	if named := patterns[strings.ToLower(text)]; named != "" {
		text = named
	}
	var p pattern
	for text != "" {
		plain, rest, found := strings.Cut(text, "%")
		if plain != "" {
			p = append(p, func(b []byte, _ *entry) []byte { return append(b, plain...) })
		}
		if !found {
			break
		}
		argument := ""
		if after, ok := strings.CutPrefix(rest, "{"); ok {
			if argument, rest, ok = strings.Cut(after, "}"); !ok {
				return nil, fmt.Errorf("%%{ without }")
			}
			if argument == "" {
				return nil, fmt.Errorf("%%{} is empty")
			}
		}
		if rest == "" {
			return nil, fmt.Errorf("%% without a letter at the end")
		}
		var one func(b []byte, e *entry) []byte
		if argument != "" {
			one = named(rest[0], argument)
		} else {
			one = values[rest[0]]
		}
		if one == nil {
			return nil, fmt.Errorf("%%%c is not known", rest[0])
		}
		p, text = append(p, one), rest[1:]
	}
	return p, nil
}

// values are the letters that stand alone.
var values = map[byte]func(b []byte, e *entry) []byte{
	'%': func(b []byte, _ *entry) []byte { return append(b, '%') },
	'a': func(b []byte, e *entry) []byte { return append(b, client(e.r)...) },
	'h': func(b []byte, e *entry) []byte { return append(b, client(e.r)...) },
	'A': func(b []byte, e *entry) []byte { return append(b, localHost(e.r)...) },
	'b': func(b []byte, e *entry) []byte { return orDash(b, e.sent) },
	'B': func(b []byte, e *entry) []byte { return strconv.AppendInt(b, e.sent, 10) },
	'D': func(b []byte, e *entry) []byte { return strconv.AppendInt(b, e.ended.Sub(e.began).Microseconds(), 10) },
	'F': func(b []byte, e *entry) []byte { return strconv.AppendInt(b, e.commit().Milliseconds(), 10) },
	'H': func(b []byte, e *entry) []byte { return escape(b, e.r.Proto) },
	'I': func(b []byte, e *entry) []byte { return append(b, '-') },
	'l': func(b []byte, _ *entry) []byte { return append(b, '-') },
	'm': func(b []byte, e *entry) []byte { return escape(b, e.r.Method) },
	'p': func(b []byte, e *entry) []byte { return append(b, serverPort(e.r, e.call)...) },
	'q': func(b []byte, e *entry) []byte {
		if e.r.URL.RawQuery == "" && !e.r.URL.ForceQuery {
			return append(b, '-')
		}
		return query(b, e.r)
	},
	'r': requestLine,
	's': func(b []byte, e *entry) []byte { return strconv.AppendInt(b, int64(e.status), 10) },
	'S': func(b []byte, e *entry) []byte { return escape(b, e.sessionID()) },
	't': func(b []byte, e *entry) []byte { return e.began.AppendFormat(b, "[02/Jan/2006:15:04:05 -0700]") },
	'T': func(b []byte, e *entry) []byte {
		return strconv.AppendInt(b, int64(e.ended.Sub(e.began)/time.Second), 10)
	},
	'u': func(b []byte, e *entry) []byte { return escape(b, e.user()) },
	'U': func(b []byte, e *entry) []byte { return escape(b, rawPath(e.r)) },
	'v': func(b []byte, e *entry) []byte { return escape(b, hostName(e.r.Host)) },
	'X': func(b []byte, e *entry) []byte {
		if e.r.Close || strings.EqualFold(e.Header().Get("Connection"), "close") {
			return append(b, '-')
		}
		return append(b, '+')
	},
}

// named returns what a letter with an argument in braces stands for.
func named(letter byte, argument string) func(b []byte, e *entry) []byte {
	switch letter {
	case 'i':
		return func(b []byte, e *entry) []byte {
			if strings.EqualFold(argument, "Host") {
				return escape(b, e.host)
			}
			return escape(b, strings.Join(e.r.Header.Values(argument), ","))
		}
	case 'o':
		return func(b []byte, e *entry) []byte { return escape(b, strings.Join(e.Header().Values(argument), ",")) }
	case 'c':
		return func(b []byte, e *entry) []byte {
			var all []string
			for _, c := range e.r.CookiesNamed(argument) {
				all = append(all, c.Value)
			}
			return escape(b, strings.Join(all, ","))
		}
	case 's':
		return func(b []byte, e *entry) []byte {
			if e.session != nil {
				if value, ok := e.session.Get(argument); ok {
					return escape(b, fmt.Sprint(value))
				}
			}
			return append(b, '-')
		}
	case 'r':
		return func(b []byte, e *entry) []byte { return escape(b, attribute(e.r, argument)) }
	case 't':
		return timestamp(argument)
	case 'T':
		unit := map[string]time.Duration{"s": time.Second, "ms": time.Millisecond, "us": time.Microsecond, "ns": time.Nanosecond}[argument]
		if unit == 0 {
			return nil
		}
		return func(b []byte, e *entry) []byte { return strconv.AppendInt(b, int64(e.ended.Sub(e.began)/unit), 10) }
	case 'a':
		if argument == "peer" {
			return func(b []byte, e *entry) []byte { return append(b, peer(e.r)...) }
		}
		return values['a']
	case 'p':
		switch argument {
		case "local":
			return func(b []byte, e *entry) []byte { return append(b, localPort(e.r)...) }
		case "remote":
			return func(b []byte, e *entry) []byte { return append(b, clientPort(e.r)...) }
		case "canonical":
			return values['p']
		}
	}
	return nil
}

// requestLine is %r.
func requestLine(b []byte, e *entry) []byte {
	b = append(escape(b, e.r.Method), ' ')
	b = escape(b, rawPath(e.r))
	b = append(query(b, e.r), ' ')
	return escape(b, e.r.Proto)
}

// rawPath is the path of r as it came.
func rawPath(r *http.Request) string {
	p, _, _ := strings.Cut(r.RequestURI, "?")
	return p
}

func query(b []byte, r *http.Request) []byte {
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		b = append(b, '?')
		if r.URL.RawQuery != "" {
			b = escape(b, r.URL.RawQuery)
		}
	}
	return b
}

func orDash(b []byte, n int64) []byte {
	if n == 0 {
		return append(b, '-')
	}
	return strconv.AppendInt(b, n, 10)
}

// escape appends text so that it stays within its field, and "-" for none.
//
// Source: AbstractAccessLogValve.escapeAndAppend, as seen at work.
func escape(b []byte, text string) []byte {
	if text == "" {
		return append(b, '-')
	}
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c >= ' ' && c < 0x7f:
			b = append(b, c)
		case c == '\t':
			b = append(b, `\t`...)
		case c == '\r':
			b = append(b, `\r`...)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\f':
			b = append(b, `\f`...)
		default:
			b = fmt.Appendf(b, `\u%04x`, c)
		}
	}
	return b
}
