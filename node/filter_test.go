package node

import (
	"net/netip"
	"regexp"
	"testing"
)

// TestAllows: deny before allow; neither lets nobody in; an address of v6 is the
// same in each of its spellings.
func TestAllows(t *testing.T) {
	re := func(s string) *regexp.Regexp { return regexp.MustCompile("^(?:" + s + ")$") }
	nets := func(all ...string) (p []netip.Prefix) {
		for _, s := range all {
			p = append(p, netip.MustParsePrefix(s))
		}
		return p
	}
	for _, test := range []struct {
		rule    string
		filter  AddressFilter
		address string
		want    bool
	}{
		{"neither", AddressFilter{}, "127.0.0.1", false},
		{"allow", AddressFilter{Allow: re(`127\.\d+\.\d+\.\d+|::1`)}, "127.0.0.1", true},
		{"allow matches whole addresses", AddressFilter{Allow: re(`27\.0\.0\.1`)}, "127.0.0.1", false},
		{"allow, another", AddressFilter{Allow: re(`10\..*`)}, "192.0.2.1", false},
		{"deny only", AddressFilter{Deny: re(`10\..*`)}, "192.0.2.1", true},
		{"deny", AddressFilter{Deny: re(`10\..*`)}, "10.0.0.1", false},
		{"deny before allow", AddressFilter{Deny: re(`10\..*`), Allow: re(`.*`)}, "10.0.0.1", false},
		{"v4 in v6", AddressFilter{Deny: re(`10\..*`)}, "::ffff:10.0.0.1", false},
		{"as Java writes it", AddressFilter{Allow: re(`0:0:0:0:0:0:0:1`)}, "::1", true},
		{"written short", AddressFilter{Allow: re(`2001:db8::1`)}, "2001:db8:0:0:0:0:0:1", true},
		{"a zone", AddressFilter{Allow: re(`fe80::1`)}, "fe80::1%eth0", true},
		{"net", AddressFilter{AllowNets: nets("192.0.2.0/24", "::1/128")}, "192.0.2.200", true},
		{"net of v6", AddressFilter{AllowNets: nets("192.0.2.0/24", "::1/128")}, "0:0:0:0:0:0:0:1", true},
		{"another net", AddressFilter{AllowNets: nets("192.0.2.0/24")}, "198.51.100.1", false},
		{"no address, denied nets", AddressFilter{DenyNets: nets("192.0.2.0/24")}, "unix:", false},
		{"no address, allowed nets", AddressFilter{AllowNets: nets("0.0.0.0/0")}, "unix:", false},
		{"denied net", AddressFilter{DenyNets: nets("192.0.2.0/24")}, "198.51.100.1", true},
	} {
		if got := test.filter.Allows(test.address); got != test.want {
			t.Errorf("%s: %s: %v, want %v", test.rule, test.address, got, test.want)
		}
	}
}
