package privilege

import (
	"net"
	"testing"
)

// TestListen: 0.0.0.0 is IPv4 only, all others are what they say.
func TestListen(t *testing.T) {
	six := false // whether this machine has IPv6
	if l, err := net.Listen("tcp6", "[::1]:0"); err == nil {
		six = true
		l.Close()
	}
	for _, test := range []struct {
		address  string
		ip4, ip6 bool
	}{
		{"0.0.0.0:0", true, false}, {"127.0.0.1:0", true, false}, {"[::1]:0", false, true}, {"[::]:0", true, true}, {":0", true, true},
	} {
		if !six && !test.ip4 {
			continue
		}
		l, err := Direct{}.Listen(test.address)
		if err != nil {
			t.Fatalf("%s: %v", test.address, err)
		}
		_, port, _ := net.SplitHostPort(l.Addr().String())
		for host, want := range map[string]bool{"127.0.0.1": test.ip4, "::1": test.ip6 && six} {
			conn, err := net.Dial("tcp", net.JoinHostPort(host, port))
			if (err == nil) != want {
				t.Errorf("Listen %s: a client of %s: %v", test.address, host, err)
			}
			if err == nil {
				conn.Close()
			}
		}
		l.Close()
	}
}
