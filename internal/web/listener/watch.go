package listener

import (
	"os"
	"sync"
	"time"
)

// A watch is how a connection notices that its client goes while a request is
// answered. net/http begins a read of one byte for that with each request, and
// breaks it off when the answer is out. Most answers are out before anybody
// could go, so that the read really begins only with the next tick of the
// Group: a short request costs no system call for it.
type watch struct {
	mu      sync.Mutex
	changed sync.Cond // of the fields below; its L is &mu
	held    bool      // the read has been asked for and not begun
	ticks   int       // since then
	broken  bool      // it is to end without having begun
}

// watchRead reads the one byte: the beginning of the next request, or the end
// of the connection, which it tells the Client.
func (c *Conn) watchRead(p []byte) (int, error) {
	if !c.watch.hold() {
		return 0, os.ErrDeadlineExceeded
	}
	n, err := c.Conn.Read(p)
	c.Client.Wire.AddIn(n)
	if err != nil && !os.IsTimeout(err) {
		c.Client.Gone()
	}
	return n, err
}

// hold waits for the read's time to begin. It reports false if it was broken
// off before.
func (w *watch) hold() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held, w.broken = true, false
	for w.ticks < 2 && !w.broken {
		w.changed.Wait()
	}
	w.held, w.ticks = false, 0
	return !w.broken
}

// tick lets a read begin that waits since the tick before.
func (w *watch) tick() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.held {
		if w.ticks++; w.ticks >= 2 {
			w.changed.Signal()
		}
	}
}

// begin lets a read that waits begin now.
func (w *watch) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ticks = 2
	w.changed.Signal()
}

// abort breaks off a read that has not begun, if that is what the deadline t
// is for. It reports whether that was all.
func (w *watch) abort(t time.Time) bool {
	if t.IsZero() || t.After(longAgo) {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.held {
		return false
	}
	w.broken = true
	w.changed.Signal()
	return true
}

// longAgo is later than any deadline by which net/http breaks off a read, and
// earlier than any other.
var longAgo = time.Unix(1<<20, 0)

// period is that of the ticks: a client that goes is noticed after two at the
// latest.
const period = 100 * time.Millisecond

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
		c.mu.Lock()
		for conn := range c.all {
			conn.watch.tick()
		}
		c.mu.Unlock()
	}
}
