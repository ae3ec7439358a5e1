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
	last := map[key]int{}
	for i, r := range rules {
		last[keyOf(r)] = i
	}
	m := &Map{}
	for i, r := range rules {
		if last[keyOf(r)] == i {
			m.all = append(m.all, r)
		}
	}
	slices.SortStableFunc(m.all, precede)
	for i := range m.all {
		switch r := &m.all[i]; {
		case r.Disabled:
		case r.Exclude:
			m.exclusions.add(compiled{r, compile(r.Pattern), i})
		default:
			m.mounts.add(compiled{r, compile(r.Pattern), i})
		}
	}
	return m
}

// key is what makes rules replace each other: what the directives of mod_jk
// are stored under, but for the worker.
type key struct {
	pattern  string
	source   Source
	exclude  bool
	disabled bool   // a rule that is off hides no other
	worker   string // exclusions of several workers stand side by side
}

func keyOf(r Rule) key {
	k := key{r.Pattern, r.Source, r.Exclude, r.Disabled, ""}
	if r.Exclude {
		k.worker = r.Worker
	}
	return k
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
	mounts     index
	exclusions index
}

// Lookup returns the rule that decides about path, nil if no worker answers
// it: the first rule in the order of election counts, and if an exclusion for
// its worker matches, none does. What does not begin with a slash ("*" of
// OPTIONS) has none. It allocates nothing.
func (m *Map) Lookup(path string) *exchange.Rule {
	rule := m.first(path)
	if rule == nil || m.excluded(path, rule) != nil {
		return nil
	}
	return &rule.Rule
}

func (m *Map) first(path string) *Rule {
	if m == nil || path == "" || path[0] != '/' {
		return nil
	}
	return m.mounts.first(path, "")
}

// excluded returns the exclusion that takes path away from rule's worker.
func (m *Map) excluded(path string, rule *Rule) *Rule {
	return m.exclusions.first(path, rule.Worker)
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
	for i := range m.all {
		r := &m.all[i]
		if r == e.Rule || r.Exclude || r.Disabled {
			continue
		}
		if p := compile(r.Pattern); p.matches(path) {
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

// Merge returns the rules of a virtual host with JkMountCopy: all of main's if
// it has none of its own; otherwise its own, those of main's JkMount and
// JkUnMount with other patterns, and those of main's file if it has no file.
//
// Source: mod_jk apache-2.0/mod_jk.c, merge_jk_config, as seen at work.
func Merge(main, own []Rule) []Rule {
	if len(own) == 0 {
		return slices.Clone(main)
	}
	has, file := map[key]bool{}, false
	for _, r := range own {
		has[copyKey(r)] = true
		file = file || r.Source == URIWorkerMap
	}
	merged := slices.Clone(own)
	for _, r := range main {
		if r.Source == JkMount && !has[copyKey(r)] || r.Source == URIWorkerMap && !file {
			merged = append(merged, r)
		}
	}
	return merged
}

// copyKey is what a rule of the virtual host replaces in the copy.
func copyKey(r Rule) key { return key{pattern: r.Pattern, source: r.Source, exclude: r.Exclude} }
