package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/tribes/internal/wire"
)

// A lane is one connection to a member, made when it is needed. Who has entered
// it sends one message at a time, or several together; others wait in the order
// in which they came.
type lane struct {
	sender *Sender
	addr   netip.AddrPort

	mu       sync.Mutex // guards what follows; never held over I/O
	held     bool       // somebody is in
	since    time.Time  // since when it is, or is busy with the same messages; who is in may read it
	crowded  time.Time  // when several messages left together last
	line     []*rider   // who waits
	order    string     // of the message of who is in
	aboard   []*rider   // whose messages who is in sends together
	detours  map[string]*detour
	unsure   atomic.Bool // messages without acknowledgement may still be under way
	followed atomic.Bool // and some of them have an order, in which others follow them
	conn     *socket
	ended    bool

	// Of who is in:
	used    time.Time
	sent    int  // messages on conn
	timed   bool // reading of conn has a deadline
	heard   []byte
	unheard [512]byte
	batch   []byte
}

func newLane(s *Sender, addr netip.AddrPort) *lane { return &lane{sender: s, addr: addr} }

// tryEnter makes the lane the caller's, until it leaves, if it is nobody's.
// Otherwise r waits for it, unless it is nil.
func (l *lane) tryEnter(r *rider) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held {
		if r != nil {
			l.queue(r)
		}
		return false
	}
	l.held, l.since, l.order = true, time.Now(), ""
	if r != nil {
		l.order = r.order
	}
	return true
}

// enter waits until the lane is the caller's.
func (l *lane) enter(ctx context.Context, patience time.Duration) error {
	r := &rider{turn: make(chan struct{})}
	if l.tryEnter(r) {
		return nil
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	var err error
	select {
	case <-r.turn:
		return nil
	case <-timer.C:
		err = tooLong(patience)
	case <-ctx.Done():
		err = ctx.Err()
	}
	if r.getOff() {
		return err
	}
	<-r.turn // it came at the same time
	return nil
}

// leave hands the lane to who waits.
func (l *lane) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next()
}

// next hands the lane to who waits: to the first that wants it for itself, or
// to a goroutine that sends what may leave together. l.mu is held.
func (l *lane) next() {
	for len(l.line) > 0 {
		first := l.line[0]
		if first.turn == nil && !l.ended {
			l.sender.carrying.Go(l.carry)
			return
		}
		l.line = slices.Delete(l.line, 0, 1)
		if first.turn != nil {
			l.since, l.order = time.Now(), first.order
			close(first.turn)
			return
		}
		first.arrive(ErrClosed)
	}
	l.held = false
}

// send writes frame, which holds count messages, and waits for its
// acknowledgement if ack says so. After an error the connection is closed.
func (l *lane) send(ctx context.Context, frame []byte, count int, ack bool) error {
	conn, err := l.connected(ctx, ack)
	if err != nil {
		return err
	}
	err = l.write(conn, frame, count, ack)
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

// ready returns the connection if there is one that can be written to without
// waiting; nil if there is none.
func (l *lane) ready(ack bool) *socket {
	if conn := l.current(); conn != nil && conn.raw != nil && l.usable(conn, ack) {
		return conn
	}
	return nil
}

// writeNow writes of frame what is possible at once, and returns the rest.
func (l *lane) writeNow(conn *socket, frame []byte, count int, ack bool) []byte {
	l.used = time.Now()
	l.sent += count
	if !ack {
		l.unsure.Store(true)
		if l.order != "" {
			l.followed.Store(true)
		}
	}
	return frame[conn.writeNow(frame):]
}

// trusted is for how long a connection that was used is not looked at before a
// message that is acknowledged, and sent once more if the connection was lost.
const trusted = time.Second

// usable reports whether the other side of conn is still there, as far as one
// can know, and it may carry another message.
func (l *lane) usable(conn *socket, ack bool) bool {
	if most := l.sender.cfg.KeepAliveCount; most > 0 && l.sent >= most {
		return false
	}
	return ack && l.sender.cfg.MaxRetries > 0 && l.since.Sub(l.used) < trusted || !conn.stale()
}

// connected returns a connection on which the other side is still there.
func (l *lane) connected(ctx context.Context, ack bool) (*socket, error) {
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
	l.conn, l.sent, l.timed, l.heard = newSocket(conn), 0, false, nil
	return l.conn, nil
}

func (l *lane) current() *socket {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conn
}

// write writes frame, and waits until that is possible.
func (l *lane) write(conn *socket, frame []byte, count int, ack bool) error {
	return l.writeRest(conn, l.writeNow(conn, frame, count, ack))
}

// exchange writes frame and waits for its acknowledgement.
func (l *lane) exchange(conn *socket, frame []byte, count int) error {
	l.used = time.Now()
	l.sent += count
	written := 0
	if len(l.heard) == 0 {
		if err := l.untilAnswered(conn); err != nil {
			return err
		}
		var n int
		var err error
		if written, n, err = conn.exchange(frame, l.unheard[:]); isTimeout(err) {
			l.timed = false // it was the deadline of an earlier answer, or hear finds that it was not
		} else if err != nil {
			return unanswered(err)
		}
		l.heard = append(l.heard, l.unheard[:n]...)
	}
	if err := l.writeRest(conn, frame[written:]); err != nil {
		return err
	}
	return l.await(conn)
}

// writeRest writes what is left of a frame.
func (l *lane) writeRest(conn *socket, rest []byte) error {
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
func (l *lane) await(conn *socket) error {
	for {
		body, size, err := wire.ParseFrame(l.heard, 1<<10)
		switch {
		case err != nil:
			return err
		case size == 0:
			if err := l.hear(conn); err != nil {
				return unanswered(err)
			}
			continue
		}
		l.heard = append(l.heard[:0], l.heard[size:]...)
		switch {
		case bytes.Equal(body, wire.Ack):
			l.arrived()
			return nil
		case bytes.Equal(body, wire.FailAck):
			l.arrived()
			return ErrFailAck
		} // Tomcat skips what is no acknowledgement, too
	}
}

// arrived tells that an acknowledgement has come: what was written before it was
// asked for has arrived, too.
func (l *lane) arrived() {
	l.unsure.Store(false)
	l.followed.Store(false)
}

// hear reads some of what the other side answers, for which it has Timeout.
func (l *lane) hear(conn *socket) error {
	for {
		if err := l.untilAnswered(conn); err != nil {
			return err
		}
		n, err := conn.Read(l.unheard[:])
		if err == nil {
			l.heard = append(l.heard, l.unheard[:n]...)
			return nil
		}
		if !isTimeout(err) || time.Since(l.used) >= l.sender.cfg.Timeout {
			return err
		}
		l.timed = false
	}
}

// untilAnswered sets the deadline for an answer, unless there is one: that of an
// earlier answer does as well until it has passed.
func (l *lane) untilAnswered(conn *socket) error {
	if l.timed {
		return nil
	}
	l.timed = true
	return conn.SetReadDeadline(l.used.Add(l.sender.cfg.Timeout))
}

// unanswered says that an error kept an acknowledgement away.
func unanswered(err error) error {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("acknowledgement: %w", err)
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
	if !l.tryEnter(nil) {
		return
	}
	defer l.leave()
	if conn := l.current(); conn != nil && (conn.stale() || longest > 0 && time.Since(l.used) > longest) {
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
