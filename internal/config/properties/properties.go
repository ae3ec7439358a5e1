// Package properties reads mod_jk's own files. What comes in is the text of
// workers.properties or uriworkermap.properties, what goes out are workers
// with their values and mounts with their extensions, each with its place, and
// every mistake at once.
//
// The grammar is mod_jk's and not that of Java's properties: no continuation
// lines, no escapes, "#" begins a comment anywhere.
package properties

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/catflap/catflap/internal/mistake"
)

// Options say what the reading may ask for. A zero field means nothing.
type Options struct {
	Env        func(string) (string, bool) // what $(NAME) means if no earlier property is called so
	Predefined map[string]string           // the same, asked before Env: ServerRoot
	Before     []Line                      // JkWorkerProperty: read before the file
}

// A Line is a line from elsewhere that is read as one of the file.
type Line struct {
	Pos  mistake.Pos // of the first byte of Text
	Text string
}

// A File is what a file says, in its order.
type File struct {
	Name    string
	Entries []Entry // repeats are all here
}

// An Entry is one key=value.
type Entry struct {
	Pos      mistake.Pos // of Key
	Key      string
	Value    string // macros replaced, never empty
	ValuePos mistake.Pos
	Line     string // the text of the line, for the caret; empty for a line from elsewhere
	index    int    // in Entries
}

const (
	maxLine     = 8191 // bytes of a line, and of a value after its macros
	maxMistakes = 1000 // in one file; what follows is not read
)

// Parse reads a workers.properties called name. Lines that mod_jk passes over
// are warnings; only a file that is nothing but mistakes is an error. Parse is safe for
// text from anybody: time and memory are bounded by its length.
//
// Source: mod_jk common/jk_map.c, jk_map_read_property, as seen at work.
func Parse(name string, text []byte, o Options) (*File, mistake.List) {
	r := reader{options: o, file: &File{Name: name}, values: map[string]string{}}
	for _, line := range o.Before {
		r.line(line.Pos, line.Text, "")
	}
	r.read(text)
	return r.file, r.found
}

// reader carries one reading.
type reader struct {
	options Options
	file    *File
	found   mistake.List
	values  map[string]string // of the properties so far, for macros
}

// read reads a whole file.
func (r *reader) read(text []byte) {
	text, marked := bytes.CutPrefix(text, []byte("\ufeff"))
	number := 0
	for line := range bytes.Lines(text) {
		number++
		if len(r.found) >= maxMistakes {
			r.found.Add(mistake.Mistake{Pos: mistake.Pos{File: r.file.Name, Line: number}, Text: fmt.Sprintf("more than %d mistakes: the rest is not read", maxMistakes)})
			return
		}
		whole := string(bytes.TrimRight(line, "\r\n"))
		pos := mistake.Pos{File: r.file.Name, Line: number, Col: 1}
		if marked && number == 1 && significant(whole) {
			r.warn(pos, whole, "the file begins with a byte order mark, which mod_jk takes as part of this line", "save the file as UTF-8 without a byte order mark")
		}
		for len(whole) > maxLine {
			r.warn(mistake.Pos{File: pos.File, Line: number}, "", fmt.Sprintf("the line has more than %d bytes: the rest of it is read as a line of its own", maxLine), "")
			r.line(pos, whole[:maxLine], "")
			whole, pos.Col = whole[maxLine:], pos.Col+maxLine
		}
		shown := whole
		if pos.Col > 1 {
			shown = ""
		}
		r.line(pos, whole, shown)
	}
}

// significant reports whether line is more than blanks and a comment.
func significant(line string) bool {
	line, _, _ = strings.Cut(line, "#")
	return strings.Trim(line, blanks) != ""
}

// nbsp is a no-break space.
const nbsp = "\u00a0"

// Meant returns the names of workers that a workers.properties names as if its
// no-break spaces were spaces, for guesses.
func Meant(text []byte) []string {
	plain, _ := Parse("", bytes.ReplaceAll(text, []byte(nbsp), []byte(" ")), Options{})
	var names []string
	for _, e := range plain.Entries {
		if name, _, ok := strings.Cut(strings.TrimPrefix(e.Key, "worker."), "."); ok && strings.HasPrefix(e.Key, "worker.") && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// blanks are what C's isspace takes for a blank.
const blanks = " \t\n\v\f\r"

// line reads one line that stands at pos; shown is the text for the caret.
func (r *reader) line(pos mistake.Pos, text, shown string) {
	at := func(i int) mistake.Pos { return mistake.Pos{File: pos.File, Line: pos.Line, Col: pos.Col + i} }
	if i := strings.IndexByte(text, 0); i >= 0 {
		r.warn(at(i), shown, "a NUL byte: the rest of the line is not read", "")
		text = text[:i]
	}
	body, _, comment := strings.Cut(text, "#")
	if i := strings.Index(body, nbsp); i >= 0 {
		meant := strings.Trim(strings.ReplaceAll(text, nbsp, " "), blanks)
		if meant == "" || meant[0] == '#' {
			return // nothing either way
		}
		r.warn(at(i), shown, "U+00A0, a no-break space, instead of a space: to mod_jk it is part of the name or value", "it often comes from copying out of a web page: did you mean `"+meant+"`?")
		if !strings.Contains(body, "=") {
			return
		}
	}
	left := len(body) - len(strings.TrimLeft(body, blanks))
	key, value, pair := strings.Cut(body, "=")
	name := strings.Trim(key, blanks)
	switch {
	case strings.Trim(body, blanks) == "":
		return
	case !pair:
		r.warn(at(left), shown, "a line without \"=\" is ignored", withEquals(name))
		return
	case name == "":
		r.warn(at(left), shown, "a line without a name before \"=\" is ignored", "")
		return
	}
	start := len(key) + 1 + len(value) - len(strings.TrimLeft(value, blanks))
	trimmed := strings.Trim(value, blanks)
	if trimmed == "" {
		r.warn(at(left), shown, fmt.Sprintf("%s has no value: the line is ignored", name), "give it a value, or take the line out")
		return
	}
	if comment && strings.TrimRight(value, blanks) == value {
		r.warn(at(len(body)), shown, "\"#\" begins a comment here too: the value ends before it", "mod_jk's files know no escape: a value cannot hold \"#\"")
	}
	if strings.HasSuffix(trimmed, "\\") {
		r.warn(at(len(strings.TrimRight(body, blanks))-1), shown, "a line is not continued by \"\\\": it is part of the value", "write it all on one line, or repeat a list property on the next")
	}
	e := Entry{Pos: at(left), Key: name, Value: trimmed, ValuePos: at(start), Line: shown, index: len(r.file.Entries)}
	e.Value = r.expand(e)
	r.values[name] = e.Value
	r.file.Entries = append(r.file.Entries, e)
}

// withEquals guesses what a line without "=" means.
func withEquals(line string) string {
	i := strings.IndexAny(line, ": \t")
	if i <= 0 {
		return ""
	}
	value := strings.TrimLeft(line[i:], ": \t")
	if value == "" {
		return ""
	}
	return "did you mean " + line[:i] + "=" + value
}

func (r *reader) warn(pos mistake.Pos, line, text, fix string) {
	r.found.Add(mistake.Mistake{Pos: pos, Severity: mistake.Warning, Text: text, Line: line, Fix: fix})
}
