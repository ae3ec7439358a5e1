package replicated

import (
	"context"
	"sync"
	"time"

	"github.com/catflap/catflap/tribes"
)

const (
	// pulseEvery is how often a node feels whether it runs.
	pulseEvery = time.Second
	// stoodStill is the pause after which it may have missed something: others
	// wait that long for acknowledgements, or a little longer.
	stoodStill = 2500 * time.Millisecond
	// visitTime is how long after that the first look at where entries are may
	// take: requests wait for it.
	visitTime = 3 * time.Second
)

// again are the times from one look at where entries are to the next: what was
// on its way to a node that stood still it does in no order.
var again = [...]time.Duration{time.Second, 3 * time.Second, 6 * time.Second}

// A pulse tells whether this node runs. It does not while its process is
// stopped, or its machine.
type pulse struct {
	mu      sync.Mutex
	last    time.Time           // when it ran; zero: it is not felt
	woke    time.Time           // when it ran again after the last pause
	settled chan struct{}       // closed once it knows where entries are; nil if it does
	visits  map[tribes.Key]bool // other nodes that stood still, and are told what they have missed
}

// feel feels the pulse until ctx is done.
func (m *Map) feel(ctx context.Context) {
	if m.cfg.Kind == Copy {
		return
	}
	defer func() {
		m.pulse.mu.Lock()
		defer m.pulse.mu.Unlock()
		m.pulse.last = time.Time{}
	}()
	m.pulse.mu.Lock()
	m.pulse.last = time.Now()
	m.pulse.mu.Unlock()
	tick := time.NewTicker(pulseEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			m.beats()
		case <-ctx.Done():
			return
		}
	}
}

// beats notes that this node runs. If it did not for a while others are asked
// where entries are; the channel is closed once they have answered.
func (m *Map) beats() (settled <-chan struct{}) {
	p := &m.pulse
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last.IsZero() {
		return nil
	}
	now := time.Now()
	stood := max(now.Sub(p.last), now.Round(0).Sub(p.last.Round(0))) // a machine's clocks need not both go on
	if p.last = now; stood > stoodStill {
		m.stoodStill(stood)
	}
	return p.settled
}

// StoodStill tells that this node did not run for d. The map finds that out
// itself where the clock tells it.
func (m *Map) StoodStill(d time.Duration) {
	m.pulse.mu.Lock()
	defer m.pulse.mu.Unlock()
	m.stoodStill(d)
}

// stoodStill begins to ask others where entries are. m.pulse.mu is held.
func (m *Map) stoodStill(d time.Duration) {
	p := &m.pulse
	if p.settled != nil {
		return
	}
	p.woke, p.settled = time.Now(), make(chan struct{})
	if !m.work(func(ctx context.Context) { m.wake(ctx, d) }) {
		p.settled = nil // it has not joined yet, or ends
	}
}

// Awake returns at once while this node runs. If it did not for a while it waits
// until this node has asked the others where entries are now, for 3 s at most.
func (m *Map) Awake(ctx context.Context) {
	settled := m.beats()
	if settled == nil {
		return
	}
	most := time.NewTimer(visitTime)
	defer most.Stop()
	select {
	case <-settled:
	case <-most.C:
	case <-ctx.Done():
	}
}

// wake has this node, which stood still, learn where entries are now.
func (m *Map) wake(ctx context.Context, stood time.Duration) {
	m.cfg.Log.Warn("this node stood still, it asks the others where entries are", "map", m.cfg.Name, "for", stood)
	first, cancel := context.WithTimeout(ctx, visitTime)
	m.inspect(first, nil)
	cancel()
	p := &m.pulse
	p.mu.Lock()
	close(p.settled)
	p.settled = nil
	p.mu.Unlock()
	for i, wait := range again {
		if !pause(ctx, wait) {
			return
		}
		s := m.inspect(ctx, nil)
		if i == 0 {
			m.renew(ctx, s)
		}
	}
}

// Returned implements tribes.Returner: a node stood still, and runs on. It is
// told what it has missed. A Go node asks for that itself; a Tomcat does not.
func (m *Map) Returned(who tribes.Member) {
	p, key := &m.pulse, who.Key()
	p.mu.Lock()
	defer p.mu.Unlock()
	ourselves := !p.woke.IsZero() && time.Since(p.woke) < 2*visitTime // then all others were silent to us
	if ourselves || m.cfg.Kind == Copy || p.visits[key] {
		return
	}
	if p.visits == nil {
		p.visits = map[tribes.Key]bool{}
	}
	p.visits[key] = m.work(func(ctx context.Context) {
		m.visit(ctx, who)
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.visits, key)
	})
}

// visit tells who, which stood still, where entries are. What is on its way is
// not told: that of which it says the same twice is.
func (m *Map) visit(ctx context.Context, who tribes.Member) {
	var before map[any]string
	for _, wait := range append([]time.Duration{again[0] / 2}, again[:]...) {
		if !pause(ctx, wait) {
			return
		}
		before = m.inform(ctx, m.inspect(ctx, &who), who, before)
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
