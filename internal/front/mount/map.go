// Package mount finds the rule for a request path. What comes in are the
// rules of JkMount, JkUnMount, uriworkermap.properties and mount properties,
// and a canonical path without path parameters; what goes out is the one rule
// that decides, or none.
package mount

import (
	"cmp"
	"slices"
	"strings"

	"github.com/catflap/catflap/internal/front/exchange"
)

// New returns the map of rules. A later rule with the pattern and the kind of
// an earlier one from the same source replaces it.
func New(rules []Rule) *Map {
	type key struct {
		pattern string
		source  Source
		exclude bool
		worker  string // exclusions of several workers stand side by side
	}
	last := map[key]int{}
	for i, r := range rules {
		k := key{r.Pattern, r.Source, r.Exclude, ""}
		if r.Exclude {
			k.worker = r.Worker
		}
		last[k] = i
	}
	m := &Map{}
	for i, r := range rules {
		k := key{r.Pattern, r.Source, r.Exclude, ""}
		if r.Exclude {
			k.worker = r.Worker
		}
		if last[k] == i {
			m.all = append(m.all, r)
		}
	}
	slices.SortStableFunc(m.all, precede)
	for i := range m.all {
		c := compiled{rule: &m.all[i], match: compile(m.all[i].Pattern)}
		switch {
		case c.rule.Disabled:
		case c.rule.Exclude:
			m.exclusions = append(m.exclusions, c)
		default:
			m.mounts = append(m.mounts, c)
		}
	}
	return m
}

// precede orders rules as mod_jk elects them: more slashes, longer pattern,
// later source first.
//
// Source: mod_jk common/jk_uri_worker_map.c, worker_compare, as seen at work.
func precede(a, b Rule) int {
	return cmp.Or(
		cmp.Compare(strings.Count(b.Pattern, "/"), strings.Count(a.Pattern, "/")),
		cmp.Compare(len(b.Pattern), len(a.Pattern)),
		cmp.Compare(b.Source, a.Source))
}

// A Map is an immutable set of rules. Many goroutines may use it. The zero
// Map, and nil, hold none.
type Map struct {
	all        []Rule // in the order of election
	mounts     []compiled
	exclusions []compiled
}

// compiled is a rule ready to match.
type compiled struct {
	rule  *Rule
	match pattern
}

// Lookup returns the rule that decides about path, nil if no worker answers
// it: the first rule in the order of election counts, and if an exclusion for
// its worker matches, none does.
func (m *Map) Lookup(path string) *exchange.Rule {
	rule := m.first(path)
	if rule == nil || m.excluded(path, rule) != nil {
		return nil
	}
	return &rule.Rule
}

func (m *Map) first(path string) *Rule {
	if m == nil {
		return nil
	}
	for i := range m.mounts {
		if m.mounts[i].match.matches(path) {
			return m.mounts[i].rule
		}
	}
	return nil
}

// excluded returns the exclusion that takes path away from rule's worker.
func (m *Map) excluded(path string, rule *Rule) *Rule {
	for i := range m.exclusions {
		e := &m.exclusions[i]
		if (e.rule.Worker == "*" || e.rule.Worker == rule.Worker) && e.match.matches(path) {
			return e.rule
		}
	}
	return nil
}

// An Explanation says why a path goes where it goes.
type Explanation struct {
	Rule     *Rule   // the first that matches; nil if none does
	Excluded *Rule   // the exclusion that cancels it; nil if none does
	Beaten   []*Rule // other rules that match, in the order of election
}

// Explain is Lookup with its reasons.
func (m *Map) Explain(path string) Explanation {
	e := Explanation{Rule: m.first(path)}
	if e.Rule == nil {
		return e
	}
	e.Excluded = m.excluded(path, e.Rule)
	for i := range m.mounts {
		if r := m.mounts[i].rule; r != e.Rule && m.mounts[i].match.matches(path) {
			e.Beaten = append(e.Beaten, r)
		}
	}
	return e
}

// Rules returns all rules in the order of election.
func (m *Map) Rules() []Rule {
	if m == nil {
		return nil
	}
	return m.all
}

// Merge returns the rules of a virtual host with JkMountCopy: its own, and
// those of main with other patterns.
func Merge(main, own []Rule) []Rule {
	has := map[string]bool{}
	for _, r := range own {
		has[r.Pattern] = true
	}
	merged := slices.Clone(own)
	for _, r := range main {
		if !has[r.Pattern] {
			merged = append(merged, r)
		}
	}
	return merged
}
