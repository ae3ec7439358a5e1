package serverxml

import (
	"fmt"

	"github.com/catflap/catflap/internal/mistake"
)

// Limits of one file. A server.xml of a thousand sites stays far below.
const (
	maxBytes      = 8 << 20
	maxDepth      = 64
	maxElements   = 100_000
	maxAttributes = 256      // of one element
	maxExpanded   = 1 << 20  // bytes that entities stand for, in all
	maxValue      = 64 << 10 // bytes of one value once ${…} is replaced
)

// Options say how a file is read.
type Options struct {
	// Property gives the value of ${name}. nil knows none.
	Property func(name string) (string, bool)
}

// Parse reads text, which is the file of that name. The element is the root,
// nil if there are mistakes; of those there is one, but for attributes that
// stand twice, entities that are unknown and values that are too long: they are
// all told.
//
// Source: XML 1.0; Tomcat's Digester, which neither validates nor looks at
// namespaces.
func Parse(file string, text []byte, o Options) (*Element, mistake.List) {
	p := &parser{scanner: scanner{file: file, src: text}, o: o, entities: map[string]entity{}}
	root, err := p.document()
	if err != nil {
		p.mistakes.Add(*err)
	}
	if len(p.mistakes) > 0 {
		p.mistakes.Sort()
		return nil, p.mistakes
	}
	return root, nil
}

// A parser reads one file.
type parser struct {
	scanner
	o        Options
	entities map[string]entity // that the DOCTYPE declares
	elements int
	expanded int          // bytes that entities stood for
	mistakes mistake.List // those after which reading goes on
}

// document reads everything.
func (p *parser) document() (*Element, *mistake.Mistake) {
	if len(p.src) > maxBytes {
		return nil, p.wrong(0, fmt.Sprintf("the file has more than %d MiB", maxBytes>>20), "")
	}
	if err := p.encoding(); err != nil {
		return nil, err
	}
	if err := p.misc(true); err != nil {
		return nil, err
	}
	if p.end() {
		return nil, p.wrong(p.at, "the file has no element", "")
	}
	root, err := p.element(0)
	if err != nil {
		return nil, err
	}
	if err := p.misc(false); err != nil {
		return nil, err
	}
	if !p.end() {
		return nil, p.wrong(p.at, fmt.Sprintf("nothing may follow </%s>, which closes the element of line %d", root.Name, root.Pos.Line), "")
	}
	return root, nil
}

// misc reads blanks, comments and instructions; before the root also a
// DOCTYPE.
func (p *parser) misc(before bool) *mistake.Mistake {
	for {
		p.blanks()
		var err *mistake.Mistake
		switch {
		case p.has("<!--"):
			err = p.comment()
		case p.has("<?"):
			err = p.instruction()
		case before && p.has("<!DOCTYPE"):
			err = p.doctype()
			before = false
		default:
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// element reads an element from its "<" on.
func (p *parser) element(depth int) (*Element, *mistake.Mistake) {
	start := p.at
	if p.src[p.at] != '<' {
		return nil, p.wrong(p.at, "an element has to stand here", "")
	}
	if p.elements++; p.elements > maxElements {
		return nil, p.wrong(p.at, fmt.Sprintf("the file has more than %d elements", maxElements), "")
	}
	if depth == maxDepth {
		return nil, p.wrong(p.at, fmt.Sprintf("elements are nested more than %d deep", maxDepth), "")
	}
	p.at++
	name, err := p.name("<", "the name of an element", "write &lt; for a < that is text")
	if err != nil {
		return nil, err
	}
	e := &Element{Pos: p.pos(start), Name: name}
	empty, err := p.attributes(e)
	if err != nil || empty {
		return e, err
	}
	return e, p.content(e, depth)
}

// attributes reads what follows the name of e, up to its ">".
func (p *parser) attributes(e *Element) (empty bool, err *mistake.Mistake) {
	for {
		blank := p.blanks()
		switch {
		case p.end():
			return false, p.wrong(p.offset(e.Pos), fmt.Sprintf("<%s> has no >", e.Name), "")
		case p.take(">"):
			return false, nil
		case p.take("/>"):
			return true, nil
		case !blank:
			return false, p.wrong(p.at, "a blank is missing", "look whether the value before this ends where it should")
		case len(e.Attributes) == maxAttributes:
			return false, p.wrong(p.at, fmt.Sprintf("<%s> has more than %d attributes", e.Name, maxAttributes), "")
		}
		at := p.at
		a, err := p.attribute(e.Name)
		if err != nil {
			return false, err
		}
		if first := e.Attribute(a.Name); first != nil {
			p.mistakes.Add(*p.wrong(at, fmt.Sprintf("<%s> has %s twice (first in line %d)", e.Name, a.Name, first.Pos.Line), "remove one of them"))
			continue
		}
		e.Attributes = append(e.Attributes, a)
	}
}

// attribute reads NAME="VALUE".
func (p *parser) attribute(of string) (a Attribute, err *mistake.Mistake) {
	if a.Name, err = p.name("", fmt.Sprintf("an attribute of <%s>, or >,", of), ""); err != nil {
		return a, err
	}
	p.blanks()
	if !p.take("=") {
		return a, p.wrong(p.at, a.Name+" has no value", fmt.Sprintf(`write %s="…"`, a.Name))
	}
	p.blanks()
	quote := p.at
	if p.end() || p.src[p.at] != '"' && p.src[p.at] != '\'' {
		return a, p.wrong(p.at, fmt.Sprintf("the value of %s has no quotes", a.Name), fmt.Sprintf(`write %s="…"`, a.Name))
	}
	p.at++
	start := p.at
	a.Pos = p.pos(start)
	value, err := p.text(p.src[quote : quote+1])
	if err != nil {
		return a, err
	}
	if p.end() {
		return a, p.wrong(quote, fmt.Sprintf("the value of %s has no end", a.Name), fmt.Sprintf("end it with %c", p.src[quote]))
	}
	if p.src[p.at] == '<' {
		return a, p.wrong(p.at, fmt.Sprintf("the value of %s, which begins in line %d, may not have a <", a.Name, p.pos(quote).Line),
			fmt.Sprintf("write &lt; for it, or end the value with %c", p.src[quote]))
	}
	p.at++
	a.Value = p.replaced(start, value)
	return a, nil
}

// content reads what e holds, and its end.
func (p *parser) content(e *Element, depth int) *mistake.Mistake {
	var text []byte
	textAt := p.at
	for {
		part, err := p.text(nil)
		if err != nil {
			return err
		}
		text = append(text, part...)
		switch {
		case p.end():
			return p.wrong(p.offset(e.Pos), fmt.Sprintf("<%s> is not closed", e.Name), fmt.Sprintf("write </%s> where it ends, or /> at the end of its tag", e.Name))
		case p.has("</"):
			e.Text = p.replaced(textAt, text)
			return p.closing(e)
		case p.has("<!--"):
			err = p.comment()
		case p.has("<?"):
			err = p.instruction()
		case p.has("<![CDATA["):
			part, err = p.cdata()
			text = append(text, part...)
		default:
			var child *Element
			if child, err = p.element(depth + 1); err == nil {
				e.Children = append(e.Children, *child)
			}
		}
		if err != nil {
			return err
		}
	}
}

// closing reads the end of e.
func (p *parser) closing(e *Element) *mistake.Mistake {
	start := p.at
	p.at += 2
	name, err := p.name("</", "the name of an element", "")
	if err != nil {
		return err
	}
	if name != e.Name {
		return p.wrong(start, fmt.Sprintf("</%s> closes <%s> of line %d", name, e.Name, e.Pos.Line), fmt.Sprintf("write </%s>, or </%s> before it", e.Name, e.Name))
	}
	p.blanks()
	if !p.take(">") {
		return p.wrong(start, fmt.Sprintf("</%s has no >", name), "")
	}
	return nil
}

// replaced returns value, which begins at offset start, with ${…} replaced.
func (p *parser) replaced(start int, value []byte) string {
	text, ok := Replace(string(value), p.o.Property)
	if !ok {
		p.mistakes.Add(*p.wrong(start, fmt.Sprintf("with ${…} replaced this has more than %d KiB", maxValue>>10), ""))
	}
	return text
}
