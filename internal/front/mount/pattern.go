package mount

import "strings"

// A pattern is a rule's pattern, split so that most paths are decided by their
// beginning or end: head, then wild from its first * or ? to its last, then
// tail.
type pattern struct {
	head, wild, tail string
	exact            bool
}

func compile(text string) pattern {
	first := strings.IndexAny(text, "*?")
	if first < 0 {
		return pattern{head: text, exact: true}
	}
	last := strings.LastIndexAny(text, "*?")
	return pattern{head: text[:first], wild: text[first : last+1], tail: text[last+1:]}
}

// matches reports whether p covers the whole of path. * is any run of bytes,
// slashes too, ? is one byte.
func (p *pattern) matches(path string) bool {
	if p.exact {
		return path == p.head
	}
	if len(path) < len(p.head)+len(p.tail) || !strings.HasPrefix(path, p.head) || !strings.HasSuffix(path, p.tail) {
		return false
	}
	if p.wild == "*" {
		return true
	}
	return wildcard(p.wild, path[len(p.head):len(path)-len(p.tail)])
}

// wildcard takes time proportional to the product of the lengths at worst: a
// later * never needs an earlier one to be tried again.
func wildcard(wild, s string) bool {
	star, mark := -1, 0
	w, i := 0, 0
	for i < len(s) {
		switch {
		case w < len(wild) && wild[w] == '*':
			star, mark, w = w, i, w+1
		case w < len(wild) && (wild[w] == '?' || wild[w] == s[i]):
			w, i = w+1, i+1
		case star >= 0:
			mark++
			w, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(wild[w:], "*") == ""
}
