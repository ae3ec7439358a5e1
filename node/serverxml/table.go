package serverxml

import (
	"fmt"
	"slices"
	"strings"

	syntax "github.com/catflap/catflap/internal/config/serverxml"
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
