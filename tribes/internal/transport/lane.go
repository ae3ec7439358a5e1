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
	"syscall"
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

	raw     syscall.RawConn // of conn; nil if it is none of the system's
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
	conn, err := l.connected(ctx, ack)
	if err != nil {
		return err
	}
	err = l.write(conn, frame)
	if err == nil && ack {
		err = l.await(conn)
	}
	return l.judge(err)
}

// judge closes the connection after an error that leaves it unusable.
func (l *lane) judge(err error) error {
	if err != nil && !errors.Is(err, ErrFailAck) {
		l.disconnect()
	}
	return err
}

// offer writes of frame what is possible at once, and returns how much that was:
// 0 also if there is no connection.
func (l *lane) offer(frame []byte, ack bool) (net.Conn, int) {
	conn := l.current()
	if conn == nil || l.raw == nil || !l.usable(conn, ack) {
		return nil, 0
	}
	n := l.writeNow(frame)
	if n > 0 {
		l.used = time.Now()
		l.sent++
	}
	return conn, n
}

// trusted is for how long a connection that was used is not looked at before a
// message that is acknowledged, and sent once more if the connection was lost.
const trusted = time.Second

// usable reports whether the other side of conn is still there, as far as one
// can know, and it may carry another message.
func (l *lane) usable(conn net.Conn, ack bool) bool {
	if most := l.sender.cfg.KeepAliveCount; most > 0 && l.sent >= most {
		return false
	}
	return ack && l.sender.cfg.MaxRetries > 0 && time.Since(l.used) < trusted || !stale(conn)
}

// connected returns a connection on which the other side is still there.
func (l *lane) connected(ctx context.Context, ack bool) (net.Conn, error) {
	if conn := l.current(); conn != nil {
		if l.usable(conn, ack) {
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
	l.conn, l.sent, l.heard, l.raw = conn, 0, nil, nil
	if system, ok := conn.(syscall.Conn); ok {
		if l.raw, err = system.SyscallConn(); err != nil {
			l.raw = nil
		}
	}
	return conn, nil
}

func (l *lane) current() net.Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conn
}

// writeNow writes what of frame can be written without waiting, and returns how
// much that was. Unlike Write it needs no deadline.
func (l *lane) writeNow(frame []byte) (n int) {
	err := l.raw.Write(func(fd uintptr) bool {
		n, _ = syscall.Write(int(fd), frame) // an error comes again when it is waited for
		return true
	})
	if err != nil {
		return 0
	}
	return max(0, n)
}

// write writes frame, and waits until that is possible.
func (l *lane) write(conn net.Conn, frame []byte) error {
	l.used = time.Now()
	l.sent++
	n := 0
	if l.raw != nil {
		n = l.writeNow(frame)
	}
	return l.writeRest(conn, frame[n:])
}

// writeRest writes what is left of a frame.
func (l *lane) writeRest(conn net.Conn, rest []byte) error {
	if len(rest) == 0 {
		return nil
	}
	if err := conn.SetWriteDeadline(l.used.Add(l.sender.cfg.Timeout)); err != nil {
		return err
	}
	if _, err := conn.Write(rest); err != nil {
		return err
	}
	return conn.SetWriteDeadline(time.Time{})
}

// await waits for the acknowledgement of what was written.
func (l *lane) await(conn net.Conn) error {
	if err := conn.SetReadDeadline(l.used.Add(l.sender.cfg.Timeout)); err != nil {
		return err
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
		l.heard = append(l.heard[:0], l.heard[size:]...)
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
