package javaserial

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
)

// A Decoder reads one stream from the front to the back, as a Java program
// reads an ObjectInputStream: objects by Object, and between them primitive
// data by Int32 and the like. It belongs to one goroutine. The first error
// sticks.
type Decoder struct {
	data    []byte // from the start of the stream; blocks are slices of it
	at      int
	block   int // bytes left of the block of primitive data that is being read
	handles []Node
	limits  Limits
	depth   int
	objects int
	room    int    // bytes that may be used before Limits.Room is asked again
	open    []Node // the objects that are being read, the outermost first
	err     error
	few     [16]Node // where handles begins
}

// NewDecoder begins to read data, which must not change as long as what was
// read is in use. A wrong header is told by the first read.
func NewDecoder(data []byte, limits Limits) *Decoder {
	d := &Decoder{}
	d.begin(data, limits)
	return d
}

// decoders are empty ones that were used before.
var decoders = sync.Pool{New: func() any { return &Decoder{} }}

// Read has read read a stream, and returns its error. The Decoder is used again
// afterwards; what was read is not.
func Read(data []byte, limits Limits, read func(d *Decoder) error) error {
	d := decoders.Get().(*Decoder)
	d.begin(data, limits)
	err := read(d)
	*d = Decoder{}
	decoders.Put(d)
	return err
}

// begin begins to read data.
func (d *Decoder) begin(data []byte, limits Limits) {
	d.data, d.limits, d.room = data, limits.withDefaults(), freeRoom
	d.handles = d.few[:0]
	switch {
	case len(data) > d.limits.Bytes:
		d.fail("the stream has %d bytes, more than %d", len(data), d.limits.Bytes)
	case len(data) < 4 || binary.BigEndian.Uint16(data) != magic || binary.BigEndian.Uint16(data[2:]) != version:
		d.fail("not a Java object stream: it does not begin with ac ed 00 05")
	}
	d.at = 4
}

// Decode returns the one object of which data is the stream.
func Decode(data []byte, limits Limits) (Node, error) {
	var n Node
	err := Read(data, limits, func(d *Decoder) (err error) {
		if n, err = d.Object(); err != nil {
			return err
		}
		return d.End()
	})
	if err != nil {
		return nil, err
	}
	return n, nil
}

// fail keeps the first error and returns it.
func (d *Decoder) fail(format string, args ...any) error {
	if d.err == nil {
		d.err = &Error{min(d.at, len(d.data)), fmt.Sprintf(format, args...)}
	}
	return d.err
}

// aborted is how an exception in the stream reaches the outermost object.
type aborted struct{ thrown Node }

func (*aborted) Error() string { return "java stream: an exception stands in place of an object" }

// take returns the next n bytes outside of blocks.
func (d *Decoder) take(n int) ([]byte, error) {
	if d.err != nil {
		return nil, d.err
	}
	if n < 0 || n > len(d.data)-d.at {
		return nil, d.fail("the stream ends within an item (%d bytes wanted, %d left)", n, len(d.data)-d.at)
	}
	b := d.data[d.at : d.at+n : d.at+n]
	d.at += n
	return b, nil
}

func (d *Decoder) byte() (byte, error) {
	b, err := d.take(1)
	if err != nil {
		return 0, err
	}
	return b[0], nil
}

func (d *Decoder) uint16() (int, error) {
	b, err := d.take(2)
	if err != nil {
		return 0, err
	}
	return int(binary.BigEndian.Uint16(b)), nil
}

func (d *Decoder) int32() (int, error) {
	b, err := d.take(4)
	if err != nil {
		return 0, err
	}
	return int(int32(binary.BigEndian.Uint32(b))), nil
}

func (d *Decoder) int64() (int64, error) {
	b, err := d.take(8)
	if err != nil {
		return 0, err
	}
	return int64(binary.BigEndian.Uint64(b)), nil
}

// utf reads text with a length of two bytes.
func (d *Decoder) utf() (string, error) {
	n, err := d.uint16()
	if err != nil {
		return "", err
	}
	return d.text(n)
}

func (d *Decoder) text(n int) (string, error) {
	if n > d.limits.String {
		return "", d.fail("a string of %d bytes, more than %d", n, d.limits.String)
	}
	b, err := d.take(n)
	if err == nil {
		err = d.use(n)
	}
	if err != nil {
		return "", err
	}
	text, ok := decodeUTF(b)
	if !ok {
		return "", d.fail("a string that is not modified UTF-8")
	}
	return text, nil
}

// More reports whether anything is left to read.
func (d *Decoder) More() bool {
	if d.err != nil {
		return false
	}
	if d.block == 0 {
		d.skipResets()
	}
	return d.block > 0 || d.at < len(d.data)
}

// End is an error if anything is left to read, or an earlier one.
func (d *Decoder) End() error {
	if d.More() {
		return d.fail("%d bytes more than expected", len(d.data)-d.at)
	}
	return d.err
}

// Offset is how many bytes have been read.
func (d *Decoder) Offset() int { return d.at }

func (d *Decoder) skipResets() {
	for d.at < len(d.data) && d.data[d.at] == tcReset {
		d.at++
		d.forget()
	}
}

// forget forgets all handles, as TC_RESET and exceptions want it. What keeps
// count of work goes on counting.
func (d *Decoder) forget() { d.handles = d.handles[:0] }

// Next returns the next item of the stream, whichever it is: an object, or what
// is left of a block of primitive data. At the end of the stream it returns
// io.EOF.
func (d *Decoder) Next() (Content, error) {
	if !d.More() {
		if d.err != nil {
			return Content{}, d.err
		}
		return Content{}, io.EOF
	}
	if d.block == 0 {
		if isBlock, err := d.enterBlock(); err != nil || !isBlock {
			if err != nil {
				return Content{}, err
			}
			n, err := d.Object()
			return Content{Node: n}, err
		}
	}
	b, err := d.take(d.block)
	d.block = 0
	if b == nil {
		b = []byte{}
	}
	return Content{Block: b}, err
}

// enterBlock takes the head of a block, if one is next.
func (d *Decoder) enterBlock() (bool, error) {
	if d.err != nil {
		return false, d.err
	}
	if d.at == len(d.data) {
		return false, d.fail("the stream ends where more is expected")
	}
	n := 0
	var err error
	switch d.data[d.at] {
	case tcBlockData:
		d.at++
		var short byte
		short, err = d.byte()
		n = int(short)
	case tcBlockDataLong:
		d.at++
		n, err = d.int32()
	default:
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if n < 0 || n > len(d.data)-d.at {
		return false, d.fail("a block of %d bytes, but %d are left", n, len(d.data)-d.at)
	}
	if d.count(1) != nil {
		return false, d.err
	}
	d.block = n
	return true, nil
}

// primitiveBytes returns the next n bytes of primitive data, which may stand in
// several blocks.
func (d *Decoder) primitiveBytes(n int) ([]byte, error) {
	if d.err == nil && d.block >= n {
		d.block -= n
		return d.take(n)
	}
	var all []byte
	for n > 0 {
		for d.block == 0 {
			d.skipResets()
			isBlock, err := d.enterBlock()
			if err != nil {
				return nil, err
			}
			if !isBlock {
				return nil, d.fail("an object (%#02x) where %d bytes of primitive data are expected", d.data[d.at], n)
			}
		}
		part, err := d.take(min(n, d.block))
		if err != nil {
			return nil, err
		}
		d.block -= len(part)
		n -= len(part)
		all = append(all, part...)
	}
	return all, d.err
}

// Bool reads a boolean of primitive data.
func (d *Decoder) Bool() (bool, error) {
	b, err := d.primitiveBytes(1)
	return err == nil && b[0] != 0, err
}

// Int8 reads a byte of primitive data.
func (d *Decoder) Int8() (int8, error) {
	b, err := d.primitiveBytes(1)
	if err != nil {
		return 0, err
	}
	return int8(b[0]), nil
}

// Int32 reads an int of primitive data.
func (d *Decoder) Int32() (int32, error) {
	b, err := d.primitiveBytes(4)
	if err != nil {
		return 0, err
	}
	return int32(binary.BigEndian.Uint32(b)), nil
}

// Int64 reads a long of primitive data.
func (d *Decoder) Int64() (int64, error) {
	b, err := d.primitiveBytes(8)
	if err != nil {
		return 0, err
	}
	return int64(binary.BigEndian.Uint64(b)), nil
}

// Float64 reads a double of primitive data.
func (d *Decoder) Float64() (float64, error) {
	n, err := d.Int64()
	return math.Float64frombits(uint64(n)), err
}

// UTF reads what writeUTF wrote.
func (d *Decoder) UTF() (string, error) {
	b, err := d.primitiveBytes(2)
	if err != nil {
		return "", err
	}
	if b, err = d.primitiveBytes(int(binary.BigEndian.Uint16(b))); err != nil {
		return "", err
	}
	text, ok := decodeUTF(b)
	if !ok {
		return "", d.fail("a string that is not modified UTF-8")
	}
	return text, nil
}

// Bytes reads n bytes of primitive data.
func (d *Decoder) Bytes(n int) ([]byte, error) {
	if n < 0 || n > len(d.data)-d.at {
		return nil, d.fail("%d bytes of primitive data, but %d are left", n, len(d.data)-d.at)
	}
	return d.primitiveBytes(n)
}

// Object reads an object. If its writing failed in Java it is an *Aborted, and
// the stream goes on behind it.
func (d *Decoder) Object() (Node, error) {
	if d.err != nil {
		return nil, d.err
	}
	if d.block > 0 {
		return nil, d.fail("%d bytes of primitive data where an object is expected", d.block)
	}
	d.open = d.open[:0]
	n, err := d.object()
	var stop *aborted
	if errors.As(err, &stop) {
		a := &Aborted{Thrown: stop.thrown}
		if len(d.open) > 0 {
			a.Partial = d.open[0]
		}
		d.depth, d.block = 0, 0
		return a, nil
	}
	return n, err
}

// count adds n to the items that were read.
func (d *Decoder) count(n int) error {
	if d.objects += n; d.objects > d.limits.Objects {
		return d.fail("more than %d objects and elements", d.limits.Objects)
	}
	return d.use(n * itemSize)
}

const (
	// itemSize is about what an item takes at most: an object with its handle.
	itemSize = 128
	// freeRoom is what a stream may take without asking, roomStep how much it
	// asks for at once.
	freeRoom = 16 << 10
	roomStep = 64 << 10
)

// use counts n bytes of memory.
func (d *Decoder) use(n int) error {
	if d.limits.Room == nil {
		return nil
	}
	if d.room -= n; d.room >= 0 {
		return nil
	}
	more := max(roomStep, -d.room)
	if !d.limits.Room(more) {
		return d.fail("no memory left to read more of it")
	}
	d.room += more
	return nil
}

// deeper enters one level of objects in objects; the caller leaves it again.
func (d *Decoder) deeper() error {
	if d.depth++; d.depth > d.limits.Depth {
		return d.fail("objects in objects deeper than %d", d.limits.Depth)
	}
	return nil
}

// assign gives n the next handle.
func (d *Decoder) assign(n Node) error {
	if len(d.handles) >= d.limits.Handles {
		return d.fail("more than %d objects that can be referred to", d.limits.Handles)
	}
	d.handles = append(d.handles, n)
	return nil
}

func (d *Decoder) reference() (Node, error) {
	h, err := d.int32()
	if err != nil {
		return nil, err
	}
	i := h - firstHandle
	if i < 0 || i >= len(d.handles) {
		d.at -= 4
		return nil, d.fail("a reference to handle %#x, which was not assigned", uint32(h))
	}
	return d.handles[i], nil
}
