package listener

import (
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A socket is one on which clients come in.
type socket struct {
	net.Listener
	leaving chan struct{} // closed when no more clients are wanted
	closed  chan struct{} // closed with the socket
}

func newSocket(l net.Listener) *socket {
	return &socket{l, make(chan struct{}), make(chan struct{})}
}

// A socket with a deadline. The zero time is none.
type limited interface{ SetDeadline(time.Time) error }

// finish lets Accept fail.
func (s *socket) finish() {
	close(s.leaving)
	if l, ok := s.Listener.(limited); !ok || l.SetDeadline(time.Unix(1, 0)) != nil {
		s.Listener.Close()
	}
}

// lastCalls is how long connections are accepted that were there when the
// socket was left, should they not end.
const lastCalls = 2 * time.Second

// rest gives the connections to serve that the kernel has taken for a socket
// that is left: they would be reset with it.
func (s *socket) rest(serve func(net.Conn)) {
	l, ok := s.Listener.(limited)
	if !ok || l.SetDeadline(time.Time{}) != nil {
		return
	}
	for end := time.Now().Add(lastCalls); s.waits() && time.Now().Before(end); {
		c, err := s.Accept()
		if err != nil {
			return
		}
		serve(c)
	}
}

// waits reports whether a connection waits to be accepted.
func (s *socket) waits() bool {
	l, ok := s.Listener.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := l.SyscallConn()
	if err != nil {
		return false
	}
	n := 0
	raw.Control(func(fd uintptr) {
		n, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
	})
	return n > 0
}

// close closes the socket.
func (s *socket) close() {
	s.Listener.Close()
	close(s.closed)
}
