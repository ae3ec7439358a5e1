package httpdconf

import (
	"fmt"
	"slices"
	"strings"

	"github.com/catflap/catflap/internal/mistake"
)

// A section is one whose closing tag is still to come.
type section struct {
	directive Directive
	line      *line
	offset    int  // of "<" in line
	through   bool // a condition that holds: what it contains belongs to the section around it
	body      []Directive
}

func (s *section) name() string { return s.directive.Name }

// opening begins a section, or carries it out.
func (p *parser) opening(r *reading, l *line, w word) {
	name := strings.TrimSuffix(w.text[1:], ">")
	if before, _, both := strings.Cut(name, "></"); both && !w.quoted && p.known("<"+before) {
		w.end = w.start + len("<"+before)
		w.text, name = "<"+before, before
	}
	if !p.known("<" + name) {
		p.invalid(r, l, w)
		return
	}
	p.begin(r, l, w, name, false)
}

// begin begins the section of l, whose name is one or is taken for one.
func (p *parser) begin(r *reading, l *line, w word, name string, unknown bool) {
	if name != w.text[1:] && w.end < len(l.text) {
		p.afterBracket(l, w.end, name)
	}
	end, closed := p.bracket(l, w, name)
	d := p.make(l, w, name, end)
	d.Section, d.Unknown = true, unknown
	s := &section{directive: d, line: l, offset: w.start}
	switch {
	case closed:
		p.fail(l, end+1, "", fmt.Sprintf("<%s> is closed on the line on which it begins: httpd wants </%[1]s> on a line of its own", name),
			"put what is inside and the closing tag on lines of their own")
		d.End = l.at(end + 1)
		r.emit(d)
		return
	case p.depth >= p.MaxDepth:
		p.fail(l, w.start, "", fmt.Sprintf("more than %d sections inside each other", p.MaxDepth), "")
		r.skip = &skipping{section: s}
		return
	}
	p.checkWords(l, w.end, end)
	if strings.EqualFold(name, "Macro") {
		p.tree.Carried = append(p.tree.Carried, d)
		p.defineMacro(r, s)
		return
	}
	if condition := conditionOf(name); condition != nil {
		p.tree.Carried = append(p.tree.Carried, d)
		holds, ok := condition(p, s)
		if !holds || !ok {
			r.skip = &skipping{section: s, silent: !ok}
			return
		}
		s.through = true
	}
	p.depth++
	r.open = append(r.open, s)
}

// bracket finds the ">" that ends an opening tag: the last one of the line, as
// httpd does. It returns where the arguments end, and whether the line has the
// closing tag too.
func (p *parser) bracket(l *line, w word, name string) (end int, closed bool) {
	if name != w.text[1:] && w.end == trimEnd(l.text) {
		return w.end, false
	}
	if name != w.text[1:] { // text after <Name>
		return w.end, false
	}
	rest := l.text[w.end:]
	if i := strings.Index(strings.ToLower(rest), "></"+strings.ToLower(name)); i >= 0 {
		return w.end + i, true
	}
	last := strings.LastIndexByte(rest, '>')
	if last < 0 {
		end = trimEnd(l.text)
		p.fail(l, end, syntaxError, fmt.Sprintf("<%s> directive missing closing '>'", name), "add > at the end of the line")
		return end, false
	}
	if skipBlanks(rest, last+1) < len(rest) {
		p.afterBracket(l, w.end+last+1, name)
	}
	return w.end + last, false
}

// afterBracket warns of text behind an opening tag.
func (p *parser) afterBracket(l *line, i int, name string) {
	if i = skipBlanks(l.text, i); i < len(l.text) {
		p.warn(l, i, "", fmt.Sprintf("text after the opening tag of <%s> is ignored", name), "put it on a line of its own, a comment behind #")
	}
}

// closing ends the section that its tag names.
func (p *parser) closing(r *reading, l *line, w word) {
	name, tail := w.text[2:], ""
	if i := strings.IndexFunc(name, func(c rune) bool { return c == '>' || blankName(c) != "" }); i >= 0 {
		name, tail = name[:i], name[i:]
	}
	p.checkClosing(l, w, name, tail)
	top := r.open[len(r.open)-1]
	place := l.at(w.start)
	switch n := r.opened(name); {
	case n == len(r.open)-1 && n > 0, len(r.open) > 1 && top.directive.Unknown && p.near(top.name(), name):
		p.closeTop(r, place)
	case n > 0:
		p.closesOther(l, w, name, top, fmt.Sprintf("add %s before it", closingTags(r.open[n+1:])))
		for len(r.open) > n {
			p.closeTop(r, place)
		}
	case len(r.open) == 1:
		p.fail(l, w.start, "", fmt.Sprintf("</%s> without matching <%[1]s> section", name), "remove it, or add the opening tag")
	case r.closesLater(top.name()):
		p.closesOther(l, w, name, top, fmt.Sprintf("remove it: no <%s> is open here", name))
	default:
		p.closesOther(l, w, name, top, fmt.Sprintf("did you mean </%s>?", top.name()))
		p.closeTop(r, place)
	}
}

func (p *parser) closesOther(l *line, w word, name string, top *section, fix string) {
	p.fail(l, w.start, "", fmt.Sprintf("</%s> closes <%s> of %s", name, top.name(), top.directive.Pos.In(l.file)), fix)
}

// opened returns the index of the innermost open section of that name, or 0.
func (r *reading) opened(name string) int {
	for i := len(r.open) - 1; i > 0; i-- {
		if strings.EqualFold(r.open[i].name(), name) {
			return i
		}
	}
	return 0
}

// closingTags returns the tags that close open, innermost first.
func closingTags(open []*section) string {
	var tags []string
	for _, s := range slices.Backward(open) {
		tags = append(tags, fmt.Sprintf("</%s>", s.name()))
	}
	return strings.Join(tags, ", ")
}

// checkClosing reports a closing tag that is not just </Name>.
func (p *parser) checkClosing(l *line, w word, name, tail string) {
	rest := skipBlanks(l.text, w.end)
	switch {
	case tail == "":
		p.fail(l, w.end, "", fmt.Sprintf("</%s> directive missing closing '>'", name), fmt.Sprintf("write </%s>, without blanks", name))
	case blankStart(strings.TrimPrefix(tail, ">")) > 0:
		blank, i, _ := firstBlank(tail)
		p.fail(l, w.start+2+len(name)+i, "", fmt.Sprintf("</%s> directive missing closing '>': %s is no blank to httpd", name, blank),
			fmt.Sprintf("write </%s>, and nothing else", name))
	case tail != ">" && strings.TrimLeft(tail[1:], ">") == "":
		p.fail(l, w.start+2+len(name)+1, "", fmt.Sprintf("</%s> has more than one '>'", name), fmt.Sprintf("write </%s>", name))
	case tail != ">":
		p.fail(l, w.start+2+len(name)+1, "", fmt.Sprintf("</%s> directive missing closing '>': text touches the tag", name),
			"remove the text, or put it on a line of its own")
	case rest < len(l.text):
		p.warn(l, rest, "", fmt.Sprintf("text after </%s> is ignored", name), "put it on a line of its own, a comment behind #")
	}
}

// closeTop ends the innermost section.
func (p *parser) closeTop(r *reading, end mistake.Pos) {
	top := r.open[len(r.open)-1]
	r.open = r.open[:len(r.open)-1]
	p.depth--
	if top.through {
		r.emit(top.body...)
		return
	}
	top.directive.Body, top.directive.End = top.body, end
	r.emit(top.directive)
}

// unclosed reports the sections that are open when r ends. httpd does not mind
// one whose condition holds, nor those inside it.
func (p *parser) unclosed(r *reading) {
	through := slices.IndexFunc(r.open, func(s *section) bool { return s.through })
	if r.skip != nil {
		p.neverClosed(r.skip.section, "Expected </%s> before end of configuration")
	}
	for i, s := range slices.Backward(r.open[1:]) {
		if through >= 0 && i+1 >= through {
			p.warn(s.line, s.offset, "", fmt.Sprintf("<%s> was not closed.", s.name()), fmt.Sprintf("add </%s>", s.name()))
			continue
		}
		p.neverClosed(s, "<%s> was not closed.")
	}
}

func (p *parser) neverClosed(s *section, text string) {
	p.fail(s.line, s.offset, "", fmt.Sprintf(text, s.name()), fmt.Sprintf("add </%s>", s.name()))
}

// A skipping follows the sections inside one that is left out. httpd minds
// their nesting, and nothing else.
type skipping struct {
	section *section
	silent  bool     // the condition could not be read, or it is no condition
	inner   []string // names of the sections open in it, innermost last
	count   int      // of directives and opening tags
}

// skipLine passes over a line of a section that is left out.
//
// Source: httpd server/config.c, ap_soak_end_container.
func (p *parser) skipLine(r *reading, l *line, w word) {
	k := r.skip
	if n := blankStart(w.text); n > 0 && !l.again && strings.HasPrefix(w.text[n:], "<") {
		blank, _, _ := firstBlank(w.text)
		p.otherBlank(r, l, w.start, "httpd does not see the tag", blank)
		return
	}
	if !strings.HasPrefix(w.text, "<") {
		k.count++
		return
	}
	if !strings.HasPrefix(w.text, "</") {
		k.count++
		name := w.text[1:]
		if skipBlanks(l.text, w.end) == len(l.text) {
			name = strings.TrimSuffix(name, ">")
		}
		k.inner = append(k.inner, sectionName(name))
		return
	}
	name := sectionName(strings.TrimSuffix(w.text[2:], ">"))
	expected := k.section.name()
	if len(k.inner) > 0 {
		expected = k.inner[len(k.inner)-1]
	}
	if !strings.HasSuffix(w.text, ">") {
		p.fail(l, w.end, "", fmt.Sprintf("</%s> directive missing closing '>'", name), fmt.Sprintf("write </%s>, without blanks", name))
	}
	switch {
	case strings.EqualFold(name, expected) && len(k.inner) > 0:
		k.inner = k.inner[:len(k.inner)-1]
		return
	case !strings.EqualFold(name, expected) && !strings.EqualFold(name, k.section.name()):
		p.fail(l, w.start, "", fmt.Sprintf("Expected </%s> but saw </%s>", expected, name), "")
		return
	case len(k.inner) > 0 && r.closesLater(name):
		p.fail(l, w.start, "", fmt.Sprintf("Expected </%s> but saw </%s>", expected, name), "")
		return
	case len(k.inner) > 0:
		p.fail(l, w.start, "", fmt.Sprintf("Expected </%s> but saw </%s>", expected, name), fmt.Sprintf("add </%s> before it", expected))
	}
	if rest := skipBlanks(l.text, w.end); rest < len(l.text) {
		p.warn(l, rest, "", fmt.Sprintf("text after </%s> is ignored", name), "put it on a line of its own, a comment behind #")
	}
	p.endSkip(r)
}

// endSkip ends the section that is left out.
func (p *parser) endSkip(r *reading) {
	k := r.skip
	r.skip = nil
	if !k.silent {
		d := k.section.directive
		p.tree.Skipped = append(p.tree.Skipped, Skipped{Pos: d.Pos, Name: d.Name, Condition: d.Raw, Directives: k.count})
	}
}

// sectionName cuts what is glued to a section's name: Directory"/x".
func sectionName(s string) string {
	if i := strings.IndexFunc(s, func(c rune) bool { return !isNameRune(c) }); i > 0 {
		return s[:i]
	}
	return s
}
