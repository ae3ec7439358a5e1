// Package wire turns the values of Tribes into bytes and back: a Member, a
// Message with its sender, a frame around it, acknowledgements, options. What
// comes in is a slice, what goes out is one; nothing here does I/O.
//
// All integers are big-endian. Everything that a length claims is checked
// before it is used; nothing is allocated by it.
//
// Source: org.apache.catalina.tribes of Tomcat 10.1 (membership.MemberImpl,
// io.ChannelData, io.XByteBuffer).
package wire

import (
	"encoding/binary"
	"fmt"
)

// An Error tells what is wrong with the bytes of a peer, and where.
type Error struct {
	What   string // "member", "frame", "message"
	Offset int    // in bytes from the start of that
	Reason string
}

func (e *Error) Error() string {
	return fmt.Sprintf("tribes: %s at byte %d: %s", e.What, e.Offset, e.Reason)
}

// A payload takes fields from the front of a slice. Its first error sticks, so
// that a message checks once.
type payload struct {
	what string
	b    []byte
	at   int
	err  error
}

func (p *payload) fail(reason string) {
	if p.err == nil {
		p.err = &Error{p.what, p.at, reason}
	}
}

// take returns the next n bytes, nil if they are not there.
func (p *payload) take(n int) []byte {
	if p.err != nil {
		return nil
	}
	if n < 0 || n > len(p.b)-p.at {
		p.fail(fmt.Sprintf("%d bytes wanted, %d are left", n, len(p.b)-p.at))
		return nil
	}
	b := p.b[p.at : p.at+n : p.at+n]
	p.at += n
	return b
}

func (p *payload) int32() int32 {
	if b := p.take(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (p *payload) int64() int64 {
	if b := p.take(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

// counted returns the bytes that follow their number.
func (p *payload) counted() []byte { return p.take(int(p.int32())) }

func appendInt32(b []byte, n int32) []byte { return binary.BigEndian.AppendUint32(b, uint32(n)) }

func appendCounted(b, field []byte) []byte {
	return append(appendInt32(b, int32(len(field))), field...)
}
