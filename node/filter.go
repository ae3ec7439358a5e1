package node

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// An AddressFilter lets requests in by the address of who asks: a
// RemoteAddrValve or RemoteCIDRValve. Deny is looked at first; with an Allow
// that does not match, or with neither, nobody is let in.
type AddressFilter struct {
	Line        int            // of File, for messages; 0 is none
	Allow, Deny *regexp.Regexp // allow, deny of a RemoteAddrValve: match the whole address; nil is none

	AllowNets, DenyNets []netip.Prefix // allow, deny of a RemoteCIDRValve

	Status int  // denyStatus: what others get; default 403
	Peer   bool // usePeerAddress: the address of the connection counts, not the one that a web server tells by AJP
}

// Allows reports whether requests from address are let in. Address is as the
// connection or the web server has it, without a port; a v6 address matches if
// one of its spellings does.
//
// Source: RequestFilterValve.isAllowed, RemoteCIDRValve.isAllowed.
func (f *AddressFilter) Allows(address string) bool {
	texts, ip := spellings(address)
	matches := func(pattern *regexp.Regexp, nets []netip.Prefix) bool {
		if pattern != nil && slices.ContainsFunc(texts, pattern.MatchString) {
			return true
		}
		return slices.ContainsFunc(nets, func(n netip.Prefix) bool { return n.Contains(ip) })
	}
	denies := f.Deny != nil || len(f.DenyNets) > 0
	allows := f.Allow != nil || len(f.AllowNets) > 0
	if len(f.DenyNets) > 0 && !ip.IsValid() || matches(f.Deny, f.DenyNets) {
		return false
	}
	return matches(f.Allow, f.AllowNets) || denies && !allows
}

// spellings returns how address is written: as it is, as Java writes it, and
// as everybody else does.
func spellings(address string) ([]string, netip.Addr) {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return []string{address}, netip.Addr{}
	}
	ip = ip.Unmap().WithZone("")
	all := []string{address, ip.String()}
	if ip.Is6() {
		b := ip.As16()
		var groups [8]string
		for i := range groups {
			groups[i] = fmt.Sprintf("%x", int(b[2*i])<<8|int(b[2*i+1]))
		}
		all = append(all, strings.Join(groups[:], ":"))
	}
	return all, ip
}
