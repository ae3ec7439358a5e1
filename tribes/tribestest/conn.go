package tribestest

import (
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// A stream is one direction of a connection: bytes that are under way.
type stream struct {
	network  *Network
	from, to *Node

	mu       sync.Mutex
	segments []segment
	err      error         // for the reader once all segments are read, and for the writer
	failed   bool          // err counts at once: the connection was reset
	deadline time.Time     // of the reader
	changed  chan struct{} // closed when any of these changes
}

// A segment is what one write wrote.
type segment struct {
	b   []byte
	due time.Time
}

func newStream(n *Network, from, to *Node) *stream {
	return &stream{network: n, from: from, to: to, changed: make(chan struct{})}
}

// update changes the stream and wakes its reader.
func (s *stream) update(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	close(s.changed)
	s.changed = make(chan struct{})
}

// end is the end of the stream after what is under way.
func (s *stream) end() { s.update(func() { s.setErr(io.EOF) }) }

// fail breaks the stream off.
func (s *stream) fail(err error) {
	s.update(func() { s.setErr(err); s.failed = true; s.segments = nil })
}

func (s *stream) setErr(err error) {
	if s.err == nil {
		s.err = err
	}
}

func (s *stream) write(b []byte) (int, error) {
	s.network.mu.Lock()
	due := time.Now().Add(s.network.latency)
	s.network.mu.Unlock()
	s.mu.Lock()
	err := s.err
	s.mu.Unlock()
	if err != nil {
		if err == io.EOF {
			err = net.ErrClosed
		}
		return 0, err
	}
	s.update(func() { s.segments = append(s.segments, segment{append([]byte(nil), b...), due}) })
	return len(b), nil
}

func (s *stream) read(b []byte) (int, error) {
	for {
		open, links := s.network.open(s.from, s.to)
		s.mu.Lock()
		changed, deadline := s.changed, s.deadline
		now := time.Now()
		var due time.Time
		switch {
		case s.failed:
			defer s.mu.Unlock()
			return 0, s.err
		case !deadline.IsZero() && !now.Before(deadline):
			s.mu.Unlock()
			return 0, os.ErrDeadlineExceeded
		case !open: // what is under way waits
		case len(s.segments) > 0 && !now.Before(s.segments[0].due):
			defer s.mu.Unlock()
			n := copy(b, s.segments[0].b)
			if s.segments[0].b = s.segments[0].b[n:]; len(s.segments[0].b) == 0 {
				s.segments = s.segments[1:]
			}
			return n, nil
		case len(s.segments) > 0:
			due = s.segments[0].due
		case s.err != nil:
			defer s.mu.Unlock()
			return 0, s.err
		}
		s.mu.Unlock()
		wait(changed, links, due, deadline)
	}
}

// wait returns when a channel is closed or a time has come; zero times never
// do.
func wait(changed, links <-chan struct{}, times ...time.Time) {
	first := time.Time{}
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	var expired <-chan time.Time
	if !first.IsZero() {
		timer := time.NewTimer(time.Until(first))
		defer timer.Stop()
		expired = timer.C
	}
	select {
	case <-changed:
	case <-links:
	case <-expired:
	}
}

// A conn is one end of a connection.
type conn struct {
	in, out       *stream
	node          *Node
	local, remote netip.AddrPort
	once          sync.Once
}

func (c *conn) Read(b []byte) (int, error) { return c.in.read(b) }

func (c *conn) Write(b []byte) (int, error) { return c.out.write(b) }

// Close lets what is under way arrive, and the other side read the end.
func (c *conn) Close() error {
	c.once.Do(func() {
		c.out.end()
		c.in.fail(net.ErrClosed)
		c.node.network.mu.Lock()
		defer c.node.network.mu.Unlock()
		delete(c.node.conns, c)
	})
	return nil
}

// Stale reports whether the other side has closed the connection.
func (c *conn) Stale() bool {
	open, _ := c.in.network.open(c.in.from, c.in.to)
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	return c.in.failed || open && c.in.err != nil && len(c.in.segments) == 0
}

func (c *conn) LocalAddr() net.Addr  { return net.TCPAddrFromAddrPort(c.local) }
func (c *conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }

func (c *conn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) } // writes never wait

func (c *conn) SetReadDeadline(t time.Time) error {
	c.in.update(func() { c.in.deadline = t })
	return nil
}

func (c *conn) SetWriteDeadline(time.Time) error { return nil }
