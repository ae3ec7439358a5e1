package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/front"
	"github.com/catflap/catflap/internal/mistake"
)

// listen reads Listen.
//
// Source: httpd server/listen.c, ap_set_listener; APR's apr_parse_addr_port,
// as seen at work.
func listen(l *loader, _ place, d *httpdconf.Directive) {
	if len(d.Args) < 1 || len(d.Args) > 2 {
		l.fail(d, d.Pos, "Listen requires 1 or 2 arguments.", "write Listen PORT, or Listen ADDRESS:PORT")
		return
	}
	host, port, wrong := listenAddress(arg(d, 0))
	if wrong != "" {
		l.fail(d, at(d, 0), wrong, "write Listen PORT, or Listen ADDRESS:PORT")
		return
	}
	addresses, err := l.listenAddresses(host)
	if err != nil {
		l.say(d, at(d, 0), mistake.Error, "alloc_listener: failed to set up sockaddr for "+host, "write an address of this machine, or only the port", "AH00077")
		return
	}
	switch protocol := strings.ToLower(arg(d, 1)); {
	case protocol == "https", protocol == "" && port == 443 && l.modules["ssl_module"]:
		l.tls.https[port] = true
	case protocol != "" && protocol != "http":
		l.warn(d, at(d, 1), "Listen "+arg(d, 0)+" "+arg(d, 1)+": catflap speaks HTTP there", "")
	}
	for _, a := range addresses {
		address := netip.AddrPortFrom(a, uint16(port)).String()
		if !a.IsValid() {
			address = ":" + strconv.Itoa(port)
		}
		if i := slices.IndexFunc(l.cfg.Listen, func(o front.Listen) bool { return o.Address == address }); i >= 0 {
			l.fail(d, at(d, 0), "Cannot define multiple Listeners on the same IP:port", "it is in "+l.cfg.Listen[i].Place+" already")
			return
		}
		l.listenAt[address] = d
		l.cfg.Listen = append(l.cfg.Listen, front.Listen{Address: address, Place: line(d)})
	}
}

// listenAddress splits PORT, ADDRESS:PORT, [IPV6]:PORT or NAME:PORT.
func listenAddress(text string) (host string, port int, wrong string) {
	word := text
	if i := strings.LastIndexByte(text, ':'); i >= 0 {
		host, word = text[:i], text[i+1:]
	}
	if strings.HasPrefix(host, "[") != strings.HasSuffix(host, "]") && !strings.HasSuffix(text, "]") {
		return "", 0, "Invalid address or port"
	}
	if strings.Trim(word, "0123456789") != "" || word == "" {
		return "", 0, "Port must be specified"
	}
	port, err := strconv.Atoi(word)
	if err != nil || port < 1 || port > 65535 {
		return "", 0, "Invalid address or port"
	}
	return strings.Trim(host, "[]"), port, ""
}

// listenAddresses are the addresses of a host in Listen; the zero one is all.
func (l *loader) listenAddresses(host string) ([]netip.Addr, error) {
	if host == "" || host == "*" {
		return []netip.Addr{{}}, nil
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip}, nil
	}
	found, err := l.o.Resolve(host)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("%s has no address", host)
	}
	for i := range found {
		found[i] = found[i].Unmap()
	}
	return found, err
}
