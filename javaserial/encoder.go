package javaserial

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"sync"
)

// An Encoder writes one stream as Java's ObjectOutputStream does: objects by
// Object, primitive data between them by Int32 and the like. It belongs to one
// goroutine.
//
// Descriptors of the same class are written once, also if they come from
// different streams; so are type signatures of fields, which Java interns.
type Encoder struct {
	out     []byte
	block   int // where in out the primitive data begins whose head is not written yet; 0 is nowhere
	handles index[Node, int32]
	next    int32
	classes index[classKey, *Class] // written ones that are not known
	types   index[string, int32]    // signatures of fields
	boxed   boxes
}

// A classKey is what equal descriptors have in common. Of those that have it in
// common and yet differ one is found by it; copies of another are written again.
type classKey struct {
	name string
	suid int64
}

const (
	headSize  = 4   // of a stream
	startSize = 512 // room for most streams
)

// NewEncoder begins a stream.
func NewEncoder() *Encoder {
	return &Encoder{out: append(make([]byte, 0, startSize), magic>>8, magic&0xff, 0, version)}
}

// Encode returns a stream that holds n alone.
func Encode(n Node) []byte {
	b, _ := Write(func(e *Encoder) error {
		e.Object(n)
		return nil
	})
	return b
}

// encoders are empty ones that were used before.
var encoders = sync.Pool{New: func() any { return NewEncoder() }}

// maxKept is how large the stream of an Encoder may have become that is used
// again.
const maxKept = 64 << 10

// Write returns the stream that write writes, or the error of write. The Encoder
// is used again afterwards.
func Write(write func(e *Encoder) error) ([]byte, error) {
	e := encoders.Get().(*Encoder)
	err := write(e)
	if cap(e.out) > maxKept {
		return e.Bytes(), err
	}
	b := bytes.Clone(e.Bytes())
	*e = Encoder{out: e.out[:headSize]}
	encoders.Put(e)
	return b, err
}

// Bytes ends the block of primitive data and returns the stream. More may be
// written afterwards; the slice is then no longer valid.
func (e *Encoder) Bytes() []byte {
	e.flush()
	return e.out
}

// Bool writes a boolean of primitive data.
func (e *Encoder) Bool(v bool) {
	b := byte(0)
	if v {
		b = 1
	}
	e.primitive(b)
}

// Int8 writes a byte of primitive data.
func (e *Encoder) Int8(v int8) { e.primitive(byte(v)) }

// Int32 writes an int of primitive data.
func (e *Encoder) Int32(v int32) {
	e.primitive(byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
}

// Int64 writes a long of primitive data.
func (e *Encoder) Int64(v int64) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(v))
	e.primitive(b[:]...)
}

// Float64 writes a double of primitive data.
func (e *Encoder) Float64(v float64) { e.Int64(int64(math.Float64bits(v))) }

// MaxUTF is how many bytes text may have in modified UTF-8 for UTF.
const MaxUTF = math.MaxUint16

// UTF writes text as writeUTF does. It reports false, and writes nothing, if
// text is longer than MaxUTF bytes, which has no such form.
func (e *Encoder) UTF(text string) bool {
	n := utfLen(text)
	if n > MaxUTF {
		return false
	}
	e.primitive(byte(n>>8), byte(n))
	if e.pending()+n < blockSize {
		e.out = appendUTF(e.begun(), text)
	} else {
		e.primitive(appendUTF(nil, text)...)
	}
	return true
}

// Raw writes bytes of primitive data.
func (e *Encoder) Raw(b []byte) { e.primitive(b...) }

// pending is how many bytes the block has whose head is not written yet.
func (e *Encoder) pending() int {
	if e.block == 0 {
		return 0
	}
	return len(e.out) - e.block
}

// begun returns out with a block begun, to append to.
func (e *Encoder) begun() []byte {
	if e.block == 0 {
		e.block = len(e.out)
	}
	return e.out
}

// primitive collects primitive data; Java writes a block each 1024 bytes.
func (e *Encoder) primitive(b ...byte) {
	for len(b) > 0 {
		n := min(len(b), blockSize-e.pending())
		e.out = append(e.begun(), b[:n]...)
		if b = b[n:]; e.pending() == blockSize {
			e.flush()
		}
	}
}

// flush writes the head of the block of primitive data, if there is one.
func (e *Encoder) flush() {
	n := e.pending()
	if n == 0 {
		return
	}
	head := []byte{tcBlockData, byte(n)}
	if n > math.MaxUint8 {
		head = binary.BigEndian.AppendUint32([]byte{tcBlockDataLong}, uint32(n))
	}
	e.out = slices.Insert(e.out, e.block, head...)
	e.block = 0
}

// Reset forgets what was written, as ObjectOutputStream.reset does.
func (e *Encoder) Reset() {
	e.flush()
	e.out = append(e.out, tcReset)
	*e = Encoder{out: e.out}
}

// assign gives n the next handle.
func (e *Encoder) assign(n Node) {
	e.handles.put(n, e.next)
	e.next++
}

func (e *Encoder) reference(handle int32) {
	e.out = append(e.out, tcReference)
	e.out = binary.BigEndian.AppendUint32(e.out, uint32(firstHandle+handle))
}

// Object writes n. A Node that was written before becomes a reference. Of an
// Aborted, which no reader takes, null is written.
func (e *Encoder) Object(n Node) {
	e.flush()
	if n == nil {
		e.out = append(e.out, tcNull)
		return
	}
	if h, ok := e.handles.get(n); ok {
		e.reference(h)
		return
	}
	switch n := n.(type) {
	case *String:
		e.string(n)
	case *Class:
		e.class(n)
	case *ClassObject:
		e.out = append(e.out, tcClass)
		e.class(n.Class)
		e.assign(n)
	case *Enum:
		e.out = append(e.out, tcEnum)
		e.class(n.Class)
		e.assign(n)
		e.Object(n.Name)
	case *Array:
		e.array(n)
	case *Object:
		e.object(n)
	default:
		e.out = append(e.out, tcNull)
	}
}

func (e *Encoder) string(n *String) {
	e.assign(n)
	e.out = AppendString(e.out, n.Text)
}

func (e *Encoder) array(n *Array) {
	e.out = append(e.out, tcArray)
	e.class(n.Class)
	e.assign(n)
	e.out = binary.BigEndian.AppendUint32(e.out, uint32(n.Len()))
	if width(n.element()) > 0 {
		e.out = append(e.out, n.Raw...)
		return
	}
	for _, element := range n.Nodes {
		e.Object(element)
	}
}

func (e *Encoder) object(n *Object) {
	e.out = append(e.out, tcObject)
	e.class(n.Class)
	e.assign(n)
	for i := range n.Data {
		data := &n.Data[i]
		if data.Class.Flags&FlagSerializable != 0 {
			for j, f := range data.Class.Fields {
				if width(f.Code) > 0 {
					e.out = appendPrimitive(e.out, f.Code, data.Fields[j])
				} else {
					e.Object(data.Fields[j].ref)
				}
			}
		}
		if data.Class.Flags&(FlagWriteMethod|FlagExternalizable) != 0 {
			e.contents(data.Custom)
		}
	}
}

// contents writes custom data and its end.
func (e *Encoder) contents(all []Content) {
	for _, c := range all {
		if c.Block != nil {
			e.primitive(c.Block...)
		} else {
			e.Object(c.Node)
		}
	}
	e.flush()
	e.out = append(e.out, tcEndBlockData)
}

// class writes a descriptor, or a reference to one of the same class.
func (e *Encoder) class(c *Class) {
	if c == nil {
		e.out = append(e.out, tcNull)
		return
	}
	if h, ok := e.handles.get(c); ok {
		e.reference(h)
		return
	}
	if k := knownAs(c); k != nil {
		e.known(k, c)
		return
	}
	key := classKey{c.Name, c.SUID}
	written, ok := e.classes.get(key)
	if ok && c.Equal(written) {
		h, _ := e.handles.get(written)
		e.handles.put(c, h)
		e.reference(h)
		return
	}
	if !ok {
		e.classes.put(key, c)
	}
	if c.Proxy {
		e.proxy(c)
	} else {
		e.described(c)
	}
	e.contents(c.Annotation)
	e.class(c.Super)
}

// known writes the descriptor of a known class, which c equals.
func (e *Encoder) known(k *knownClass, c *Class) {
	if c != k.class {
		e.class(k.class)
		h, _ := e.handles.get(k.class)
		e.handles.put(c, h)
		return
	}
	e.out = append(e.out, k.descriptor...)
	e.assign(c)
	e.class(c.Super)
}

func (e *Encoder) proxy(c *Class) {
	e.out = append(e.out, tcProxyClassDesc)
	e.assign(c)
	e.out = binary.BigEndian.AppendUint32(e.out, uint32(len(c.Interfaces)))
	for _, name := range c.Interfaces {
		e.out = appendName(e.out, name)
	}
}

func (e *Encoder) described(c *Class) {
	e.out = appendHead(e.out, c)
	e.assign(c)
	for _, f := range c.Fields {
		e.out = appendField(e.out, f)
		if width(f.Code) == 0 {
			e.signature(f.Type)
		}
	}
}

// appendHead appends a descriptor up to its fields.
func appendHead(b []byte, c *Class) []byte {
	b = appendName(append(b, tcClassDesc), c.Name)
	b = binary.BigEndian.AppendUint64(b, uint64(c.SUID))
	return binary.BigEndian.AppendUint16(append(b, c.Flags), uint16(len(c.Fields)))
}

// appendField appends a field; of an object its signature follows.
func appendField(b []byte, f Field) []byte { return appendName(append(b, f.Code), f.Name) }

// appendName appends text of the grammar itself, which is no object. A Decoder
// and this package make none longer than MaxUTF.
func appendName(b []byte, text string) []byte {
	return appendUTF(binary.BigEndian.AppendUint16(b, uint16(utfLen(text))), text)
}

// signature writes the type of a field: one object for all that are equal.
func (e *Encoder) signature(t *String) {
	if _, ok := e.handles.get(t); !ok {
		if h, ok := e.types.get(t.Text); ok {
			e.handles.put(t, h)
		} else {
			e.types.put(t.Text, e.next)
		}
	}
	e.Object(t)
}
