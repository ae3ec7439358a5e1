package listener

import (
	"sync"
	"sync/atomic"
	"time"
)

// A limit ends reads that take too long. The clock of the Group looks at it,
// so that a request costs no timer: a deadline of the runtime is only set
// when time is up.
type limit struct {
	until atomic.Int64 // the tick at which a read is ended; 0: none; fired: it was
	mu    sync.Mutex   // held while the deadline of the connection is set
}

const fired = -1

// set lets reads of c fail in wait; 0 lets them wait for ever.
func (l *limit) set(c *Conn, wait time.Duration) {
	until := int64(0)
	if wait > 0 {
		until = c.group.conns.now.Load() + int64((wait+period-1)/period) + 1
	}
	if l.until.Load() == until {
		return
	}
	if l.until.Swap(until) == fired {
		l.mu.Lock()
		defer l.mu.Unlock()
		c.Conn.SetReadDeadline(time.Time{})
	}
}

// tick ends reads of c if their time is up.
func (l *limit) tick(c *Conn, at int64) {
	if until := l.until.Load(); until > 0 && at >= until {
		l.expire(c, until)
	}
}

// fire ends reads of c at once.
func (l *limit) fire(c *Conn) { l.expire(c, l.until.Load()) }

// expire ends reads of c unless another time was set meanwhile.
func (l *limit) expire(c *Conn, until int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if until == fired || l.until.CompareAndSwap(until, fired) {
		c.Conn.SetReadDeadline(time.Unix(1, 0))
	}
}
