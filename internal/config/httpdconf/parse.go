package httpdconf

import (
	"fmt"
	"strings"

	"github.com/catflap/catflap/internal/mistake"
)

// Parse reads what o names. The Tree is as complete as the mistakes allow and
// never nil; the list has every mistake, sorted by place, and Errors() of it
// tells whether a server may start. After 1000 mistakes it says so and stops.
func Parse(o Options) (*Tree, mistake.List) {
	p := newParser(o.withDefaults())
	top := p.read(p.fromOptions("-C", p.Before))
	if p.File != "" {
		top = append(top, p.readMain(p.File)...)
	}
	top = append(top, p.read(p.fromOptions("-c", p.After))...)
	p.tree.Directives, p.tree.Defines, p.tree.Root = top, p.defined.list(), p.root
	p.found.Sort()
	return p.tree, p.found
}

const maxMistakes = 1000

// A parser holds what one Parse has met so far.
type parser struct {
	Options
	tree      *Tree
	found     mistake.List
	root      string
	defined   *defines
	modules   map[string]mistake.Pos // names that IfModule may ask for; a zero Pos for what is built in
	macros    map[string]*macro      // by name in lower case
	including []string               // files and macros being read, outermost first
	depth     int                    // of open sections in all of them
	bytes     int64                  // read and expanded so far
	lines     int                    // made so far
	files     int                    // opened so far
	stopped   bool                   // a bound was hit: nothing more is read
	names     []string               // Names and what this package carries out
}

func newParser(o Options) *parser {
	p := &parser{
		Options: o, tree: &Tree{}, root: o.Root, defined: newDefines(o.Defines),
		modules: map[string]mistake.Pos{}, macros: map[string]*macro{},
	}
	for _, name := range o.Static {
		for _, alias := range moduleNames(name) {
			p.modules[alias] = mistake.Pos{}
		}
	}
	p.names = append(p.names, o.Names...)
	p.names = append(p.names, ownNames()...)
	return p
}

// add keeps m, and stops the reading when there are too many.
func (p *parser) add(m mistake.Mistake) {
	if len(p.found) > maxMistakes {
		return
	}
	if len(p.found) == maxMistakes {
		m = mistake.Mistake{Pos: m.Pos, Text: fmt.Sprintf("more than %d mistakes: the rest is not read", maxMistakes)}
		p.stopped = true
	}
	p.found.Add(m)
}

// at makes a mistake at byte i of l.
func (p *parser) at(l *line, i int, severity mistake.Severity, code, text, fix string) {
	pos := l.at(i)
	if l.macro != "" {
		text += fmt.Sprintf(" (in macro %s, used at %s)", l.macro, l.use)
	}
	p.add(mistake.Mistake{Pos: pos, Severity: severity, Text: cut(text), Code: code, Line: l.physical(pos), Fix: cut(fix)})
}

// cut keeps a message short, whatever the file has in it.
func cut(text string) string {
	const most = 1000
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

func (p *parser) fail(l *line, i int, code, text, fix string) {
	p.at(l, i, mistake.Error, code, text, fix)
}

func (p *parser) warn(l *line, i int, code, text, fix string) {
	p.at(l, i, mistake.Warning, code, text, fix)
}

// syntaxError is httpd's number for a mistake of a line that it understands.
const syntaxError = "AH00526"

// A reading is the state of one source: sections end in the source in which
// they begin.
type reading struct {
	source *source
	open   []*section // innermost last; the first is the source itself
	skip   *skipping  // not nil within a section whose condition does not hold
}

// read returns the directives of s.
func (p *parser) read(s *source) []Directive {
	r := &reading{source: s, open: []*section{{}}}
	for s.next < len(s.lines) && !p.stopped {
		l := s.lines[s.next]
		s.next++
		p.line(r, l)
	}
	if !p.stopped {
		p.unclosed(r)
	}
	for len(r.open) > 1 {
		p.closeTop(r, mistake.Pos{})
	}
	return r.open[0].body
}

// line carries out one line, or keeps it for the tree.
func (p *parser) line(r *reading, l *line) {
	start := skipBlanks(l.text, 0)
	if start == len(l.text) || l.text[start] == '#' {
		return
	}
	if r.skip != nil {
		p.skipLine(r, l, nextWord(l.text, start))
		return
	}
	l = p.expand(l)
	name := nextWord(l.text, 0)
	switch {
	case strings.HasPrefix(name.text, "</"):
		p.closing(r, l, name)
	case strings.HasPrefix(name.text, "<"):
		p.opening(r, l, name)
	default:
		p.directive(r, l, name)
	}
}

// directive carries out or keeps a line that is no section.
func (p *parser) directive(r *reading, l *line, name word) {
	carry := carrier(name.text)
	if carry == nil && !p.Known(name.text) {
		p.invalid(r, l, name)
		return
	}
	end := trimEnd(l.text)
	p.checkWords(l, name.end, end)
	d := p.make(l, name, name.text, end)
	if carry == nil {
		r.emit(d)
		return
	}
	carry(p, r, l, d)
}

// make builds the directive of l; what follows its name ends at byte end.
func (p *parser) make(l *line, w word, name string, end int) Directive {
	d := Directive{Pos: l.at(w.start), Name: name, Line: l.written, first: l.first, Use: l.use}
	from := min(skipBlanks(l.text, w.end), end)
	end = max(from, trimEnd(l.text[:end]))
	if from < end {
		d.RawPos = l.at(from)
		d.Raw = l.text[from:end]
	}
	for _, arg := range words(l.text[:end], from) {
		d.Args = append(d.Args, Arg{Pos: l.at(arg.start), Text: arg.text, Quoted: arg.quoted})
	}
	return d
}

// emit appends d to the innermost open section.
func (r *reading) emit(d ...Directive) {
	top := r.open[len(r.open)-1]
	top.body = append(top.body, d...)
}

// closesLater tells whether the next lines of r close a section of that name
// that no line among them opens. It looks at 2000 lines at most.
func (r *reading) closesLater(name string) bool {
	depth := 0
	for i := r.source.next; i < min(len(r.source.lines), r.source.next+2000); i++ {
		w := nextWord(r.source.lines[i].text, 0).text
		switch {
		case len(w) > 2 && w[1] == '/' && strings.EqualFold(strings.TrimSuffix(w[2:], ">"), name):
			if depth--; depth < 0 {
				return true
			}
		case len(w) > 1 && w[0] == '<' && strings.EqualFold(strings.TrimSuffix(w[1:], ">"), name):
			depth++
		}
	}
	return false
}
