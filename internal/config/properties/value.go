package properties

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/catflap/catflap/internal/mistake"
)

// Values are what is set for one worker, or by the extensions of one mount,
// each under its present name. Only values that can be read as what they must
// be are here; the others were a warning, and mean the default. The zero
// Values hold nothing.
type Values struct {
	set map[string]Value
}

// A Value is one value with its place.
type Value struct {
	Text string      // list properties: all lines, joined by a comma
	Pos  mistake.Pos // of the value that counts; of a list the first
}

// Get returns the text of key. For keys that are choices it is the letter that
// decides: activation A, D or S, method R, T, B, S or N.
func (v Values) Get(key string) (value Value, set bool) {
	value, set = v.set[key]
	return value, set
}

// String returns the text of key, "" if it is not set.
func (v Values) String(key string) (text string, pos mistake.Pos, set bool) {
	value, set := v.Get(key)
	return value.Text, value.Pos, set
}

// Int returns the number that key is set to.
func (v Values) Int(key string) (n int, pos mistake.Pos, set bool) {
	value, set := v.Get(key)
	n, _ = readInt(value.Text)
	return n, value.Pos, set
}

// Bool returns the boolean that key is set to.
func (v Values) Bool(key string) (on bool, pos mistake.Pos, set bool) {
	value, set := v.Get(key)
	on, _ = readBool(value.Text)
	return on, value.Pos, set
}

// Duration returns the time that key is set to, in the unit that mod_jk has
// for it. Zero and negative values are as in the file.
func (v Values) Duration(key string) (d time.Duration, pos mistake.Pos, set bool) {
	n, pos, set := v.Int(key)
	unit := time.Millisecond
	if p, ok := lookup(key); ok && p.kind == seconds || key == maintain.name {
		unit = time.Second
	}
	return time.Duration(n) * unit, pos, set
}

// List returns the parts of key, without empty ones.
func (v Values) List(key string) (parts []string, pos mistake.Pos, set bool) {
	value, set := v.Get(key)
	return split(value.Text), value.Pos, set
}

// Ints returns the numbers of the list key.
func (v Values) Ints(key string) (numbers []int, pos mistake.Pos, set bool) {
	parts, pos, set := v.List(key)
	for _, part := range parts {
		if n, ok := readInt(part); ok {
			numbers = append(numbers, n)
		}
	}
	return numbers, pos, set
}

// Keys returns the keys that are set, sorted.
func (v Values) Keys() []string { return slices.Sorted(maps.Keys(v.set)) }

// split parts a list at blanks, tabs and commas.
func split(text string) []string {
	return strings.FieldsFunc(text, func(c rune) bool { return strings.ContainsRune(blanks+",", c) })
}

// readInt reads a decimal number with a suffix k (1024) or m (1048576). What
// does not fit in 32 bits is none.
func readInt(text string) (n int, ok bool) {
	unit := 1
	if text != "" {
		switch text[len(text)-1] {
		case 'k', 'K':
			text, unit = text[:len(text)-1], 1<<10
		case 'm', 'M':
			text, unit = text[:len(text)-1], 1<<20
		}
	}
	n, err := strconv.Atoi(strings.Trim(text, blanks))
	if err != nil || n > math.MaxInt32/unit || n < math.MinInt32/unit {
		return 0, false
	}
	return n * unit, true
}

// leading returns the number that text begins with: atoi of C.
func leading(text string) (n int, ok bool) {
	end := strings.TrimLeft(strings.TrimLeft(text, "+-"), "0123456789")
	n, err := strconv.Atoi(strings.TrimSuffix(text, end))
	return n, err == nil && n >= math.MinInt32 && n <= math.MaxInt32
}

// readBool reads a boolean by its first letter, in any case; "on" and "off"
// by the whole word.
func readBool(text string) (on, ok bool) {
	if text == "" {
		return false, false
	}
	switch text[0] | 0x20 {
	case '0' | 0x20, 'f', 'n':
		return false, true
	case '1' | 0x20, 't', 'y':
		return true, true
	}
	switch {
	case strings.EqualFold(text, "off"):
		return false, true
	case strings.EqualFold(text, "on"):
		return true, true
	}
	return false, false
}
