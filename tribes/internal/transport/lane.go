package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/catflap/catflap/tribes/internal/wire"
)

// A lane is one connection to a member, made when it is needed. Who has entered
// it sends one message at a time, and others wait in the order in which they
// came.
type lane struct {
	sender *Sender
	addr   netip.AddrPort
	turn   chan struct{} // holds a value while somebody is in

	mu    sync.Mutex // guards conn and ended against end; all else is of who is in
	conn  net.Conn
	ended bool

	used    time.Time
	sent    int // messages on conn
	heard   []byte
	unheard [64]byte
}

func newLane(s *Sender, addr netip.AddrPort) *lane {
	return &lane{sender: s, addr: addr, turn: make(chan struct{}, 1)}
}

func (l *lane) tryEnter() bool {
	select {
	case l.turn <- struct{}{}:
		return true
	default:
		return false
	}
}

func (l *lane) enter(ctx context.Context, patience time.Duration) error {
	if l.tryEnter() {
		return nil
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case l.turn <- struct{}{}:
		return nil
	case <-timer.C:
		return fmt.Errorf("no connection was free within %v: %w", patience, os.ErrDeadlineExceeded)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *lane) leave() { <-l.turn }

// send writes frame, and waits for its acknowledgement if ack says so. After an
// error the connection is closed.
func (l *lane) send(ctx context.Context, frame []byte, ack bool) error {
	conn, err := l.connected(ctx)
	if err != nil {
		return err
	}
	err = l.exchange(conn, frame, ack)
	if err != nil && !errors.Is(err, ErrFailAck) {
		l.disconnect()
	}
	return err
}

// connected returns a connection on which the other side is still there.
func (l *lane) connected(ctx context.Context) (net.Conn, error) {
	most := l.sender.cfg.KeepAliveCount
	if conn := l.current(); conn != nil {
		if !stale(conn) && (most <= 0 || l.sent < most) {
			return conn, nil
		}
		l.disconnect()
	}
	ctx, cancel := context.WithTimeout(ctx, l.sender.cfg.Timeout)
	defer cancel()
	conn, err := l.sender.dial(ctx, l.addr)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		conn.Close()
		return nil, ErrClosed
	}
	l.conn, l.sent, l.heard = conn, 0, nil
	return conn, nil
}

func (l *lane) current() net.Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conn
}

func (l *lane) exchange(conn net.Conn, frame []byte, ack bool) error {
	now := time.Now()
	l.used = now
	l.sent++
	if err := conn.SetDeadline(now.Add(l.sender.cfg.Timeout)); err != nil {
		return err
	}
	if _, err := conn.Write(frame); err != nil {
		return err
	}
	if !ack {
		return nil
	}
	for {
		body, size, err := wire.ParseFrame(l.heard, 1<<10)
		switch {
		case err != nil:
			return err
		case size == 0:
			n, err := conn.Read(l.unheard[:])
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			if err != nil {
				return fmt.Errorf("acknowledgement: %w", err)
			}
			l.heard = append(l.heard, l.unheard[:n]...)
			continue
		}
		l.heard = l.heard[size:]
		switch {
		case bytes.Equal(body, wire.Ack):
			return nil
		case bytes.Equal(body, wire.FailAck):
			return ErrFailAck
		} // Tomcat skips other frames here, too
	}
}

// disconnect closes the connection.
func (l *lane) disconnect() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != nil {
		l.conn.Close()
		l.conn = nil
	}
}

// check closes the connection if nobody uses it and the other side has closed
// it, or it was not used for long.
func (l *lane) check(longest time.Duration) {
	if !l.tryEnter() {
		return
	}
	defer l.leave()
	if conn := l.current(); conn != nil && (stale(conn) || longest > 0 && time.Since(l.used) > longest) {
		l.disconnect()
	}
}

// end closes the lane for good.
func (l *lane) end() {
	l.mu.Lock()
	l.ended = true
	l.mu.Unlock()
	l.disconnect()
}
