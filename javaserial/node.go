package javaserial

import (
	"encoding/binary"
	"fmt"
	"math"
)

// A Node is one object of a stream, or nil for null. Two places that hold the
// same pointer hold the same Java object. A Node that a Decoder returned may be
// read by many goroutines.
type Node interface{ node() }

// A String is a java.lang.String. Text is UTF-8; half of a surrogate pair, which
// UTF-8 cannot express, stands there in the three bytes that UTF-8 would have.
type String struct{ Text string }

// A Class is a class descriptor: what a stream tells about a class.
type Class struct {
	Name       string // as Class.getName: "java.util.Date", "[B"; empty for a proxy
	SUID       int64  // serialVersionUID
	Flags      byte
	Fields     []Field
	Annotation []Content // what the writer's annotateClass wrote; usually none
	Super      *Class    // nil if the super class is not serializable
	Interfaces []string  // of a dynamic proxy; then Proxy is set
	Proxy      bool
}

// CheckSUID returns an error if c, or one of its super classes, has another
// serialVersionUID than want, the same class as it is known here. Java does not
// read such an object.
func (c *Class) CheckSUID(want *Class) error {
	for ; c != nil && want != nil; c, want = c.Super, want.Super {
		if c.Name == want.Name && c.SUID != want.SUID {
			return fmt.Errorf("the class %s has the serialVersionUID %016x, and here %016x: it is of another release, and a Tomcat of this one would not read it either",
				c.Name, uint64(c.SUID), uint64(want.SUID))
		}
	}
	return nil
}

// A Field is a field of a Class.
type Field struct {
	Code byte // B C D F I J S Z, or [ and L for objects
	Name string
	Type *String // of objects: the signature, such as "Ljava/lang/String;"; else nil
}

// An Object is an object that is neither string, array, enum nor class.
type Object struct {
	Class *Class
	Data  []ClassData // from the highest serializable super class down to Class
}

// ClassData is what one class of an Object's line wrote.
type ClassData struct {
	Class  *Class
	Fields []Value   // those of Class.Fields, in that order
	Custom []Content // what its writeObject or writeExternal wrote
}

// A Content is an item of custom data: a block of primitive data if Block is
// not nil, else an object.
type Content struct {
	Block []byte
	Node  Node
}

// An Array is a Java array. Class.Name is its type: "[B", "[Ljava.lang.String;".
type Array struct {
	Class *Class
	Raw   []byte // of a primitive type: the elements as in the stream, big-endian
	Nodes []Node // of other types
}

// An Enum is a constant of an enum type.
type Enum struct {
	Class *Class
	Name  *String
}

// A ClassObject is an object of java.lang.Class.
type ClassObject struct{ Class *Class }

// An Aborted stands for an object whose writing failed in Java: the stream has
// an exception in its middle. Java's reader throws a WriteAbortedException.
type Aborted struct {
	Thrown  Node // the exception
	Partial Node // the object as far as it was written; may be nil
}

func (*String) node()      {}
func (*Class) node()       {}
func (*Object) node()      {}
func (*Array) node()       {}
func (*Enum) node()        {}
func (*ClassObject) node() {}
func (*Aborted) node()     {}

// A Value is the value of a field: a primitive, or an object. The field's Code
// says which method returns it.
type Value struct {
	bits uint64
	ref  Node
}

// Int returns a B, S, I or J, a C as its UTF-16 unit, and a Z as 0 or 1.
func (v Value) Int() int64 { return int64(v.bits) }

// Bool returns a Z.
func (v Value) Bool() bool { return v.bits != 0 }

// Float returns an F or D of code.
func (v Value) Float(code byte) float64 {
	if code == 'F' {
		return float64(math.Float32frombits(uint32(v.bits)))
	}
	return math.Float64frombits(v.bits)
}

// Node returns an object; nil is null.
func (v Value) Node() Node { return v.ref }

// IntValue is the value of a B, C, S, I or J field.
func IntValue(n int64) Value { return Value{bits: uint64(n)} }

// BoolValue is the value of a Z field.
func BoolValue(b bool) Value {
	if b {
		return Value{bits: 1}
	}
	return Value{}
}

// FloatValue is the value of an F field.
func FloatValue(f float32) Value { return Value{bits: uint64(math.Float32bits(f))} }

// DoubleValue is the value of a D field.
func DoubleValue(f float64) Value { return Value{bits: math.Float64bits(f)} }

// NodeValue is the value of an L or [ field.
func NodeValue(n Node) Value { return Value{ref: n} }

// width is how many bytes a primitive of type code takes, 0 for an object.
func width(code byte) int {
	switch code {
	case 'B', 'Z':
		return 1
	case 'C', 'S':
		return 2
	case 'I', 'F':
		return 4
	case 'J', 'D':
		return 8
	}
	return 0
}

// primitive takes a value of type code from b, which is as long as its width.
func primitive(code byte, b []byte) Value {
	var bits uint64
	switch code {
	case 'B':
		bits = uint64(int64(int8(b[0])))
	case 'Z':
		if b[0] != 0 {
			bits = 1
		}
	case 'C':
		bits = uint64(binary.BigEndian.Uint16(b))
	case 'S':
		bits = uint64(int64(int16(binary.BigEndian.Uint16(b))))
	case 'I':
		bits = uint64(int64(int32(binary.BigEndian.Uint32(b))))
	case 'F':
		bits = uint64(binary.BigEndian.Uint32(b))
	case 'J', 'D':
		bits = binary.BigEndian.Uint64(b)
	}
	return Value{bits: bits}
}

// appendPrimitive appends v as a value of type code.
func appendPrimitive(b []byte, code byte, v Value) []byte {
	switch width(code) {
	case 1:
		return append(b, byte(v.bits))
	case 2:
		return binary.BigEndian.AppendUint16(b, uint16(v.bits))
	case 4:
		return binary.BigEndian.AppendUint32(b, uint32(v.bits))
	}
	return binary.BigEndian.AppendUint64(b, v.bits)
}

// Len is the number of a's elements.
func (a *Array) Len() int {
	if w := width(a.element()); w > 0 {
		return len(a.Raw) / w
	}
	return len(a.Nodes)
}

// At returns element i of an array of a primitive type.
func (a *Array) At(i int) Value {
	code := a.element()
	w := width(code)
	return primitive(code, a.Raw[i*w:(i+1)*w])
}

// element is the type code of a's elements, 0 if the class is not that of an
// array.
func (a *Array) element() byte {
	if len(a.Class.Name) < 2 {
		return 0
	}
	return a.Class.Name[1]
}

// is reports whether c is the descriptor of a class of that name.
func (c *Class) is(name string) bool { return c != nil && !c.Proxy && c.Name == name }

// Field returns the value of the field name that class of declares; with of
// empty that of the lowest class that has one. ok is false if there is none.
func (o *Object) Field(of, name string) (code byte, v Value, ok bool) {
	for i := len(o.Data) - 1; i >= 0; i-- {
		data := &o.Data[i]
		if of != "" && data.Class.Name != of {
			continue
		}
		for j, f := range data.Class.Fields {
			if f.Name == name && j < len(data.Fields) {
				return f.Code, data.Fields[j], true
			}
		}
	}
	return 0, Value{}, false
}
