package serverxml

import (
	"fmt"
	"strings"

	syntax "github.com/catflap/catflap/internal/config/serverxml"
	"github.com/catflap/catflap/node"
)

// An accessLogElement is what an AccessLogValve says.
type accessLogElement struct {
	node.AccessLog
	fixed bool // rotatable="false"
}

var accessLogTable = table[accessLogElement]{"Valve AccessLogValve", []row[accessLogElement]{
	{"directory", func(a *accessLogElement, g given) { a.Directory = g.text() }, "where its files are; default logs"},
	{"prefix", func(a *accessLogElement, g given) { a.Prefix = g.Value }, "how their names begin; default access_log"},
	{"suffix", func(a *accessLogElement, g given) { a.Suffix = g.Value }, "and end"},
	{"fileDateFormat", func(a *accessLogElement, g given) { a.DateFormat = g.dateFormat() }, "the date between them; default .yyyy-MM-dd. A new one begins a new file"},
	{"rotatable", func(a *accessLogElement, g given) { a.fixed = !g.bool() }, "false: one file without a date"},
	{"pattern", func(a *accessLogElement, g given) { a.Pattern = g.Value }, "of a line: common, combined, or codes as Tomcat has them"},
}}

// accessLog reads an AccessLogValve. A Context has none of its own.
func (l *loader) accessLog(e *syntax.Element, s *scope) {
	a := accessLogElement{AccessLog: node.AccessLog{Line: l.line(e), DateFormat: ".%Y-%m-%d"}}
	accessLogTable.read(l, e, &a)
	if a.fixed {
		a.DateFormat = ""
	}
	if s.logs == nil {
		l.unsupported(e.Pos, "an AccessLogValve of a Context is not written", "put it into its Host")
		return
	}
	*s.logs = append(*s.logs, a.AccessLog)
}

// dateLetters are those of SimpleDateFormat, as strftime has them.
var dateLetters = map[string]string{
	"yyyy": "%Y", "yy": "%y", "y": "%Y", "MM": "%m", "MMM": "%b", "MMMM": "%B", "dd": "%d", "DDD": "%j", "HH": "%H", "mm": "%M", "ss": "%S", "E": "%a", "EEE": "%a", "EEEE": "%A",
	"Z": "%z", "z": "%Z", "a": "%p", "hh": "%I",
}

// dateFormat reads a pattern of Java's SimpleDateFormat.
func (g given) dateFormat() string {
	var b strings.Builder
	plain := func(s string) { b.WriteString(strings.ReplaceAll(s, "%", "%%")) }
	for s := g.Value; s != ""; {
		c := s[0]
		switch {
		case c == '\'':
			text, rest, _ := strings.Cut(s[1:], "'")
			if text == "" {
				text = "'"
			}
			plain(text)
			s = rest
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			n := len(s) - len(strings.TrimLeft(s, string(c)))
			format, ok := dateLetters[s[:n]]
			if !ok {
				g.l.wrong(g.Pos, fmt.Sprintf("%s: %s is not known here", g.Name, s[:n]), "of yyyy MM dd HH mm ss DDD EEE, with other letters in '…'")
				return ""
			}
			b.WriteString(format)
			s = s[n:]
		default:
			plain(s[:1])
			s = s[1:]
		}
	}
	return b.String()
}
