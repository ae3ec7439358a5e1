package transport

import (
	"io"
	"net"
	"os"
	"syscall"
)

// maxRaw is how many bytes one call reads or writes at most.
const maxRaw = 64 << 10

// A socket is a connection with a reader and a writer that cost less than those
// of net.Conn. One goroutine uses it at a time; any may close it.
type socket struct {
	conn    net.Conn
	raw     syscall.RawConn // nil if it is none of the system's
	reading call
	writing call
	direct  direct

	ask    func(fd uintptr) (done bool) // writes first, then reads
	asked  bool
	look   func(fd uintptr) // sets gone
	gone   bool
	peeked [1]byte
}

// A call is one way of a socket: what the function that RawConn calls works on.
type call struct {
	b      []byte
	n      int
	err    syscall.Errno
	waited bool                         // once did not find anything at first
	once   func(fd uintptr) (done bool) // does not wait
	wait   func(fd uintptr) (done bool) // waits as long as a direct socket does
}

func newSocket(conn net.Conn) *socket {
	s := &socket{conn: conn}
	s.direct.needed = 1
	if system, ok := conn.(syscall.Conn); ok {
		if raw, err := system.SyscallConn(); err == nil {
			s.raw = raw
		}
	}
	s.reading.once = func(fd uintptr) bool {
		c := &s.reading
		for {
			if c.n, c.err = rawRead(fd, c.b); c.err != syscall.EINTR {
				c.waited = c.waited || c.err == syscall.EAGAIN
				return c.err != syscall.EAGAIN
			}
		}
	}
	s.reading.wait = func(fd uintptr) bool {
		c := &s.reading
		for {
			if c.n, c.err = waitRead(fd, c.b); c.err != syscall.EINTR {
				return true
			}
		}
	}
	s.writing.once = func(fd uintptr) bool {
		c := &s.writing
		c.n, c.err = rawWrite(fd, c.b)
		return true
	}
	s.ask = func(fd uintptr) bool {
		if s.asked {
			return s.reading.once(fd)
		}
		s.asked = true
		return !s.writing.once(fd) || s.writing.err != 0 || s.writing.n < len(s.writing.b)
	}
	s.look = func(fd uintptr) {
		n, errno := rawPeek(fd, s.peeked[:])
		s.gone = n == 0 && errno == 0 || errno != 0 && errno != syscall.EAGAIN && errno != syscall.EINTR
	}
	return s
}

// Read implements io.Reader. It heeds the deadline.
func (s *socket) Read(b []byte) (int, error) {
	if s.raw == nil || len(b) == 0 {
		return s.conn.Read(b)
	}
	if s.isDirect() {
		if n, err := s.readDirect(b); err != errNotDirect {
			return n, err
		}
	}
	s.reading.b, s.reading.waited = b, false
	n, err := s.haveRead(s.raw.Read(s.reading.once))
	if s.reading.waited && err == nil {
		s.waited()
	}
	return n, err
}

// haveRead returns what a call has read that ended with err.
func (s *socket) haveRead(err error) (int, error) {
	c := &s.reading
	c.b = nil
	switch {
	case err != nil:
		return 0, err
	case c.err != 0:
		return 0, &net.OpError{Op: "read", Net: "tcp", Source: s.conn.LocalAddr(), Addr: s.conn.RemoteAddr(), Err: os.NewSyscallError("read", c.err)}
	case c.n == 0:
		return 0, io.EOF
	}
	return c.n, nil
}

// exchange writes question, and reads some of the answer once it comes: one call
// less than to look for it at once. It returns early, and has read nothing, if
// it cannot write all without waiting. It heeds the deadline for reading.
func (s *socket) exchange(question, answer []byte) (written, read int, err error) {
	if s.raw == nil {
		return 0, 0, nil
	}
	if s.isDirect() {
		if written = s.writeNow(question); written == len(question) {
			read, err = s.Read(answer)
		}
		return written, read, err
	}
	s.asked, s.writing.b, s.writing.n, s.writing.err, s.reading.b = false, question, 0, 0, answer
	err = s.raw.Read(s.ask)
	s.writing.b = nil
	if s.asked && s.writing.err == 0 {
		written = s.writing.n
	}
	if err == nil && written < len(question) {
		s.reading.b = nil
		return written, 0, nil
	}
	if read, err = s.haveRead(err); err == nil {
		s.waited()
	}
	return written, read, err
}

// writeNow writes what of b can be written without waiting, and returns how
// much that was: 0 if it must be waited for, if it would fail, or if nobody
// can know. It needs no deadline.
func (s *socket) writeNow(b []byte) int {
	if s.raw == nil {
		return 0
	}
	c := &s.writing
	c.b = b
	err := s.raw.Write(c.once)
	c.b = nil
	if err != nil || c.err != 0 {
		return 0 // the error comes again when it is waited for
	}
	return c.n
}

// stale reports whether the other side has closed the connection, without
// waiting and without taking a byte. A connection of another kind than those of
// the system tells it itself, by a method Stale.
func (s *socket) stale() bool {
	if s.raw == nil {
		own, ok := s.conn.(interface{ Stale() bool })
		return ok && own.Stale()
	}
	s.gone = true
	err := s.raw.Control(s.look) // not Read, which fails once a deadline has passed
	return err != nil || s.gone
}
