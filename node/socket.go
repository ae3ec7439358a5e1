package node

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// A bounded is a listener with so many connections at once. Who writes to one
// of them does not wait for ever.
type bounded struct {
	net.Listener
	slots   chan struct{} // one for each connection; nil is no limit
	timeout time.Duration // of a write; 0 is none
	once    sync.Once
	closed  chan struct{}
}

// Accept implements net.Listener.
func (l *bounded) Accept() (net.Conn, error) {
	if l.slots != nil {
		select {
		case l.slots <- struct{}{}:
		case <-l.closed:
			return nil, net.ErrClosed
		}
	}
	c, err := l.Listener.Accept()
	if err != nil {
		l.free()
		return nil, err
	}
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		l.free()
		c.Close()
		return nil, net.ErrClosed
	}
	h := &held{TCPConn: tcp, listener: l}
	h.direct.init(tcp)
	return h, nil
}

func (l *bounded) free() {
	if l.slots != nil {
		<-l.slots
	}
}

// Close implements net.Listener.
func (l *bounded) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// A held is a connection that has a place of its listener.
type held struct {
	*net.TCPConn
	listener *bounded
	direct   direct
	once     sync.Once
	until    atomic.Int64 // the write deadline that extend has set, in ns since 1970; 0 is none
}

// extend moves the write deadline once half of it is gone.
func (c *held) extend() {
	timeout := c.listener.timeout
	if timeout <= 0 {
		return
	}
	if now := time.Now(); time.Duration(c.until.Load()-now.UnixNano()) < timeout/2 {
		until := now.Add(timeout)
		c.until.Store(until.UnixNano())
		c.TCPConn.SetWriteDeadline(until)
	}
}

// SetWriteDeadline implements net.Conn. net/http takes the deadline away after
// each request: one that extend has set stays, since the next write would set it
// again.
func (c *held) SetWriteDeadline(t time.Time) error {
	if t.IsZero() && c.until.Load() != 0 {
		return nil
	}
	c.until.Store(0)
	return c.TCPConn.SetWriteDeadline(t)
}

// SetDeadline implements net.Conn.
func (c *held) SetDeadline(t time.Time) error {
	c.until.Store(0)
	return c.TCPConn.SetDeadline(t)
}

// Write implements net.Conn.
func (c *held) Write(p []byte) (int, error) {
	c.extend()
	n := c.writeNow(p)
	if n == len(p) {
		return n, nil
	}
	more, err := c.TCPConn.Write(p[n:])
	return n + more, err
}

// atOnce is how much of a file goes out under one deadline.
const atOnce = 4 << 20

// ReadFrom implements io.ReaderFrom, by sendfile if it can be.
func (c *held) ReadFrom(r io.Reader) (int64, error) {
	limited, ok := r.(*io.LimitedReader)
	if !ok {
		limited = &io.LimitedReader{R: r, N: 1<<63 - 1}
	}
	var sent int64
	for limited.N > 0 {
		c.extend()
		part := io.LimitedReader{R: limited.R, N: min(limited.N, atOnce)}
		want := part.N
		n, err := c.TCPConn.ReadFrom(&part)
		sent += n
		limited.N -= n
		if err != nil || n < want {
			return sent, err
		}
	}
	return sent, nil
}

// Close implements net.Conn.
func (c *held) Close() error {
	c.once.Do(c.listener.free)
	return c.TCPConn.Close()
}
