package properties

import (
	"fmt"
	"slices"
	"strings"

	"github.com/catflap/catflap/internal/mistake"
)

// A group is what a file says under one prefix: "worker.NAME", or that of a
// template in variables; "" for variables without a dot.
type group struct {
	prefix string
	first  mistake.Pos
	keys   []string           // in the order of first mention
	own    map[string][]Entry // by the part after the prefix, in the order of the file
	all    map[string][]Entry // with what the reference gives; nil until asked for
}

// definer carries one call of Workers.
type definer struct {
	file     *File
	groups   map[string]*group // by prefix
	order    []string          // prefixes in the order of first mention
	listed   []Entry           // worker.list
	maintain []Entry           // worker.maintain
	found    map[string]*Worker
	result   *Definitions
	mistakes mistake.List
	counts   [3]int // of mistakes by severity, those not kept too
}

// collect sorts the entries by worker and finds those that nothing knows.
func (d *definer) collect() {
	for _, e := range d.file.Entries {
		name, prop, ok := parts(e.Key)
		switch {
		case !ok:
			d.variable(e)
		case name == "" && prop == "list":
			d.listed = append(d.listed, e)
		case name == "" && prop == "maintain":
			d.maintain = append(d.maintain, e)
		default:
			d.worker(e, name, prop)
		}
	}
	if len(d.maintain) > 0 {
		last := d.maintain[len(d.maintain)-1]
		if v, ok := d.value(last, maintain); ok {
			d.result.Global = Values{map[string]Value{"maintain": v}}
		}
	}
}

// variable takes in a key that is not worker.…: a variable for macros, or a
// template.
func (d *definer) variable(e Entry) {
	if low := strings.ToLower(e.Key); strings.HasPrefix(low, "worker.") || strings.HasPrefix(low, "workers.") || strings.HasPrefix(low, "worker_") {
		d.warn(e.Pos, e.Line, fmt.Sprintf("%s is only a variable: properties of workers begin with \"worker.\", in lower case", e.Key), "write worker."+e.Key[strings.IndexAny(e.Key, "._")+1:])
	}
	dot := strings.LastIndexByte(e.Key, '.')
	d.add(e.Key[:max(dot, 0)], e.Key[dot+1:], e)
}

// worker takes in worker.NAME.PROPERTY.
func (d *definer) worker(e Entry, name, prop string) {
	row, known := lookup(prop)
	if !known {
		m := mistake.Mistake{Pos: e.Pos, Line: e.Line,
			Text: fmt.Sprintf("The attribute '%s' is not supported - please check the documentation for the supported attributes.", e.Key)}
		m.Fix = meant(prop, propertyNames())
		if name == "" && slices.Contains([]string{"lists", "lst", "workers", "List", "LIST"}, prop) {
			m.Fix = "did you mean worker.list?"
		}
		d.report(m)
		if name != "" {
			d.group("worker."+name, e.Pos)
		}
		return
	}
	if name == "" {
		d.warn(e.Pos, e.Line, fmt.Sprintf("%s names no worker: it has no effect", e.Key), "write worker.NAME."+prop)
		return
	}
	d.add("worker."+name, prop, e)
	d.deprecated(e, name, row)
}

// group returns the group of prefix, which is mentioned at pos.
func (d *definer) group(prefix string, pos mistake.Pos) *group {
	g := d.groups[prefix]
	if g == nil {
		g = &group{prefix: prefix, first: pos, own: map[string][]Entry{}}
		d.groups[prefix] = g
		d.order = append(d.order, prefix)
	}
	return g
}

func (d *definer) add(prefix, key string, e Entry) {
	g := d.group(prefix, e.Pos)
	if g.own[key] == nil {
		g.keys = append(g.keys, key)
	}
	g.own[key] = append(g.own[key], e)
}

// workerNames returns the names that have properties, in the file's order.
func (d *definer) workerNames() []string {
	var all []string
	for _, prefix := range d.order {
		if name, ok := strings.CutPrefix(prefix, "worker."); ok {
			all = append(all, name)
		}
	}
	return all
}

// last returns the entry that counts for a property of a worker.
func (d *definer) last(name, prop string) (Entry, bool) {
	entries := d.allOf(name)[prop]
	if len(entries) == 0 {
		return Entry{}, false
	}
	return entries[len(entries)-1], true
}

// allOf returns the entries of a worker, with those of its reference.
func (d *definer) allOf(name string) map[string][]Entry {
	if g := d.groups["worker."+name]; g != nil {
		if g.all == nil {
			return g.own
		}
		return g.all
	}
	return nil
}

func (d *definer) warn(pos mistake.Pos, line, text, fix string) {
	d.report(mistake.Mistake{Pos: pos, Severity: mistake.Warning, Text: text, Line: line, Fix: fix})
}

func (d *definer) fail(pos mistake.Pos, line, text, fix string) {
	d.report(mistake.Mistake{Pos: pos, Severity: mistake.Error, Text: text, Line: line, Fix: fix})
}

// report keeps the first of m's severity, so that no file fills the memory.
func (d *definer) report(m mistake.Mistake) {
	if d.counts[m.Severity]++; d.counts[m.Severity] <= maxMistakes {
		d.mistakes.Add(m)
	}
}

// meant guesses which of names was meant by word, for the first mistakes.
func (d *definer) meant(word string, names []string) string {
	if len(d.mistakes) > maxMistakes/10 {
		return ""
	}
	return meant(word, names)
}

// meant guesses which of names was meant by word.
func meant(word string, names []string) string {
	near := mistake.Nearest(word, names)
	if len(near) == 0 {
		return ""
	}
	return "did you mean " + strings.Join(near, " or ") + "?"
}

// partPos returns where name stands in the list that e is.
func partPos(e Entry, name string) mistake.Pos {
	pos := e.ValuePos
	if e.Line == "" || pos.Col < 1 || pos.Col > len(e.Line) {
		return pos
	}
	rest, at := e.Line[pos.Col-1:], 0
	for part := range strings.FieldsFuncSeq(rest, func(c rune) bool { return strings.ContainsRune(blanks+",#", c) }) {
		i := strings.Index(rest[at:], part)
		if part == name {
			pos.Col += at + i
			return pos
		}
		at += i + len(part)
	}
	return pos
}
