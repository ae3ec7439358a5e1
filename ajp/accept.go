package ajp

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// An accepting is one call of Serve: a listener and its connections.
type accepting struct {
	server   *Server
	listener net.Listener

	mu    sync.Mutex
	conns map[*serverConn]bool
	ended bool // nothing is left of it
}

// run accepts until the listener is closed, and returns when no connection is
// left, with the error of accepting.
func (a *accepting) run() error {
	var running sync.WaitGroup
	watched := make(chan struct{}) // closed once no connection is left
	var watching sync.WaitGroup
	watching.Go(func() { a.watch(watched) })
	err := a.accept(&running)
	a.listener.Close()
	running.Wait()
	close(watched)
	watching.Wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended = true
	return err
}

// accept accepts connections and serves each on a goroutine of running.
func (a *accepting) accept(running *sync.WaitGroup) error {
	s := a.server
	var slots chan struct{}
	if most := orDefault(s.MaxConnections, defaultMaxConnections); most > 0 {
		slots = make(chan struct{}, most)
	}
	for {
		if slots != nil {
			select {
			case slots <- struct{}{}:
			case <-s.done:
				return net.ErrClosed
			}
		}
		nc, err := a.acceptOne()
		if err != nil {
			return err
		}
		c := newServerConn(s, nc)
		a.mu.Lock()
		a.conns[c] = true
		a.mu.Unlock()
		running.Go(func() {
			defer func() {
				a.mu.Lock()
				delete(a.conns, c)
				a.mu.Unlock()
				if slots != nil {
					<-slots
				}
			}()
			c.serve()
		})
	}
}

// acceptOne waits with trying again when the machine is short of something,
// such as descriptors.
func (a *accepting) acceptOne() (net.Conn, error) {
	for wait := 5 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		nc, err := a.listener.Accept()
		var temporary interface{ Temporary() bool }
		if err == nil || !errors.As(err, &temporary) || !temporary.Temporary() {
			return nc, err
		}
		a.server.settings.log.Error("accept of an ajp connection", "err", err, "retry", wait)
		ctx, cancel := context.WithTimeout(a.server.ctx, wait)
		select {
		case <-ctx.Done():
		case <-a.server.done:
		}
		cancel()
	}
}

// closeIdle closes the connections that were idle for long enough, and reports
// whether anything is left of a.
func (a *accepting) closeIdle(now time.Time) (left bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for c := range a.conns {
		c.closeIfIdle(now)
	}
	return !a.ended
}

// closeAll closes all connections.
func (a *accepting) closeAll() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for c := range a.conns {
		c.conn.Close()
	}
}

// lookEvery is how often the connections of long requests are looked at.
const lookEvery = 250 * time.Millisecond

// watch tells requests whose web server has gone, until done is closed.
func (a *accepting) watch(done <-chan struct{}) {
	clock := time.NewTicker(lookEvery)
	defer clock.Stop()
	for {
		select {
		case <-done:
			return
		case now := <-clock.C:
			a.mu.Lock()
			for c := range a.conns {
				c.look(now)
			}
			a.mu.Unlock()
		}
	}
}
