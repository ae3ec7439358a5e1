// Package tribestest is a whole group in one process: a network in memory for
// channels, with loss, delay, duplicates and partitions, on the clock of
// testing/synctest. What comes in are the nodes' names and what is to go wrong,
// what goes out are a tribes.Network for each node.
package tribestest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/membership"
)

// A Network connects nodes. Many goroutines may use it.
type Network struct {
	mu      sync.Mutex
	random  *rand.Rand
	nodes   map[string]*Node
	byAddr  map[netip.Addr]*Node
	cut     map[[2]*Node]bool // TCP and datagrams, one direction
	udp     Faults
	latency time.Duration
	changed chan struct{} // closed when links change
}

// Faults are what happens to datagrams of the group.
type Faults struct {
	Loss      float64       // of each, from 0 to 1
	Duplicate float64       // of each, from 0 to 1
	Delay     time.Duration // each takes a random time up to it; so they overtake each other
}

// NewNetwork returns a network without nodes. seed decides what is lost.
func NewNetwork(seed uint64) *Network {
	return &Network{
		random: rand.New(rand.NewPCG(seed, 1)), nodes: map[string]*Node{}, byAddr: map[netip.Addr]*Node{},
		cut: map[[2]*Node]bool{}, changed: make(chan struct{}),
	}
}

// A Node is one machine of a Network: a tribes.Network.
type Node struct {
	network   *Network
	name      string
	addr      netip.Addr
	listeners map[netip.AddrPort]*listener
	sockets   map[*socket]bool
	conns     map[*conn]bool
	packets   map[netip.AddrPort]*packetConn
	nextPort  uint16
}

var _ tribes.Network = (*Node)(nil)

// Node returns the node of that name, a new one if it is new. Addresses are
// 10.0.0.1, 10.0.0.2, … in the order in which nodes are made.
func (n *Network) Node(name string) *Node {
	n.mu.Lock()
	defer n.mu.Unlock()
	if node := n.nodes[name]; node != nil {
		return node
	}
	i := len(n.nodes) + 1
	node := &Node{
		network: n, name: name, addr: netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}),
		listeners: map[netip.AddrPort]*listener{}, sockets: map[*socket]bool{}, conns: map[*conn]bool{},
		packets: map[netip.AddrPort]*packetConn{}, nextPort: 40000,
	}
	n.nodes[name] = node
	n.byAddr[node.addr] = node
	return node
}

// Addr is the node's address.
func (n *Node) Addr() netip.Addr { return n.addr }

// change changes the links and wakes who waits for one.
func (n *Network) change(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f()
	close(n.changed)
	n.changed = make(chan struct{})
}

// Cut cuts all between two nodes: datagrams are lost, bytes of connections wait.
func (n *Network) Cut(a, b string) { n.link(a, b, true) }

// Heal mends what Cut cut.
func (n *Network) Heal(a, b string) { n.link(a, b, false) }

func (n *Network) link(a, b string, cut bool) {
	x, y := n.Node(a), n.Node(b)
	n.change(func() { n.cut[[2]*Node{x, y}], n.cut[[2]*Node{y, x}] = cut, cut })
}

// Partition leaves only those links that are within one of the sides.
func (n *Network) Partition(sides ...[]string) {
	side := map[*Node]int{}
	for i, names := range sides {
		for _, name := range names {
			side[n.Node(name)] = i
		}
	}
	n.change(func() {
		for _, a := range n.nodes {
			for _, b := range n.nodes {
				n.cut[[2]*Node{a, b}] = side[a] != side[b]
			}
		}
	})
}

// HealAll mends everything.
func (n *Network) HealAll() { n.change(func() { clear(n.cut) }) }

// Disturb does to datagrams what f says from now on.
func (n *Network) Disturb(f Faults) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.udp = f
}

// Latency makes every byte of a connection and every datagram take so long.
func (n *Network) Latency(d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.latency = d
}

// Crash takes the node of that name away, as kill -9 does: its sockets are
// closed, its peers are reset, nothing says goodbye. What still runs on it finds
// its sockets broken.
func (n *Network) Crash(name string) {
	node := n.Node(name)
	n.change(func() {
		for l := range node.listeners {
			node.listeners[l].end()
		}
		for c := range node.conns {
			c.in.fail(net.ErrClosed)
			c.out.fail(syscall.ECONNRESET)
		}
		for s := range node.sockets {
			s.end()
		}
		for _, p := range node.packets {
			p.queue.fail(net.ErrClosed)
		}
		clear(node.listeners)
		clear(node.conns)
		clear(node.sockets)
		clear(node.packets)
	})
}

// open reports whether bytes of a come to b, and what is closed when that may
// change.
func (n *Network) open(a, b *Node) (bool, <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !n.cut[[2]*Node{a, b}], n.changed
}

// Address implements tribes.Network.
func (n *Node) Address(membership.Config) (netip.Addr, error) { return n.addr, nil }

// Listen implements tribes.Network.
func (n *Node) Listen(addr netip.AddrPort) (net.Listener, error) {
	n.network.mu.Lock()
	defer n.network.mu.Unlock()
	if n.listeners[addr] != nil {
		return nil, fmt.Errorf("listen %s: %w", addr, syscall.EADDRINUSE)
	}
	l := &listener{node: n, addr: addr, incoming: make(chan *conn, 128), closed: make(chan struct{})}
	n.listeners[addr] = l
	return l, nil
}

// Dial implements tribes.Network.
func (n *Node) Dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	for {
		n.network.mu.Lock()
		other := n.network.byAddr[to.Addr()]
		n.network.mu.Unlock()
		if other == nil {
			return nil, fmt.Errorf("dial %s: %w", to, syscall.EHOSTUNREACH)
		}
		open, changed := n.network.open(n, other)
		if !open {
			select { // packets are lost, as those of a firewall that drops
			case <-changed:
				continue
			case <-ctx.Done():
				return nil, fmt.Errorf("dial %s: %w", to, ctx.Err())
			}
		}
		return n.connect(ctx, other, to)
	}
}

func (n *Node) connect(ctx context.Context, other *Node, to netip.AddrPort) (net.Conn, error) {
	n.network.mu.Lock()
	l := other.listeners[to]
	if l == nil {
		n.network.mu.Unlock()
		return nil, fmt.Errorf("dial %s: %w", to, syscall.ECONNREFUSED)
	}
	n.nextPort++
	from := netip.AddrPortFrom(n.addr, n.nextPort)
	here, there := newStream(n.network, other, n), newStream(n.network, n, other)
	mine := &conn{in: here, out: there, node: n, local: from, remote: to}
	theirs := &conn{in: there, out: here, node: other, local: to, remote: from}
	n.conns[mine], other.conns[theirs] = true, true
	n.network.mu.Unlock()
	select {
	case l.incoming <- theirs:
		return mine, nil
	case <-l.closed:
		return nil, fmt.Errorf("dial %s: %w", to, syscall.ECONNREFUSED)
	case <-ctx.Done():
		return nil, fmt.Errorf("dial %s: %w", to, ctx.Err())
	}
}

// A listener is a listening TCP socket.
type listener struct {
	node     *Node
	addr     netip.AddrPort
	incoming chan *conn
	once     sync.Once
	closed   chan struct{}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.incoming:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.end()
	l.node.network.mu.Lock()
	defer l.node.network.mu.Unlock()
	if l.node.listeners[l.addr] == l {
		delete(l.node.listeners, l.addr)
	}
	return nil
}

func (l *listener) end() { l.once.Do(func() { close(l.closed) }) }

func (l *listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.addr) }
