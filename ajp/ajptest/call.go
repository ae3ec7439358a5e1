package ajptest

import (
	"io"
	"net"
	"time"

	"github.com/catflap/catflap/ajp"
)

// A Call is one request and the connection on which it is answered. Answers
// are queued until Flush, End, or a read of the body. Errors of writing are
// left to the reads: the web server may be gone.
type Call struct {
	Request *ajp.ForwardRequest
	Conn    *ajp.ContainerConn

	nc          net.Conn
	done        <-chan struct{}
	left        int64 // of the declared body; unknown if it is not declared
	unsolicited bool  // the first packet comes without being asked for
	data        []byte
	over        bool
	reuse       bool
}

// Headers queues a Send Headers with name, value pairs.
func (c *Call) Headers(status int, pairs ...string) {
	m := &ajp.SendHeaders{Status: status, Reason: "OK"}
	for i := 0; i+1 < len(pairs); i += 2 {
		m.Headers = append(m.Headers, ajp.Header{Name: pairs[i], Value: pairs[i+1]})
	}
	c.Conn.Send(m)
}

// Body queues data in as many Send Body Chunks as it takes.
func (c *Call) Body(data string) {
	const most = ajp.DefaultMaxPacket - 8
	for len(data) > 0 {
		n := min(len(data), most)
		c.Conn.Send(ajp.SendBodyChunk{Data: []byte(data[:n])})
		data = data[n:]
	}
}

// FlushClient queues the empty Send Body Chunk and sends what is queued.
func (c *Call) FlushClient() {
	c.Conn.Send(ajp.SendBodyChunk{})
	c.Conn.Flush()
}

// End queues an End Response and sends what is queued.
func (c *Call) End(reuse bool) {
	c.Conn.Send(ajp.EndResponse{Reuse: reuse})
	c.Conn.Flush()
	c.reuse = reuse
}

// Answer is Headers, Body and End with reuse.
func (c *Call) Answer(status int, body string, pairs ...string) {
	c.Headers(status, pairs...)
	c.Body(body)
	c.End(true)
}

// Raw sends what is queued and then bytes as they are.
func (c *Call) Raw(bytes []byte) {
	c.Conn.Write(bytes)
	c.Conn.Flush()
}

// Reset sends what is queued and breaks the connection off with a reset.
func (c *Call) Reset() {
	c.Conn.Flush()
	if tcp, ok := c.nc.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	c.nc.Close()
}

// Close sends what is queued and closes the connection.
func (c *Call) Close() {
	c.Conn.Flush()
	c.nc.Close()
}

// Sleep waits, and reports false if the Server was closed meanwhile.
func (c *Call) Sleep(d time.Duration) bool {
	c.Conn.Flush()
	return wait(c.done, d)
}

// Hang says nothing more until the web server closes the connection or the
// Server is closed. It returns what the web server did: io.EOF if it closed.
func (c *Call) Hang() error {
	c.Conn.Flush()
	var one [1]byte
	for {
		if _, err := c.nc.Read(one[:]); err != nil {
			return err
		}
	}
}

// Ask queues a Get Body Chunk and sends what is queued.
func (c *Call) Ask(n uint16) {
	c.Conn.Send(ajp.GetBodyChunk{Length: n})
	c.Conn.Flush()
}

// Read reads the request's body, asking for it packet by packet. A web server
// that breaks off gives its error, not io.EOF.
func (c *Call) Read(p []byte) (int, error) {
	for len(c.data) == 0 {
		if c.over || c.left == 0 {
			return 0, io.EOF
		}
		if err := c.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.data)
	c.data = c.data[n:]
	return n, nil
}

// next takes the next packet of the body.
func (c *Call) next() error {
	if !c.unsolicited {
		c.Ask(ajp.DefaultMaxPacket - 6)
	}
	c.unsolicited = false
	data, err := c.Conn.ReadBody()
	switch {
	case err == io.EOF:
		return io.ErrUnexpectedEOF
	case err != nil:
		return err
	case len(data) == 0:
		c.over = true
	case c.left > 0:
		c.left -= int64(len(data))
	}
	c.data = data
	return nil
}
