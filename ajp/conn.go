package ajp

import (
	"encoding/binary"
	"net"
	"syscall"
	"time"
)

// A Conn is the web server's side of a connection. It carries one request
// after the other, and one goroutine at a time uses it; only Close may be
// called beside. Its buffers are borrowed while a request is under way, so
// that an idle Conn is small.
//
// A request is SendRequest, then Receive until an End Response; each Get Body
// Chunk is answered by one SendBody or SendEndOfBody before the next Receive.
// After any error the caller closes the Conn.
type Conn struct {
	nc        net.Conn
	raw       syscall.RawConn // nil if the connection has no descriptor
	maxPacket int

	in      input
	message Message

	phase    phase
	owed     bool // the first body packet, which nobody asks for
	asked    int  // what a Get Body Chunk wants, until it is answered
	answered bool // no Get Body Chunk is open
	broken   bool
}

// phase is how far the exchange on a Conn is.
type phase int

const (
	idle phase = iota
	sent
	begun // Send Headers came
	ended // End Response came
)

// A Message is one message of the container. Which fields are set depends on
// Prefix. It is valid until the next Receive.
type Message struct {
	Prefix  Prefix
	Headers SendHeaders // PrefixSendHeaders; Reason is empty if it only repeats the status
	Chunk   []byte      // PrefixSendBodyChunk; empty: flush
	Want    int         // PrefixGetBodyChunk: the most bytes that may be sent
	Reuse   bool        // PrefixEndResponse
}

// NewConn returns the web server's side of nc. maxPacket is the size in bytes
// that the container takes, 8192 to 65536 (its packetSize); packets of any
// size are read. The Conn owns nc.
func NewConn(nc net.Conn, maxPacket int) *Conn {
	c := &Conn{nc: nc, maxPacket: min(max(maxPacket, MinMaxPacket), MaxMaxPacket), answered: true}
	if sc, ok := nc.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			c.raw = raw
		}
	}
	return c
}

// MaxBody returns how many bytes one SendBody takes at most.
func (c *Conn) MaxBody() int { return c.maxPacket - 6 }

// SendRequest sends m and, in the same write, body as the first packet of its
// body. If m declares a Content-Length other than 0 that packet is owed: body,
// or SendBody before the next Receive. Otherwise body is empty.
//
// A request that does not fit in one packet is a *TooLargeError; nothing was
// sent and the Conn is still good. Any other error is one of writing.
func (c *Conn) SendRequest(m *ForwardRequest, body []byte) error {
	out := borrow()
	defer giveBack(out)
	b, err := m.AppendTo(append(out.bytes[:0], 0x12, 0x34, 0, 0))
	if err != nil {
		return err
	}
	if len(b) > c.maxPacket || len(b)-headLen > maxPayload {
		return &TooLargeError{Need: len(b), Max: c.maxPacket, Largest: m.largest()}
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)-headLen))
	c.phase, c.answered, c.asked = sent, true, 0
	c.owed = declaresBody(m)
	if len(body) > 0 {
		b = appendBody(b, body)
		c.owed = false
	}
	out.bytes = b
	return c.write(b)
}

// declaresBody reports whether m has a Content-Length other than 0.
func declaresBody(m *ForwardRequest) bool {
	for i := range m.Headers {
		if foldEqual(m.Headers[i].Name, requestHeaders[lengthCoded]) {
			return m.Headers[i].Value != "0"
		}
	}
	return false
}

// appendBody appends a packet of body data.
func appendBody(b, body []byte) []byte {
	b = append(b, 0x12, 0x34)
	b = binary.BigEndian.AppendUint16(b, uint16(len(body)+2))
	b = binary.BigEndian.AppendUint16(b, uint16(len(body)))
	return append(b, body...)
}

// SendBody sends body, 1 to MaxBody bytes, as one packet.
func (c *Conn) SendBody(body []byte) error {
	out := borrow()
	defer giveBack(out)
	out.bytes = appendBody(out.bytes[:0], body)
	c.owed, c.answered = false, true
	return c.write(out.bytes)
}

// SendEndOfBody answers a Get Body Chunk when the body is over. A container
// takes it for the regular end, so a body that broke off must not be ended
// with it: the Conn is closed instead.
func (c *Conn) SendEndOfBody() error {
	c.owed, c.answered = false, true
	return c.write(endOfBody)
}

var endOfBody = []byte{0x12, 0x34, 0, 0}

func (c *Conn) write(b []byte) error {
	_, err := c.nc.Write(b)
	if err != nil {
		c.broken = true
	}
	return err
}

// Receive returns the container's next message. io.EOF means that the
// connection ended between two packets, io.ErrUnexpectedEOF within one; what
// may not come now, or is not AJP/1.3, is a *ProtocolError.
func (c *Conn) Receive() (*Message, error) {
	m, err := c.receive()
	if err != nil {
		c.broken = true
		return nil, err
	}
	return m, nil
}

func (c *Conn) receive() (*Message, error) {
	bytes, err := c.in.packet(c.nc, 'A', 'B', maxPayload)
	if err != nil {
		return nil, err
	}
	m := &c.message
	p := payload{message: "packet", bytes: bytes}
	m.Prefix = Prefix(p.byte())
	if p.err != nil {
		return nil, p.err
	}
	p.message = m.Prefix.String()
	if !c.mayCome(m.Prefix) {
		return nil, &ProtocolError{p.message, 0, "may not come now"}
	}
	switch m.Prefix {
	case PrefixSendHeaders:
		c.phase = begun
		return m, m.Headers.parse(&p)
	case PrefixSendBodyChunk:
		var chunk SendBodyChunk
		err := chunk.parse(&p)
		m.Chunk = chunk.Data
		if err == nil && len(m.Chunk) > 0 && c.phase != begun {
			return nil, &ProtocolError{p.message, 0, "comes before Send Headers"}
		}
		return m, err
	case PrefixGetBodyChunk:
		var get GetBodyChunk
		err := get.parse(&p)
		m.Want = min(int(get.Length), c.MaxBody())
		c.answered = false
		return m, err
	case PrefixEndResponse:
		var end EndResponse
		err := end.parse(&p)
		m.Reuse = end.Reuse
		c.phase = ended
		c.in.giveBack()
		return m, err
	}
	return m, p.done()
}

// mayCome reports whether a message is in order.
func (c *Conn) mayCome(prefix Prefix) bool {
	switch prefix {
	case PrefixSendHeaders:
		return c.phase == sent && c.answered
	case PrefixSendBodyChunk, PrefixGetBodyChunk, PrefixEndResponse:
		return (c.phase == sent || c.phase == begun) && c.answered
	case PrefixCPong:
		return c.phase == idle || c.phase == ended
	}
	return false
}

// Buffered returns how many bytes are read but not parsed.
func (c *Conn) Buffered() int { return c.in.to - c.in.from }

// Reusable reports whether the Conn may carry another request: the last one
// ended with reuse, nothing is owed, no byte is unread and nothing failed. A
// Conn that has carried none is reusable.
func (c *Conn) Reusable() bool {
	if c.broken || !c.in.empty() || c.owed || !c.answered {
		return false
	}
	return c.phase == idle || c.phase == ended && c.message.Reuse
}

// Ping asks the container for a sign of life and waits for the answer.
//
// It sends CPing (12 34 00 01 0a) and wants CPong (41 42 00 01 09) within
// timeout, which is positive. Any other answer is a *ProtocolError, none in
// time a net.Error with Timeout() true; after either the caller closes c.
// Ping does not run while a request is in progress on c.
//
// Source: AJP/1.3 reference, "CPing"; workers.properties ping_timeout (ms).
func (c *Conn) Ping(timeout time.Duration) error {
	if err := c.nc.SetDeadline(time.Now().Add(timeout)); err != nil {
		return err
	}
	if err := c.write([]byte{0x12, 0x34, 0, 1, byte(PrefixCPing)}); err != nil {
		return err
	}
	if _, err := c.Receive(); err != nil {
		return err
	}
	c.in.giveBack()
	return c.nc.SetDeadline(time.Time{})
}

// SetDeadline sets the deadline of reads and writes; the zero time is none.
func (c *Conn) SetDeadline(t time.Time) error { return c.nc.SetDeadline(t) }

// SetReadDeadline sets the deadline of reads; the zero time is none.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.nc.SetReadDeadline(t) }

// LocalAddr and RemoteAddr are those of the connection.
func (c *Conn) LocalAddr() net.Addr { return c.nc.LocalAddr() }

// RemoteAddr is the container's address.
func (c *Conn) RemoteAddr() net.Addr { return c.nc.RemoteAddr() }

// Close closes the connection. It may be called at any time.
func (c *Conn) Close() error { return c.nc.Close() }
