// Package mistake says what is wrong with a file of settings and where: what
// comes in is a place, a severity and words, what goes out is the one form in
// which every command and log shows it.
//
// It is a leaf; the syntaxes and the package config share it.
package mistake

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Pos is a place in a file. Line and Col count from 1, Col in bytes of the
// line; a zero Col means the whole line, a zero Line the whole file.
// File is shown as it is: what the operator wrote, or the absolute path.
type Pos struct {
	File string
	Line int
	Col  int
}

// String returns FILE:LINE:COL, leaving out what is zero.
func (p Pos) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Col == 0:
		return p.Place()
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Place returns FILE:LINE.
func (p Pos) Place() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

// In names p for who reads file: "line 7" in the same, else FILE:LINE.
func (p Pos) In(file string) string {
	if p.File == file {
		return fmt.Sprintf("line %d", p.Line)
	}
	return p.Place()
}

// A Severity tells what a mistake means for the start.
type Severity int

const (
	Error       Severity = iota // nothing starts
	Warning                     // it runs, but cannot be meant
	Unsupported                 // it runs without this; Text says what follows
)

func (s Severity) String() string {
	return [...]string{"error", "warning", "unsupported"}[s]
}

// A Mistake is one thing wrong at one place.
type Mistake struct {
	Pos      Pos
	Severity Severity
	Text     string // what is wrong, in one line, without the severity
	Code     string // httpd's number, "AH00526"; empty if it has none
	Line     string // the text of the line, for the caret; empty if it does not help
	Fix      string // what to do, in words; empty if that is plain
	Closes   string // of Unsupported: what answers 403 because of it, in words; empty for nothing
	Harmless bool   // of Unsupported: answers are the same without it, but for comfort and speed
}

// String returns the mistake in the one form:
//
//	FILE:LINE:COL: error: text [AH00526]
//	    the line
//	    ^
//	  fix: what to do
//
// without a newline at the end. Bytes of the line, the text and the fix that
// are not well-formed printable text are shown as \xhh, a tab is one blank. Of
// a long line the part around the caret is shown.
func (m Mistake) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s: %s", Escape(m.Pos.String()), m.Severity, Escape(m.Text))
	if m.Code != "" {
		fmt.Fprintf(&b, " [%s]", m.Code)
	}
	if m.Line != "" && m.Pos.Col > 0 {
		before, after := around(m.Line, m.Pos.Col-1)
		fmt.Fprintf(&b, "\n    %s%s\n    %s^", before, after, strings.Repeat(" ", width(before)))
	}
	if m.Fix != "" {
		fmt.Fprintf(&b, "\n  fix: %s", Escape(m.Fix))
	}
	return b.String()
}

// Error makes a Mistake an error, for readers that stop at the first.
func (m Mistake) Error() string { return m.String() }

// A List collects mistakes. It is not safe for use by several goroutines.
type List []Mistake

// Add appends m.
func (l *List) Add(m Mistake) { *l = append(*l, m) }

// Errors returns how many of l keep the server from starting.
func (l List) Errors() int { return l.count(Error) }

// Warnings returns how many of l are warnings.
func (l List) Warnings() int { return l.count(Warning) }

func (l List) count(s Severity) int {
	n := 0
	for _, m := range l {
		if m.Severity == s {
			n++
		}
	}
	return n
}

// Sort orders l by file in the order of first mention, then by line and
// column, and drops exact repeats.
func (l *List) Sort() {
	rank := map[string]int{}
	for _, m := range *l {
		if _, seen := rank[m.Pos.File]; !seen {
			rank[m.Pos.File] = len(rank)
		}
	}
	slices.SortStableFunc(*l, func(a, b Mistake) int {
		return cmp.Or(cmp.Compare(rank[a.Pos.File], rank[b.Pos.File]),
			cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Col, b.Pos.Col))
	})
	*l = slices.Compact(*l)
}

// Error returns all mistakes of l, one after the other.
func (l List) Error() string {
	texts := make([]string, len(l))
	for i, m := range l {
		texts[i] = m.String()
	}
	return strings.Join(texts, "\n")
}
