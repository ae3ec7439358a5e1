package ajp

import (
	"encoding/binary"
	"io"
	"net"
	"os"
	"syscall"
)

// A ContainerConn is the container's side of a connection: it reads what a web
// server sends and writes answers, which leave at Flush, or earlier if there
// are many. One goroutine at a time uses it. Its buffers are borrowed while
// they are in use, so that an idle one is small.
type ContainerConn struct {
	net.Conn
	raw  syscall.RawConn // nil if the connection has no descriptor
	max  int             // of a packet, in bytes
	in   input
	out  *output               // borrowed; nil if nothing is queued
	once func(fd uintptr) bool // reads into a fresh buffer, for raw
	err  error                 // of once
}

// NewContainerConn returns the container's side of nc. maxPacket is its
// packetSize in bytes, 8192 to 65536; a larger packet is a *ProtocolError.
func NewContainerConn(nc net.Conn, maxPacket int) *ContainerConn {
	c := &ContainerConn{Conn: nc, max: min(max(maxPacket, MinMaxPacket), MaxMaxPacket)}
	if sc, ok := nc.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			c.raw = raw
		}
	}
	c.once = c.readOnce
	return c
}

// ReadPacket returns the payload of the next packet, valid until the next
// call. io.EOF means that the connection ended between two packets.
func (c *ContainerConn) ReadPacket() ([]byte, error) {
	return c.in.packet(c.Conn, 0x12, 0x34, c.max-headLen)
}

// await waits for the first byte of a packet. While it waits there is no
// buffer.
func (c *ContainerConn) await() error {
	if !c.in.empty() {
		return nil
	}
	c.in.giveBack()
	if c.raw == nil {
		return c.in.fill(c.Conn, 1)
	}
	c.err = nil
	if err := c.raw.Read(c.once); err != nil {
		return err
	}
	return c.err
}

// readOnce reads what is there. It reports whether there was something, or
// the end.
func (c *ContainerConn) readOnce(fd uintptr) bool {
	c.in.take()
	for {
		n, err := syscall.Read(int(fd), c.in.buf)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			c.in.giveBack()
			return false
		case err != nil:
			c.err = os.NewSyscallError("read", err)
		case n == 0:
			c.err = io.EOF
		default:
			c.in.to = n
		}
		return true
	}
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

// maxQueued is how many bytes wait at most for a Flush, unless a single packet
// is larger.
const maxQueued = 3 * DefaultMaxPacket

// queue returns the bytes that wait, to be appended to; keep takes them back.
func (c *ContainerConn) queue() []byte {
	if c.out == nil {
		c.out = borrow()
	}
	return c.out.bytes
}

// keep queues b, which is what queue returned with more behind it, and sends
// it if it is much.
func (c *ContainerConn) keep(b []byte) error {
	c.out.bytes = b
	if len(b) > maxQueued {
		return c.Flush()
	}
	return nil
}

// Write queues bytes as they are.
func (c *ContainerConn) Write(b []byte) (int, error) {
	if err := c.keep(append(c.queue(), b...)); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Flush sends what is queued. What could not be sent is dropped.
func (c *ContainerConn) Flush() error {
	if c.out == nil {
		return nil
	}
	_, err := c.Conn.Write(c.out.bytes)
	giveBack(c.out)
	c.out = nil
	return err
}

// Send queues one message: a *SendHeaders, SendBodyChunk, GetBodyChunk,
// EndResponse or CPong.
func (c *ContainerConn) Send(m interface{ AppendTo([]byte) []byte }) error {
	return c.keep(AppendPacket(c.queue(), m))
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
