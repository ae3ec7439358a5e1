package mount

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

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
		{"a disabled one hides none", []string{"/a w file", "-/a v file", "-/b v file", "/b w file"}, map[string]string{"/a": "w", "/b": "w"}},
		{"exact before a wildcard that is shorter", []string{"/a/* w", "/a/bcd v"}, map[string]string{"/a/bcd": "v", "/a/bc": "w"}},
		{"a wildcard that is longer before exact", []string{"/a/b* w", "/a/b v", "/a/b*c*b u"}, map[string]string{"/a/b": "w"}},
		{"an exclusion that names no segment", []string{"/app/* w", "!/*.gif w", "!/*/private/* *"}, map[string]string{"/app/a.gif": "", "/app/private/x": "", "/app/a": "w"}},
		{"case", []string{"/App/* w"}, map[string]string{"/app/x": "", "/App/x": "w"}},
		{"the root", []string{"/ w", "/* v"}, map[string]string{"/": "v", "/a": "v"}},
		{"the root alone", []string{"/ w"}, map[string]string{"/": "w", "/a": ""}},
		{"? as a segment", []string{"/?/x w"}, map[string]string{"/a/x": "w", "/aa/x": "", "///x": "w"}},
		{"no path", []string{"/* w", "* v"}, map[string]string{"": "", "*": ""}},
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
	for _, test := range []struct {
		rule      string
		main, own []string
		paths     map[string]string
	}{
		{"its own pattern wins", []string{"/a main", "/b main"}, []string{"/b own", "/c own"}, map[string]string{"/a": "main", "/b": "own", "/c": "own"}},
		{"a virtual host without rules has all", []string{"/a main", "/f main file", "/p main property"}, nil, map[string]string{"/a": "main", "/f": "main", "/p": "main"}},
		{"one with rules has no properties", []string{"/a main", "/p main property"}, []string{"/c own"}, map[string]string{"/a": "main", "/p": "", "/c": "own"}},
		{"the file is copied if it has none", []string{"/f main file", "/g main file"}, []string{"/f own"}, map[string]string{"/f": "main", "/g": "main"}},
		{"but not beside its own", []string{"/f main file", "/g main file"}, []string{"/f own file"}, map[string]string{"/f": "own", "/g": ""}},
		{"an exclusion is copied", []string{"/* main", "!/x/* main"}, []string{"/y own"}, map[string]string{"/x/a": "", "/y": "own", "/z": "main"}},
		{"even beside a mount of its pattern", []string{"!/x/* own"}, []string{"/x/* own"}, map[string]string{"/x/a": ""}},
		{"its own exclusion replaces one", []string{"/* main", "!/x/* main"}, []string{"!/x/* other"}, map[string]string{"/x/a": "main"}},
	} {
		m := New(Merge(rules(test.main...), rules(test.own...)))
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

// TestIndex holds the index against going through all rules in their order.
func TestIndex(t *testing.T) {
	one := rapid.Custom(func(t *rapid.T) string {
		flag := rapid.SampledFrom([]string{"", "", "", "!", "-", "-!"}).Draw(t, "flag")
		pattern := rapid.StringMatching(`/[ab*?]{0,2}(/[ab*?]{0,2}){0,2}`).Draw(t, "pattern")
		worker := rapid.SampledFrom([]string{"w", "v", "u"}).Draw(t, "worker")
		if strings.HasSuffix(flag, "!") && rapid.Bool().Draw(t, "all") {
			worker = "*"
		}
		return flag + pattern + " " + worker + rapid.SampledFrom([]string{"", " file", " property"}).Draw(t, "source")
	})
	path := rapid.StringMatching(`/[ab]{0,2}(/[ab]{0,2}){0,2}`)
	rapid.Check(t, func(t *rapid.T) {
		m, p := New(rules(rapid.SliceOfN(one, 0, 12).Draw(t, "rules")...)), path.Draw(t, "path")
		var first, excluded *Rule
		for i, r := range m.Rules() {
			c := compile(r.Pattern)
			switch {
			case r.Disabled || !c.matches(p):
			case r.Exclude:
			case first == nil:
				first = &m.Rules()[i]
			}
		}
		for i, r := range m.Rules() {
			if c := compile(r.Pattern); first != nil && excluded == nil && !r.Disabled && r.Exclude && c.matches(p) && (r.Worker == "*" || r.Worker == first.Worker) {
				excluded = &m.Rules()[i]
			}
		}
		if e := m.Explain(p); e.Rule != first || e.Excluded != excluded {
			t.Fatalf("%s: %+v, want %+v and %+v", p, e, first, excluded)
		}
		if got := m.Lookup(p); (got != nil) != (first != nil && excluded == nil) || got != nil && got != &first.Rule {
			t.Fatalf("%s goes to %+v", p, got)
		}
	})
}

func TestLookupAllocatesNothing(t *testing.T) {
	m := New(rules("/app/* w", "/*.do w", "/x v", "!/app/*.gif w", "/a*b?c w"))
	if n := testing.AllocsPerRun(100, func() { m.Lookup("/app/shop/x.gif"); m.Lookup("/x"); m.Lookup("/a/b/c") }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkLookup(b *testing.B) {
	for _, n := range []int{20, 1000} {
		var all []Rule
		for i := range n {
			pattern := fmt.Sprintf([]string{"/app%d/*", "/app%d/index", "/*.suffix%d"}[i%3], i)
			all = append(all, Rule{Rule: exchange.Rule{Pattern: pattern, Worker: "w"}, Source: JkMount})
		}
		m := New(all)
		for _, path := range []string{"/app0/some/page.jsp", "/none/of/these.html"} {
			b.Run(fmt.Sprint(n, path), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					m.Lookup(path)
				}
			})
		}
	}
}
