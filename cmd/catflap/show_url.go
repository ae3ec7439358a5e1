package main

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/catflap/catflap/internal/front"
)

// urlFlags ask for the way of one URL.
type urlFlags struct {
	command     *cobra.Command
	url, client string
}

func (u *urlFlags) register(c *cobra.Command) {
	u.command = c
	c.Flags().StringVar(&u.url, "url", "", "show the way of this `URL`")
	c.Flags().StringVar(&u.client, "client", stranger, "the `ADDRESS` that the request of --url comes from")
}

// stranger is an address that belongs to nobody.
const stranger = "192.0.2.1"

// An asked is a URL with its way.
type asked struct {
	*front.Way
	url     string
	client  netip.Addr
	arrival arrival
}

// An arrival is where a request comes in.
type arrival struct {
	at    netip.AddrPort // unspecified: any address of this machine
	place string         // of the Listen; empty if there is none
	note  string         // how it was found, if that is a guess
}

// explain returns the way of the URL.
func (u *urlFlags) explain(cfg *front.Config) (*asked, error) {
	text := u.url
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	parsed, err := url.Parse(text)
	if err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" {
		return nil, &usageError{u.command, fmt.Errorf("--url %s: not a URL as http://HOST[:PORT]/PATH", u.url)}
	}
	client, err := netip.ParseAddr(u.client)
	if err != nil {
		return nil, &usageError{u.command, fmt.Errorf("--client %s: not an IP address", u.client)}
	}
	port := 80
	if parsed.Scheme == "https" {
		port = 443
	}
	if parsed.Port() != "" {
		if port, err = strconv.Atoi(parsed.Port()); err != nil || port < 1 || port > 65535 {
			return nil, &usageError{u.command, fmt.Errorf("--url %s: no port %s", u.url, parsed.Port())}
		}
	}
	a := &asked{url: text, client: client}
	a.arrival = arrive(cfg, strings.ToLower(parsed.Hostname()), port)
	a.Way = front.Explain(cfg, front.Question{
		Local: a.arrival.at, Client: client, Host: parsed.Host, Target: targetOf(text), TLS: parsed.Scheme == "https",
	})
	return a, nil
}

// targetOf returns path and query of a URL as they are written.
func targetOf(text string) string {
	_, rest, _ := strings.Cut(text, "://")
	rest, _, _ = strings.Cut(rest, "#")
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		if rest[i] == '?' {
			return "/" + rest[i:]
		}
		return rest[i:]
	}
	return "/"
}

// arrive returns where a request for host and port comes in, as far as the
// files and the system's names tell.
func arrive(cfg *front.Config, host string, port int) arrival {
	places := listening(cfg, port)
	at := func(ip netip.Addr, note string) arrival {
		place := places[ip.Unmap()]
		if place == "" {
			place = places[netip.IPv4Unspecified()]
		}
		return arrival{netip.AddrPortFrom(ip.Unmap(), uint16(port)), place, note}
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return at(ip, "")
	}
	everywhere := places[netip.IPv4Unspecified()] != ""
	if len(places) == 1 && !everywhere {
		for ip := range places {
			return at(ip, "")
		}
	}
	if ip, ok := addressOfHost(cfg, host, port); ok {
		return at(ip, "taken for it, as the host of that name is there")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	found, _ := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	for _, ip := range found {
		if everywhere || places[ip.Unmap()] != "" {
			return at(ip, "")
		}
	}
	if len(places) > 0 && !everywhere {
		first := slices.SortedFunc(maps.Keys(places), netip.Addr.Compare)[0]
		return at(first, "one of several: "+host+" does not tell which")
	}
	return at(netip.IPv4Unspecified(), "")
}

// listening are the places of the Listen lines for a port, by address; 0.0.0.0
// stands for all.
func listening(cfg *front.Config, port int) map[netip.Addr]string {
	places := map[netip.Addr]string{}
	for _, l := range cfg.Listen {
		ap, err := netip.ParseAddrPort(l.Address)
		switch {
		case l.Address == ":"+strconv.Itoa(port), err == nil && int(ap.Port()) == port && ap.Addr().IsUnspecified():
			places[netip.IPv4Unspecified()] = l.Place
		case err == nil && int(ap.Port()) == port:
			places[ap.Addr().Unmap()] = l.Place
		}
	}
	return places
}

// addressOfHost returns the IP address of the only <VirtualHost> with an IP
// that has the name.
func addressOfHost(cfg *front.Config, name string, port int) (netip.Addr, bool) {
	var found []netip.Addr
	for _, at := range tableOf(cfg).Listing() {
		if at.Address.Any() || at.Address.Port != 0 && at.Address.Port != port {
			continue
		}
		for _, i := range at.Hosts {
			if cfg.Sites[i].Host.Name == name {
				found = append(found, at.Address.IP)
				break
			}
		}
	}
	if len(found) != 1 {
		return netip.Addr{}, false
	}
	return found[0], true
}
