package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// A Message is what goes from one member to others.
//
//	options    int32
//	timestamp  int64     when it was handed to the channel, ms
//	uniqueId   int32, n  always 16
//	address    int32, n  the member that sends it
//	data       int32, n
//
// Source: io.ChannelData.
type Message struct {
	Options   Options
	Timestamp int64 // ms since 1970, when it was handed to the channel
	ID        ID    // a repeated one keeps it
	From      Member
	Data      []byte
	// Order is what the message belongs to, such as a session's id: those with
	// the same leave in their order. Empty for none; not among the bytes.
	Order string
	// Room takes so many more bytes of the receive budget, for what m becomes
	// while it is worked on; false if there are none. It may be called until
	// Deliver returns. Nil where nothing bounds it; not among the bytes.
	Room func(n int) bool
}

// Take takes n bytes of Room.
func (m *Message) Take(n int) bool { return m.Room == nil || m.Room(n) }

// AppendTo appends the body of m's frame to b. from are the bytes of its
// sender.
func (m *Message) AppendTo(b, from []byte) []byte {
	b = appendInt32(b, int32(m.Options))
	b = binary.BigEndian.AppendUint64(b, uint64(m.Timestamp))
	b = appendCounted(b, m.ID[:])
	b = appendCounted(b, from)
	return appendCounted(b, m.Data)
}

// ParseMessage reads the body of a frame. Data is a part of b.
func ParseMessage(b []byte) (m Message, err error) {
	p := payload{what: "message", b: b}
	m.Options = Options(p.int32())
	m.Timestamp = p.int64()
	id := p.counted()
	if p.err == nil && len(id) != len(m.ID) {
		p.fail(fmt.Sprintf("a unique id of %d bytes", len(id)))
	}
	copy(m.ID[:], id)
	address := p.counted()
	if p.err == nil {
		var size int
		if m.From, size, p.err = ParseMember(address); p.err == nil && size != len(address) {
			p.fail(fmt.Sprintf("%d bytes behind the sender", len(address)-size))
		}
	}
	m.Data = p.counted()
	if p.err == nil && p.at != len(b) {
		p.fail(fmt.Sprintf("%d bytes behind the data", len(b)-p.at))
	}
	if p.err != nil {
		return Message{}, p.err
	}
	return m, nil
}

// A Frame stands around what goes over a connection:
//
//	begin   7 bytes  "FLT2002"
//	length  int32    of the body
//	body    n bytes
//	end     7 bytes  "TLF2003"
//
// Source: io.XByteBuffer.
var (
	frameBegin = []byte("FLT2002")
	frameEnd   = []byte("TLF2003")
)

// FrameHead and FrameTail are how many bytes stand before and behind a body.
const (
	FrameHead = 7 + 4
	FrameTail = 7
)

// AppendFrame appends a frame with that body to b.
func AppendFrame(b, body []byte) []byte {
	b = append(b, frameBegin...)
	b = appendCounted(b, body)
	return append(b, frameEnd...)
}

// AppendMessage appends a frame with m to b. from are the bytes of its sender.
func AppendMessage(b []byte, m *Message, from []byte) []byte {
	b = append(b, frameBegin...)
	start := len(b)
	b = m.AppendTo(appendInt32(b, 0), from)
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start-4))
	return append(b, frameEnd...)
}

// MessageSize is how long the frame of m is if its sender has so many bytes.
func MessageSize(m *Message, from int) int {
	return FrameHead + 4 + 8 + 4 + len(m.ID) + 4 + from + 4 + len(m.Data) + FrameTail
}

// BodySize returns how long the body is of the frame that begins with head,
// which has FrameHead bytes.
func BodySize(head []byte, most int) (int, error) {
	if !bytes.Equal(head[:len(frameBegin)], frameBegin) {
		return 0, &Error{"frame", 0, "it does not begin with FLT2002"}
	}
	n := int(int32(binary.BigEndian.Uint32(head[len(frameBegin):])))
	if n < 0 || n > most {
		return 0, &Error{"frame", len(frameBegin), fmt.Sprintf("a body of %d bytes, more than %d", n, most)}
	}
	return n, nil
}

// CheckTail is an error if tail, which has FrameTail bytes, does not end a
// frame.
func CheckTail(tail []byte) error {
	if !bytes.Equal(tail, frameEnd) {
		return &Error{"frame", 0, "TLF2003 does not stand where its length says"}
	}
	return nil
}

// ParseFrame returns the body of the frame at the start of b, a part of it, and
// how long the frame is; 0 if b ends before it does.
func ParseFrame(b []byte, most int) (body []byte, size int, err error) {
	if len(b) < FrameHead {
		return nil, 0, nil
	}
	n, err := BodySize(b[:FrameHead], most)
	if err != nil {
		return nil, 0, err
	}
	if size = FrameHead + n + FrameTail; len(b) < size {
		return nil, 0, nil
	}
	if err := CheckTail(b[size-FrameTail : size]); err != nil {
		return nil, 0, err
	}
	return b[FrameHead : FrameHead+n : FrameHead+n], size, nil
}

// Ack and FailAck are the bodies of acknowledgements: a message arrived, or the
// receiver could not work on it.
//
// Source: transport.Constants.
var (
	Ack     = []byte{6, 2, 3}
	FailAck = []byte{11, 0, 5}
)
