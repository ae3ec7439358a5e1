package ajp

import (
	"encoding/binary"
	"io"
	"sync"
)

// inputLen is the size of a borrowed input buffer: several packets of the
// usual size come in one read.
const inputLen = 32 << 10

var inputs = sync.Pool{New: func() any { return new([inputLen]byte) }}

func borrowInput() []byte { return inputs.Get().(*[inputLen]byte)[:] }

// An input is what came on a connection and nobody has taken yet:
// buf[from:to]. Its buffer is borrowed, and only there while it is used.
type input struct {
	buf      []byte
	from, to int
}

func (in *input) empty() bool { return in.from == in.to }

// take makes sure that there is a buffer.
func (in *input) take() {
	if in.buf == nil {
		in.buf = borrowInput()
		in.from, in.to = 0, 0
	}
}

// giveBack gives the buffer back if nothing in it is unread.
func (in *input) giveBack() {
	if in.buf == nil || in.from != in.to {
		return
	}
	if len(in.buf) == inputLen {
		inputs.Put((*[inputLen]byte)(in.buf))
	}
	in.buf, in.from, in.to = nil, 0, 0
}

// packet takes the payload of the next packet; it is valid until the next
// call. The packet begins with first and second, and its payload has at most
// most bytes.
func (in *input) packet(r io.Reader, first, second byte, most int) ([]byte, error) {
	if err := in.fill(r, headLen); err != nil {
		return nil, err
	}
	head := in.buf[in.from:in.to]
	if head[0] != first || head[1] != second {
		if first == 'A' {
			return nil, &ProtocolError{"packet", 0, "does not begin with 41 42"}
		}
		return nil, &ProtocolError{"packet", 0, "does not begin with 12 34" + spoken(head)}
	}
	length := int(binary.BigEndian.Uint16(head[2:]))
	if length > most {
		return nil, errPacketSize
	}
	if err := in.fill(r, headLen+length); err != nil {
		return nil, err
	}
	payload := in.buf[in.from+headLen : in.from+headLen+length]
	in.from += headLen + length
	return payload, nil
}

// spoken says what a web server's side speaks instead of AJP, as far as its first
// bytes tell.
func spoken(head []byte) string {
	switch {
	case head[0] == 0x16 && head[1] == 3:
		return ": it is TLS, and this port speaks AJP"
	case isUpper(head[0]) && isUpper(head[1]) && isUpper(head[2]):
		return ": it is HTTP, and this port speaks AJP"
	}
	return ""
}

func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }

// errPacketSize refuses a packet that is larger than what a container takes.
var errPacketSize = &ProtocolError{"packet", 2, "is larger than packetSize"}

// fill reads until n bytes are there.
func (in *input) fill(r io.Reader, n int) error {
	in.take()
	if in.from == in.to {
		in.from, in.to = 0, 0
	}
	if in.from+n > len(in.buf) {
		in.makeRoom(n)
	}
	for in.to-in.from < n {
		read, err := r.Read(in.buf[in.to:])
		in.to += read
		if err != nil && in.to-in.from < n {
			if err == io.EOF && in.to > in.from {
				return io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}

// makeRoom moves what is unread to the front of a buffer that holds n bytes.
func (in *input) makeRoom(n int) {
	to := in.buf
	if n > len(to) {
		to = make([]byte, headLen+maxPayload)
	}
	in.to = copy(to, in.buf[in.from:in.to])
	in.from, in.buf = 0, to
}

// An output is a buffer in which packets are put together.
type output struct{ bytes []byte }

var outputs = sync.Pool{New: func() any { return &output{make([]byte, 0, 2*DefaultMaxPacket)} }}

func borrow() *output { return outputs.Get().(*output) }

func giveBack(o *output) {
	if cap(o.bytes) <= 8*DefaultMaxPacket {
		o.bytes = o.bytes[:0]
		outputs.Put(o)
	}
}
