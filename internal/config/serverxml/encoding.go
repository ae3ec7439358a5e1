package serverxml

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/catflap/catflap/internal/mistake"
)

// encoding reads <?xml …?>, which may be missing, and checks that the file is
// of the encoding that it names.
func (p *parser) encoding() *mistake.Mistake {
	if name := wide(p.src); name != "" {
		return p.wrong(0, "the file is "+name, "save it as UTF-8")
	}
	p.take("\ufeff")
	declared, err := p.declaration()
	if err != nil {
		return err
	}
	switch declared {
	case "utf-8", "utf8":
		return p.check("UTF-8", utf8.RuneError)
	case "us-ascii", "ascii":
		return p.check("US-ASCII", utf8.RuneSelf)
	case "iso-8859-1", "iso8859-1", "iso8859_1", "iso_8859-1", "latin1":
		p.latin1 = true
		return p.check("ISO-8859-1", 0)
	}
	return p.wrong(0, fmt.Sprintf("the encoding %s is not known here", declared), `save the file as UTF-8, and write encoding="UTF-8"`)
}

// wide names an encoding of two or more bytes a letter that text begins in.
func wide(text []byte) string {
	for _, w := range []struct{ begin, name string }{{"\xfe\xff", "UTF-16"}, {"\xff\xfe", "UTF-16"}, {"\x00<", "UTF-16"}, {"<\x00", "UTF-16"}, {"\x00\x00", "UTF-32"}} {
		if bytes.HasPrefix(text, []byte(w.begin)) {
			return w.name
		}
	}
	return ""
}

// declaration reads <?xml …?> and returns the encoding in lower case.
func (p *parser) declaration() (string, *mistake.Mistake) {
	start, encoding := p.at, "utf-8"
	if !p.has("<?xml ") && !p.has("<?xml\t") && !p.has("<?xml\r") && !p.has("<?xml\n") {
		return encoding, nil
	}
	p.at += len("<?xml")
	for i := 0; ; i++ {
		blank := p.blanks()
		if p.take("?>") {
			return encoding, nil
		}
		name, err := p.name("", "version, encoding or ?>", "")
		if err != nil || !blank {
			return "", p.wrong(start, "<?xml …?> is not well-formed", `write <?xml version="1.0" encoding="UTF-8"?>`)
		}
		value, ok := p.quoted()
		switch {
		case !ok, name != "version" && name != "encoding" && name != "standalone", (i == 0) != (name == "version"):
			return "", p.wrong(start, "<?xml …?> is not well-formed", `write <?xml version="1.0" encoding="UTF-8"?>`)
		case name == "version" && value != "1.0":
			return "", p.wrong(start, fmt.Sprintf("XML %s is not known here", value), `write version="1.0"`)
		case name == "encoding":
			encoding = strings.ToLower(value)
		}
	}
}

// quoted reads = and a value in quotes, of ASCII.
func (p *parser) quoted() (string, bool) {
	p.blanks()
	if !p.take("=") {
		return "", false
	}
	p.blanks()
	if p.end() || p.src[p.at] != '"' && p.src[p.at] != '\'' {
		return "", false
	}
	value, _, ok := bytes.Cut(p.src[p.at+1:], p.src[p.at:p.at+1])
	p.at += len(value) + 2
	return string(value), ok
}

// check finds the first letter that is none of the encoding: of ASCII one from
// RuneSelf on, of UTF-8 a RuneError, of ISO-8859-1 (bad is 0) none; and control
// characters, which XML does not have.
func (p *parser) check(name string, bad rune) *mistake.Mistake {
	for i := p.at; i < len(p.src); {
		c := p.src[i]
		switch {
		case c < ' ' && c != '\t' && c != '\n' && c != '\r':
			return p.wrong(i, fmt.Sprintf("the control character %#02x may not stand in XML", c), "remove it")
		case c < utf8.RuneSelf, bad == 0:
			i++
			continue
		}
		r, size := utf8.DecodeRune(p.src[i:])
		if bad == utf8.RuneSelf || r == utf8.RuneError && size == 1 || r == 0xfffe || r == 0xffff {
			return p.wrong(i, fmt.Sprintf("the byte %#02x is not %s", c, name), `save the file as UTF-8 with encoding="UTF-8", or write encoding="ISO-8859-1" if it is that`)
		}
		i += size
	}
	return nil
}

// decode returns bytes of the file as text.
func (s *scanner) decode(b []byte) string {
	if !s.latin1 {
		return string(b)
	}
	letters := make([]rune, len(b))
	for i, c := range b {
		letters[i] = rune(c)
	}
	return string(letters)
}
