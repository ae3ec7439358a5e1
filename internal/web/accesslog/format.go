// Package accesslog writes the lines of httpd's CustomLog. What comes in is a
// LogFormat and the record of a request, what goes out is a line.
//
// A Format is compiled once into a list of appenders; writing a line of the
// stock formats allocates nothing.
package accesslog

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/catflap/catflap/internal/front/exchange"
)

// Common is httpd's own format, where the file has none.
const Common = `%h %l %u %t "%r" %>s %b`

// An Entry is what one line tells of.
type Entry struct {
	X       *exchange.Exchange
	Ended   time.Time
	In, Out int64 // bytes on the wire, for %I, %O and %S
}

// A Format is a compiled LogFormat. Many goroutines may use it.
type Format struct {
	parts []part
	wire  bool
	ssl   bool
}

// appender appends one value.
type appender func(b []byte, e *Entry) []byte

// A part is fixed text or a directive.
type part struct {
	text   string
	append appender
	only   []int // statuses for which the value is written; nil is all
	not    bool  // only is a list of those for which it is not
}

// Parse compiles format, or tells what in it is not understood: httpd's words,
// and the place in bytes.
//
// Source: httpd manual, mod_log_config, "Custom Log Formats".
func Parse(format string) (*Format, error) {
	f := &Format{}
	for at := 0; at < len(format); {
		if format[at] != '%' {
			end := at
			var text []byte
			for end < len(format) && format[end] != '%' {
				c := format[end]
				if c == '\\' && end+1 < len(format) {
					end++
					switch format[end] {
					case 'n':
						c = '\n'
					case 't':
						c = '\t'
					case '\\', '"':
						c = format[end]
					default:
						text = append(text, '\\')
						c = format[end]
					}
				}
				text = append(text, c)
				end++
			}
			f.parts = append(f.parts, part{text: string(text)})
			at = end
			continue
		}
		p, end, err := f.directive(format, at)
		if err != nil {
			return nil, err
		}
		f.parts = append(f.parts, p)
		at = end
	}
	return f, nil
}

// A FormatError tells where a LogFormat is not understood.
type FormatError struct {
	Offset int // in bytes
	Text   string
}

func (e *FormatError) Error() string { return fmt.Sprintf("%s (at byte %d)", e.Text, e.Offset) }

// directive reads the directive that begins at start with "%".
func (f *Format) directive(format string, start int) (p part, end int, err error) {
	at := start + 1
	argument, original, final := "", false, false
	trailer := false
	for at < len(format) {
		switch c := format[at]; {
		case c == '!' && p.only == nil:
			p.not = true
			at++
		case c == '<':
			original = true
			at++
		case c == '>':
			final = true
			at++
		case c == ',':
			at++
		case '0' <= c && c <= '9':
			number := at
			for at < len(format) && '0' <= format[at] && format[at] <= '9' && at-number < 9 {
				at++
			}
			status, _ := strconv.Atoi(format[number:at])
			p.only = append(p.only, status)
		case c == '{':
			length := strings.IndexByte(format[at:], '}')
			if length < 0 {
				return p, 0, &FormatError{at, "missing } in LogFormat"}
			}
			argument = format[at+1 : at+length]
			at += length + 1
		case c == '^' && at+2 < len(format) && format[at+1] == 't':
			trailer = true
			at += 2
		default:
			if trailer && c != 'i' && c != 'o' {
				return p, 0, &FormatError{start, "Unrecognized LogFormat directive %" + format[start+1:at+1]}
			}
			p.append = f.value(c, argument, original, final, trailer)
			if p.append == nil {
				return p, 0, &FormatError{start, fmt.Sprintf("Unrecognized LogFormat directive %%%c", c)}
			}
			return p, at + 1, nil
		}
	}
	return p, 0, &FormatError{start, "Unexpected end of LogFormat: a directive without its letter"}
}

// Append appends the line of e to b, with its newline.
func (f *Format) Append(b []byte, e *Entry) []byte {
	for i := range f.parts {
		p := &f.parts[i]
		switch {
		case p.append == nil:
			b = append(b, p.text...)
		case p.only != nil && slices.Contains(p.only, e.X.Response.Status) == p.not:
			b = append(b, '-')
		default:
			b = p.append(b, e)
		}
	}
	return append(b, '\n')
}

// NeedsWire reports whether the line shows bytes on the wire, which are known
// only once the response has left.
func (f *Format) NeedsWire() bool { return f.wire }

// NeedsSSL reports whether the line shows what only mod_ssl knows.
func (f *Format) NeedsSSL() bool { return f.ssl }
