package config

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/catflap/catflap/internal/mistake"
)

// Resolve returns the addresses of a host name.
type Resolve func(name string) ([]netip.Addr, error)

// resolveBySystem looks a name up as the system does, for at most 5 s.
func resolveBySystem(name string) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return net.DefaultResolver.LookupNetIP(ctx, "ip", name)
}

// Reverse returns the host name of an address.
type Reverse func(netip.Addr) (string, error)

// reverseBySystem looks an address up as the system does, for at most 2 s.
func reverseBySystem(address netip.Addr) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	names, err := net.DefaultResolver.LookupAddr(ctx, address.String())
	if err == nil && len(names) == 0 {
		err = errors.New("it has no name")
	}
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(names[0], "."), nil
}

// nameless is how httpd calls a host whose address has no name.
const nameless = "bogus_host_without_reverse_dns"

// canonicalName names a host: by ServerName, else as its address is called,
// else, if it takes all addresses, as the main server.
//
// Source: httpd server/vhost.c, ap_fini_vhost_config, as seen at work.
func (l *loader) canonicalName(s *scope) string {
	switch {
	case s.name != "":
		return s.name
	case s == l.main:
		return l.localName()
	}
	for _, a := range s.host.Addresses {
		if a.Any() {
			return l.canonicalName(l.main)
		}
	}
	address := s.host.Addresses[0].IP.Unmap()
	name, err := l.o.Reverse(address)
	if err != nil {
		l.say(s.at, at(s.at, 0), mistake.Warning, "Failed to resolve server name for "+address.String()+" (check DNS) -- or specify an explicit ServerName", "write a ServerName into it", "AH00549")
		return nameless
	}
	return name
}

// localName names this machine, once, as httpd does where no ServerName is.
//
// Source: httpd server/util.c, ap_get_local_host, as seen at work.
func (l *loader) localName() string {
	if l.machine != "" {
		return l.machine
	}
	l.machine = "127.0.0.1"
	host, err := os.Hostname()
	if err == nil {
		if found, err := l.o.Resolve(host); err == nil && len(found) > 0 {
			l.machine = found[0].Unmap().String()
			if strings.Contains(host, ".") {
				l.machine = host
			}
			if name, err := l.o.Reverse(found[0].Unmap()); err == nil && strings.Contains(name, ".") {
				l.machine = name
				return name
			}
		}
	}
	l.report.Mistakes.Add(mistake.Mistake{Pos: mistake.Pos{File: l.o.File}, Severity: mistake.Warning, Code: "AH00558",
		Text: "Could not reliably determine the server's fully qualified domain name, using " + l.machine,
		Fix:  "Set the 'ServerName' directive globally to suppress this message"})
	return l.machine
}
