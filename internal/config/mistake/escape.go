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
