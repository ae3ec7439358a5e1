package ajp

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A serverConn is one connection of a web server to a Server. Its goroutine
// takes one request after the other.
type serverConn struct {
	server *Server
	conn   *ContainerConn
	ctx    context.Context // done when the web server has gone
	cancel context.CancelFunc

	turn  atomic.Int32 // connIdle, connBusy or connClosing
	since atomic.Int64 // when turn last changed, in Unix nanoseconds

	// mu is held while a message is sent, and from a Get Body Chunk to its
	// answer: the protocol allows nothing between the two.
	mu     sync.Mutex
	broken bool // the connection cannot be used any more

	deadline atomic.Bool // the Handler has set one

	headers []Header // used again by the next request
}

// Whose turn it is.
const (
	connIdle int32 = iota
	connBusy
	connClosing
)

func newServerConn(s *Server, nc net.Conn) *serverConn {
	c := &serverConn{server: s, conn: NewContainerConn(nc, s.settings.packetSize)}
	c.ctx, c.cancel = context.WithCancel(s.ctx)
	c.since.Store(time.Now().UnixNano())
	return c
}

// drainIdle is how long a connection is unused before Shutdown closes it. A
// careful web server sends what may not be repeated without a CPing before it
// only on a connection that answered within the last second.
const drainIdle = 1500 * time.Millisecond

// closeIfIdle closes c if it carries no request and was unused for long enough.
func (c *serverConn) closeIfIdle(now time.Time) {
	if now.Sub(time.Unix(0, c.since.Load())) >= drainIdle && c.turn.CompareAndSwap(connIdle, connClosing) {
		c.conn.Close()
	}
}

// serve takes requests until the connection ends.
func (c *serverConn) serve() {
	defer c.cancel()
	defer c.conn.Close()
	wait := c.server.ConnectionTimeout
	for {
		if c.idle(wait) != nil || !c.turn.CompareAndSwap(connIdle, connBusy) {
			return
		}
		payload, err := c.conn.ReadPacket()
		if err != nil {
			c.unreadable(err)
			return
		}
		if !c.message(payload) {
			return
		}
		c.conn.in.giveBack()
		c.since.Store(time.Now().UnixNano())
		c.turn.Store(connIdle)
		wait = c.server.settings.idle
	}
}

// idle waits for the next message, for ever if wait is not positive.
func (c *serverConn) idle(wait time.Duration) error {
	if wait > 0 {
		c.conn.SetReadDeadline(time.Now().Add(wait))
	}
	if err := c.conn.await(); err != nil {
		return err
	}
	c.since.Store(time.Now().UnixNano())
	if wait > 0 {
		c.readDeadline()
	}
	return nil
}

// readDeadline sets the deadline of the next read.
func (c *serverConn) readDeadline() {
	var deadline time.Time
	if t := c.server.ConnectionTimeout; t > 0 {
		deadline = time.Now().Add(t)
	}
	c.conn.SetReadDeadline(deadline)
}

// unreadable ends a connection on which no packet came. One that is too large
// is answered as Tomcat does.
func (c *serverConn) unreadable(err error) {
	if err == errPacketSize {
		c.refuse(&refusal{http.StatusBadRequest, false, "a packet is larger than packetSize: the web server's is to be the same"}, 0)
		return
	}
	if _, nonsense := errors.AsType[*ProtocolError](err); nonsense {
		c.server.refused(0, err.Error(), c.conn.RemoteAddr())
	}
}

// message answers one message, and reports whether the connection goes on.
func (c *serverConn) message(payload []byte) bool {
	if len(payload) == 0 {
		c.server.refused(0, "an empty packet where a message has to begin", c.conn.RemoteAddr())
		return false
	}
	switch prefix := Prefix(payload[0]); prefix {
	case PrefixCPing:
		if c.server.isDraining() { // who asks is not to send anything more
			return false
		}
		return c.flush(AppendPacket(c.conn.queue(), CPong{})) == nil
	case PrefixForwardRequest:
		return c.request(payload)
	default:
		c.server.refused(0, prefix.String()+" where a Forward Request has to come", c.conn.RemoteAddr())
		return false
	}
}

// flush sends b, which holds what was queued.
func (c *serverConn) flush(b []byte) error {
	c.writeDeadline()
	err := c.conn.keep(b)
	if err == nil {
		err = c.conn.Flush()
	}
	if err != nil {
		c.broken = true
	}
	return err
}

// keep queues b, which holds what was queued before.
func (c *serverConn) keep(b []byte) error {
	if len(b) > maxQueued {
		c.writeDeadline()
	}
	err := c.conn.keep(b)
	if err != nil {
		c.broken = true
	}
	return err
}

func (c *serverConn) writeDeadline() {
	if t := c.server.ConnectionTimeout; t > 0 && !c.deadline.Load() {
		c.conn.SetWriteDeadline(time.Now().Add(t))
	}
}

// request answers a Forward Request, and reports whether the connection goes
// on.
func (c *serverConn) request(bytes []byte) bool {
	m := &ForwardRequest{Headers: c.headers[:0]}
	err := m.parse(&payload{message: PrefixForwardRequest.String(), bytes: bytes})
	c.headers = m.Headers
	c.conn.in.giveBack() // if no part of a body came with it
	if err != nil {
		return c.refuse(&refusal{http.StatusInternalServerError, false, err.Error()}, 0)
	}
	in, refused := c.server.incoming(m)
	if refused != nil {
		return c.refuse(refused, in.length)
	}
	m.Headers = nil
	if slots := c.server.settings.slots; slots != nil {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
		case <-c.ctx.Done():
			return false
		}
	}
	return c.handle(m, in)
}

// handle has the Handler answer, and reports whether the connection goes on.
func (c *serverConn) handle(m *ForwardRequest, in incoming) bool {
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	r := in.request(&requestContext{ctx, m, c.conn.Conn})
	b := &body{conn: c, left: in.length, unasked: in.length > 0, most: -1}
	if in.form && c.server.settings.post >= 0 {
		b.most = c.server.settings.post
	}
	if r.Body = http.NoBody; in.length != 0 {
		r.Body = b
	}
	w := newAnswer(c, r.Method)
	aborted := c.run(w, r)
	cancel()
	c.mu.Lock()
	defer c.mu.Unlock()
	defer w.release()
	b.closed = true
	reuse := !aborted && !c.broken && w.finish(b)
	if c.deadline.Swap(false) {
		c.conn.SetDeadline(time.Time{})
	}
	return reuse && !c.broken
}

// run runs the Handler and reports whether the answer is to be broken off,
// because it panicked too late for another one.
func (c *serverConn) run(w *answer, r *http.Request) (aborted bool) {
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		if cause == http.ErrAbortHandler {
			aborted = true
			return
		}
		c.server.settings.log.Error("panic in an http.Handler", "path", r.URL.Path, "panic", cause, "stack", string(debug.Stack()))
		c.mu.Lock()
		defer c.mu.Unlock()
		aborted = !w.startOver(http.StatusInternalServerError)
	}()
	if r.RequestURI == "*" {
		w.Header().Set("Allow", "GET, HEAD, POST, PUT, DELETE, OPTIONS")
		return false
	}
	c.server.settings.handler.ServeHTTP(w, r)
	return false
}

// A refusal is why a request does not reach the Handler.
type refusal struct {
	status int
	reuse  bool // the connection can go on
	why    string
}

// refuse answers with r.status, and reports whether the connection goes on.
// length is that of the body as far as it was declared: if it is more than 0
// its first packet is on its way.
func (c *serverConn) refuse(r *refusal, length int64) bool {
	c.server.refused(r.status, r.why, c.conn.RemoteAddr())
	c.mu.Lock()
	defer c.mu.Unlock()
	w := newAnswer(c, http.MethodGet)
	defer w.release()
	w.startOver(r.status)
	w.last = !r.reuse
	reuse := w.finish(&body{conn: c, left: length, unasked: length > 0, closed: true})
	if !reuse && !c.broken {
		c.linger()
	}
	return reuse
}

// linger closes the sending side and waits a little for what the web server
// still sends, so that it gets to read the answer.
func (c *serverConn) linger() {
	half, ok := c.conn.Conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	c.conn.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
	io.CopyN(io.Discard, c.conn.Conn, 256<<10)
}

// look cancels the request under way if the web server has closed the
// connection: it does so when its client has gone.
func (c *serverConn) look(now time.Time) {
	if c.turn.Load() != connBusy || c.conn.raw == nil || now.Sub(time.Unix(0, c.since.Load())) < lookEvery {
		return
	}
	gone := false
	c.conn.raw.Control(func(fd uintptr) {
		var one [1]byte
		n, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		gone = n == 0 && err == nil || err != nil && err != syscall.EAGAIN && err != syscall.EINTR
	})
	if gone {
		c.cancel()
	}
}
