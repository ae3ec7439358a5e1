package settings

import (
	"slices"

	"github.com/catflap/catflap/internal/front/regex"
)

// A Refusal is one rule of those that keep clients from content: a RewriteRule
// that refuses or lets pass, a ProxyPass. The first of a list that matches
// counts.
type Refusal struct {
	Pattern    *regex.Regex // held against the path; nil matches all
	Prefix     string       // of ProxyPass, instead of Pattern: whole components
	Not        bool         // what does not match Pattern
	Below      string       // a folder: Pattern is held against what follows it in the file's name
	Conditions []Condition
	Status     int    // what is answered; 0 lets pass
	By, Place  string // Place is FILE:LINE:COL; By is set if the rule is closed because it is not carried out
}

// A Condition is one RewriteCond.
type Condition struct {
	Test    []TestPart // what is looked at, in pieces; nil: nobody knows, and the condition holds
	Kind    TestKind
	Pattern *regex.Regex // of TestMatch
	Text    string       // of TestEqual
	Fold    bool         // of TestEqual: case of letters does not matter
	Not     bool
	Or      bool // it, or the next
}

// TestKind is what a Condition asks of what it looks at.
type TestKind int

const (
	TestMatch  TestKind = iota // Pattern matches
	TestEqual                  // it is Text
	TestExists                 // -f, -d, -l, -s of a file of that name
)

// A TestPart is text as it is, or a variable.
type TestPart struct {
	Text string
	Name string // "REMOTE_ADDR", "HTTP:X-Asked", "ENV:name"; empty for Text
}

// A RefusalChange is what one <Directory> says about rewriting.
type RefusalChange struct {
	Rules   []Refusal
	Inherit bool // the inherited rules come after; else Rules take their place
}

func (c *RefusalChange) apply(inherited []Refusal) []Refusal {
	if c.Inherit {
		return slices.Concat(c.Rules, inherited)
	}
	return c.Rules
}
