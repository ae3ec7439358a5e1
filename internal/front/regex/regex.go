// Package regex matches the regular expressions that people wrote into their
// httpd.conf. What comes in is a pattern as PCRE reads it and the bytes of a
// path or a header, what goes out is where it matches, or that nobody can
// tell in time.
//
// Most patterns run on Go's engine, which takes time in proportion to the
// input. What it does not know, look-around and back-references above all,
// runs on one that goes back and forth, bounded by Limit.
//
// It is a leaf.
package regex

import (
	"errors"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/dlclark/regexp2"
)

// Limit is about how long one match may take that goes back and forth; its
// clock is coarse.
const Limit = 50 * time.Millisecond

// ErrLimit says that a match took longer than Limit. Whether the pattern
// matches is not known then: whoever restricts by it refuses.
var ErrLimit = errors.New("the regular expression took too long")

// A Regex is one pattern. It never changes; many goroutines may use it. A dot
// matches newlines, and $ only the very end, as httpd sets PCRE up by default.
// Subjects are bytes: a character that is not ASCII is several of them.
type Regex struct {
	text   string
	linear *regexp.Regexp  // nil if slow is set
	slow   *regexp2.Regexp // for what linear does not know
	plain  bool
}

// Compile compiles pattern. fold makes case of ASCII letters not matter.
//
// Source: httpd server/util_pcre.c, ap_regcomp, with the default of
// RegexDefaultOptions: DOTALL, DOLLAR_ENDONLY.
func Compile(pattern string, fold bool) (*Regex, error) {
	r := &Regex{text: pattern, plain: !strings.ContainsAny(pattern, `$^.|()[]{}*+?\`)}
	text, flags := translate(pattern), "(?s)"
	if fold {
		flags = "(?si)"
	}
	var err error
	if r.linear, err = regexp.Compile(flags + text); err == nil {
		return r, nil
	}
	options := regexp2.RegexOptions(regexp2.RE2 | regexp2.Singleline)
	if fold {
		options |= regexp2.IgnoreCase
	}
	slow, errSlow := regexp2.Compile(text, options)
	if errSlow != nil {
		return nil, mistake(pattern, err)
	}
	fineClock()
	slow.MatchTimeout = Limit
	r.slow = slow
	return r, nil
}

// mistake says what is wrong with pattern, without the flags that err shows.
func mistake(pattern string, err error) error {
	if _, plain := regexp.Compile(pattern); plain != nil {
		err = plain
	}
	return errors.New(strings.TrimPrefix(err.Error(), "error parsing regexp: "))
}

// fineClock makes the clock of regexp2 fine enough for Limit.
var fineClock = sync.OnceFunc(func() { regexp2.SetTimeoutCheckPeriod(Limit / 5) })

// MustCompile is Compile for patterns that are in the program.
func MustCompile(pattern string) *Regex {
	r, err := Compile(pattern, false)
	if err != nil {
		panic(err)
	}
	return r
}

// String returns the pattern as it was written.
func (r *Regex) String() string { return r.text }

// Plain reports whether the pattern is a word without any special character.
func (r *Regex) Plain() bool { return r.plain }

// Match reports whether r matches somewhere in s. The error is ErrLimit.
func (r *Regex) Match(s string) (bool, error) {
	if !ascii(s) {
		s = widen(s)
	}
	if r.linear != nil {
		return r.linear.MatchString(s), nil
	}
	matched, err := r.slow.MatchString(s)
	if err != nil {
		return false, ErrLimit
	}
	return matched, nil
}

// Find returns where the leftmost match in s is: byte offsets, two for the
// whole and two for each group, -1 for a group that took no part. nil is no
// match. The error is ErrLimit.
func (r *Regex) Find(s string) ([]int, error) {
	subject, wide := s, !ascii(s)
	if wide {
		subject = widen(s)
	}
	if r.linear != nil {
		found := r.linear.FindStringSubmatchIndex(subject)
		if wide {
			narrow(found, subject)
		}
		return found, nil
	}
	match, err := r.slow.FindStringMatch(subject)
	switch {
	case err != nil:
		return nil, ErrLimit
	case match == nil:
		return nil, nil
	}
	// Offsets of regexp2 count characters, of which each byte of s is one.
	var found []int
	for _, g := range match.Groups() {
		if len(g.Captures) == 0 {
			found = append(found, -1, -1)
			continue
		}
		found = append(found, g.Index, g.Index+g.Length)
	}
	return found, nil
}
