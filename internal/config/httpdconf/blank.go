package httpdconf

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// blankName names a rune that looks like a blank, or like nothing, and is a
// letter to httpd; it returns "" for any other rune.
func blankName(c rune) string {
	name := map[rune]string{
		0x0085: "next line", 0x00a0: "no-break space", 0x00ad: "soft hyphen", 0x180e: "mongolian vowel separator",
		0x200b: "zero width space", 0x200c: "zero width non-joiner", 0x200d: "zero width joiner", 0x200e: "left-to-right mark",
		0x200f: "right-to-left mark", 0x2028: "line separator", 0x2029: "paragraph separator", 0x202f: "narrow no-break space",
		0x2060: "word joiner", 0x3000: "ideographic space", 0xfeff: "zero width no-break space, a byte order mark",
	}[c]
	switch {
	case name != "":
	case c > unicode.MaxASCII && unicode.IsSpace(c):
		name = "a space that is not plain"
	default:
		return ""
	}
	return fmt.Sprintf("U+%04X (%s)", c, name)
}

// firstBlank finds the first rune of s that blankName names, or the byte that
// is a no-break space in ISO-8859-1. It returns where it is and its bytes, and
// i < 0 if there is none.
func firstBlank(s string) (name string, i, size int) {
	for i = 0; i < len(s); i += size {
		if size = 1; s[i] < utf8.RuneSelf {
			continue
		}
		var c rune
		c, size = utf8.DecodeRuneInString(s[i:])
		if c == utf8.RuneError && size == 1 && s[i] == 0xa0 {
			return `\xa0 (no-break space in ISO-8859-1)`, i, size
		}
		if name = blankName(c); name != "" {
			return name, i, size
		}
	}
	return "", -1, 0
}

// blankStart returns how many bytes at the start of s are blanks that httpd
// does not know.
func blankStart(s string) int {
	n := 0
	for n < len(s) {
		_, i, size := firstBlank(s[n:])
		if i != 0 {
			break
		}
		n += size
	}
	return n
}

// plainBlanks returns l with a plain space for every other kind of blank that
// is not in double quotes, and without what has no width; and how many it was.
func plainBlanks(l *line) (*line, int) {
	e, from, count, quoted := edit{from: l}, 0, 0, false
	for i := 0; i < len(l.text); {
		switch c := l.text[i]; {
		case c == '\\' && i+1 < len(l.text):
			i++
		case c == '"':
			quoted = !quoted
		case c >= utf8.RuneSelf && !quoted:
			r, size := utf8.DecodeRuneInString(l.text[i:])
			if name, at, _ := firstBlank(l.text[i : i+size]); at == 0 && name != "" {
				e.keep(from, i)
				if r == utf8.RuneError || unicode.IsSpace(r) {
					e.put(" ", i)
				}
				from, count = i+size, count+1
			}
			i += size
			continue
		}
		i++
	}
	e.keep(from, len(l.text))
	return e.line(), count
}

// checkWords warns of arguments that httpd takes as they are and that cannot
// be meant so. They are between bytes from and end of l.
func (p *parser) checkWords(l *line, from, end int) {
	expression := holdsExpression(nextWord(l.text, 0).text)
	for _, w := range words(l.text[:end], from) {
		switch {
		case w.open:
			p.warn(l, w.start, "", "the closing quote is missing: the argument goes on to the end of the line", "add the quote where the argument ends")
		case w.quoted && w.end < end && !isBlank(l.text[w.end]) && !expression:
			p.warn(l, w.end, "", "no blank after the closing quote: httpd begins a new argument here", `put a blank between, or \ before a quote that is meant`)
		case !w.quoted:
			p.checkBareWord(l, w)
		}
	}
}

// holdsExpression tells whether quotes of a directive's arguments belong to an
// expression, where a blank may be missing.
func holdsExpression(name string) bool {
	switch strings.ToLower(strings.TrimSuffix(name, ">")) {
	case "<if", "<elseif", "require", "sslrequire":
		return true
	}
	return false
}

func (p *parser) checkBareWord(l *line, w word) {
	written := l.text[w.start:w.end]
	if written == "#" {
		p.warn(l, w.start, "", "a comment begins at the start of a line: here # is an argument", "put the comment on a line of its own")
		return
	}
	c, _ := utf8.DecodeRuneInString(written)
	if strings.ContainsRune("“”„‟‘’‚«»", c) {
		p.warn(l, w.start, "", fmt.Sprintf("U+%04X (%c) is no quote to httpd, but part of the argument", c, c), `use " instead`)
		return
	}
	if name, i, size := firstBlank(written); i >= 0 {
		fixed, _ := plainBlanks(l)
		fix := fmt.Sprintf("replace it by a plain space: did you mean `%s`?", shown(fixed.text))
		if w.start+i+size == trimEnd(l.text) {
			fix = "remove it"
		}
		p.warn(l, w.start+i, "", fmt.Sprintf("%s is no blank to httpd, but part of the argument '%s'", name, shown(written)), fix)
	}
}
