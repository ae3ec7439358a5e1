package regex

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dlclark/regexp2"
)

func TestMain(m *testing.M) {
	code := m.Run()
	regexp2.StopTimeoutClock()
	os.Exit(code)
}

// TestAsPCRE: what PCRE says with httpd's options. Each line was tried with
// SetEnvIf in httpd 2.4.
func TestAsPCRE(t *testing.T) {
	for _, test := range []struct {
		rule, pattern, subject, want string // "-" is no match, else whole|group|group…
		slow                         bool
	}{
		{"leftmost, first alternative", "a|ab", "xab", "a", false},
		{"groups", "^/(.*)/(x)?", "/a/b/c", "/a/b/|a/b|~", false},
		{"a dot matches a newline", "a.b", "a\nb", "a\nb", false},
		{"$ is the very end", "a$", "a\n", "-", false},
		{`\d is ASCII`, `^\d$`, "٣", "-", false},
		{`\w is ASCII`, `^\w+$`, "é", "-", false},
		{"a dot is a byte", "^..$", "é", "é", false},
		{"a class has bytes", "^[é]$", "\xc3", "\xc3", false},
		{`bytes by \x`, `[\x80-\xff]`, "aé", "\xc3", false},
		{`bytes by \x{}`, `^\x{c3}\x{a9}`, "é", "é", false},
		{"bytes by octal", `^\303\251`, "é", "é", false},
		{"a negated class has bytes", "^[^a]+$", "\xff\xfe", "\xff\xfe", false},
		{"offsets behind bytes", "(b)(.)", "éöb\xe9c", "b\xe9|b|\xe9", false},
		{"quoted", `^\Qa.b[\E.$`, "a.b[c", "a.b[c", false},
		{"look-ahead", `^/(?!admin)(\w+)`, "/shop", "/shop|shop", true},
		{"look-ahead refuses", `^/(?!admin)`, "/admin", "-", true},
		{"look-behind", `(?<=a)b`, "ab", "b", true},
		{"back-reference", `(.)\1`, "abb", "bb|b", true},
		{"atomic", `^(?>a*)a`, "aaa", "-", true},
		{"slow: $ is the very end", `^(?=a)a$`, "a\n", "-", true},
		{"slow: a dot matches a newline", `(?=a)a.b`, "a\nb", "a\nb", true},
		{`slow: \d is ASCII`, `^(?=.)\d`, "٣", "-", true},
		{`slow: \w and \b are ASCII`, `(?=a)a\b`, "aé", "a", true},
		{"slow: offsets behind bytes", "(?=b)(b)(.)(x)?", "éb\xe9c", "b\xe9|b|\xe9|~", true},
		{"slow: quoted", `(?=a)\Qa.\E`, "ab a.", "a.", true},
		{"empty", "", "x", "", false},
	} {
		r, err := Compile(test.pattern, false)
		if err != nil {
			t.Errorf("%s: %v", test.rule, err)
			continue
		}
		found, err := r.Find(test.subject)
		if got := text(test.subject, found); got != test.want || err != nil || (r.slow != nil) != test.slow {
			t.Errorf("%s: %q in %q is %q, want %q; %v, backtracks %v", test.rule, test.pattern, test.subject, got, test.want, err, (r.slow != nil))
		}
		if matched, err := r.Match(test.subject); matched != (found != nil) || err != nil {
			t.Errorf("%s: Match says %v, %v", test.rule, matched, err)
		}
	}
}

func text(subject string, found []int) string {
	if found == nil {
		return "-"
	}
	var all []string
	for i := 0; i < len(found); i += 2 {
		if found[i] < 0 {
			all = append(all, "~")
			continue
		}
		all = append(all, subject[found[i]:found[i+1]])
	}
	return strings.Join(all, "|")
}

func TestFold(t *testing.T) {
	for _, test := range []struct {
		pattern, subject string
		want             bool
	}{
		{"moz", "MOZ", true}, {"K", "\u212a", false}, {"é", "É", false}, {"(?=m)moz", "MoZ", true}, {"(?=.)é", "É", false},
	} {
		r, err := Compile(test.pattern, true)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := r.Match(test.subject); got != test.want {
			t.Errorf("%q in %q: %v", test.pattern, test.subject, got)
		}
	}
}

func TestCompileErrors(t *testing.T) {
	for _, pattern := range []string{"(", "[a", "a**", "(?<=", `\`, "(?P>x)"} {
		if r, err := Compile(pattern, false); err == nil {
			t.Errorf("%q compiles: %v", pattern, r.slow)
		}
	}
}

// TestLimit: a pattern that would go back and forth for ages ends soon, and
// says that it does not know.
func TestLimit(t *testing.T) {
	r := MustCompile(`^(?=a)(a+)+$`)
	began := time.Now()
	_, err := r.Match(strings.Repeat("a", 60) + "!")
	if took := time.Since(began); !errors.Is(err, ErrLimit) || took > 20*Limit {
		t.Errorf("%v after %v", err, took)
	}
	if _, err := r.Find(strings.Repeat("a", 60) + "!"); !errors.Is(err, ErrLimit) {
		t.Errorf("Find: %v", err)
	}
	if matched, err := r.Match("aaa"); !matched || err != nil {
		t.Errorf("afterwards: %v, %v", matched, err)
	}
}

func TestTemplate(t *testing.T) {
	r := MustCompile("(a)(b)?(c)")
	for template, want := range map[string]string{
		"x": "x", "$1": "a", "<$0>$2$3$9": "<ac>c", `\$1\\$$1&`: `$1\$a&`, "$": "$", `\`: `\`, "$a": "$a", "": "", "$10": "a0",
	} {
		found, _ := r.Find("-ac-")
		if got := string(ParseTemplate(template).Append(nil, "-ac-", found)); got != want {
			t.Errorf("%q is %q, want %q", template, got, want)
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	r := MustCompile(`^/app/.*\.(gif|png)$`)
	b.ReportAllocs()
	for b.Loop() {
		r.Match("/app/a/b.png")
	}
}

// FuzzTranslate: a pattern of ASCII means to Go what it meant, and no pattern
// or subject ends in a panic or in offsets outside of the subject.
func FuzzTranslate(f *testing.F) {
	for _, seed := range []string{`^/a(.*)\.x$|/é`, `é[\x80-\xff]\Qa.b\E|/é.`, `(?!a)(.)\1|abb`, `\303[^\251]|é`} {
		pattern, subject, _ := strings.Cut(seed, "|/")
		f.Add(pattern, subject)
	}
	f.Fuzz(func(t *testing.T, pattern, subject string) {
		if len(pattern) > 200 || len(subject) > 200 {
			return
		}
		r, err := Compile(pattern, false)
		if err != nil {
			return
		}
		found, err := r.Find(subject)
		if err != nil {
			return
		}
		for i := 0; i < len(found); i += 2 {
			if found[i] >= 0 && (found[i] > found[i+1] || found[i+1] > len(subject)) {
				t.Fatalf("%q in %q: %v", pattern, subject, found)
			}
		}
		if ascii(pattern) && ascii(subject) && !strings.Contains(pattern, `\`) {
			if plain, err := regexp.Compile("(?s)" + pattern); err == nil && fmt.Sprint(plain.FindStringSubmatchIndex(subject)) != fmt.Sprint(found) {
				t.Fatalf("%q in %q: %v", pattern, subject, found)
			}
		}
	})
}
