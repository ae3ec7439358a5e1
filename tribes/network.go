package tribes

import (
	"context"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/catflap/catflap/tribes/membership"
)

// A Network is where a channel's sockets come from. The zero Config uses
// System; tests of groups use package tribestest.
type Network interface {
	// Listen makes a listening TCP socket.
	Listen(addr netip.AddrPort) (net.Listener, error)
	// Dial opens a TCP connection.
	Dial(ctx context.Context, to netip.AddrPort) (net.Conn, error)
	// Group makes a socket that has joined a multicast group.
	Group(cfg membership.Config) (membership.Socket, error)
	// Datagrams makes a UDP socket; nil without error if there are none.
	Datagrams(addr netip.AddrPort) (net.PacketConn, error)
	// Address is the address that other nodes reach this one at, given how the
	// group is joined.
	Address(cfg membership.Config) (netip.Addr, error)
}

// System is the network of the system.
type System struct{}

var _ Network = System{}

// Listen implements Network.
func (System) Listen(addr netip.AddrPort) (net.Listener, error) {
	return net.Listen("tcp", addr.String())
}

// trafficClass is what Tomcat asks routers for: low delay, high throughput,
// reliability.
const trafficClass = 0x1c

// Dial implements Network.
func (System) Dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	dialer := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: false}, Control: func(network, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) {
			// Only a wish: that it cannot be told is no reason not to send.
			if network == "tcp6" {
				_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_TCLASS, trafficClass)
			} else {
				_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_TOS, trafficClass)
			}
		})
	}}
	return dialer.DialContext(ctx, "tcp", to.String())
}

// Group implements Network.
func (System) Group(cfg membership.Config) (membership.Socket, error) {
	return membership.OpenSocket(cfg)
}

// Datagrams implements Network.
func (System) Datagrams(addr netip.AddrPort) (net.PacketConn, error) {
	return net.ListenPacket("udp", addr.String())
}

// Address implements Network.
func (System) Address(cfg membership.Config) (netip.Addr, error) { return membership.LocalAddress(cfg) }
