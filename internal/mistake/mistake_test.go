package mistake

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func TestString(t *testing.T) {
	long := strings.Repeat("a", 500)
	for _, test := range []struct {
		rule    string
		mistake Mistake
		want    string
	}{
		{"all parts", Mistake{Pos: Pos{"f", 2, 3}, Severity: Warning, Text: "wrong", Code: "AH00111", Line: "a b c", Fix: "mend it"},
			"f:2:3: warning: wrong [AH00111]\n    a b c\n      ^\n  fix: mend it"},
		{"an error of a whole file", Mistake{Pos: Pos{File: "f"}, Text: "wrong"}, "f: error: wrong"},
		{"of a whole line there is no caret", Mistake{Pos: Pos{"f", 2, 0}, Severity: Unsupported, Text: "wrong", Line: "a"}, "f:2: unsupported: wrong"},
		{"the caret is behind the line", Mistake{Pos: Pos{"f", 1, 9}, Text: "wrong", Line: "ab"}, "f:1:9: error: wrong\n    ab\n      ^"},
		{"a tab is one blank", Mistake{Pos: Pos{"f", 1, 3}, Text: "wrong", Line: "\t\tx"}, "f:1:3: error: wrong\n      x\n      ^"},
		{"bytes that cannot be seen", Mistake{Pos: Pos{"f", 1, 4}, Text: "a\x1b", Line: "a\u00a0b\xff", Fix: "\u200b"},
			"f:1:4: error: a\\x1b\n    a\\xc2\\xa0b\\xff\n             ^\n  fix: \\xe2\\x80\\x8b"},
		{"letters that take two columns", Mistake{Pos: Pos{"f", 1, 7}, Text: "wrong", Line: "域名x"}, "f:1:7: error: wrong\n    域名x\n        ^"},
		{"a mark over a letter takes none", Mistake{Pos: Pos{"f", 1, 4}, Text: "wrong", Line: "e\u0301x"}, "f:1:4: error: wrong\n    e\u0301x\n     ^"},
		{"a long line", Mistake{Pos: Pos{"f", 1, 251}, Text: "wrong", Line: long},
			"f:1:251: error: wrong\n    …" + long[:240] + "…\n    " + strings.Repeat(" ", 121) + "^"},
		{"a long line is not cut within a letter", Mistake{Pos: Pos{"f", 1, 1}, Text: "wrong", Line: long[:119] + "é" + long},
			"f:1:1: error: wrong\n    " + long[:119] + "…\n    ^"},
	} {
		t.Run(test.rule, func(t *testing.T) {
			if diff := cmp.Diff(test.want, test.mistake.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if test.mistake.Error() != test.mistake.String() {
				t.Error("as an error it reads differently")
			}
		})
	}
}

func TestList(t *testing.T) {
	var l List
	for _, m := range []Mistake{
		{Pos: Pos{"b", 2, 1}, Text: "1"}, {Pos: Pos{"a", 1, 1}, Text: "2", Severity: Warning}, {Pos: Pos{"b", 1, 9}, Text: "3"},
		{Pos: Pos{"b", 1, 2}, Text: "4", Severity: Unsupported}, {Pos: Pos{"b", 2, 1}, Text: "1"},
	} {
		l.Add(m)
	}
	l.Sort()
	want := "b:1:2: unsupported: 4\nb:1:9: error: 3\nb:2:1: error: 1\na:1:1: warning: 2"
	if diff := cmp.Diff(want, l.Error()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if l.Errors() != 2 || l.Warnings() != 1 {
		t.Errorf("%d errors and %d warnings", l.Errors(), l.Warnings())
	}
}

func TestNearest(t *testing.T) {
	names := []string{"Listen", "LogLevel", "LogFormat", "JkMount", "JkUnMount", "JkMountFile"}
	for _, test := range []struct {
		word string
		want []string
	}{
		{"JkMout", []string{"JkMount"}},
		{"jkmount", []string{"JkMount", "JkUnMount"}},
		{"Lsiten", []string{"Listen"}},
		{"LogLvel", []string{"LogLevel"}},
		{"Bogus", nil},
		{"", nil},
		{strings.Repeat("a", 1000), nil},
	} {
		if got := Nearest(test.word, names); !slices.Equal(got, test.want) {
			t.Errorf("nearest to %q: %q, want %q", test.word, got, test.want)
		}
	}
}
