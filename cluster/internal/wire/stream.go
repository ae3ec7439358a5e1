package wire

import (
	"bytes"
	"encoding/binary"

	"github.com/catflap/catflap/javaserial"
)

// Streams of messages are all alike but for their fields, and there are very
// many of them: they are written and read without the graph of nodes that
// Object and ParseMessage have.
//
//	head       always the same
//	timestamp  int64        of the base class: 0
//	mEvtType   int32
//	serializationTimestamp  int64
//	timestampSet            boolean
//	mContextName            string, or null
//	mSession                byte[], or null
//	mSessionID              string
//	uniqueId                string
const fixedSize = 8 + 4 + 8 + 1

// codeNull is how null stands in a stream. Source: TC_NULL.
const codeNull = 0x70

var (
	messageHead = headOf((&Message{Everybody: true}).Object(), fixedSize+len([]byte{codeNull, codeNull})+2*len(javaserial.AppendString(nil, "")))
	bytesHead   = headOf(javaserial.ByteArray(nil), 4)[4:] // without that of the stream
)

// headOf is the stream of n without its last bytes.
func headOf(n javaserial.Node, last int) []byte {
	b := javaserial.Encode(n)
	return b[: len(b)-last : len(b)-last]
}

// Encode returns m as a stream of its own.
func (m *Message) Encode() []byte {
	size := len(messageHead) + fixedSize + len(bytesHead) + 4 + len(m.Payload)
	b := make([]byte, 0, size+len(m.Context)+len(m.ID)+len(m.Key)+16)
	b = append(append(b, messageHead...), 0, 0, 0, 0, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(m.Event))
	b = binary.BigEndian.AppendUint64(b, uint64(m.Timestamp))
	if m.Unstamped {
		b = append(b, 0)
	} else {
		b = append(b, 1)
	}
	if m.Everybody {
		b = append(b, codeNull)
	} else {
		b = javaserial.AppendString(b, m.Context)
	}
	if m.Payload == nil {
		b = append(b, codeNull)
	} else {
		b = binary.BigEndian.AppendUint32(append(b, bytesHead...), uint32(len(m.Payload)))
		b = append(b, m.Payload...)
	}
	return javaserial.AppendString(javaserial.AppendString(b, m.ID), m.Key)
}

// ReadMessage reads the stream of a message that is written as Encode does. ok
// is false of all others, also of messages with another layout: ParseMessage
// reads those.
func ReadMessage(stream []byte) (m Message, ok bool) {
	b, ok := bytes.CutPrefix(stream, messageHead)
	if !ok || len(b) < fixedSize {
		return Message{}, false
	}
	m.Event = Event(binary.BigEndian.Uint32(b[8:]))
	m.Timestamp = int64(binary.BigEndian.Uint64(b[12:]))
	m.Unstamped = b[20] == 0
	b = b[fixedSize:]
	if b, m.Everybody = bytes.CutPrefix(b, []byte{codeNull}); !m.Everybody {
		if m.Context, b, ok = javaserial.TakeString(b); !ok {
			return Message{}, false
		}
	}
	if m.Payload, b, ok = takeBytes(b); !ok {
		return Message{}, false
	}
	if m.ID, b, ok = javaserial.TakeString(b); !ok {
		return Message{}, false
	}
	if m.Key, b, ok = javaserial.TakeString(b); !ok || len(b) > 0 {
		return Message{}, false
	}
	return m, true
}

// takeBytes takes a byte[], or null.
func takeBytes(b []byte) (field, rest []byte, ok bool) {
	if rest, isNull := bytes.CutPrefix(b, []byte{codeNull}); isNull {
		return nil, rest, true
	}
	b, ok = bytes.CutPrefix(b, bytesHead)
	if !ok || len(b) < 4 {
		return nil, nil, false
	}
	n := int(int32(binary.BigEndian.Uint32(b)))
	if b = b[4:]; n < 0 || n > len(b) {
		return nil, nil, false
	}
	return b[:n:n], b[n:], true
}
