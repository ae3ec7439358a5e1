package mount

import "strings"

// compiled is a rule ready to match.
type compiled struct {
	rule  *Rule
	match pattern
	order int // of election
}

// An index holds rules so that a path is matched with few of them: those
// without wildcards by the path, those that name a whole first segment by
// that, and the rest. Each list is in the order of election.
type index struct {
	exact    map[string][]compiled
	segments map[string][]compiled
	rest     []compiled
}

// add takes in c, which comes after all before it in the order of election.
func (x *index) add(c compiled) {
	segment, whole := firstSegment(c.match.head)
	switch {
	case c.match.exact:
		if x.exact == nil {
			x.exact = map[string][]compiled{}
		}
		x.exact[c.match.head] = append(x.exact[c.match.head], c)
	case whole:
		if x.segments == nil {
			x.segments = map[string][]compiled{}
		}
		x.segments[segment] = append(x.segments[segment], c)
	default:
		x.rest = append(x.rest, c)
	}
}

// firstSegment returns "app" of "/app/…"; whole is false if the segment does
// not end.
func firstSegment(path string) (segment string, whole bool) {
	if path == "" || path[0] != '/' {
		return "", false
	}
	end := strings.IndexByte(path[1:], '/')
	if end < 0 {
		return "", false
	}
	return path[1 : 1+end], true
}

// first returns the first rule in the order of election that matches path and
// is for worker; an empty worker is any. nil if there is none.
func (x *index) first(path, worker string) *Rule {
	best := firstOf(x.exact[path], nil, path, worker)
	if segment, whole := firstSegment(path); whole {
		best = firstOf(x.segments[segment], best, path, worker)
	}
	best = firstOf(x.rest, best, path, worker)
	if best == nil {
		return nil
	}
	return best.rule
}

// firstOf is first within one list; best is what it has to come before.
func firstOf(list []compiled, best *compiled, path, worker string) *compiled {
	for i := range list {
		c := &list[i]
		if best != nil && c.order > best.order {
			break
		}
		if (worker == "" || c.rule.Worker == "*" || c.rule.Worker == worker) && c.match.matches(path) {
			return c
		}
	}
	return best
}
