package node

import (
	"errors"
	"os"
	"time"
)

// net/http sets a read deadline six times for each request, and each time costs
// a timer. So a guard only notes it, and sets that of the socket when it reads,
// unless the one that the socket has does as well: an earlier one that is still
// to come, after which the read goes on.

// deadlines are those of reads of a connection; zero is none.
type deadlines struct {
	asked   time.Time // what net/http wants
	until   time.Time // of the head which is coming in
	set     time.Time // what the socket has
	reading bool      // a read of it is under way
}

// SetReadDeadline implements net.Conn.
func (g *guard) SetReadDeadline(t time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked = t
	g.change.Broadcast()
	if g.reading {
		return g.keep(g.wanted())
	}
	return nil
}

// wanted is the deadline that holds. g.mu is held.
func (g *guard) wanted() time.Time {
	if g.until.IsZero() || past(g.asked) {
		return g.asked
	}
	return g.until
}

// keep lets a read of the socket end at wanted, or earlier if it will be made
// again. g.mu is held.
func (g *guard) keep(wanted time.Time) error {
	switch {
	case g.set.IsZero() && wanted.IsZero():
		return nil
	case !g.set.IsZero() && (wanted.IsZero() || !g.set.After(wanted)) && !past(g.set):
		return nil
	}
	g.set = wanted
	return g.Conn.SetReadDeadline(wanted)
}

// read reads from the socket until the deadline that holds.
func (g *guard) read(p []byte) (int, error) {
	for {
		g.mu.Lock()
		wanted := g.wanted()
		if past(wanted) {
			g.mu.Unlock()
			return 0, os.ErrDeadlineExceeded
		}
		g.reading = true
		err := g.keep(wanted)
		g.mu.Unlock()
		n := 0
		if err == nil {
			n, err = g.Conn.Read(p)
		}
		g.mu.Lock()
		g.reading = false
		early := n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && !past(g.wanted())
		if early {
			g.set = over
		}
		g.mu.Unlock()
		if !early {
			return n, err
		}
	}
}

// over is a deadline that is.
var over = time.Unix(1, 0)

// forget tells that the socket has no deadline.
func (g *guard) forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.set = time.Time{}
}
