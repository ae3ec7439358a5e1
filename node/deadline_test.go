package node

import (
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// A counted is a connection that counts its read deadlines.
type counted struct {
	net.Conn
	set int
}

func (c *counted) SetReadDeadline(t time.Time) error {
	c.set++
	return c.Conn.SetReadDeadline(t)
}

// A read of a guard ends at the deadline that was set last, though the socket is
// told of few.
func TestReadDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		defer here.Close()
		defer there.Close()
		socket := &counted{Conn: here}
		g := newGuard(socket, 8192, 0)
		began := time.Now()
		at := func(d time.Duration) time.Time { return began.Add(d) }
		read := func(what string, want time.Duration) {
			t.Helper()
			b := make([]byte, 9)
			n, err := g.Read(b)
			if !errors.Is(err, os.ErrDeadlineExceeded) || n > 0 {
				t.Errorf("%s: %d bytes, %v", what, n, err)
			}
			if passed := time.Since(began); passed != want {
				t.Errorf("%s: it ended after %v, want %v", what, passed, want)
			}
		}
		ask := func() {
			t.Helper()
			go there.Write([]byte("GET / HTTP/1.1\r\nHost: h\r\n\r\n"))
			b := make([]byte, 100)
			if n, err := g.Read(b); n == 0 || err != nil {
				t.Errorf("no request: %v", err)
			}
		}

		for i := range 100 { // as many requests, each with deadlines of its own
			g.SetReadDeadline(time.Time{})
			g.SetReadDeadline(time.Now().Add(time.Hour))
			g.SetReadDeadline(time.Now().Add(time.Minute + time.Duration(i)*time.Second))
			ask()
			g.SetReadDeadline(time.Unix(1, 0)) // nobody reads
			time.Sleep(time.Millisecond)
		}
		if socket.set != 1 {
			t.Errorf("the socket was told of %d deadlines of 100 requests", socket.set)
		}
		began = time.Now()
		g.SetReadDeadline(at(-time.Second))
		read("one that is over", 0)
		g.SetReadDeadline(at(90 * time.Second)) // the socket has that of a minute
		read("a later one", 90*time.Second)
		g.SetReadDeadline(at(100 * time.Second))
		g.SetReadDeadline(at(95 * time.Second))
		read("an earlier one", 95*time.Second)
		g.SetReadDeadline(at(200 * time.Second))
		go func() {
			time.Sleep(time.Second)
			g.SetReadDeadline(at(97 * time.Second))
		}()
		read("an earlier one meanwhile", 97*time.Second)
		g.SetReadDeadline(at(98 * time.Second))
		go func() {
			time.Sleep(time.Second / 2)
			g.SetReadDeadline(at(99 * time.Second))
		}()
		read("a later one meanwhile", 99*time.Second)
		g.SetReadDeadline(at(100 * time.Second))
		go func() {
			time.Sleep(time.Second / 2)
			g.SetReadDeadline(time.Time{})
			time.Sleep(10 * time.Second)
			g.SetReadDeadline(at(0))
		}()
		read("none meanwhile, and then one that is over", 109*time.Second+time.Second/2)
		g.SetReadDeadline(time.Time{})
		ask()
		g.forget() // whoever sets one past it
		here.SetReadDeadline(time.Now().Add(time.Second))
		time.AfterFunc(2*time.Second, func() { g.SetReadDeadline(over) })
		read("one of somebody else", 111*time.Second+time.Second/2)
	})
}
