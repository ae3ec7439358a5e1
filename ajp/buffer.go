package ajp

import "sync"

// inputLen is the size of a borrowed input buffer: several packets of the
// usual size come in one read.
const inputLen = 32 << 10

var inputs = sync.Pool{New: func() any { return new([inputLen]byte) }}

func borrowInput() []byte { return inputs.Get().(*[inputLen]byte)[:] }

// giveBackInput gives the input buffer back if nothing in it is unread.
func (c *Conn) giveBackInput() {
	if c.in == nil || c.from != c.to {
		return
	}
	if len(c.in) == inputLen {
		inputs.Put((*[inputLen]byte)(c.in))
	}
	c.in, c.from, c.to = nil, 0, 0
}

// An output is a buffer in which a packet is put together.
type output struct{ bytes []byte }

var outputs = sync.Pool{New: func() any { return &output{make([]byte, 0, 2*DefaultMaxPacket)} }}

func borrow() *output { return outputs.Get().(*output) }

func giveBack(o *output) {
	if cap(o.bytes) <= 4*DefaultMaxPacket {
		outputs.Put(o)
	}
}
