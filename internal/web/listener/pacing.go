package listener

import (
	"time"

	"github.com/catflap/catflap/internal/front/exchange"
)

// pacing holds a client to its Pace while the head of a request comes in. Only
// the goroutine that serves the connection uses it.
type pacing struct {
	pace  exchange.Pace
	began int64 // the tick since which its time runs
	came  int64 // bytes since then
}

// pause begins anew: nothing came yet. The time of the first request of a
// connection runs already.
func (p *pacing) pause(c *Conn) {
	p.came = 0
	if !c.used.Load() {
		p.began = c.group.conns.now.Load()
	}
}

// begin tells that a head begins: from now on its time runs.
func (p *pacing) begin(c *Conn) {
	if c.used.Load() {
		p.began = c.group.conns.now.Load()
	}
}

// hold lets reads of c fail once its time is over.
func (p *pacing) hold(c *Conn) {
	if p.pace.First == 0 {
		c.limit.set(c, c.group.limits.Load().HeaderTimeout)
		return
	}
	passed := time.Duration(c.group.conns.now.Load()-p.began) * period
	if wait := p.pace.Time(p.came) - passed; wait > 0 {
		c.limit.set(c, wait)
	} else {
		c.limit.fire(c)
	}
}
