package interop

import (
	"path"
	"regexp"
	"strings"
	"testing"
)

// A statusDifference is an entry of status-differences.txt.
type statusDifference struct {
	line     string
	call     string
	one, two *regexp.Regexp
	used     bool
}

type statusDifferences []*statusDifference

// readStatusDifferences reads the entries: a pattern of calls, and what
// matches a line of httpd's answer and one of catflap's, between bars.
func readStatusDifferences(t *testing.T) statusDifferences {
	t.Helper()
	var all statusDifferences
	for _, line := range testdataLines(t, "status-differences.txt") {
		parts := strings.Split(line, " | ")
		if len(parts) != 3 {
			t.Fatalf("status-differences.txt: %q has no three parts", line)
		}
		whole := func(text string) *regexp.Regexp { return regexp.MustCompile("^(?:" + strings.TrimSpace(text) + ")$") }
		all = append(all, &statusDifference{line: line, call: strings.TrimSpace(parts[0]), one: whole(parts[1]), two: whole(parts[2])})
	}
	return all
}

// has reports whether two lines are known to differ.
func (all statusDifferences) has(call, one, two string) bool {
	for _, d := range all {
		if ok, err := path.Match(d.call, strings.ReplaceAll(call, "/", "_")); err == nil && ok && d.one.MatchString(one) && d.two.MatchString(two) {
			d.used = true
			return true
		}
	}
	return false
}

func (all statusDifferences) unused(t *testing.T) {
	t.Helper()
	for _, d := range all {
		if !d.used {
			t.Errorf("status-differences.txt: nothing differs in this way any more: %s", d.line)
		}
	}
}
