package membership

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/ipv4"
)

var (
	group    = netip.MustParseAddr("239.77.45.64")
	loopback = netip.MustParseAddr("127.0.0.1")
)

// loopbackName is the name of the loopback interface.
func loopbackName(t *testing.T) string {
	t.Helper()
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, each := range all {
		if each.Flags&net.FlagLoopback != 0 {
			return each.Name
		}
	}
	t.Fatal("no loopback interface")
	return ""
}

// freePort is a UDP port that nobody has now.
func freePort(t *testing.T) int {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).Port
}

func open(t *testing.T, cfg Config) *socket {
	t.Helper()
	s, err := OpenSocket(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s.(*socket)
}

// hears reports whether s gets text within a limit, and where from.
func (s *socket) hears(t *testing.T, text string, limit time.Duration) (netip.AddrPort, bool) {
	t.Helper()
	if err := s.conn.SetReadDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1000)
	for {
		n, from, err := s.Read(b)
		if err != nil {
			return from, false
		}
		if string(b[:n]) == text {
			return from, true
		}
	}
}

// Sockets of one machine share the port of the group, on an interface by its
// address or its name, and send from that port. The ttl and the loopback are those
// of the configuration.
func TestSocket(t *testing.T) {
	port := freePort(t)
	byAddress := open(t, Config{Group: group, Port: port, Bind: loopback})
	byName := open(t, Config{Group: group, Port: port, Interface: loopbackName(t), TTL: 7})
	silent := open(t, Config{Group: group, Port: port, Bind: loopback, NoLoop: true})
	for from, text := range map[*socket]string{byAddress: "by address", byName: "by name"} {
		if err := from.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		for _, to := range []*socket{byAddress, byName, silent} {
			at, ok := to.hears(t, text, 5*time.Second)
			if !ok || int(at.Port()) != port {
				t.Errorf("%s: heard %v from %v, want port %d", text, ok, at, port)
			}
		}
	}
	for s, want := range map[*socket]int{byAddress: 1, byName: 7} {
		if ttl, err := ipv4.NewPacketConn(s.conn).MulticastTTL(); err != nil || ttl != want {
			t.Errorf("ttl %d, %v; want %d", ttl, err, want)
		}
	}
	for s, want := range map[*socket]bool{byAddress: true, byName: true, silent: false} {
		if loop, err := ipv4.NewPacketConn(s.conn).MulticastLoopback(); err != nil || loop != want {
			t.Errorf("loopback %v, %v; want %v", loop, err, want)
		}
	}
}

// What cannot be joined is told in words.
func TestSocketErrors(t *testing.T) {
	for want, cfg := range map[string]Config{
		"10.0.0.1 is no multicast address":                       {Group: netip.MustParseAddr("10.0.0.1")},
		"no interface of this machine has the address 192.0.2.1": {Bind: netip.MustParseAddr("192.0.2.1")},
		"no such network interface":                              {Interface: "none0"},
	} {
		if s, err := OpenSocket(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, error %v, want %q", s, err, want)
		}
	}
}

// The address that others are told is never loopback, unless the membership is
// bound to that.
func TestLocalAddress(t *testing.T) {
	if got, err := LocalAddress(Config{}); err == nil && got.IsLoopback() {
		t.Errorf("%v", got)
	}
	for _, cfg := range []Config{{Bind: loopback}, {Interface: loopbackName(t)}} {
		if got, err := LocalAddress(cfg); err != nil || got != loopback {
			t.Errorf("%v, %v; want %v", got, err, loopback)
		}
	}
	if _, err := LocalAddress(Config{Interface: "none0"}); err == nil {
		t.Error("an interface that is not there has an address")
	}
}
