package main

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"syscall"

	"github.com/catflap/catflap/tribes"
)

// A demoGround is where the nodes of one demonstration find each other: TCP on
// this machine. Only nodes of it are connected to. A port that a stopped node
// had may be another demonstration's by now.
type demoGround struct {
	mu    sync.Mutex
	takes map[netip.AddrPort]bool // where a node listens
}

func (g *demoGround) set(addr netip.AddrPort, takes bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if takes {
		g.takes[addr] = true
	} else {
		delete(g.takes, addr)
	}
}

func (g *demoGround) has(addr netip.AddrPort) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.takes[addr]
}

// A demoLink is what one node is connected by from start to end: a
// tribes.Network that can be cut. Many goroutines may use it.
type demoLink struct {
	tribes.System
	ground   *demoGround
	listener *net.TCPListener // open, until somebody listens
	addr     netip.AddrPort   // of listener

	mu    sync.Mutex
	isCut bool
	conns map[*demoConn]struct{}
}

// link opens what a node listens at; port 0 takes a free one.
func (g *demoGround) link(port uint16) (*demoLink, error) {
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(demoHost, port)))
	if err != nil {
		return nil, err
	}
	return &demoLink{ground: g, listener: l, addr: l.Addr().(*net.TCPAddr).AddrPort(), conns: map[*demoConn]struct{}{}}, nil
}

// demoHost is where all of a demonstration but the front listens.
var demoHost = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// Listen implements tribes.Network: it is the listener that is open already.
func (k *demoLink) Listen(netip.AddrPort) (net.Listener, error) {
	k.ground.set(k.addr, true)
	return (*demoListener)(k), nil
}

// Dial implements tribes.Network.
func (k *demoLink) Dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	if !k.ground.has(to) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: net.TCPAddrFromAddrPort(to), Err: syscall.ECONNREFUSED}
	}
	conn, err := k.System.Dial(ctx, to)
	if err != nil {
		return nil, err
	}
	return k.keep(conn)
}

// keep notes conn, so that it can be cut.
func (k *demoLink) keep(conn net.Conn) (net.Conn, error) {
	c := &demoConn{conn.(*net.TCPConn), k}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.isCut {
		conn.Close()
		return nil, net.ErrClosed
	}
	k.conns[c] = struct{}{}
	return c, nil
}

// cut closes what is open, and lets nothing be opened again: to others the node
// has vanished.
func (k *demoLink) cut() {
	k.mu.Lock()
	k.isCut = true
	conns := k.conns
	k.conns = map[*demoConn]struct{}{}
	k.mu.Unlock()
	k.close()
	for c := range conns {
		c.TCPConn.Close()
	}
}

func (k *demoLink) close() error {
	k.ground.set(k.addr, false)
	return k.listener.Close()
}

// A demoListener is a demoLink as what the receiver accepts connections from.
type demoListener demoLink

func (l *demoListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.listener.AcceptTCP()
		if err != nil {
			return nil, err
		}
		if kept, err := (*demoLink)(l).keep(conn); err == nil {
			return kept, nil
		}
	}
}

func (l *demoListener) Close() error   { return (*demoLink)(l).close() }
func (l *demoListener) Addr() net.Addr { return l.listener.Addr() }

// A demoConn is a connection of a demoLink.
type demoConn struct {
	*net.TCPConn
	link *demoLink
}

func (c *demoConn) Close() error {
	c.link.mu.Lock()
	delete(c.link.conns, c)
	c.link.mu.Unlock()
	return c.TCPConn.Close()
}
