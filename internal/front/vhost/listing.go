package vhost

import (
	"cmp"
	"net/netip"
	"slices"
)

// A Listed is one address with the hosts that share it.
type Listed struct {
	Address Address // as the last of them has it
	Hosts   []int   // by index, the default first; twice if it names an IP twice
}

// Listing returns the addresses in the order in which httpd lists them: first
// those with an IP, by the exclusive or of its last four bytes, then those for
// all; of one kind that come first whose last host stands first, and of one
// host its later addresses.
//
// Source: httpd server/vhost.c, ap_fini_vhost_config and
// dump_vhost_config, as seen at work.
func (t *Table) Listing() []Listed {
	var exact []group
	for _, groups := range t.byIP {
		exact = append(exact, groups...)
	}
	slices.SortFunc(exact, func(a, b group) int {
		return cmp.Or(cmp.Compare(bucket(a.address.IP), bucket(b.address.IP)), listedBefore(a, b))
	})
	wild := slices.SortedFunc(slices.Values(t.anyIP), listedBefore)
	var all []Listed
	for _, g := range append(exact, wild...) {
		all = append(all, Listed{g.address, g.hosts()})
	}
	return all
}

func listedBefore(a, b group) int {
	last := func(g group) int { return g.entries[len(g.entries)-1].host }
	return cmp.Or(cmp.Compare(last(a), last(b)), cmp.Compare(b.place, a.place))
}

// hosts returns the hosts of g in their order.
func (g *group) hosts() []int {
	var all []int
	for _, e := range g.entries {
		all = append(all, e.host)
	}
	return all
}

// bucket is where httpd keeps an address.
func bucket(ip netip.Addr) byte {
	b := ip.AsSlice()
	last := b[len(b)-4:]
	return last[0] ^ last[1] ^ last[2] ^ last[3]
}

// Wild reports whether a ServerAlias is a pattern.
func Wild(alias string) bool { return hasWildcard(alias) }
