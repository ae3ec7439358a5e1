package ajp

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
)

// A ContainerConn is the container's side of a connection: it reads what a web
// server sends and writes answers, which leave at Flush. One goroutine at a
// time uses it.
type ContainerConn struct {
	net.Conn
	out *bufio.Writer
	in  *bufio.Reader
	max int
	buf []byte
}

// NewContainerConn returns the container's side of nc. maxPacket is its
// packetSize in bytes, 8192 to 65536; a larger packet is a *ProtocolError.
func NewContainerConn(nc net.Conn, maxPacket int) *ContainerConn {
	return &ContainerConn{
		Conn: nc, max: min(max(maxPacket, MinMaxPacket), MaxMaxPacket),
		in: bufio.NewReaderSize(nc, 2*DefaultMaxPacket), out: bufio.NewWriterSize(nc, DefaultMaxPacket),
	}
}

// ReadPacket returns the payload of the next packet, valid until the next
// call. io.EOF means that the connection ended between two packets.
func (c *ContainerConn) ReadPacket() ([]byte, error) {
	var head [headLen]byte
	if _, err := io.ReadFull(c.in, head[:]); err != nil {
		return nil, err
	}
	if head[0] != 0x12 || head[1] != 0x34 {
		return nil, &ProtocolError{"packet", 0, "does not begin with 12 34"}
	}
	length := int(binary.BigEndian.Uint16(head[2:]))
	if length > c.max-headLen {
		return nil, &ProtocolError{"packet", 2, "is larger than packetSize"}
	}
	if cap(c.buf) < length {
		c.buf = make([]byte, c.max)
	}
	c.buf = c.buf[:length]
	if _, err := io.ReadFull(c.in, c.buf); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return c.buf, nil
}

// ReadBody returns the data of a body packet, valid until the next read. Empty
// data is the end of the body.
func (c *ContainerConn) ReadBody() ([]byte, error) {
	bytes, err := c.ReadPacket()
	if err != nil || len(bytes) == 0 {
		return nil, err
	}
	return ParseBody(bytes)
}

// ParseBody returns the data of the payload of a body packet.
func ParseBody(bytes []byte) ([]byte, error) {
	if len(bytes) == 0 {
		return nil, nil
	}
	p := payload{message: "request body", bytes: bytes}
	data := p.take(int(p.uint16()))
	return data, p.done()
}

// Write queues bytes as they are, Flush sends what is queued.
func (c *ContainerConn) Write(b []byte) (int, error) { return c.out.Write(b) }

// Flush sends what is queued.
func (c *ContainerConn) Flush() error { return c.out.Flush() }

// Send queues one message: a *SendHeaders, SendBodyChunk, GetBodyChunk,
// EndResponse or CPong.
func (c *ContainerConn) Send(m interface{ AppendTo([]byte) []byte }) error {
	_, err := c.out.Write(AppendPacket(nil, m))
	return err
}

// AppendPacket appends the container's packet that carries m to b.
func AppendPacket(b []byte, m interface{ AppendTo([]byte) []byte }) []byte {
	start := len(b)
	b = m.AppendTo(append(b, 'A', 'B', 0, 0))
	binary.BigEndian.PutUint16(b[start+2:], uint16(len(b)-start-headLen))
	return b
}

// CPong answers a CPing.
//
//	prefix  byte  9
//
// Source: AJP/1.3 reference, "CPong Reply".
type CPong struct{}

// AppendTo appends the payload of m to b.
func (CPong) AppendTo(b []byte) []byte { return append(b, byte(PrefixCPong)) }
