package serverxml

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"

	syntax "github.com/catflap/catflap/internal/config/serverxml"
)

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

// classOf returns the whole name of the class of e, or without if it has none.
// Of an old one, which is told, it is that of today.
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
