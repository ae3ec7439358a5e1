package serverxml

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/catflap/catflap/internal/mistake"
)

// An entity is what &name; stands for.
type entity struct {
	value string
	wrong string // why it is not taken; empty if it is
}

// predefined are the entities that XML has itself.
var predefined = map[string]string{"lt": "<", "gt": ">", "amp": "&", "quot": `"`, "apos": "'"}

// text reads up to the next "<" or quote; without a quote it is content, with
// one the value of an attribute, in which every blank is a plain one.
func (p *parser) text(quote []byte) ([]byte, *mistake.Mistake) {
	var b []byte
	stop := "<&" + string(quote)
	for {
		n := bytes.IndexAny(p.src[p.at:], stop)
		if n < 0 {
			n = len(p.src) - p.at
		}
		part := lines.Replace(p.decode(p.src[p.at : p.at+n]))
		if quote != nil {
			part = blanks.Replace(part)
		} else if i := bytes.Index(p.src[p.at:p.at+n], []byte("]]>")); i >= 0 {
			return nil, p.wrong(p.at+i, "]]> may not stand in text", "write ]]&gt;")
		}
		b = append(b, part...)
		p.at += n
		if p.end() || p.src[p.at] != '&' {
			return b, nil
		}
		value, err := p.reference()
		if err != nil {
			return nil, err
		}
		b = append(b, value...)
	}
}

var blanks = strings.NewReplacer("\n", " ", "\t", " ")

// reference reads &…; and returns what it stands for.
func (p *parser) reference() (string, *mistake.Mistake) {
	start := p.at
	p.at++
	if p.take("#") {
		return p.character(start)
	}
	name, err := p.name("&", "the name of an entity", "write &amp; for a & that is text")
	if err != nil {
		return "", err
	}
	if !p.take(";") {
		return "", p.wrong(start, fmt.Sprintf("&%s has no ;", name), "write &amp; for a & that is text")
	}
	if value, ok := predefined[name]; ok {
		return value, nil
	}
	e, ok := p.entities[name]
	switch {
	case !ok:
		p.mistakes.Add(*p.wrong(start, fmt.Sprintf("the entity &%s; is unknown", name), "write &amp; for a & that is text"))
	case e.wrong != "":
		p.mistakes.Add(*p.wrong(start, fmt.Sprintf("the entity &%s; is not taken: %s", name, e.wrong), "put what it stands for in its place"))
	}
	if p.expanded += len(e.value); p.expanded > maxExpanded {
		return "", p.wrong(start, fmt.Sprintf("entities stand for more than %d KiB", maxExpanded>>10), "")
	}
	return e.value, nil
}

// character reads what follows &#.
func (p *parser) character(start int) (string, *mistake.Mistake) {
	base := 10
	if p.take("x") {
		base = 16
	}
	digits := p.at
	for !p.end() && p.at-digits < 9 && p.src[p.at] != ';' {
		p.at++
	}
	n, err := strconv.ParseUint(string(p.src[digits:p.at]), base, 32)
	if err != nil || !p.take(";") {
		return "", p.wrong(start, "&#…; has to have a number", "as in &#38; or &#x26;")
	}
	r := rune(n)
	if n > utf8.MaxRune || !utf8.ValidRune(r) || r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff {
		return "", p.wrong(start, "no character of XML has this number", "")
	}
	return string(r), nil
}

// doctype reads <!DOCTYPE …>. Nothing that it refers to is read.
func (p *parser) doctype() *mistake.Mistake {
	start := p.at
	p.at += len("<!DOCTYPE")
	for {
		switch p.blanks(); {
		case p.end():
			return p.wrong(start, "<!DOCTYPE has no >", "")
		case p.take(">"):
			return nil
		case p.take("["):
			if err := p.subset(start); err != nil {
				return err
			}
		case p.has(`"`), p.has("'"):
			p.at++
			if _, err := p.until(string(p.src[p.at-1]), "a value in <!DOCTYPE"); err != nil {
				return err
			}
		default:
			if _, err := p.name("", "> ", ""); err != nil {
				return p.wrong(p.at, "<!DOCTYPE …> is not well-formed", "remove it: Tomcat does not need it")
			}
		}
	}
}

// subset reads the declarations of a DOCTYPE up to "]".
func (p *parser) subset(start int) *mistake.Mistake {
	for {
		p.blanks()
		var err *mistake.Mistake
		switch {
		case p.end():
			return p.wrong(start, "<!DOCTYPE has no ]>", "")
		case p.take("]"):
			return nil
		case p.has("<!--"):
			err = p.comment()
		case p.has("<?"):
			err = p.instruction()
		case p.has("<!ENTITY"):
			err = p.entity()
		case p.has("<!"):
			_, err = p.declared()
		default:
			err = p.wrong(p.at, "<!DOCTYPE …> is not well-formed", "remove it: Tomcat does not need it")
		}
		if err != nil {
			return err
		}
	}
}

// declared reads a declaration and returns its words, those in quotes with the
// quote that they begin with.
func (p *parser) declared() ([]string, *mistake.Mistake) {
	start := p.at
	var words []string
	for {
		switch p.blanks(); {
		case p.end() || len(words) > 1000:
			return nil, p.wrong(start, "the declaration has no >", "")
		case p.take(">"):
			return words, nil
		case p.has(`"`), p.has("'"):
			p.at++
			quote := string(p.src[p.at-1])
			value, err := p.until(quote, "a value")
			if err != nil {
				return nil, err
			}
			words = append(words, quote+value)
		default:
			from := p.at
			for !p.end() && strings.IndexByte(" \t\r\n>\"'", p.src[p.at]) < 0 {
				p.at++
			}
			words = append(words, string(p.src[from:p.at]))
		}
	}
}

// entity reads <!ENTITY name "value">. Only plain text is taken, so that none
// refers to another, or to a file; the first of a name counts.
func (p *parser) entity() *mistake.Mistake {
	words, err := p.declared()
	if err != nil || len(words) < 3 || words[1] == "%" {
		return err
	}
	name, value := words[1], words[2]
	e := entity{}
	switch {
	case value == "SYSTEM" || value == "PUBLIC":
		e.wrong = "it is another file"
	case value[0] != '"' && value[0] != '\'':
		e.wrong = "its declaration is not well-formed"
	case strings.ContainsAny(value, "<&%"):
		e.wrong = "it has elements or other entities in it"
	default:
		e.value = lines.Replace(value[1:])
	}
	if _, again := p.entities[name]; !again {
		p.entities[name] = e
	}
	return nil
}
