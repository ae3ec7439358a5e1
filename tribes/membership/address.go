package membership

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
)

// LocalAddress returns the address at which others reach this node, given how
// it joins the group: Bind, the address of Interface, that of the route to the
// group, or else the first of the machine. It is a loopback address only if Bind
// or Interface say so: others could not reach that.
func LocalAddress(cfg Config) (netip.Addr, error) {
	cfg = cfg.withDefaults()
	if cfg.Bind.IsValid() && !cfg.Bind.IsUnspecified() {
		return cfg.Bind, nil
	}
	if cfg.Interface != "" {
		own, err := net.InterfaceByName(cfg.Interface)
		if err != nil {
			return netip.Addr{}, err
		}
		if addr, ok := addressOf(*own, cfg.Group.Is6(), true); ok {
			return addr, nil
		}
		return netip.Addr{}, errors.New("interface " + cfg.Interface + " has no address")
	}
	// No packet is sent by this: it asks which address the route has.
	if conn, err := net.Dial("udp", net.JoinHostPort(cfg.Group.String(), strconv.Itoa(cfg.Port))); err == nil {
		local := conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
		conn.Close()
		if !local.IsLoopback() && !local.IsUnspecified() {
			return local, nil
		}
	}
	all, err := net.Interfaces()
	if err != nil {
		return netip.Addr{}, err
	}
	for _, each := range all {
		if addr, ok := addressOf(each, cfg.Group.Is6(), false); ok {
			return addr, nil
		}
	}
	return netip.Addr{}, errors.New("this machine has no address but loopback that others could reach; set the receiver's address, " +
		"or bind the membership to 127.0.0.1 for a group on this machine alone")
}

// addressOf returns an address of an interface that is up.
func addressOf(own net.Interface, six, loopback bool) (netip.Addr, bool) {
	if own.Flags&net.FlagUp == 0 || own.Flags&net.FlagLoopback != 0 && !loopback {
		return netip.Addr{}, false
	}
	addresses, err := own.Addrs()
	if err != nil {
		return netip.Addr{}, false
	}
	for _, a := range addresses {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil {
			continue
		}
		if addr := prefix.Addr().Unmap(); addr.Is6() == six {
			return addr.WithZone(""), true
		}
	}
	return netip.Addr{}, false
}
