// Package ajp speaks AJP/1.3, the protocol between a web server and a servlet
// container. What comes in are requests as the web server knows them, what
// goes out are the packets of both sides, and the container's messages back.
//
// Server is a container: it has an http.Handler answer what web servers forward.
// Conn is the web server's side of one connection, ContainerConn the
// container's. Between them each message is a type with its layout in its
// comment: writers append, readers take from a slice, and neither does I/O.
// Nothing that is read is trusted: a packet that does not hold what its
// message needs is a *ProtocolError with the offset at which it went wrong.
//
// Source: "AJPv13" of the Tomcat Connectors documentation.
package ajp

import (
	"encoding/binary"
	"fmt"
)

// Sizes in bytes. A packet is 4 bytes of head and a payload.
const (
	DefaultMaxPacket = 8192  // of a container that was not told otherwise
	MinMaxPacket     = 8192  // the least that both sides can be told
	MaxMaxPacket     = 65536 // the most that both sides can be told

	headLen    = 4
	maxPayload = 65535 // the length field has 16 bits
	maxString  = 65534 // 65535 marks null
)

// A Prefix is the first byte of a payload: the message that it carries. Body
// data of a request is the one message without.
type Prefix byte

const (
	PrefixForwardRequest Prefix = 2
	PrefixSendBodyChunk  Prefix = 3
	PrefixSendHeaders    Prefix = 4
	PrefixEndResponse    Prefix = 5
	PrefixGetBodyChunk   Prefix = 6
	PrefixShutdown       Prefix = 7
	PrefixCPong          Prefix = 9
	PrefixCPing          Prefix = 10
)

var prefixNames = map[Prefix]string{
	PrefixForwardRequest: "Forward Request",
	PrefixSendBodyChunk:  "Send Body Chunk",
	PrefixSendHeaders:    "Send Headers",
	PrefixEndResponse:    "End Response",
	PrefixGetBodyChunk:   "Get Body Chunk",
	PrefixShutdown:       "Shutdown",
	PrefixCPong:          "CPong",
	PrefixCPing:          "CPing",
}

// String returns the name of the message.
func (p Prefix) String() string {
	if name, ok := prefixNames[p]; ok {
		return name
	}
	return fmt.Sprintf("message %d", byte(p))
}

// A ProtocolError tells that bytes are not AJP/1.3, or not what may come now.
// The connection that they came on must be closed.
type ProtocolError struct {
	Message string // the message that was read, "Send Headers", or "packet"
	Offset  int    // byte of the payload, or of the packet's head
	Text    string
}

func (e *ProtocolError) Error() string {
	return fmt.Sprintf("ajp: %s at byte %d: %s", e.Message, e.Offset, e.Text)
}

// A TooLargeError tells that a message does not fit in one packet, which it
// must. Nothing of it was sent.
type TooLargeError struct {
	Need    int    // bytes that the packet would have
	Max     int    // bytes that it may have
	Largest string // name of the header that takes most; empty if none does
}

func (e *TooLargeError) Error() string {
	if e.Largest == "" {
		return fmt.Sprintf("ajp: the message needs %d bytes, a packet has %d", e.Need, e.Max)
	}
	return fmt.Sprintf("ajp: the message needs %d bytes, a packet has %d; the largest header is %s", e.Need, e.Max, e.Largest)
}

// appendString appends s as length, bytes and NUL.
func appendString(b []byte, s string) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
	b = append(b, s...)
	return append(b, 0)
}

// appendNull appends the null string.
func appendNull(b []byte) []byte { return append(b, 0xff, 0xff) }

// appendBool appends one byte.
func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}
