package mount

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/catflap/catflap/internal/front/exchange"
)

// rules reads lines "pattern worker", "!pattern worker", "-pattern worker",
// with "file" or "property" after it for another source than JkMount.
func rules(lines ...string) []Rule {
	var all []Rule
	for _, line := range lines {
		words := strings.Fields(line)
		r := Rule{Source: JkMount}
		r.Pattern, r.Disabled = strings.CutPrefix(words[0], "-")
		r.Pattern, r.Exclude = strings.CutPrefix(r.Pattern, "!")
		r.Worker = words[1]
		if len(words) > 2 {
			r.Source = map[string]Source{"file": URIWorkerMap, "property": WorkerDefinition}[words[2]]
		}
		all = append(all, r)
	}
	return all
}

func TestLookup(t *testing.T) {
	for _, test := range []struct {
		rule  string
		rules []string
		paths map[string]string // path → worker, empty for none
	}{
		{"exact", []string{"/app w"}, map[string]string{"/app": "w", "/app/": "", "/ap": "", "/apps": ""}},
		{"suffix, at any depth", []string{"/*.jsp w"}, map[string]string{"/a.jsp": "w", "/x/y/a.jsp": "w", "/.jsp": "w", "/a.jspx": "", "/a.JSP": ""}},
		{"context", []string{"/app/* w"}, map[string]string{"/app/": "w", "/app/x/y": "w", "/app": "", "/application": ""}},
		{"* within", []string{"/a*c w"}, map[string]string{"/ac": "w", "/a/b/c": "w", "/acd": ""}},
		{"? is one byte", []string{"/a?c w"}, map[string]string{"/abc": "w", "/a/c": "w", "/ac": "", "/abbc": ""}},
		{"several wildcards", []string{"/*/x?/*.do w"}, map[string]string{"/a/x1/b.do": "w", "/a/b/x1/c/d.do": "w", "/a/x/b.do": ""}},
		{"more slashes first", []string{"/*.jsp one", "/app/* two"}, map[string]string{"/app/a.jsp": "two", "/a.jsp": "one"}},
		{"then the longer", []string{"/* all", "/*.jsp one"}, map[string]string{"/a.jsp": "one", "/a": "all"}},
		{"then the source", []string{"/x prop property", "/x jk", "/x map file"}, map[string]string{"/x": "map"}},
		{"JkMount before a property", []string{"/x prop property", "/x jk"}, map[string]string{"/x": "jk"}},
		{"a later one replaces", []string{"/x one", "/x two"}, map[string]string{"/x": "two"}},
		{"an exclusion", []string{"/app/* w", "!/app/*.gif w"}, map[string]string{"/app/a.gif": "", "/app/a": "w"}},
		{"of another worker", []string{"/app/* w", "!/app/*.gif v"}, map[string]string{"/app/a.gif": "w"}},
		{"of all workers", []string{"/app/* w", "!/app/*.gif *"}, map[string]string{"/app/a.gif": ""}},
		{"no second best", []string{"/app/* w", "/* v", "!/app/*.gif w"}, map[string]string{"/app/a.gif": ""}},
		{"exclusions for two workers", []string{"/a/* w", "/b/* v", "!/*.gif w", "!/*.gif v"}, map[string]string{"/a/x.gif": "", "/b/x.gif": ""}},
		{"disabled", []string{"-/app/* w", "/* v"}, map[string]string{"/app/x": "v"}},
		{"a disabled exclusion", []string{"/app/* w", "-!/app/*.gif w"}, map[string]string{"/app/a.gif": "w"}},
		{"the scenario", []string{"/*.do lb", "/*Servlet lb", "/Servlet/* lb", "/kaptcha.jpg* lb", "/j_spring_security_check lb"},
			map[string]string{"/LoginServlet": "lb", "/a/b/XServlet": "lb", "/servlet/x": "", "/Servlet/x": "lb", "/kaptcha.jpg": "lb", "/kaptcha.jpgx": "lb", "/j_spring_security_check": "lb", "/x/j_spring_security_check": ""}},
	} {
		m := New(rules(test.rules...))
		for path, want := range test.paths {
			got := ""
			if r := m.Lookup(path); r != nil {
				got = r.Worker
			}
			if got != want {
				t.Errorf("%s: %q goes to %q, want %q", test.rule, path, got, want)
			}
		}
	}
}

func TestExplain(t *testing.T) {
	m := New(rules("/app/* w", "/* v", "/*.gif u", "!/app/*.gif w"))
	e := m.Explain("/app/a.gif")
	if e.Rule.Worker != "w" || e.Excluded == nil || len(e.Beaten) != 2 || e.Beaten[0].Worker != "u" {
		t.Errorf("%+v", e)
	}
	if e := m.Explain("/x"); e.Rule.Worker != "v" || e.Excluded != nil || e.Beaten != nil {
		t.Errorf("%+v", e)
	}
	if e := New(nil).Explain("/x"); e.Rule != nil {
		t.Errorf("%+v", e)
	}
}

func TestMerge(t *testing.T) {
	m := New(Merge(rules("/a main", "/b main"), rules("/b own", "/c own")))
	for path, want := range map[string]string{"/a": "main", "/b": "own", "/c": "own"} {
		if r := m.Lookup(path); r == nil || r.Worker != want {
			t.Errorf("%s goes to %+v, want %s", path, r, want)
		}
	}
}

func TestNoMap(t *testing.T) {
	var m *Map
	if m.Lookup("/") != nil || m.Rules() != nil {
		t.Error("nil holds rules")
	}
}

// TestWildcards holds the matcher against a slow and plain one.
func TestWildcards(t *testing.T) {
	var plain func(p, s string) bool
	plain = func(p, s string) bool {
		switch {
		case p == "":
			return s == ""
		case p[0] == '*':
			return plain(p[1:], s) || s != "" && plain(p, s[1:])
		}
		return s != "" && (p[0] == '?' || p[0] == s[0]) && plain(p[1:], s[1:])
	}
	text := rapid.StringMatching(`/[ab/*?]{0,8}`)
	path := rapid.StringMatching(`/[ab/]{0,10}`)
	rapid.Check(t, func(t *rapid.T) {
		p, s := text.Draw(t, "pattern"), path.Draw(t, "path")
		c := compile(p)
		if got, want := c.matches(s), plain(p, s); got != want {
			t.Fatalf("%q matches %q: %v, want %v", p, s, got, want)
		}
	})
}

// TestWildcardsAreFast: a pattern that would take a naive matcher for ever.
func TestWildcardsAreFast(t *testing.T) {
	c := compile("/" + strings.Repeat("*a", 50) + "*b")
	if c.matches("/" + strings.Repeat("a", 4000)) {
		t.Error("matches")
	}
}

func BenchmarkLookup(b *testing.B) {
	for _, n := range []int{10, 1000} {
		var all []Rule
		for i := range n {
			all = append(all, Rule{Rule: exchange.Rule{Pattern: fmt.Sprintf("/app%d/*", i), Worker: "w"}, Source: JkMount})
		}
		m := New(all)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m.Lookup("/none/of/these")
			}
		})
	}
}
