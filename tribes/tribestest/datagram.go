package tribestest

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/catflap/catflap/tribes/membership"
)

// A datagram is what one write to a group or a UDP socket wrote.
type datagram struct {
	b    []byte
	from netip.AddrPort
}

// A queue holds datagrams that have arrived.
type queue struct {
	mu       sync.Mutex
	waiting  []datagram
	err      error
	deadline time.Time
	changed  chan struct{}
}

func newQueue() *queue { return &queue{changed: make(chan struct{})} }

func (q *queue) update(f func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	f()
	close(q.changed)
	q.changed = make(chan struct{})
}

func (q *queue) fail(err error) {
	q.update(func() {
		if q.err == nil {
			q.err = err
		}
	})
}

func (q *queue) put(d datagram) {
	q.update(func() {
		if len(q.waiting) < 10000 { // as the buffer of a socket
			q.waiting = append(q.waiting, d)
		}
	})
}

func (q *queue) read(b []byte) (int, netip.AddrPort, error) {
	for {
		q.mu.Lock()
		changed, deadline := q.changed, q.deadline
		switch {
		case q.err != nil:
			defer q.mu.Unlock()
			return 0, netip.AddrPort{}, q.err
		case len(q.waiting) > 0:
			defer q.mu.Unlock()
			d := q.waiting[0]
			q.waiting = q.waiting[1:]
			return copy(b, d.b), d.from, nil
		case !deadline.IsZero() && !time.Now().Before(deadline):
			defer q.mu.Unlock()
			return 0, netip.AddrPort{}, os.ErrDeadlineExceeded
		}
		q.mu.Unlock()
		wait(changed, nil, deadline)
	}
}

// A socket is one that has joined a group.
type socket struct {
	node  *Node
	group netip.AddrPort
	*queue
}

// Group implements tribes.Network.
func (n *Node) Group(cfg membership.Config) (membership.Socket, error) {
	group := cfg.Group
	if !group.IsValid() {
		group = netip.AddrFrom4([4]byte{228, 0, 0, 4})
	}
	if cfg.Port == 0 {
		cfg.Port = 45564
	}
	s := &socket{n, netip.AddrPortFrom(group, uint16(cfg.Port)), newQueue()}
	n.network.mu.Lock()
	defer n.network.mu.Unlock()
	n.sockets[s] = true
	return s, nil
}

// Inject lets every node of the group hear b, as if from had sent it.
func (n *Network) Inject(from netip.AddrPort, b []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, node := range n.nodes {
		for s := range node.sockets {
			s.put(datagram{append([]byte(nil), b...), from})
		}
	}
}

func (s *socket) Read(b []byte) (int, netip.AddrPort, error) { return s.read(b) }

func (s *socket) Write(b []byte) error {
	n := s.node.network
	n.mu.Lock()
	defer n.mu.Unlock()
	if !s.node.sockets[s] {
		return net.ErrClosed
	}
	d := datagram{append([]byte(nil), b...), netip.AddrPortFrom(s.node.addr, s.group.Port())}
	for _, node := range n.nodes {
		for other := range node.sockets {
			if other.group == s.group && (node == s.node || !n.cut[[2]*Node{s.node, node}]) {
				n.carry(d, other.queue, node == s.node)
			}
		}
	}
	return nil
}

// carry lets d arrive at q, as often and as late as the faults want it.
func (n *Network) carry(d datagram, q *queue, loop bool) {
	times := 1
	if !loop && n.random.Float64() < n.udp.Loss {
		times = 0
	}
	if n.random.Float64() < n.udp.Duplicate {
		times++
	}
	for range times {
		delay := n.latency
		if n.udp.Delay > 0 {
			delay += time.Duration(n.random.Int64N(int64(n.udp.Delay)))
		}
		if delay == 0 {
			q.put(d)
		} else {
			time.AfterFunc(delay, func() { q.put(d) })
		}
	}
}

func (s *socket) end() { s.fail(net.ErrClosed) }

func (s *socket) Close() error {
	s.end()
	s.node.network.mu.Lock()
	defer s.node.network.mu.Unlock()
	delete(s.node.sockets, s)
	return nil
}

// A packetConn is a UDP socket.
type packetConn struct {
	node  *Node
	local netip.AddrPort
	queue *queue
}

// Datagrams implements tribes.Network.
func (n *Node) Datagrams(addr netip.AddrPort) (net.PacketConn, error) {
	n.network.mu.Lock()
	defer n.network.mu.Unlock()
	if addr.Port() == 0 {
		n.nextPort++
		addr = netip.AddrPortFrom(n.addr, n.nextPort)
	}
	if n.packets[addr] != nil {
		return nil, fmt.Errorf("listen %s: %w", addr, syscall.EADDRINUSE)
	}
	p := &packetConn{n, addr, newQueue()}
	n.packets[addr] = p
	return p, nil
}

func (p *packetConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := p.queue.read(b)
	if err != nil {
		return 0, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

func (p *packetConn) WriteTo(b []byte, to net.Addr) (int, error) {
	n := p.node.network
	n.mu.Lock()
	defer n.mu.Unlock()
	address := to.(*net.UDPAddr).AddrPort()
	other := n.byAddr[address.Addr().Unmap()]
	if other == nil || n.cut[[2]*Node{p.node, other}] {
		return len(b), nil
	}
	if q := other.packets[netip.AddrPortFrom(address.Addr().Unmap(), address.Port())]; q != nil {
		n.carry(datagram{append([]byte(nil), b...), p.local}, q.queue, false)
	}
	return len(b), nil
}

func (p *packetConn) Close() error {
	p.queue.fail(net.ErrClosed)
	p.node.network.mu.Lock()
	defer p.node.network.mu.Unlock()
	delete(p.node.packets, p.local)
	return nil
}

func (p *packetConn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(p.local) }

func (p *packetConn) SetDeadline(t time.Time) error { return p.SetReadDeadline(t) }

func (p *packetConn) SetReadDeadline(t time.Time) error {
	p.queue.update(func() { p.queue.deadline = t })
	return nil
}

func (p *packetConn) SetWriteDeadline(time.Time) error { return nil }
