package listener

import (
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A watch is how a connection notices that its client goes while a request is
// answered. net/http begins a goroutine and a read of one byte for that with
// each request, and waits for both when the answer is out. That costs more
// than many an answer, and delays it when the processors are busy; so here
// that read ends at once, and the Group looks at connections whose request
// takes longer, without taking a byte from them.
type watch struct {
	raw   syscall.RawConn // nil if there is no descriptor to look at
	since atomic.Int64    // the tick at which the request began; 0: none is under way
}

// now is the tick that runs, for all Groups.
var now atomic.Int64

// period is that of the ticks.
const period = 100 * time.Millisecond

// A request's connection is looked at after the first ticks, then seldom.
const (
	firstLook = 2
	nextLooks = 10
)

// begin tells that a request is under way.
func (w *watch) begin() { w.since.Store(now.Load() + 1) }

// end tells that its answer is out.
func (w *watch) end() { w.since.Store(0) }

// tick looks at c if it is time for that.
func (c *Conn) tick(at int64) {
	since := c.watch.since.Load()
	if since == 0 || c.watch.raw == nil {
		return
	}
	if age := at - since; (age == firstLook || age > 0 && age%nextLooks == 0) && c.watch.closed() {
		c.Client.Gone()
	}
}

// closed reports whether the client has closed its side, or broken it off.
// What it sent stays to be read.
func (w *watch) closed() bool {
	closed := false
	w.raw.Control(func(fd uintptr) {
		var one [1]byte
		n, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		closed = n == 0 && err == nil || err != nil && err != syscall.EAGAIN && err != syscall.EINTR
	})
	return closed
}

// conns are the connections of a Group.
type conns struct {
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
		at := now.Add(1)
		c.mu.Lock()
		for conn := range c.all {
			conn.tick(at)
		}
		c.mu.Unlock()
	}
}
