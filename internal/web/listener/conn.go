package listener

import (
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/catflap/catflap/internal/front/exchange"
)

// A Conn is a client's connection: it counts what passes, breaks off a client
// that takes nothing for its Timeout, and waits as long for the next request
// as the last one's virtual host says.
//
// It passes ReadFrom on, so that files leave by sendfile.
type Conn struct {
	net.Conn
	// Client is what the record of each request on it shows.
	Client exchange.Client

	timeout    atomic.Int64 // Timeout of the last request's host, in ns
	keepAlive  atomic.Int64 // KeepAliveTimeout of it, in ns
	idle       atomic.Bool  // the next read deadline is the one for being idle
	writeUntil atomic.Int64 // the write deadline as set, in Unix ns

	// Room is for what the handler keeps from one request to the next.
	Room any

	watch watch
}

// newConn returns c with httpd's default times.
func newConn(c net.Conn) *Conn {
	conn := &Conn{Conn: c}
	if sc, ok := c.(syscall.Conn); ok {
		conn.watch.raw, _ = sc.SyscallConn()
	}
	conn.Client.Watched = true
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

// Begin tells that a request is under way: its client is watched.
func (c *Conn) Begin() { c.watch.begin() }

// nextIsIdle tells that the server is about to wait for the next request.
func (c *Conn) nextIsIdle() {
	c.watch.end()
	c.idle.Store(true)
}

// SetReadDeadline sets the deadline, but in place of the one that net/http
// sets to wait for the next request it sets KeepAliveTimeout.
func (c *Conn) SetReadDeadline(t time.Time) error {
	if c.idle.CompareAndSwap(true, false) {
		t = time.Time{}
		if wait := time.Duration(c.keepAlive.Load()); wait > 0 {
			t = time.Now().Add(wait)
		}
	}
	return c.Conn.SetReadDeadline(t)
}

// Read reads from the client. The read of one byte by which net/http watches
// for the client's end says at once that there is nothing; see watch.
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 1 {
		return 0, nil
	}
	n, err := c.Conn.Read(p)
	c.Client.Wire.AddIn(n)
	return n, err
}

// Close closes the connection; whoever waits for its client notices at once.
func (c *Conn) Close() error {
	err := c.Conn.Close()
	c.Client.Gone()
	return err
}

func (c *Conn) Write(p []byte) (int, error) {
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
	if !ok {
		return io.Copy(struct{ io.Writer }{c}, r)
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
