package serverxml

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	syntax "github.com/catflap/catflap/internal/config/serverxml"
	"github.com/catflap/catflap/tribes"
)

// A given is an attribute as the file gives it. What it cannot be read as is
// told, and zero.
type given struct {
	l  *loader
	of string // the element
	syntax.Attribute
}

func (g given) text() string { return strings.TrimSpace(g.Value) }

// wrong tells that the value is none, and what would be.
func (g given) wrong(want string) {
	switch name := unset(g.Value); {
	case name != "":
		g.l.wrong(g.Pos, fmt.Sprintf("%s=%s: ${%s} is not set", g.Name, quoteXML(g.Value), name),
			fmt.Sprintf("set %s in conf/catalina.properties or in the environment, or write ${%s:-…} with a default", name, name))
	default:
		g.l.wrong(g.Pos, fmt.Sprintf("%s=%s is not %s", g.Name, quoteXML(g.Value), want), "")
	}
}

// quoteXML writes s as the value of an attribute.
func quoteXML(s string) string {
	return `"` + strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;").Replace(s) + `"`
}

// unset returns the name of a property in text that has no value.
func unset(text string) string {
	_, name, found := strings.Cut(text, "${")
	name, _, closed := strings.Cut(name, "}")
	if !found || !closed {
		return ""
	}
	return name
}

// route reads a jvmRoute, which goes into cookies and paths.
func (g given) route() string {
	route := g.text()
	switch name := unset(route); {
	case name != "":
		g.l.warn(g.Pos, fmt.Sprintf("%s=%s: ${%s} is not set: no balancer finds this node by such a route", g.Name, quoteXML(g.Value), name),
			fmt.Sprintf("set %s in conf/catalina.properties or in the environment, or write ${%s:-…} with a default", name, name))
	case strings.ContainsFunc(route, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\",;\\/?#%&", r) }):
		g.l.wrong(g.Pos, fmt.Sprintf("%s=%s has a character that cannot be in cookies and paths", g.Name, quoteXML(g.Value)),
			"take letters, digits, - and _, as the worker of the front is named")
	}
	return route
}

// number reads a number from low to high.
func (g given) number(low, high int64) int64 {
	n, err := strconv.ParseInt(g.text(), 10, 64)
	switch {
	case err != nil:
		g.wrong("a number")
	case n < low || n > high:
		g.wrong(fmt.Sprintf("a number from %d to %d", low, high))
	default:
		return n
	}
	return 0
}

// int reads a number from -1 on.
func (g given) int() int { return int(g.number(-1, 1<<31-1)) }

// limit reads a number, in which less than 0, and 0, is none: -1.
func (g given) limit() int {
	if n := g.number(-1<<31, 1<<31-1); n > 0 {
		return int(n)
	}
	return -1
}

// port reads a port of TCP; -1 is none.
func (g given) port() int { return int(g.number(-1, 65535)) }

// bool reads true or false. Java takes any other word for false.
func (g given) bool() bool {
	switch strings.ToLower(g.text()) {
	case "true":
		return true
	case "false":
	default:
		if unset(g.Value) != "" {
			g.wrong("true or false")
			break
		}
		g.l.warn(g.Pos, fmt.Sprintf("%s=%s counts as false", g.Name, quoteXML(g.Value)), "write true or false")
	}
	return false
}

// maxTime is the longest time in ms: ten years.
const maxTime = 10 * 365 * 24 * 3600 * 1000

// times reads a number of units; 0 and less is -1.
func (g given) times(unit time.Duration) time.Duration {
	if n := g.number(-1<<31, maxTime/max(1, int64(unit/time.Millisecond))); n > 0 {
		return time.Duration(n) * unit
	}
	return -1
}

// millis reads a time in milliseconds; 0 and less is -1.
func (g given) millis() time.Duration { return g.times(time.Millisecond) }

// period reads a time in milliseconds that is more than 0.
func (g given) period() time.Duration { return time.Duration(g.number(1, maxTime)) * time.Millisecond }

// options reads send options.
func (g given) options() tribes.Options {
	o, err := tribes.ParseOptions(g.Value)
	if err != nil {
		if unset(g.Value) != "" {
			g.wrong("")
			return 0
		}
		g.l.wrong(g.Pos, fmt.Sprintf("%s: %v", g.Name, err), "")
	}
	return o
}

// address reads an IP address, or a host name, which is looked up.
func (g given) address() netip.Addr {
	text := g.text()
	if ip, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return ip.Unmap()
	}
	if unset(g.Value) != "" || text == "" {
		g.wrong("an address")
		return netip.Addr{}
	}
	ip, err := g.l.lookUp(text)
	if err != nil {
		g.l.wrong(g.Pos, fmt.Sprintf("%s=%s has no address: %v", g.Name, quoteXML(g.Value), err), "write an IP address of this machine, or put the name into /etc/hosts")
	}
	return ip
}

// lookUpTime is how long a name is looked up.
const lookUpTime = 5 * time.Second

// resolveName finds the address of a name, of version 4 if there is one, as
// Java does.
func resolveName(ctx context.Context, name string) (netip.Addr, error) {
	all, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	if err != nil {
		return netip.Addr{}, err
	}
	for _, ip := range all {
		if ip.Unmap().Is4() {
			return ip.Unmap(), nil
		}
	}
	return all[0], nil
}
