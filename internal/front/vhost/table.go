// Package vhost finds who answers a request and with which settings. What
// comes in is the local address and the Host of a request, what goes out is
// the site; then comes a path and its Target, and the merged settings go out.
//
// A Table chooses among <VirtualHost>s exactly as httpd does; a Resolver
// merges the sections of one of them in httpd's order.
package vhost

import (
	"net/netip"
	"strings"
)

// A Table chooses the host for a request. It is immutable; many goroutines
// may use it.
type Table struct {
	byIP    map[netip.Addr][]group // exact addresses
	anyIP   []group                // * and _default_
	aliases [][]string             // by host index
	names   []string
}

// A group is the list of hosts that share one address and port.
type group struct {
	port    int // 0 for *
	entries []entry
	// address is how the last of them has it, and place the number of that
	// address in its host: what httpd lists the group by.
	address Address
	place   int
}

// An entry is one host at one address.
type entry struct {
	host int
	name string // the host name that the address was written with
}

// NewTable returns the table of hosts, of which the first is the main server.
func NewTable(hosts []Host) *Table {
	t := &Table{byIP: map[netip.Addr][]group{}}
	for i, h := range hosts {
		t.names = append(t.names, h.Name)
		var aliases []string
		for _, alias := range h.Aliases {
			aliases = append(aliases, strings.ToLower(strings.TrimSuffix(alias, ".")))
		}
		t.aliases = append(t.aliases, aliases)
		for place, a := range h.Addresses {
			g := group{port: a.Port, entries: []entry{{i, a.Name}}, address: a, place: place}
			if a.Any() {
				if place == 0 || h.Addresses[place-1].String() != a.String() {
					t.anyIP = add(t.anyIP, g)
				}
				continue
			}
			ip := a.IP.Unmap()
			t.byIP[ip] = add(t.byIP[ip], g)
		}
	}
	return t
}

// add puts the one host of g into the group of its port.
func add(groups []group, g group) []group {
	for i := range groups {
		known := &groups[i]
		if known.port != g.port {
			continue
		}
		if known.entries[len(known.entries)-1].host != g.entries[0].host {
			known.address, known.place = g.address, g.place
		}
		known.entries = append(known.entries, g.entries...)
		return groups
	}
	return append(groups, g)
}

// Select returns the index of the host that answers a request for name that
// came in at local. 0, the main server, answers only what no <VirtualHost>'s
// address takes. name is the Host without port, lower case, without a final
// dot; empty if the request has none: then the first host of the address
// answers.
//
// Source: httpd server/vhost.c, ap_update_vhost_given_ip and check_hostalias.
func (t *Table) Select(local netip.AddrPort, name string) int { return t.Choose(local, name).Host }

// A Choice is a host with the reason why it answers.
type Choice struct {
	Host    int
	By      By
	Alias   string  // of ByAlias: the one that matches, in lower case
	Address Address // the one of <VirtualHost> that takes the request; unset of MainServer
}

// By is why a host answers.
type By int

const (
	MainServer    By = iota // no <VirtualHost> takes the address
	ByName                  // its ServerName
	ByAlias                 // a ServerAlias of it
	ByAddressName           // the name in its <VirtualHost>
	First                   // no host of the address has the name
)

// Choose is Select with its reason.
func (t *Table) Choose(local netip.AddrPort, name string) Choice {
	found := find(t.byIP[local.Addr().Unmap()], int(local.Port()))
	if found == nil {
		found = find(t.anyIP, int(local.Port()))
	}
	if found == nil {
		return Choice{}
	}
	if name == "" {
		return Choice{found.entries[0].host, First, "", found.address}
	}
	for _, e := range found.entries {
		if t.names[e.host] == name {
			return Choice{e.host, ByName, "", found.address}
		}
		if alias := t.alias(e.host, name); alias != "" {
			return Choice{e.host, ByAlias, alias, found.address}
		}
	}
	for _, e := range found.entries { // names come before addresses
		if e.name == name {
			return Choice{e.host, ByAddressName, "", found.address}
		}
	}
	return Choice{found.entries[0].host, First, "", found.address}
}

// find returns the group for port: its own, else the one for all ports.
func find(groups []group, port int) *group {
	var wild *group
	for i := range groups {
		switch groups[i].port {
		case port:
			return &groups[i]
		case 0:
			wild = &groups[i]
		}
	}
	return wild
}

// alias returns the alias of a host that matches name, "" if none does.
func (t *Table) alias(host int, name string) string {
	for _, alias := range t.aliases[host] {
		if alias == name || hasWildcard(alias) && wildcard(alias, name) {
			return alias
		}
	}
	return ""
}

// wildcard matches * (any run) and ? (one byte), in time proportional to the
// product of the lengths at worst.
func wildcard(pattern, s string) bool {
	star, mark := -1, 0
	p, i := 0, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]) && pattern[p] != '*':
			p, i = p+1, i+1
		case p < len(pattern) && pattern[p] == '*':
			star, mark, p = p, i, p+1
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

func hasWildcard(alias string) bool { return strings.ContainsAny(alias, "*?") }
