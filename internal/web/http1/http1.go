// Package http1 speaks HTTP/1.0 and HTTP/1.1 with one client. What comes in
// are the bytes of its connection; what goes out are requests for a handler,
// one after the other, and the bytes of its answers.
//
// It judges requests as httpd does with HttpProtocolOptions Strict, and
// refuses framing that two servers could read in two ways. A request and its
// headers live in memory of the connection and are used again for the next
// one: a handler keeps nothing of them beyond its return.
package http1

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"syscall"
)

// A Phase is what a connection is doing, for whoever measures time.
type Phase int32

const (
	Idle   Phase = iota // it waits for the first byte of a request
	Head                // a request has begun to come in
	Answer              // a request is being answered
	Ending              // what the client still sends is thrown away before the end
)

// A Conn is a client's connection as Serve needs it.
type Conn interface {
	net.Conn
	io.ReaderFrom
	// RawConn is the socket, nil if there is none that may be read directly.
	RawConn() syscall.RawConn
	// Waiting reports whether the client has sent something that is not read
	// yet, as far as can be told without reading. It is asked if there is no
	// RawConn.
	Waiting() bool
	// Received counts bytes that were read by RawConn.
	Received(n int)
	// Enter tells what the connection does from now on. A read that takes too
	// long for its phase fails with os.ErrDeadlineExceeded.
	Enter(Phase)
	// Closing reports whether no more requests are wanted.
	Closing() bool
	// CloseWrite tells the client that nothing more comes.
	CloseWrite() error
	// Break ends the connection so that the client sees that something is
	// missing.
	Break()
}

// A Fault is why the head of a request was refused.
type Fault struct {
	Status int    // what the client gets
	Reason string // for the log, in words
}

func (f *Fault) Error() string { return f.Reason }

// A Server says what becomes of requests. Its fields do not change once Serve
// was called; many connections share it.
type Server struct {
	Handler http.Handler
	// Refuse answers a request whose head was refused. The request has what
	// could be read of it: RequestURI is the whole line if that could not be
	// taken apart. The connection ends after it. nil answers without a body.
	Refuse func(http.ResponseWriter, *http.Request, *Fault)
	// MaxHead is the most bytes that the head of a request may have; it is
	// asked for each connection. nil, and 0, mean 64 KiB.
	MaxHead func() int
	Log     *slog.Logger // of panics
}

const defaultHead = 64 << 10

// Serve answers the requests on conn until it ends, and closes it. ctx is that
// of the requests.
func (s *Server) Serve(ctx context.Context, conn Conn) {
	c := newConnection(ctx, s, conn)
	for c.exchange() {
	}
	c.in.giveBack()
	conn.Close()
}

// A connection is the state of one Serve.
type connection struct {
	server  *Server
	conn    Conn
	in      input
	request *http.Request
	head    head
	body    body
	out     response
}

func newConnection(ctx context.Context, s *Server, conn Conn) *connection {
	c := &connection{server: s, conn: conn}
	c.request = new(http.Request).WithContext(ctx)
	c.request.RemoteAddr = conn.RemoteAddr().String()
	c.head.fields = http.Header{}
	most := defaultHead
	if s.MaxHead != nil {
		most = s.MaxHead()
	}
	c.in.init(conn, most)
	c.body.c = c
	c.out.c = c
	c.out.header = http.Header{}
	return c
}

// exchange answers one request. It reports whether another may follow.
func (c *connection) exchange() bool {
	c.conn.Enter(Idle)
	if c.in.first() != nil {
		return false
	}
	c.conn.Enter(Head)
	fault, err := c.readHead()
	if err != nil {
		return false
	}
	c.conn.Enter(Answer)
	c.out.begin()
	if !c.answer(fault) {
		c.out.abandon()
		return false
	}
	if c.out.finish() != nil {
		return false
	}
	if c.body.whole() && !c.out.close {
		return true
	}
	if fault != nil || !c.body.whole() {
		c.linger()
	}
	return false
}

// answer lets the handler answer. It reports false if the connection is to be
// broken off.
func (c *connection) answer(fault *Fault) (ok bool) {
	defer func() {
		if v := recover(); v != nil {
			ok = false
			if v != http.ErrAbortHandler && c.server.Log != nil {
				c.server.Log.Error("panic in a request: this is a defect, please report it", "module", "core", "fault", v, "stack", string(debug.Stack()))
			}
		}
	}()
	switch {
	case fault == nil:
		c.server.Handler.ServeHTTP(&c.out, c.request)
	case c.server.Refuse != nil:
		c.server.Refuse(&c.out, c.request, fault)
	default:
		c.out.WriteHeader(fault.Status)
	}
	return true
}

// lingering is how much is read from a client that still sends though its
// answer is out: closing at once would take the answer from it.
const lingering = 1 << 20

// linger lets the client read its answer before the connection ends.
//
// Source: httpd server/connection.c, ap_lingering_close.
func (c *connection) linger() {
	c.conn.Enter(Ending)
	if c.conn.CloseWrite() != nil {
		return
	}
	c.in.take()
	for read := c.in.w - c.in.r; read < lingering; {
		n, err := c.conn.Read(c.in.space())
		read += n
		if err != nil {
			return
		}
	}
}
