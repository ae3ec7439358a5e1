package javaserial

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// A TypeError says that a Go value has no form in Java.
type TypeError struct {
	Path string // where in the value: "", "[3]", `["name"]`
	Type string // the Go type
	Why  string // if the type alone does not tell; else empty
}

func (e *TypeError) Error() string {
	where := ""
	if e.Path != "" {
		where = " at " + e.Path
	}
	if e.Why != "" {
		return fmt.Sprintf("%s%s: %s", e.Type, where, e.Why)
	}
	return fmt.Sprintf("%s%s has no form in Java; use string, bool, int, int64, int32, int16, int8, float64, float32, "+
		"time.Time, []byte, []any, map[string]any, map[any]any or nil", e.Type, where)
}

// Java returns the object that v is in Java: the types of Go the other way
// round, int being a Long like int64, and a *TypeError for others. A time is
// cut to milliseconds.
func Java(v any) (Node, error) { return (&boxes{}).of(v, 0) }

// A Heap makes objects that go into one stream: as in Java, equal small numbers
// and truth values are the same object. The zero Heap is empty. It belongs to
// one goroutine.
type Heap struct{ boxed boxes }

// Java returns what the function Java returns.
func (h *Heap) Java(v any) (Node, error) { return h.boxed.of(v, 0) }

// Value writes what Java returns for v. Small numbers and truth values that
// were written before become references, as those of Java do.
func (e *Encoder) Value(v any) error {
	n, err := e.boxed.of(v, 0)
	if err != nil {
		return err
	}
	e.Object(n)
	return nil
}

// boxes are the objects of the caches that Java has for small values: equal
// ones are the same object.
type boxes struct{ cached index[any, *Object] }

// of returns the object of v.
func (b *boxes) of(v any, depth int) (Node, error) {
	if depth > goDepth {
		return nil, &TypeError{"", fmt.Sprintf("%T", v), fmt.Sprintf("more than %d lists and maps in one another", goDepth)}
	}
	switch v := v.(type) {
	case nil:
		return nil, nil
	case string:
		return &String{v}, nil
	case int:
		return b.box(classLong, int64(v), IntValue(int64(v)), v >= -128 && v <= 127), nil
	case int64:
		return b.box(classLong, v, IntValue(v), v >= -128 && v <= 127), nil
	case int32:
		return b.box(classInteger, v, IntValue(int64(v)), v >= -128 && v <= 127), nil
	case int16:
		return b.box(classShort, v, IntValue(int64(v)), v >= -128 && v <= 127), nil
	case int8:
		return b.box(classByte, v, IntValue(int64(v)), true), nil
	case bool:
		return b.box(classBoolean, v, BoolValue(v), true), nil
	case Char:
		return b.box(classChar, v, IntValue(int64(v)), v <= 127), nil
	case float32:
		return b.box(classFloat, v, FloatValue(v), false), nil
	case float64:
		return b.box(classDouble, v, DoubleValue(v), false), nil
	case time.Time:
		return dateNode(v), nil
	case []byte:
		return ByteArray(append([]byte{}, v...)), nil
	case []any:
		return b.list(v, depth+1)
	case Set:
		return b.set(v, depth+1)
	case map[string]any:
		return b.mapOf(stringEntries(v), depth+1)
	case map[any]any:
		return b.mapOf(anyEntries(v), depth+1)
	case Opaque:
		return v.Node, nil
	}
	return nil, &TypeError{Type: fmt.Sprintf("%T", v)}
}

// within returns what of returned for what stands at a place in something else.
func within(err error, place string) error {
	var wrong *TypeError
	if errors.As(err, &wrong) {
		wrong.Path = place + wrong.Path
	}
	return err
}

// box returns the object of class with that value; equal ones are the same
// object if Java caches them.
func (b *boxes) box(class *Class, key any, v Value, caches bool) *Object {
	if caches {
		if o, ok := b.cached.get(key); ok {
			return o
		}
	}
	o := newBoxed(class)
	o.Data[len(o.Data)-1].Fields = append(o.Data[len(o.Data)-1].Fields, v)
	if caches {
		b.cached.put(key, o)
	}
	return o
}

// newBoxed returns an object of a class such as java.lang.Integer, with room for
// its field.
func newBoxed(class *Class) *Object {
	var o struct { // all that it is made of at once
		Object
		data  [2]ClassData
		value [1]Value
	}
	o.Class, o.Data = class, o.data[:1]
	if class.Super != nil {
		o.Data = o.data[:]
		o.data[0].Class = class.Super
	}
	own := &o.Data[len(o.Data)-1]
	own.Class, own.Fields = class, o.value[:0]
	return &o.Object
}

func dateNode(t time.Time) *Object {
	block := binary.BigEndian.AppendUint64(nil, uint64(t.UnixMilli()))
	return &Object{Class: classDate, Data: []ClassData{{Class: classDate, Custom: []Content{{Block: block}}}}}
}

func (b *boxes) list(values []any, depth int) (Node, error) {
	custom := make([]Content, 1, 1+len(values))
	custom[0].Block = binary.BigEndian.AppendUint32(nil, uint32(len(values)))
	for i, v := range values {
		n, err := b.of(v, depth)
		if err != nil {
			return nil, within(err, fmt.Sprintf("[%d]", i))
		}
		custom = append(custom, Content{Node: n})
	}
	size := IntValue(int64(len(values)))
	return &Object{Class: classList, Data: []ClassData{{Class: classList, Fields: []Value{size}, Custom: custom}}}, nil
}
