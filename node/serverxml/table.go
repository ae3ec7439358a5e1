package serverxml

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"

	syntax "github.com/catflap/catflap/internal/config/serverxml"
	"github.com/catflap/catflap/internal/mistake"
)

// A row is an attribute that is honoured.
type row[T any] struct {
	name string
	set  func(*T, given)
	does string // for docs/serverxml.md
}

// A table has the attributes of an element, or of one of its classes, that are
// honoured. The others are in known.txt, under the same name.
type table[T any] struct {
	name string // "Connector", "Manager BackupManager"
	rows []row[T]
}

// read sets what the attributes of e say, and tells of those that are not
// honoured.
func (t table[T]) read(l *loader, e *syntax.Element, to *T) {
	for _, a := range e.Attributes {
		i := slices.IndexFunc(t.rows, func(r row[T]) bool { return r.name == a.Name })
		switch {
		case i >= 0:
			t.rows[i].set(to, given{l, e.Name, a})
		case a.Name == "className", strings.HasPrefix(a.Name, "xmlns"), strings.HasPrefix(a.Name, "xsi:"):
		default:
			l.passOver(t.name, e, a, t.names())
		}
	}
}

// names are those of the attributes.
func (t table[T]) names() []string {
	var all []string
	for _, r := range t.rows {
		all = append(all, r.name)
	}
	return all
}

// passOver tells of an attribute that is not honoured.
func (l *loader) passOver(section string, e *syntax.Element, a syntax.Attribute, honoured []string) {
	b := bystanderOf(section, a.Name)
	switch {
	case b == nil && len(l.found) >= maxFound:
	case b == nil:
		what := e.Name
		if class := e.Attribute("className"); class != nil {
			what = shortClass(strings.TrimSpace(class.Value))
		}
		l.warn(a.Pos, fmt.Sprintf("%s has no attribute %s: it has no effect", what, a.Name), nearest(a.Name, append(honoured, bystanderNames(section)...)))
	case b.class == classUnsupported && !slices.Contains(b.same, strings.ToLower(strings.TrimSpace(a.Value))):
		l.unsupported(a.Pos, fmt.Sprintf("%s=%s has no effect: %s", a.Name, quoteXML(a.Value), b.why), "")
	}
}

// otherElement tells of an element in e that is not honoured.
func (l *loader) otherElement(section string, e, child *syntax.Element, honoured ...string) {
	name := "<" + child.Name + ">"
	b := bystanderOf(section, name)
	switch {
	case b == nil && len(l.found) >= maxFound:
	case b == nil:
		l.warn(child.Pos, fmt.Sprintf("<%s> has no <%s>: it has no effect", e.Name, child.Name), nearest(name, append(honoured, bystanderNames(section)...)))
	case b.class == classUnsupported:
		l.unsupported(child.Pos, fmt.Sprintf("<%s> has no effect: %s", child.Name, b.why), "")
	}
}

// A bystander is an attribute, an element or a class that is known and not
// honoured.
type bystander struct {
	name  string // an element's in brackets, a class's in full
	class bystanderClass
	why   string   // why that is harmless, or what follows
	same  []string // values, in lower case, with which nothing is missing
}

type bystanderClass int

const (
	classNeedless    bystanderClass = iota // nothing is missing without it
	classUnsupported                       // something is
	classCloses                            // it may keep somebody out
	classOld                               // of an old Tomcat; why is the name that it has now
)

var bystanderClasses = map[string]bystanderClass{"needless": classNeedless, "unsupported": classUnsupported, "closes": classCloses, "old": classOld}

// knownText lists the bystanders. A line "= NAME" begins those of an element,
// or "= NAME: OTHER, OTHER" with those of others as well; "NAME NAME: CLASS:
// why" is some of them, and what follows " | " values with which nothing is
// missing, with commas between.
//
//go:embed known.txt
var knownText string

// A section is what is known of an element.
type section struct {
	name    string
	also    []string
	entries []bystander
}

// knownSections reads the list.
var knownSections = sync.OnceValue(func() []section {
	var all []section
	for line := range strings.Lines(knownText) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "= "); ok {
			name, also, _ := strings.Cut(name, ": ")
			s := section{name: name}
			if also != "" {
				s.also = strings.Split(also, ", ")
			}
			all = append(all, s)
			continue
		}
		if line == "" {
			continue
		}
		names, rest, _ := strings.Cut(line, ": ")
		class, why, _ := strings.Cut(rest, ": ")
		why, same, _ := strings.Cut(why, " | ")
		s := &all[len(all)-1]
		for name := range strings.FieldsSeq(names) {
			b := bystander{name: name, class: bystanderClasses[class], why: why}
			if same != "" {
				b.same = strings.Split(strings.ReplaceAll(same, `""`, ""), ", ")
			}
			s.entries = append(s.entries, b)
		}
	}
	return all
})

// bystanderOf finds a name in a section, nil if it is not there. A name that
// ends in * stands for all that begin so.
func bystanderOf(name, entry string) *bystander {
	for _, b := range bystandersIn(name) {
		if prefix, ok := strings.CutSuffix(b.name, "*"); b.name == entry || ok && strings.HasPrefix(entry, prefix) {
			return &b
		}
	}
	return nil
}

// bystandersIn returns all of a section, and of those that it has as well.
func bystandersIn(name string) []bystander {
	i := slices.IndexFunc(knownSections(), func(s section) bool { return s.name == name })
	if i < 0 {
		return nil
	}
	s := knownSections()[i]
	all := slices.Clone(s.entries)
	for _, also := range s.also {
		all = append(all, bystandersIn(also)...)
	}
	return all
}

func bystanderNames(section string) []string {
	var all []string
	for _, b := range bystandersIn(section) {
		if b.class != classOld {
			all = append(all, b.name)
		}
	}
	return all
}

// classOf returns the class of e without the part that all of its kind share,
// and tells if it is an old one. Which is the class if there is none.
func (l *loader) classOf(e *syntax.Element, section, without string) string {
	a := e.Attribute("className")
	if a == nil {
		return without
	}
	name := strings.TrimSpace(a.Value)
	if b := bystanderOf(section, name); b != nil && b.class == classOld {
		old, now := shortClass(name), shortClass(b.why)
		if old == now {
			old, now = name, b.why
		}
		l.warn(a.Pos, fmt.Sprintf("%s is of an old Tomcat: %s is taken", old, now), fmt.Sprintf("write className=%q", b.why))
		return b.why
	}
	return name
}

// shortClass is the last part of a class's name.
func shortClass(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

// nearest returns a fix that names the one of all that is most alike, empty if
// none is.
func nearest(name string, all []string) string {
	best, least := "", 3
	for _, other := range all {
		if d := distance(strings.ToLower(name), strings.ToLower(other)); d < least && d*3 < len(name) {
			best, least = other, d
		}
	}
	if best == "" {
		return "look at its spelling, or remove it"
	}
	return "write " + best + ", or remove it"
}

// distance is how many letters are to be changed, added or removed.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	line := make([]int, len(b)+1)
	for j := range line {
		line[j] = j
	}
	for i := range len(a) {
		before := line[0]
		line[0] = i + 1
		for j := range len(b) {
			cost := before
			if a[i] != b[j] {
				cost = 1 + min(before, line[j], line[j+1])
			}
			before, line[j+1] = line[j+1], cost
		}
	}
	return line[len(b)]
}

// line is the line of e in server.xml, 0 if it is of another file.
func (l *loader) line(e *syntax.Element) int {
	if e.Pos.File != l.cfg.File {
		return 0
	}
	return e.Pos.Line
}

// at is the place of an attribute, or of e if it has none of that name.
func at(e *syntax.Element, name string) mistake.Pos {
	if a := e.Attribute(name); a != nil {
		return a.Pos
	}
	return e.Pos
}
