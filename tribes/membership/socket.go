package membership

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

// OpenSocket makes a socket of the system that has joined the group of cfg. It
// shares its port with the other nodes of the machine.
func OpenSocket(cfg Config) (Socket, error) {
	cfg = cfg.withDefaults()
	if !cfg.Group.IsMulticast() {
		return nil, fmt.Errorf("%s is no multicast address", cfg.Group)
	}
	network := "udp4"
	if cfg.Group.Is6() {
		network = "udp6"
	}
	own, err := interfaceOf(cfg)
	if err != nil {
		return nil, err
	}
	listen := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var failed error
		err := c.Control(func(fd uintptr) {
			failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
		})
		if err != nil {
			return err
		}
		return failed
	}}
	// The group's address as the own one: then only what is sent to it is heard.
	conn, err := listen.ListenPacket(context.Background(), network, net.JoinHostPort(cfg.Group.String(), strconv.Itoa(cfg.Port)))
	if err != nil {
		conn, err = listen.ListenPacket(context.Background(), network, net.JoinHostPort("", strconv.Itoa(cfg.Port)))
	}
	if err != nil {
		return nil, err
	}
	s := &socket{conn.(*net.UDPConn), netip.AddrPortFrom(cfg.Group, uint16(cfg.Port))}
	if err := s.join(cfg, own); err != nil {
		conn.Close()
		return nil, err
	}
	return s, nil
}

// interfaceOf returns the interface that cfg names, nil for that of the route.
func interfaceOf(cfg Config) (*net.Interface, error) {
	if cfg.Interface != "" {
		return net.InterfaceByName(cfg.Interface)
	}
	if !cfg.Bind.IsValid() {
		return nil, nil
	}
	all, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	for i := range all {
		addresses, err := all[i].Addrs()
		if err != nil {
			continue
		}
		if slices.ContainsFunc(addresses, func(a net.Addr) bool {
			prefix, err := netip.ParsePrefix(a.String())
			return err == nil && prefix.Addr().Unmap() == cfg.Bind.Unmap()
		}) {
			return &all[i], nil
		}
	}
	return nil, fmt.Errorf("no interface of this machine has the address %s", cfg.Bind)
}

// A socket is a UDP socket of the system.
type socket struct {
	conn  *net.UDPConn
	group netip.AddrPort
}

// join joins the group on the interface own, and says how to send to it.
func (s *socket) join(cfg Config, own *net.Interface) error {
	group := &net.UDPAddr{IP: cfg.Group.AsSlice()}
	if cfg.Group.Is4() {
		p := ipv4.NewPacketConn(s.conn)
		if err := p.JoinGroup(own, group); err != nil {
			return fmt.Errorf("join: %w", err)
		}
		if own != nil {
			if err := p.SetMulticastInterface(own); err != nil {
				return fmt.Errorf("choose the interface %s: %w", own.Name, err)
			}
		}
		if err := p.SetMulticastTTL(cfg.TTL); err != nil {
			return fmt.Errorf("ttl %d: %w", cfg.TTL, err)
		}
		return p.SetMulticastLoopback(!cfg.NoLoop)
	}
	p := ipv6.NewPacketConn(s.conn)
	if err := p.JoinGroup(own, group); err != nil {
		return fmt.Errorf("join: %w", err)
	}
	if own != nil {
		if err := p.SetMulticastInterface(own); err != nil {
			return fmt.Errorf("choose the interface %s: %w", own.Name, err)
		}
	}
	if err := p.SetMulticastHopLimit(cfg.TTL); err != nil {
		return fmt.Errorf("ttl %d: %w", cfg.TTL, err)
	}
	return p.SetMulticastLoopback(!cfg.NoLoop)
}

func (s *socket) Read(b []byte) (int, netip.AddrPort, error) { return s.conn.ReadFromUDPAddrPort(b) }

func (s *socket) Write(b []byte) error {
	_, err := s.conn.WriteToUDPAddrPort(b, s.group)
	return err
}

func (s *socket) Close() error { return s.conn.Close() }
