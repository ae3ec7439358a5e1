package httpdconf

import (
	"sort"
	"strings"

	"github.com/catflap/catflap/internal/mistake"
)

// A line is what httpd takes for one: the lines of a file that backslashes
// join, or a line of a macro with its parameters replaced. Every byte of text
// knows its place.
type line struct {
	text     string
	spans    []span // in order of offset; the first has offset 0
	file     string
	first    int    // number of the first line of written
	written  string // as in the file, joined by "\n"
	use      mistake.Pos
	macro    string // the macro that use names
	again    bool   // already repaired once, and reported
	expanded bool   // ${VAR} is replaced
}

// A span says where the bytes of text from offset on are in the file: at
// col, col+1, …, or all at col if they stand for what is written there.
type span struct {
	offset    int
	line, col int
	stands    bool
}

// at returns the place of byte i of the text; i may be just behind its end.
func (l *line) at(i int) mistake.Pos {
	n := sort.Search(len(l.spans), func(n int) bool { return l.spans[n].offset > i }) - 1
	s := l.spans[max(n, 0)]
	p := mistake.Pos{File: l.file, Line: s.line, Col: s.col}
	if !s.stands {
		p.Col += i - s.offset
	}
	return p
}

// physical returns the line of the file that p is in.
func (l *line) physical(p mistake.Pos) string {
	d := Directive{Pos: mistake.Pos{File: l.file}, Line: l.written, first: l.first}
	return d.LineAt(p)
}

// An edit makes a line from parts of another one.
type edit struct {
	from  *line
	text  strings.Builder
	spans []span
}

// keep appends bytes i to j of the original, which keep their places.
func (e *edit) keep(i, j int) {
	if i >= j {
		return
	}
	base := e.text.Len()
	p := e.from.at(i)
	n := sort.Search(len(e.from.spans), func(n int) bool { return e.from.spans[n].offset > i }) - 1
	e.spans = append(e.spans, span{base, p.Line, p.Col, e.from.spans[n].stands})
	for _, s := range e.from.spans[n+1:] {
		if s.offset >= j {
			break
		}
		s.offset += base - i
		e.spans = append(e.spans, s)
	}
	e.text.WriteString(e.from.text[i:j])
}

// put appends text that stands for byte i of the original.
func (e *edit) put(text string, i int) {
	p := e.from.at(i)
	e.spans = append(e.spans, span{e.text.Len(), p.Line, p.Col, true})
	e.text.WriteString(text)
}

// line returns what was kept and put.
func (e *edit) line() *line {
	l := *e.from
	l.text, l.spans = e.text.String(), e.spans
	if len(l.spans) == 0 {
		l.spans = []span{{0, l.first, 1, false}}
	}
	return &l
}

// isBlank tells whether httpd takes c for a blank: isspace of the C locale.
func isBlank(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func skipBlanks(s string, i int) int {
	for i < len(s) && isBlank(s[i]) {
		i++
	}
	return i
}

// trimEnd returns the end of s without trailing blanks.
func trimEnd(s string) int {
	end := len(s)
	for end > 0 && isBlank(s[end-1]) {
		end--
	}
	return end
}

// A word is one argument as httpd cuts a line.
type word struct {
	start, end int    // in the text, with quotes
	text       string // without quotes and escapes
	quoted     bool
	open       bool // the closing quote is missing
}

// nextWord cuts the word that begins at byte i, after blanks, off s. There is
// none if its start is len(s). A quote counts only where a word begins; in
// quotes a backslash takes the meaning from that quote and from a backslash,
// elsewhere only from a backslash. What follows a closing quote is a new word.
//
// Source: httpd server/util.c, ap_getword_conf.
func nextWord(s string, i int) word {
	i = skipBlanks(s, i)
	w := word{start: i, end: i}
	if i == len(s) {
		return w
	}
	from, quote := i, byte(0)
	if s[i] == '"' || s[i] == '\'' {
		quote, from = s[i], i+1
	}
	j := from
	for j < len(s) && (quote != 0 || !isBlank(s[j])) && (quote == 0 || s[j] != quote) {
		if quote != 0 && s[j] == '\\' && j+1 < len(s) && (s[j+1] == quote || s[j+1] == '\\') {
			j++
		}
		j++
	}
	w.text, w.end = unescape(s[from:j], quote), j
	if quote != 0 {
		w.quoted, w.open = true, j == len(s)
		w.end = min(j+1, len(s))
	}
	return w
}

// words cuts s from byte i on into words.
func words(s string, i int) []word {
	var all []word
	for {
		w := nextWord(s, i)
		if w.start == len(s) {
			return all
		}
		all, i = append(all, w), w.end
	}
}

func unescape(s string, quote byte) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && (s[i+1] == '\\' || quote != 0 && s[i+1] == quote) {
			i++
		}
		b = append(b, s[i])
	}
	return string(b)
}
