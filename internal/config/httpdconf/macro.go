package httpdconf

import (
	"fmt"
	"slices"
	"strings"

	"github.com/catflap/catflap/internal/mistake"
)

// A macro is a text with parameters that Use puts in.
type macro struct {
	name       string
	pos        mistake.Pos
	parameters []string
	body       []*line
}

// maxParameters bounds the parameters of one macro.
const maxParameters = 100

// String names m as httpd does.
func (m *macro) String() string {
	return fmt.Sprintf(`macro '%s' (defined on line %d of "%s")`, strings.ToLower(m.name), m.pos.Line, m.pos.File)
}

// defineMacro takes the lines up to the closing tag for a macro.
//
// Source: httpd modules/core/mod_macro.c, macro_section.
func (p *parser) defineMacro(r *reading, s *section) {
	m := &macro{pos: s.directive.Pos}
	closed := false
	for depth := 0; r.source.next < len(r.source.lines); {
		l := r.source.lines[r.source.next]
		r.source.next++
		word := strings.ToLower(nextWord(l.text, 0).text)
		if word == "<macro" || word == "<macro>" {
			depth++
		}
		if strings.HasPrefix(word, "</macro") {
			if depth--; depth < 0 {
				closed = true
				break
			}
		}
		if word != "" && word[0] != '#' {
			m.body = append(m.body, l)
		}
	}
	if !closed {
		p.neverClosed(s, "<%s> was not closed.")
	}
	if len(s.directive.Args) == 0 || s.directive.Args[0].Text == "" {
		p.fail(s.line, s.offset, "", "<Macro macro definition: empty name", "write <Macro NAME $parameter>")
		return
	}
	m.name = s.directive.Args[0].Text
	for _, arg := range s.directive.Args[1:] {
		m.parameters = append(m.parameters, arg.Text)
	}
	if !p.checkMacro(m, s) {
		return
	}
	key := strings.ToLower(m.name)
	if before := p.macros[key]; before != nil {
		p.warn(s.line, s.offset, "AH02802", fmt.Sprintf("macro '%s' multiply defined: defined at %s, redefined here", key, before.pos), "")
	}
	p.macros[key] = m
}

// checkMacro reports parameters that cannot be told apart, and warns of those
// that are easily mistaken.
func (p *parser) checkMacro(m *macro, s *section) bool {
	at := func(i int) int {
		w := words(s.line.text, s.offset)
		return w[min(i+2, len(w)-1)].start
	}
	if len(m.parameters) > maxParameters {
		p.fail(s.line, at(maxParameters), "", fmt.Sprintf("%s: more than %d arguments", m, maxParameters), "")
		return false
	}
	if len(m.body) == 0 {
		p.warn(s.line, s.offset, "AH02799", fmt.Sprintf("%s: empty contents!", m), "")
	}
	for i, name := range m.parameters {
		if name == "" {
			p.fail(s.line, at(i), "", fmt.Sprintf("%s: argument #%d has an empty name", m, i+1), "")
			return false
		}
		if first := slices.Index(m.parameters, name); first < i {
			p.fail(s.line, at(i), "", fmt.Sprintf("argument name conflict in %s: argument '%s': #%d and #%d, change argument names!",
				m, name, first+1, i+1), "")
			return false
		}
		if !strings.ContainsRune("$%@", rune(name[0])) {
			p.warn(s.line, at(i), "AH02796", fmt.Sprintf("%s argument name '%s' (#%d) without expected prefix, better prefix argument names with one of '$%%@'.",
				m, name, i+1), "")
		}
		for j, other := range m.parameters {
			if j != i && other != name && strings.HasPrefix(other, name) {
				p.warn(s.line, at(i), "AH02797", fmt.Sprintf("%s: argument name prefix conflict (%s #%d and %s #%d), be careful about your macro definition!",
					m, name, i+1, other, j+1), "")
			}
		}
		if len(m.body) > 0 && !slices.ContainsFunc(m.body, func(l *line) bool { return strings.Contains(l.text, name) }) {
			p.warn(s.line, at(i), "AH02800", fmt.Sprintf("%s: argument '%s' (#%d) never used", m, name, i+1), "")
		}
	}
	return true
}

// useMacro reads the text of a macro in place of the line.
func (p *parser) useMacro(r *reading, l *line, d Directive) {
	p.carried(d)
	m := p.findMacro(l, d)
	if m == nil {
		return
	}
	if len(d.Args)-1 != len(m.parameters) {
		p.fail(l, argAt(l, 0), "", fmt.Sprintf("%s used with %d arguments instead of %d", m, len(d.Args)-1, len(m.parameters)), "")
		return
	}
	marker := "macro " + strings.ToLower(m.name)
	if slices.Contains(p.including, marker) {
		p.fail(l, argAt(l, 0), "", fmt.Sprintf("recursive use of macro '%s' is invalid", strings.ToLower(m.name)), "")
		return
	}
	values := map[string]string{}
	for i, name := range m.parameters {
		values[name] = d.Args[i+1].Text
		if values[name] == "" {
			p.warn(l, argAt(l, i+1), "AH02798", fmt.Sprintf("%s: empty argument #%d", m, i+1), "")
		}
	}
	s := &source{}
	for _, one := range m.body {
		filled := p.fill(one, m.parameters, values)
		if p.stopped || !p.spendLine(l.file, d.Pos.Line) {
			return
		}
		filled.use, filled.macro = d.Pos, m.name
		s.lines = append(s.lines, filled)
	}
	p.including = append(p.including, marker)
	body := p.read(s)
	p.including = p.including[:len(p.including)-1]
	r.emit(body...)
}

// findMacro returns the macro that d names, or reports that there is none.
func (p *parser) findMacro(l *line, d Directive) *macro {
	if len(d.Args) == 0 || d.Args[0].Text == "" {
		p.fail(l, skipBlanks(l.text, 0), "", fmt.Sprintf("%s: no macro name", d.Name), fmt.Sprintf("write %s NAME", d.Name))
		return nil
	}
	name := d.Args[0].Text
	m := p.macros[strings.ToLower(name)]
	if m != nil {
		return m
	}
	if len(p.macros) == 0 {
		p.fail(l, argAt(l, 0), "", fmt.Sprintf("no macro defined before %s", d.Name), "a macro is defined above its use, by <Macro>")
		return nil
	}
	var names []string
	for _, m := range p.macros {
		names = append(names, m.name)
	}
	slices.Sort(names)
	fix := ""
	if near := mistake.Nearest(name, names); len(near) > 0 {
		fix = fmt.Sprintf("did you mean %s?", strings.Join(near, " or "))
	}
	p.fail(l, argAt(l, 0), "", fmt.Sprintf("macro '%s' undefined", strings.ToLower(name)), fix)
	return nil
}

func (p *parser) undefineMacro(_ *reading, l *line, d Directive) {
	p.carried(d)
	if m := p.findMacro(l, d); m != nil {
		delete(p.macros, strings.ToLower(m.name))
	}
}

// fill replaces the parameters in l, the longest that fits first. What was put
// in is not looked at again.
func (p *parser) fill(l *line, parameters []string, values map[string]string) *line {
	longest := slices.SortedStableFunc(slices.Values(parameters), func(a, b string) int { return len(b) - len(a) })
	e, from := edit{from: l}, 0
	for i := 0; i < len(l.text); {
		n := slices.IndexFunc(longest, func(name string) bool { return strings.HasPrefix(l.text[i:], name) })
		if n < 0 {
			i++
			continue
		}
		value := values[longest[n]]
		if !p.spend(l.file, l.first, int64(len(value))) {
			break
		}
		e.keep(from, i)
		e.put(value, i)
		i += len(longest[n])
		from = i
	}
	e.keep(from, len(l.text))
	p.spend(l.file, l.first, int64(len(l.text)))
	return e.line()
}
