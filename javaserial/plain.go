package javaserial

import (
	"math"
	"time"
)

// Char is a java.lang.Character: a UTF-16 unit.
type Char uint16

// Set is a java.util.Set, in the order in which Java wrote it.
type Set []any

// An Opaque is a Java object that means nothing in Go. It can be looked into,
// and goes back to Java as it came.
type Opaque struct{ Node Node }

// Go returns what n means in Go:
//
//	null                                     nil
//	String                                   string
//	Integer Long Short Byte                  int32 int64 int16 int8
//	Boolean Float Double Character           bool float32 float64 Char
//	Date                                     time.Time, in UTC
//	byte[]                                   []byte
//	ArrayList and other well-known lists     []any
//	HashMap and other well-known maps        map[string]any; map[any]any if a key is no string
//	HashSet and other well-known sets        Set
//
// Everything else is an Opaque, and so is a list, map or set that holds itself,
// holds one object twice, or has keys that Go cannot compare. What is in a
// list, map or set is turned likewise.
//
// exact tells that Java of the value is an equal object of the same class. If
// it is false (a LinkedList, a list of Opaques) who wants to give the object
// back unchanged keeps n.
func Go(n Node) (v any, exact bool) {
	c := &goConverter{}
	v, ok := c.convert(n, 0)
	if !ok {
		return Opaque{n}, true
	}
	if _, opaque := v.(Opaque); opaque {
		return v, true
	}
	return v, !c.inexact
}

// Simple is Go for null, and for what neither holds other objects nor is an
// Opaque; ok is false of others.
func Simple(n Node) (v any, ok bool) {
	switch n := n.(type) {
	case nil:
		return nil, true
	case *String:
		return n.Text, true
	case *Array:
		if n.Class.is("[B") {
			return append([]byte{}, n.Raw...), true
		}
	case *Object:
		if v, ok := box(n); ok {
			return v, true
		}
		if n.Class.is("java.util.Date") {
			if ms, ok := dateOf(n); ok {
				return time.UnixMilli(ms).UTC(), true
			}
		}
	}
	return nil, false
}

// A goConverter is one call of Go.
type goConverter struct {
	inside  map[Node]bool // lists, maps and sets that were met
	inexact bool
}

// goDepth bounds lists in lists.
const goDepth = 200

// convert returns what n means; ok is false if the whole value has to be
// opaque.
func (c *goConverter) convert(n Node, depth int) (v any, ok bool) {
	if v, ok := Simple(n); ok {
		return v, true
	}
	if n, ok := n.(*Object); ok {
		if content, ok := containerOf(n); ok {
			if c.inside[n] || depth >= goDepth {
				return nil, false
			}
			if c.inside == nil {
				c.inside = map[Node]bool{}
			}
			c.inside[n] = true
			return c.container(content, depth+1)
		}
	}
	if depth > 0 {
		c.inexact = true // it may refer to what is around it
	}
	return Opaque{n}, true
}

func (c *goConverter) container(content container, depth int) (any, bool) {
	if !content.exact {
		c.inexact = true
	}
	values := make([]any, 0, len(content.nodes))
	for _, n := range content.nodes {
		v, ok := c.convert(n, depth)
		if !ok {
			return nil, false
		}
		values = append(values, v)
	}
	switch content.kind {
	case kindList:
		return values, true
	case kindSet:
		return Set(values), true
	}
	return mapOf(values)
}

// mapOf makes a map of keys and values in turn.
func mapOf(pairs []any) (any, bool) {
	texts := true
	for i := 0; i < len(pairs); i += 2 {
		switch key := pairs[i].(type) {
		case string:
			continue
		case []byte, []any, Set, map[string]any, map[any]any:
			return nil, false
		case float64:
			if math.IsNaN(key) {
				return nil, false
			}
		case float32:
			if key != key {
				return nil, false
			}
		}
		texts = false
	}
	if texts {
		m := make(map[string]any, len(pairs)/2)
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i].(string)] = pairs[i+1]
		}
		return m, len(m) == len(pairs)/2
	}
	m := make(map[any]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m, len(m) == len(pairs)/2
}

// box returns the value of a java.lang.Integer and the like.
func box(o *Object) (any, bool) {
	n := len(o.Data)
	if n == 0 || len(o.Data[n-1].Fields) != 1 {
		return nil, false
	}
	k := knownAs(o.Class)
	if k == nil {
		return nil, false
	}
	v := o.Data[n-1].Fields[0]
	switch k.class {
	case classInteger:
		return int32(v.Int()), true
	case classLong:
		return v.Int(), true
	case classShort:
		return int16(v.Int()), true
	case classByte:
		return int8(v.Int()), true
	case classBoolean:
		return v.Bool(), true
	case classFloat:
		return float32(v.Float('F')), true
	case classDouble:
		return v.Float('D'), true
	case classChar:
		return Char(v.Int()), true
	}
	return nil, false
}

// dateOf returns the milliseconds of a java.util.Date.
func dateOf(o *Object) (int64, bool) {
	if len(o.Data) != 1 || len(o.Data[0].Custom) != 1 || len(o.Data[0].Custom[0].Block) != 8 {
		return 0, false
	}
	return primitive('J', o.Data[0].Custom[0].Block).Int(), true
}

// Class is the name of the object's class as Class.getName has it, "" for null
// and for proxies.
func (o Opaque) Class() string {
	if c := o.descriptor(); c != nil {
		return c.Name
	}
	if _, ok := o.Node.(*String); ok {
		return "java.lang.String"
	}
	return ""
}

// SUID is the serialVersionUID of the object's class, 0 if it has none.
func (o Opaque) SUID() int64 {
	if c := o.descriptor(); c != nil {
		return c.SUID
	}
	return 0
}

func (o Opaque) descriptor() *Class {
	switch n := o.Node.(type) {
	case *Object:
		return n.Class
	case *Array:
		return n.Class
	case *Enum:
		return n.Class
	case *ClassObject:
		return n.Class
	case *Class:
		return n
	}
	return nil
}

// Field returns what the object's field name means in Go, as Go has it; a
// primitive is int32, int64, int16, int8, bool, float32, float64 or Char. Of
// fields with one name in several classes of the line it is that of the lowest.
func (o Opaque) Field(name string) (v any, ok bool) {
	object, isObject := o.Node.(*Object)
	if !isObject {
		return nil, false
	}
	code, value, ok := object.Field("", name)
	if !ok {
		return nil, false
	}
	return goValue(code, value), true
}

func goValue(code byte, v Value) any {
	switch code {
	case 'B':
		return int8(v.Int())
	case 'S':
		return int16(v.Int())
	case 'C':
		return Char(v.Int())
	case 'I':
		return int32(v.Int())
	case 'J':
		return v.Int()
	case 'Z':
		return v.Bool()
	case 'F':
		return float32(v.Float('F'))
	case 'D':
		return v.Float('D')
	}
	converted, _ := Go(v.ref)
	return converted
}

// Elements returns the elements of an array as Field returns values.
func (o Opaque) Elements() (all []any, ok bool) {
	a, ok := o.Node.(*Array)
	if !ok {
		return nil, false
	}
	for i := range a.Len() {
		if a.Raw != nil {
			all = append(all, goValue(a.element(), a.At(i)))
		} else {
			all = append(all, goValue('L', NodeValue(a.Nodes[i])))
		}
	}
	return all, true
}

// EnumName is the name of an enum constant, "" of other objects.
func (o Opaque) EnumName() string {
	if e, ok := o.Node.(*Enum); ok {
		return e.Name.Text
	}
	return ""
}
