package vhost

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The hosts of these tests; 0 is the main server.
var hosts = []Host{
	{Name: "main.example"},
	{Name: "a.example", Aliases: []string{"www.a.example", "*.wild.example"}, Addresses: addresses("10.0.0.1:80")},
	{Name: "b.example", Addresses: addresses("10.0.0.1:80")},
	{Name: "c.example", Addresses: addresses("10.0.0.1:*")},
	{Name: "d.example", Addresses: addresses("*:80")},
	{Name: "e.example", Addresses: addresses("*:*")},
	{Name: "f.example", Addresses: []Address{{IP: netip.MustParseAddr("10.0.0.2"), Port: 80, Name: "f-address.example"}}},
	{Name: "g.example", Addresses: append(addresses("10.0.0.2:80"), addresses("[2001:db8::1]:80")...)},
	{Name: "a.example", Addresses: addresses("10.0.0.1:80")}, // never reached: an earlier host has the name
	{Name: "h.example", Addresses: []Address{{IP: netip.MustParseAddr("10.0.0.3"), Port: 80, Name: "h-address.example"}}},
	{Name: "i.example", Aliases: []string{"h-address.example"}, Addresses: []Address{{IP: netip.MustParseAddr("10.0.0.3"), Port: 80, Name: "10.0.0.3"}}},
}

func addresses(all ...string) []Address {
	var parsed []Address
	for _, s := range all {
		switch s {
		case "10.0.0.1:*":
			parsed = append(parsed, Address{IP: netip.MustParseAddr("10.0.0.1")})
		case "*:80":
			parsed = append(parsed, Address{Port: 80})
		case "*:*":
			parsed = append(parsed, Address{})
		default:
			ap := netip.MustParseAddrPort(s)
			parsed = append(parsed, Address{IP: ap.Addr(), Port: int(ap.Port())})
		}
	}
	return parsed
}

func TestSelect(t *testing.T) {
	table := NewTable(hosts)
	for _, test := range []struct {
		rule, local, host string
		want              int
	}{
		{"by name", "10.0.0.1:80", "b.example", 2},
		{"by alias", "10.0.0.1:80", "www.a.example", 1},
		{"by wild alias", "10.0.0.1:80", "x.y.wild.example", 1},
		{"the first is the default", "10.0.0.1:80", "none.example", 1},
		{"no Host: the default", "10.0.0.1:80", "", 1},
		{"of two with one name the first", "10.0.0.1:80", "a.example", 1},
		{"the main server's name does not count", "10.0.0.1:80", "main.example", 1},
		{"IP:port before IP:*", "10.0.0.1:80", "c.example", 1},
		{"IP:* for other ports", "10.0.0.1:81", "x.example", 3},
		{"IP:* before *:port", "10.0.0.1:8080", "d.example", 3},
		{"*:port before *:*", "10.0.0.9:80", "e.example", 4},
		{"*:* for the rest", "10.0.0.9:81", "d.example", 5},
		{"the name in the address", "10.0.0.2:80", "f-address.example", 6},
		{"a name before the name in another's address", "10.0.0.3:80", "h-address.example", 10},
		{"an address as Host, as the section has it", "10.0.0.3:80", "10.0.0.3", 10},
		{"an IPv6 address", "[2001:db8::1]:80", "x.example", 7},
		{"an IPv4 address in IPv6 form", "[::ffff:10.0.0.2]:80", "g.example", 7},
	} {
		if got := table.Select(netip.MustParseAddrPort(test.local), test.host); got != test.want {
			t.Errorf("%s: Select(%s, %q) = %d, want %d", test.rule, test.local, test.host, got, test.want)
		}
	}
}

func TestSelectMainServer(t *testing.T) {
	table := NewTable(hosts[:3])
	if got := table.Select(netip.MustParseAddrPort("10.0.0.7:80"), "a.example"); got != 0 {
		t.Errorf("an address of no <VirtualHost> gets host %d, want the main server", got)
	}
}

func TestWildcard(t *testing.T) {
	for _, test := range []struct {
		pattern, s string
		want       bool
	}{
		{"*", "", true}, {"*", "a.b", true}, {"*.example", "a.example", true}, {"*.example", "example", false},
		{"a?c", "abc", true}, {"a?c", "ac", false}, {"a*b*c", "axxbyyc", true}, {"a*b*c", "axxbyy", false},
		{"*a", "aaaa", true}, {"", "", true}, {"", "a", false}, {"?", "", false}, {"a*", "b", false},
	} {
		if got := wildcard(test.pattern, test.s); got != test.want {
			t.Errorf("wildcard(%q, %q) = %v", test.pattern, test.s, got)
		}
	}
}

// TestListing: the order is httpd's; interop compares it with httpd itself.
func TestListing(t *testing.T) {
	any80, unspecified := Address{Port: 80}, Address{IP: netip.MustParseAddr("::"), Port: 80}
	table := NewTable([]Host{
		{Name: "main.example"},
		{Addresses: append(addresses("10.0.0.2:80"), any80, any80)},
		{Addresses: append(addresses("10.0.0.1:*"), unspecified)},
		{Addresses: append(addresses("10.0.0.2:80", "10.0.0.2:80"), Address{})},
		{Addresses: addresses("[2001:db8::a00:2]:80", "10.0.0.2:81", "10.0.0.1:*")},
	})
	var got []string
	for _, at := range table.Listing() {
		got = append(got, fmt.Sprint(at.Address, at.Hosts))
	}
	want := []string{"10.0.0.2:80 [1 3 3]", "10.0.0.2:81 [4]", "[2001:db8::a00:2]:80 [4]", "10.0.0.1:* [2 4]", "*:80 [1 2]", "*:* [3]"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestSelectOfUnspecified: :: in <VirtualHost> stands for all addresses.
func TestSelectOfUnspecified(t *testing.T) {
	table := NewTable([]Host{{}, {Name: "a.example", Addresses: []Address{{IP: netip.MustParseAddr("::"), Port: 80}}}})
	if got := table.Select(netip.MustParseAddrPort("10.0.0.1:80"), "x.example"); got != 1 {
		t.Errorf("Select = %d, want 1", got)
	}
}

func TestCalled(t *testing.T) {
	h := Host{Name: "a.example", Aliases: []string{"WWW.a.example.", "*.wild.example"}, Addresses: []Address{{Name: "address.example"}}}
	for name, want := range map[string]bool{
		"a.example": true, "www.a.example": true, "x.y.wild.example": true, "address.example": true,
		"b.example": false, "wild.example": false, "a.example.b.example": false, "": false,
	} {
		if got := h.Called(name); got != want {
			t.Errorf("it is called %q: %v", name, got)
		}
	}
}
