package serverxml

import "strings"

// maxRounds is how often the values of properties are looked through for
// further ones.
const maxRounds = 20

// Replace returns text with each ${name} replaced by the value of that
// property, and ${name:-other} by other if there is none; a ${name} that is
// unknown stays. Values may have ${…} in turn. It reports false for what would
// be too long, and returns a part of it. A nil property knows none.
//
// Source: IntrospectionUtils.replaceProperties.
func Replace(text string, property func(name string) (string, bool)) (string, bool) {
	if property == nil {
		property = func(string) (string, bool) { return "", false }
	}
	for range maxRounds {
		next, ok := replaceOnce(text, property)
		if !ok || next == text {
			return next, ok
		}
		text = next
	}
	return text, true
}

func replaceOnce(text string, property func(name string) (string, bool)) (string, bool) {
	if !strings.Contains(text, "${") {
		return text, true
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "${")
		b.WriteString(before)
		name, after, closed := strings.Cut(rest, "}")
		switch {
		case !found:
			return b.String(), true
		case !closed:
			b.WriteString("${" + rest)
			return b.String(), true
		}
		b.WriteString(valueOf(name, property))
		if text = after; b.Len() > maxValue {
			return b.String()[:maxValue], false
		}
	}
}

// valueOf returns what ${name} stands for.
func valueOf(name string, property func(name string) (string, bool)) string {
	if value, ok := property(name); ok {
		return value
	}
	plain, other, has := strings.Cut(name, ":-")
	if !has {
		return "${" + name + "}"
	}
	if value, ok := property(plain); ok {
		return value
	}
	return other
}
