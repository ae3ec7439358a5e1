package httpdconf

import (
	"fmt"
	"strings"

	"github.com/catflap/catflap/internal/mistake"
)

// invalid reports a line whose name w nobody knows. If it can tell what is
// meant it reads the line as if that were written, so that one slip gives one
// mistake.
func (p *parser) invalid(r *reading, l *line, w word) {
	text := fmt.Sprintf("Invalid command '%s', perhaps misspelled or defined by a module not included in the server configuration",
		shown(command(w.text)))
	written := l.text[w.start:w.end]
	if blank, i, _ := firstBlank(written); i >= 0 && !w.quoted && !l.again {
		p.otherBlank(r, l, w.start+i, text, blank)
		return
	}
	if n := p.gluedAt(l, w); n > 0 {
		e := edit{from: l}
		e.keep(0, w.start+n)
		e.put(" ", w.start+n)
		e.keep(w.start+n, len(l.text))
		fixed := e.line()
		p.fail(l, w.start+n, syntaxError, text, fmt.Sprintf("a blank is missing after %s: did you mean `%s`?", written[:n], shown(fixed.text)))
		p.line(r, fixed)
		return
	}
	if fixed := p.otherKind(r, l, w); fixed != nil {
		p.fail(l, w.start, syntaxError, text, fmt.Sprintf("did you mean `%s`?", shown(fixed.text)))
		p.line(r, fixed)
		return
	}
	if p.Foreign != nil && !strings.HasPrefix(w.text, "<") && p.Foreign(w.text, p.tree.Modules) {
		r.emit(p.make(l, w, w.text, trimEnd(l.text)))
		return
	}
	p.fail(l, w.start, syntaxError, text, p.guess(w.text))
	if strings.HasPrefix(w.text, "<") {
		p.begin(r, l, w, strings.TrimSuffix(w.text[1:], ">"), true)
		return
	}
	d := p.make(l, w, w.text, trimEnd(l.text))
	d.Unknown = true
	r.emit(d)
}

// command returns a name as httpd shows it: that of a section without ">".
func command(name string) string {
	if strings.HasPrefix(name, "<") {
		return strings.TrimSuffix(name, ">")
	}
	return name
}

// otherBlank reports a blank at byte i, which httpd takes for a part of the
// name, and reads the line with a plain one.
func (p *parser) otherBlank(r *reading, l *line, i int, text, blank string) {
	fixed, count := plainBlanks(l)
	fixed.again = true
	fix := "replace it by a plain space"
	switch {
	case shown(fixed.text) == "":
		fix = "remove it: the line is not empty"
	case count > 1:
		fix = fmt.Sprintf("replace all %d on this line by plain spaces", count)
	case len(fixed.text) < len(l.text) && !strings.HasPrefix(fixed.text[i:], " "):
		fix = "remove it"
	}
	if meant := shown(fixed.text); meant != "" {
		fix += fmt.Sprintf(": did you mean `%s`?", meant)
	}
	code := syntaxError
	if r.skip != nil {
		code = ""
	}
	p.fail(l, i, code, fmt.Sprintf("%s: %s is no blank to httpd", text, blank), fix)
	p.line(r, fixed)
}

// gluedAt returns how long the known name is that w begins with, if the rest
// of w looks like an argument that lost its blank, else 0.
func (p *parser) gluedAt(l *line, w word) int {
	const longest = 64
	if w.quoted {
		return 0
	}
	written := l.text[w.start:w.end]
	for n := min(len(written)-1, longest); n > 1; n-- {
		if !p.known(written[:n]) {
			continue
		}
		rest, more := written[n:], skipBlanks(l.text, w.end) < len(l.text)
		if rest == ">" {
			return 0
		}
		if len(rest) <= 2 && more && strings.IndexFunc(rest, func(c rune) bool { return !isLetter(c) }) < 0 {
			return 0 // rather a slip of the finger: ServerNames x
		}
		return n
	}
	return 0
}

// otherKind returns the line that was meant by a section without its "<", or
// by a directive in <>, and nil if it is neither.
func (p *parser) otherKind(r *reading, l *line, w word) *line {
	e, end := edit{from: l}, trimEnd(l.text)
	name, isSection := strings.CutPrefix(strings.TrimSuffix(w.text, ">"), "<")
	switch {
	case w.quoted || name == "":
	case !isSection && p.known("<"+name) && r.closesLater(name):
		e.put("<", w.start)
		e.keep(w.start, end)
		if l.text[end-1] != '>' {
			e.put(">", end)
		}
		return e.line()
	case isSection && p.known(name) && !r.closesLater(name):
		if l.text[end-1] == '>' {
			end--
		}
		e.keep(w.start+1, end)
		return e.line()
	}
	return nil
}

// guess returns what may help with a name that nobody knows.
func (p *parser) guess(name string) string {
	name = strings.TrimSuffix(name, ">")
	near := mistake.Nearest(name, p.names)
	for i, n := range near {
		if strings.HasPrefix(n, "<") {
			near[i] += ">"
		}
	}
	switch {
	case len(near) > 1:
		return fmt.Sprintf("did you mean %s or %s?", strings.Join(near[:len(near)-1], ", "), near[len(near)-1])
	case len(near) == 1:
		return fmt.Sprintf("did you mean %s?", near[0])
	case strings.HasPrefix(name, ";"), strings.HasPrefix(name, "//"), strings.HasPrefix(name, "--"), strings.HasPrefix(name, "!"):
		return "a comment begins with #"
	}
	return ""
}

// near tells whether someone who typed wrong may have meant name.
func (p *parser) near(wrong, name string) bool {
	return len(mistake.Nearest(wrong, []string{name})) > 0
}

func isLetter(c rune) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func isNameRune(c rune) bool { return isLetter(c) || c >= '0' && c <= '9' || c == '_' || c == '-' }

// shown returns text for a message: without outer blanks, on one line, cut
// where it gets long.
func shown(text string) string {
	const most = 160
	text = strings.Trim(text, " \t\v\f\r\n")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return mistake.Escape(text)
}
