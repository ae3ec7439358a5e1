package worker

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/ajp"
)

// A pool keeps the connections of one worker. The one that was used last is
// used first; who finds none free waits in line.
type pool struct {
	address   string
	port      int
	maxPacket int
	dial      Dial
	peer      atomic.Value // string: the address of the last connection

	mu      sync.Mutex
	cfg     Pool
	idle    []held // the last is the latest
	opened  int    // idle and in use
	most    int
	waiting []chan held // a held without conn allows to open one
	closed  bool
}

// held is a connection and when the container last showed that it lives.
type held struct {
	conn  *ajp.Conn
	alive time.Time
}

var (
	errNoPort  = errors.New("port is 0: the worker is not provisioned")
	errNoPlace = errors.New("no free connection within connection_acquire_timeout")
)

func newPool(cfg Config, dial Dial) *pool {
	if dial == nil {
		dial = dialer(cfg.Socket)
	}
	return &pool{address: cfg.address(), port: cfg.Port, maxPacket: cfg.MaxPacket, dial: dial, cfg: cfg.Pool}
}

// open makes a connection beside those that the pool counts.
func (p *pool) open(ctx context.Context) (*ajp.Conn, error) {
	if p.port <= 0 {
		return nil, errNoPort
	}
	nc, err := p.dial(ctx, "tcp", p.address)
	if err != nil {
		return nil, err
	}
	if peer := nc.RemoteAddr(); peer != nil {
		p.peer.Store(peer.String())
	}
	return ajp.NewConn(nc, p.maxPacket), nil
}

// take returns an idle connection, or a held without one and the right to
// open one, which release gives back. The wait for a place is bounded by
// AcquireTimeout and ctx.
func (p *pool) take(ctx context.Context, fresh bool) (held, error) {
	p.mu.Lock()
	if n := len(p.idle); n > 0 && !fresh {
		h := p.idle[n-1]
		p.idle[n-1] = held{}
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return h, nil
	}
	if p.cfg.Size <= 0 || p.opened < p.cfg.Size {
		p.opened++
		p.most = max(p.most, p.opened)
		p.mu.Unlock()
		return held{}, nil
	}
	if n := len(p.idle); n > 0 { // all are idle: one makes room for a fresh one
		h := p.idle[0]
		p.idle = append(p.idle[:0], p.idle[1:]...)
		p.mu.Unlock()
		h.conn.Close()
		return held{}, nil
	}
	turn := make(chan held, 1)
	p.waiting = append(p.waiting, turn)
	wait := p.cfg.AcquireTimeout
	p.mu.Unlock()
	return p.await(ctx, turn, wait)
}

// await waits for turn.
func (p *pool) await(ctx context.Context, turn chan held, wait time.Duration) (held, error) {
	var late <-chan time.Time
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		late = timer.C
	}
	var err error
	select {
	case h := <-turn:
		return h, nil
	case <-late:
		err = errNoPlace
	case <-ctx.Done():
		err = ctx.Err()
	}
	p.mu.Lock()
	for i, other := range p.waiting {
		if other == turn {
			p.waiting = append(p.waiting[:i], p.waiting[i+1:]...)
			p.mu.Unlock()
			return held{}, err
		}
	}
	p.mu.Unlock()
	h := <-turn // it came at the same moment
	p.release(h, h.conn != nil)
	return held{}, err
}

// release gives back what take returned: a connection that is good for
// another request, or the place of one that is not, which the caller closed.
func (p *pool) release(h held, good bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !good {
		h = held{}
	}
	switch {
	case len(p.waiting) > 0: // also when p is closed: who waits was there before
		p.waiting[0] <- h
		p.waiting = p.waiting[1:]
	case good && !p.closed:
		p.idle = append(p.idle, h)
	default:
		p.opened--
		if good {
			defer h.conn.Close()
		}
	}
}

// resize lets the sizes and times of a new configuration hold.
func (p *pool) resize(cfg Pool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cfg = cfg
	for len(p.waiting) > 0 && (cfg.Size <= 0 || p.opened < cfg.Size) {
		p.opened++
		p.waiting[0] <- held{}
		p.waiting = p.waiting[1:]
	}
}

// period is how often maintain is called.
func (p *pool) period() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cfg.IdleTimeout <= 0 {
		return 10 * time.Second
	}
	return min(max(p.cfg.IdleTimeout/4, 100*time.Millisecond), 10*time.Second)
}

// maintain closes what was idle for too long, down to MinSize, the longest
// idle first, and asks the rest for a sign of life if ping says so.
func (p *pool) maintain(now time.Time, ping Ping) {
	p.mu.Lock()
	var old, ask []held
	if p.cfg.IdleTimeout > 0 {
		n := 0
		for n < len(p.idle) && p.opened-n > p.cfg.MinSize && now.Sub(p.idle[n].alive) >= p.cfg.IdleTimeout {
			n++
		}
		old = append(old, p.idle[:n]...)
		p.idle = append(p.idle[:0], p.idle[n:]...)
		p.opened -= n
	}
	if ping.Interval > 0 {
		n := 0
		for n < len(p.idle) && now.Sub(p.idle[n].alive) >= ping.Interval {
			n++
		}
		ask = append(ask, p.idle[:n]...)
		p.idle = append(p.idle[:0], p.idle[n:]...)
	}
	p.mu.Unlock()
	for _, h := range old {
		h.conn.Close()
	}
	for _, h := range ask {
		good := !h.conn.Stale() && h.conn.Ping(ping.Timeout) == nil
		if !good {
			h.conn.Close()
		}
		p.release(held{h.conn, time.Now()}, good)
	}
}

// close closes what is idle; what is in use is closed when it comes back. Who
// waits still gets a place.
func (p *pool) close() {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	p.opened -= len(idle)
	p.mu.Unlock()
	for _, h := range idle {
		h.conn.Close()
	}
}

// reset lets the most there were be what there is.
func (p *pool) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.most = p.opened
}

// sizes returns how many connections there are and how many there were at
// most.
func (p *pool) sizes() (opened, most int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.opened, p.most
}

// free reports whether take would not wait.
func (p *pool) free() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.idle) > 0 || p.cfg.Size <= 0 || p.opened < p.cfg.Size
}
