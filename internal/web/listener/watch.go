package listener

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A watch is how a connection notices that its client goes while a request is
// answered: the Group looks at connections whose request takes longer, without
// taking a byte from them.
type watch struct {
	since atomic.Int64 // the tick at which the request began, plus 1; 0: none is under way
}

// period is that of the ticks.
const period = 100 * time.Millisecond

// A request's connection is looked at after the first ticks, then seldom.
const (
	firstLook = 2
	nextLooks = 10
)

// begin tells that a request is under way.
func (w *watch) begin(now int64) { w.since.Store(now + 1) }

// end tells that its answer is out.
func (w *watch) end() { w.since.Store(0) }

// tick looks at c if it is time for that.
func (c *Conn) tick(at int64) {
	c.limit.tick(c, at)
	c.flows.tick(at)
	since := c.watch.since.Load()
	if since == 0 || c.raw == nil {
		return
	}
	if age := at - since; (age == firstLook || age > 0 && age%nextLooks == 0) && c.closedByClient() {
		c.gone()
	}
}

// gone tells everybody who waits for the client of c that it went.
func (c *Conn) gone() {
	c.Client.Gone()
	if c.cancel != nil {
		c.cancel()
	}
}

// closedByClient reports whether the client has closed its side, or broken it
// off. What it sent stays to be read.
func (c *Conn) closedByClient() bool {
	closed := false
	if c.secure != nil { // what tells the end of TLS is still to be read
		c.raw.Control(func(fd uintptr) { closed = ended(fd) })
		return closed
	}
	c.raw.Control(func(fd uintptr) {
		var one [1]byte
		n, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		closed = n == 0 && err == nil || err != nil && err != syscall.EAGAIN && err != syscall.EINTR
	})
	return closed
}

// ended reports whether the other side of a TCP connection has sent its end,
// or a reset, whatever is still to be read before it.
//
// Source: tcp(7), TCP_INFO; the first byte of struct tcp_info is the state.
func ended(fd uintptr) bool {
	const established, finWait1, finWait2 = 1, 4, 5
	info, err := syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_INFO)
	if err != nil {
		return false
	}
	var b [4]byte
	binary.NativeEndian.PutUint32(b[:], uint32(info))
	return b[0] != established && b[0] != finWait1 && b[0] != finWait2
}

// conns are the connections of a Group.
type conns struct {
	now atomic.Int64 // the tick that runs
	mu  sync.Mutex
	all map[*Conn]bool
}

func (c *conns) add(conn *Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all[conn] = true
}

func (c *conns) remove(conn *Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.all, conn)
}

// run ticks for all connections until done is closed.
func (c *conns) run(done <-chan struct{}) {
	clock := time.NewTicker(period)
	defer clock.Stop()
	for {
		select {
		case <-done:
			return
		case <-clock.C:
		}
		at := c.now.Add(1)
		c.each(func(conn *Conn) { conn.tick(at) })
	}
}

// each calls f with every connection.
func (c *conns) each(f func(*Conn)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.all {
		f(conn)
	}
}
