package javaserial

import (
	"slices"
	"unicode/utf8"
)

// decodeUTF returns the text of modified UTF-8: two bytes for U+0000, and two
// surrogates of three bytes each for what lies above U+FFFF. ok is false if b
// is not such text.
func decodeUTF(b []byte) (text string, ok bool) {
	if !slices.ContainsFunc(b, func(c byte) bool { return c >= 0x80 }) {
		return string(b), true
	}
	out := make([]byte, 0, len(b))
	high := rune(0) // a high surrogate that waits for its low one
	for len(b) > 0 {
		unit, size := unitOf(b)
		if size == 0 {
			return "", false
		}
		b = b[size:]
		switch {
		case high != 0 && unit >= 0xdc00 && unit < 0xe000:
			out = utf8.AppendRune(out, 0x10000+(high-0xd800)<<10+(unit-0xdc00))
			high = 0
			continue
		case high != 0:
			out = appendUnit(out, high)
			high = 0
		}
		if unit >= 0xd800 && unit < 0xdc00 {
			high = unit
		} else {
			out = appendUnit(out, unit)
		}
	}
	if high != 0 {
		out = appendUnit(out, high)
	}
	return string(out), true
}

// unitOf returns the UTF-16 unit at the start of b, size 0 if there is none.
func unitOf(b []byte) (unit rune, size int) {
	switch c := b[0]; {
	case c < 0x80:
		return rune(c), 1
	case c&0xe0 == 0xc0 && len(b) >= 2 && b[1]&0xc0 == 0x80:
		return rune(c&0x1f)<<6 | rune(b[1]&0x3f), 2
	case c&0xf0 == 0xe0 && len(b) >= 3 && b[1]&0xc0 == 0x80 && b[2]&0xc0 == 0x80:
		return rune(c&0x0f)<<12 | rune(b[1]&0x3f)<<6 | rune(b[2]&0x3f), 3
	}
	return 0, 0
}

// appendUnit appends a UTF-16 unit as UTF-8, also half of a pair.
func appendUnit(out []byte, unit rune) []byte {
	if unit >= 0xd800 && unit < 0xe000 {
		return append(out, byte(0xe0|unit>>12), byte(0x80|unit>>6&0x3f), byte(0x80|unit&0x3f))
	}
	return utf8.AppendRune(out, unit)
}

// appendUTF appends text as modified UTF-8. A byte that is not UTF-8 becomes
// U+FFFD, unless it belongs to half of a surrogate pair.
func appendUTF(out []byte, text string) []byte {
	if isPlain(text) {
		return append(out, text...)
	}
	for i := 0; i < len(text); {
		c := text[i]
		if c != 0 && c < 0x80 {
			out = append(out, c)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == 0:
			out = append(out, 0xc0, 0x80)
		case r > 0xffff:
			r -= 0x10000
			out = appendUnit(out, 0xd800+r>>10)
			out = appendUnit(out, 0xdc00+r&0x3ff)
		case r == utf8.RuneError && size == 1 && isHalf(text[i:]):
			out, size = append(out, text[i:i+3]...), 3
		default:
			out = utf8.AppendRune(out, r)
		}
		i += size
	}
	return out
}

// isPlain reports whether text is the same in modified UTF-8, byte by byte.
func isPlain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c == 0 || c >= 0x80 {
			return false
		}
	}
	return true
}

// isHalf reports whether s begins with half of a surrogate pair in three bytes.
func isHalf(s string) bool {
	return len(s) >= 3 && s[0] == 0xed && s[1] >= 0xa0 && s[1] < 0xc0 && s[2]&0xc0 == 0x80
}

// utfLen is the length of text in modified UTF-8.
func utfLen(text string) int {
	if isPlain(text) {
		return len(text)
	}
	n := 0
	for i := 0; i < len(text); {
		c := text[i]
		if c != 0 && c < 0x80 {
			n++
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == 0:
			n += 2
		case r > 0xffff:
			n += 6
		case r == utf8.RuneError && size == 1:
			n += 3
			if isHalf(text[i:]) {
				size = 3
			}
		default:
			n += size
		}
		i += size
	}
	return n
}
