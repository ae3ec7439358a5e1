package listener

import (
	"net"
	"time"
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

// lastCalls is how long a socket that is not wanted any more is open: the
// kernel has taken connections for it that would be reset with it.
const lastCalls = 30 * time.Millisecond

// finish lets Accept fail once it has returned the connections that are there.
func (s *socket) finish() {
	close(s.leaving)
	if l, ok := s.Listener.(interface{ SetDeadline(time.Time) error }); ok && l.SetDeadline(time.Now().Add(lastCalls)) == nil {
		return
	}
	s.Listener.Close()
}

// close closes the socket.
func (s *socket) close() {
	s.Listener.Close()
	close(s.closed)
}
