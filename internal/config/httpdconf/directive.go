// Package httpdconf reads the syntax of httpd.conf: what comes in is the text
// of the main file, of what it includes and of the command line, what goes out
// is a Tree of directives, each with its place, and every mistake at once.
//
// It knows the directives that steer the reading (Include, Define, IfModule,
// Macro and their kin) and carries them out; what the others mean is for the
// package config. Rules follow Apache httpd 2.4, server/config.c,
// server/util.c (ap_getword_conf) and server/core.c, as observed on 2.4.71.
package httpdconf

import (
	"strings"

	"github.com/catflap/catflap/internal/mistake"
)

// A Directive is one line of httpd.conf, or a section with what it holds.
// ${VAR} is replaced before the line is cut into words, as in httpd: blanks in
// its value end an argument unless it stands in quotes.
type Directive struct {
	Pos     mistake.Pos // of the name; for a section of its "<"
	Name    string      // as written; a section's without "<"; compare with strings.EqualFold
	Args    []Arg       // the words after the name
	Raw     string      // the rest of the line after the name, blanks trimmed, quotes kept, ${VAR} replaced; a section's without its ">"
	RawPos  mistake.Pos // where Raw begins; zero if Raw is empty
	Line    string      // the line as written; several, joined by "\n", if it is continued
	Section bool
	Body    []Directive // of a section
	End     mistake.Pos // of the closing tag; zero if there is none
	Use     mistake.Pos // of the Use line that brought it in; zero outside a macro
	Unknown bool        // nobody knows the name, and that has been reported

	first int // the line number of the first line of Line
}

// An Arg is one word of a line.
type Arg struct {
	Pos    mistake.Pos // of its first byte, which may be a quote
	Text   string      // without quotes and escapes, ${VAR} replaced
	Quoted bool
}

// LineAt returns the line of the file that p, a place of d, is in, as
// mistake.Mistake.Line wants it: p.Col counts in it. It is "" if p is not of d.
func (d *Directive) LineAt(p mistake.Pos) string {
	if p.File != d.Pos.File || p.Line < d.first {
		return ""
	}
	rest := d.Line
	for range p.Line - d.first {
		_, after, more := strings.Cut(rest, "\n")
		if !more {
			return ""
		}
		rest = after
	}
	line, _, _ := strings.Cut(rest, "\n")
	return line
}

// A Tree is what the files say, in the order in which httpd reads it. It never
// changes once Parse has returned it; many goroutines may read it.
type Tree struct {
	Directives []Directive // what is left for the package config
	Carried    []Directive // what the reading itself carried out: Include, Define, If…, Macro, Use; sections without Body
	Modules    []Module    // every LoadModule, in order
	Skipped    []Skipped   // what a condition left out
	Defines    []Define    // what is defined at the end: -D first, then in order
	Files      []string    // every file read, in order; a file read twice is there twice
	Unread     []Unread    // what this process may not read, if Options.Unprivileged
	Root       string      // the ServerRoot at the end
}

// A Module is one LoadModule line.
type Module struct {
	Pos  mistake.Pos // of the directive
	Name string      // "jk_module"
	File string      // as written
}

// Skipped is a section whose condition did not hold.
type Skipped struct {
	Pos        mistake.Pos // of the opening tag
	Name       string      // "IfModule", "IfDefine", …
	Condition  string      // "!mod_jk.c"
	Directives int         // how many lines it holds but for comments and closing tags
}

// Unread is a file or folder that may not be read.
type Unread struct {
	Pos  mistake.Pos // of the word that names it
	Name string      // as written
}

// A Define is a name with a value, of Define or -D.
type Define struct {
	Pos   mistake.Pos // of the Define line; zero if it came with -D
	Name  string
	Value string // "" if it has none
}
