package mistake

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Escape returns s as a terminal can show it: control bytes, bytes that are
// not UTF-8 and every blank but the plain one as \xhh, a tab as one blank.
func Escape(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == '\t':
			b.WriteByte(' ')
		case r == ' ' || (r != utf8.RuneError || size > 1) && unicode.IsPrint(r):
			b.WriteString(s[:size])
		default:
			for i := range size {
				fmt.Fprintf(&b, `\x%02x`, s[i])
			}
		}
		s = s[size:]
	}
	return b.String()
}

// reach is how many bytes of a line are shown on either side of the caret.
const reach = 120

// around returns what is shown of line before and from byte i on.
func around(line string, i int) (before, after string) {
	i = min(i, len(line))
	before, after = line[:i], line[i:]
	if len(before) > reach {
		before = before[runeStart(before, len(before)-reach):]
		before = "…" + Escape(before)
	} else {
		before = Escape(before)
	}
	if len(after) > reach {
		return before, Escape(after[:runeStart(after, reach)]) + "…"
	}
	return before, Escape(after)
}

// runeStart returns where the rune begins that byte i of s is in.
func runeStart(s string, i int) int {
	for start := i; start > i-utf8.UTFMax && start >= 0; start-- {
		if utf8.RuneStart(s[start]) {
			return start
		}
	}
	return i
}

// width returns how many columns of a terminal s takes: the letters of East
// Asia take two, marks that combine with the letter before them none.
func width(s string) int {
	n := 0
	for _, r := range s {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me):
		case unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana),
			r >= 0x3001 && r <= 0x303e, r >= 0xff01 && r <= 0xff60, r >= 0x1f300 && r <= 0x1faff:
			n += 2
		default:
			n++
		}
	}
	return n
}
