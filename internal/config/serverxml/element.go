// Package serverxml reads the syntax of Tomcat's server.xml: what comes in is
// the text of a file, what goes out are its elements with their attributes, each
// of which knows its line and column.
package serverxml

import "github.com/catflap/catflap/internal/mistake"

// An Element is one of a file, with what it holds.
type Element struct {
	Pos        mistake.Pos // of its "<"
	Name       string      // as it is written; a prefix belongs to it
	Attributes []Attribute
	Children   []Element
	Text       string // between its tags, but what is in Children; ${…} in it is replaced
}

// An Attribute is one of an Element. ${…} in its Value is replaced.
type Attribute struct {
	Pos   mistake.Pos // of its value
	Name  string
	Value string
}

// Attribute returns the attribute of that name, nil if e has none.
func (e *Element) Attribute(name string) *Attribute {
	for i := range e.Attributes {
		if e.Attributes[i].Name == name {
			return &e.Attributes[i]
		}
	}
	return nil
}
