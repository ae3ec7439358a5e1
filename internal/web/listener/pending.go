package listener

import (
	"net/netip"
	"strings"
	"time"

	"github.com/catflap/catflap/internal/web/http1"
)

// A Pending is a request under way.
type Pending struct {
	Client netip.AddrPort
	Method string // empty while its head comes in
	Path   string // of the request-target as received, without the query
	Worker string // the one that it waits for; empty if it waits for none
	Age    time.Duration
}

// Pending returns all requests under way, in no order. Ages are exact to
// 0.1 s.
func (g *Group) Pending() []Pending {
	var all []Pending
	g.conns.each(func(c *Conn) {
		all = append(all, c.flows.pending(g.conns.now.Load())...)
		p := Pending{Client: c.Client.Remote}
		switch http1.Phase(c.phase.Load()) {
		case http1.Head:
		case http1.Answer:
			since := c.watch.since.Load()
			if since == 0 {
				return
			}
			p.Age = time.Duration(g.conns.now.Load()-since+1) * period
			p.Method, p.Path, p.Worker = c.Client.Doing()
			p.Path, _, _ = strings.Cut(p.Path, "?")
		default:
			return
		}
		all = append(all, p)
	})
	return all
}
