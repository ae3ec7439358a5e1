package regex

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// PCRE looks at bytes, Go's engines at characters. So that both mean the same,
// each byte that is not ASCII becomes one character that is no letter and has
// no other case: those from U+E080 to U+E0FF, which Unicode leaves to private
// use. Patterns and subjects are changed alike.
const private = 0xE000

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// widen returns s with a character for each byte.
func widen(s string) string {
	var b strings.Builder
	b.Grow(3 * len(s))
	for i := range len(s) {
		writeByte(&b, s[i])
	}
	return b.String()
}

func writeByte(b *strings.Builder, c byte) {
	if c < utf8.RuneSelf {
		b.WriteByte(c)
		return
	}
	b.WriteRune(private + rune(c))
}

// narrow turns offsets in a widened string into those of what it was made of.
func narrow(offsets []int, wide string) {
	for i, at := range offsets {
		if at >= 0 {
			offsets[i] = utf8.RuneCountInString(wide[:at])
		}
	}
}

// translate rewrites a pattern of PCRE so that Go's engines read it alike:
// bytes that are not ASCII, however they are written, and \Q…\E.
func translate(pattern string) string {
	var b strings.Builder
	for i := 0; i < len(pattern); {
		if pattern[i] != '\\' || i+1 == len(pattern) {
			writeByte(&b, pattern[i])
			i++
			continue
		}
		if c, n := escapedByte(pattern[i:]); n > 0 {
			writeByte(&b, c)
			i += n
			continue
		}
		if pattern[i+1] == 'Q' {
			quoted, rest, _ := strings.Cut(pattern[i+2:], `\E`)
			for j := range len(quoted) {
				if strings.IndexByte(`$^.|()[]{}*+?\-#`, quoted[j]) >= 0 {
					b.WriteByte('\\')
				}
				writeByte(&b, quoted[j])
			}
			i = len(pattern) - len(rest)
			continue
		}
		b.WriteByte('\\')
		writeByte(&b, pattern[i+1])
		i += 2
	}
	return b.String()
}

// escapedByte reads \xHH, \x{HH} or \OOO at the beginning of s, if it stands
// for a byte that is not ASCII, and returns it and its length.
func escapedByte(s string) (c byte, n int) {
	digits, base := "", 8
	switch {
	case strings.HasPrefix(s, `\x{`):
		end := strings.IndexByte(s, '}')
		if end < 0 {
			return 0, 0
		}
		digits, base, n = s[3:end], 16, end+1
	case strings.HasPrefix(s, `\x`) && len(s) >= 4:
		digits, base, n = s[2:4], 16, 4
	case len(s) >= 4 && (s[1] == '2' || s[1] == '3'):
		digits, n = s[1:4], 4
	}
	value, err := strconv.ParseUint(digits, base, 8)
	if err != nil || value < utf8.RuneSelf {
		return 0, 0
	}
	return byte(value), n
}
