package regex

// A Template is what a match is turned into: text in which $0 to $9 stand for
// the match and its groups. It never changes.
type Template struct{ parts []part }

// A part is text, or a group.
type part struct {
	text  string
	group int // -1 if it is text
}

// ParseTemplate compiles text. A backslash makes the byte after it text. Every
// text is a template.
//
// Source: httpd server/util.c, ap_pregsub.
func ParseTemplate(text string) *Template {
	t := &Template{}
	var plain []byte
	flush := func() {
		if len(plain) > 0 {
			t.parts = append(t.parts, part{string(plain), -1})
			plain = nil
		}
	}
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text):
			i++
			plain = append(plain, text[i])
		case text[i] == '$' && i+1 < len(text) && '0' <= text[i+1] && text[i+1] <= '9':
			i++
			flush()
			t.parts = append(t.parts, part{group: int(text[i] - '0')})
		default:
			plain = append(plain, text[i])
		}
	}
	flush()
	return t
}

// Literal returns the text of t before its first group, and whether that is
// all of it.
func (t *Template) Literal() (text string, whole bool) {
	switch {
	case len(t.parts) == 0:
		return "", true
	case t.parts[0].group >= 0:
		return "", false
	}
	return t.parts[0].text, len(t.parts) == 1
}

// From returns t without the first n bytes of the text that it begins with.
func (t *Template) From(n int) *Template {
	rest := append([]part(nil), t.parts...)
	rest[0].text = rest[0].text[n:]
	return &Template{rest}
}

// Append appends t to b with the groups of a match that Find returned for
// subject. Groups that are not there, or took no part, are empty.
func (t *Template) Append(b []byte, subject string, found []int) []byte {
	return t.AppendFunc(b, subject, found, nil)
}

// AppendFunc is Append with what change makes of each group; nil changes
// nothing.
func (t *Template) AppendFunc(b []byte, subject string, found []int, change func(string) string) []byte {
	for _, p := range t.parts {
		if p.group < 0 {
			b = append(b, p.text...)
			continue
		}
		if n := 2 * p.group; n+1 < len(found) && found[n] >= 0 {
			group := subject[found[n]:found[n+1]]
			if change != nil {
				group = change(group)
			}
			b = append(b, group...)
		}
	}
	return b
}
