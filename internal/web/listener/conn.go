package listener

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/web/handshake"
	"github.com/catflap/catflap/internal/web/http1"
)

// A Conn is a client's connection: it counts what passes, breaks off a client
// that takes nothing for its Timeout, and waits as long for the next request
// as the last one's virtual host says.
//
// It passes ReadFrom on, so that files leave by sendfile.
type Conn struct {
	net.Conn // the socket
	// Client is what the record of each request on it shows.
	Client exchange.Client
	// Policy is by what the handshake went; nil in clear.
	Policy *handshake.Policy

	timeout    atomic.Int64 // Timeout of the last request's host, in ns
	keepAlive  atomic.Int64 // KeepAliveTimeout of it, in ns
	writeUntil atomic.Int64 // the write deadline as set, in Unix ns

	// Room is for what the handler keeps from one request to the next.
	Room any

	group  *Group
	cancel context.CancelFunc // of its requests
	phase  atomic.Int32       // an http1.Phase
	used   atomic.Bool        // a request was answered on it
	raw    syscall.RawConn
	watch  watch
	limit  limit
	pacing pacing
	secure *tls.Conn     // nil in clear
	kept   []byte        // was read, and is to be read again
	ended  chan struct{} // of HTTP/2: closed at the end
	flows  flows         // its streams
}

// newConn returns c with httpd's default times.
func newConn(c net.Conn, g *Group) *Conn {
	conn := &Conn{Conn: c, group: g}
	if sc, ok := c.(syscall.Conn); ok {
		conn.raw, _ = sc.SyscallConn()
	}
	conn.Client.Watched = conn.raw != nil
	conn.Client.Remote, conn.Client.Local = addrPort(c.RemoteAddr()), addrPort(c.LocalAddr())
	conn.SetTimes(60*time.Second, 5*time.Second)
	return conn
}

func addrPort(a net.Addr) netip.AddrPort {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := tcp.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// SetTimes sets Timeout and KeepAliveTimeout from now on. A time that is not
// positive waits for ever.
func (c *Conn) SetTimes(timeout, keepAlive time.Duration) {
	c.timeout.Store(int64(timeout))
	c.keepAlive.Store(int64(keepAlive))
}

// Enter implements http1.Conn.
func (c *Conn) Enter(p http1.Phase) {
	if p == http1.Idle && c.used.Load() && c.group.config.Done != nil {
		c.group.config.Done(c)
	}
	c.phase.Store(int32(p))
	switch p {
	case http1.Idle:
		c.watch.end()
		c.pacing.pause(c)
		if c.used.Load() {
			c.limit.set(c, time.Duration(c.keepAlive.Load()))
		} else {
			c.pacing.hold(c)
		}
	case http1.Head:
		c.pacing.begin(c)
		c.pacing.hold(c)
	case http1.Answer:
		c.used.Store(true)
		c.limit.set(c, 0)
		c.watch.begin(c.group.conns.now.Load())
	case http1.Ending:
		c.watch.end()
		c.limit.set(c, lingering)
	}
}

// lingering is how long a client may take to read the answer to a request that
// was not read to its end.
const lingering = 2 * time.Second

// Closing implements http1.Conn. A client that has just connected has a moment
// for its first request.
func (c *Conn) Closing() bool {
	return c.group.closing.Load() && (c.used.Load() || c.group.closed.Load())
}

// RawConn implements http1.Conn.
func (c *Conn) RawConn() syscall.RawConn {
	if c.secure != nil || c.kept != nil {
		return nil
	}
	return c.raw
}

// Received implements http1.Conn.
func (c *Conn) Received(n int) {
	c.Client.Wire.AddIn(n)
	c.progress(n)
}

// progress gives a client more time for what it sends.
func (c *Conn) progress(n int) {
	if c.pacing.pace.Rate == 0 {
		return
	}
	c.pacing.came += int64(n)
	if n > 0 && c.phase.Load() == int32(http1.Head) {
		c.pacing.hold(c)
	}
}

// SetReadDeadline sets the deadline, exact to a period of the clock; one that
// is over holds at once.
func (c *Conn) SetReadDeadline(t time.Time) error {
	if t.IsZero() {
		c.limit.set(c, 0)
		return nil
	}
	if wait := time.Until(t); wait > 0 {
		c.limit.set(c, wait)
	} else {
		c.limit.fire(c)
	}
	return nil
}

// Read reads from the client.
func (c *Conn) Read(p []byte) (int, error) {
	switch {
	case c.secure != nil:
		n, err := c.secure.Read(p)
		c.progress(n)
		return n, err
	case len(c.kept) > 0:
		n := copy(p, c.kept)
		c.kept = c.kept[n:]
		return n, nil
	}
	n, err := c.Conn.Read(p)
	c.Received(n)
	return n, err
}

// CloseWrite implements http1.Conn.
func (c *Conn) CloseWrite() error {
	if c.secure != nil {
		c.secure.CloseWrite()
	}
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// Break closes the connection with a reset, so that what was sent does not
// look whole.
func (c *Conn) Break() {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	c.cut()
}

// Close closes the connection in order; whoever waits for its client notices
// at once.
func (c *Conn) Close() error {
	if c.secure != nil {
		c.secure.Close()
	}
	return c.cut()
}

// cut closes the socket. Other goroutines than the one that serves may do so.
func (c *Conn) cut() error {
	err := c.Conn.Close()
	c.gone()
	return err
}

func (c *Conn) Write(p []byte) (int, error) {
	if c.secure != nil {
		return c.secure.Write(p)
	}
	c.extend()
	n, err := c.Conn.Write(p)
	c.Client.Wire.AddOut(n)
	return n, err
}

// atOnce is how much of a file goes out under one deadline.
const atOnce = 4 << 20

// ReadFrom sends from r, by sendfile if r is a file.
func (c *Conn) ReadFrom(r io.Reader) (int64, error) {
	to, ok := c.Conn.(io.ReaderFrom)
	if !ok || c.secure != nil {
		return copyBuffered(c, r)
	}
	limited, bounded := r.(*io.LimitedReader)
	if !bounded {
		limited = &io.LimitedReader{R: r, N: 1<<63 - 1}
	}
	var sent int64
	for limited.N > 0 {
		c.extend()
		part := io.LimitedReader{R: limited.R, N: min(limited.N, atOnce)}
		want := part.N
		n, err := to.ReadFrom(&part)
		sent += n
		limited.N -= n
		c.Client.Wire.AddOut(int(n))
		if err != nil || n < want {
			return sent, err
		}
	}
	return sent, nil
}

var copyBuffers = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}

// copyBuffered copies from r to w with a buffer that is used again.
func copyBuffered(w io.Writer, r io.Reader) (int64, error) {
	b := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(b)
	return io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r}, *b)
}

// extend moves the write deadline once half of it is gone.
func (c *Conn) extend() {
	timeout := c.timeout.Load()
	if timeout <= 0 {
		return
	}
	now := time.Now().UnixNano()
	if c.writeUntil.Load()-now < timeout/2 {
		c.writeUntil.Store(now + timeout)
		c.Conn.SetWriteDeadline(time.Unix(0, now+timeout))
	}
}
