package balancer

import (
	"context"
	"math"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/internal/front/exchange"
)

// An Endpoint is what a member forwards to: a worker.
type Endpoint interface {
	// Try sends the request of x once. The error is as that of Forward.
	Try(w http.ResponseWriter, r *http.Request, x *exchange.Exchange) error
	// MayRepeat reports whether a request that failed may be sent again.
	MayRepeat(x *exchange.Exchange, failure *exchange.Error) bool
	// Ping asks for a sign of life on a connection of its own.
	Ping(ctx context.Context) error
	// Free reports whether a request would get a connection at once.
	Free() bool
	// Traffic returns the bytes of bodies from and to the container.
	Traffic() (read, transferred int64)
}

// A Member is one worker in a balancer. Its settings never change; its
// standing is shared with the member of that name after a change, and in the
// line after a reload.
type Member struct {
	cfg      MemberConfig
	endpoint Endpoint
	mult     int64 // what one request adds to the value: the least common multiple of all factors, over its own
	*standing
}

// A standing is what is seen and counted of a member.
type standing struct {
	state   atomic.Int32 // a copy of health.state, to read without the lock
	tainted atomic.Bool  // health holds an error since the last success
	value   atomic.Int64
	busy    atomic.Int64

	elected, sessions, errors, clientErrors, maxBusy atomic.Int64
	lastUse                                          atomic.Int64 // value of elected at the last maintenance

	mu     sync.Mutex // guards health
	health health
	reset  time.Time
}

// elsewhere returns a standing with the counters of s, of a worker that is
// somewhere else. It is not in error there; else it shows as it did, as in
// mod_jk.
func (s *standing) elsewhere() *standing {
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh := &standing{reset: s.reset}
	for _, each := range [][2]*atomic.Int64{
		{&fresh.value, &s.value}, {&fresh.elected, &s.elected}, {&fresh.sessions, &s.sessions}, {&fresh.errors, &s.errors},
		{&fresh.clientErrors, &s.clientErrors}, {&fresh.maxBusy, &s.maxBusy}, {&fresh.lastUse, &s.lastUse},
	} {
		each[0].Store(each[1].Load())
	}
	if s.health.state == OK {
		fresh.change(func(health) health { return health{state: OK} })
	}
	return fresh
}

// seen returns the state.
func (s *standing) seen() State { return State(s.state.Load()) }

// change lets f decide about the health and returns the states before and
// after.
func (s *standing) change(f func(health) health) (before, after State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before = s.health.state
	s.health = f(s.health)
	s.state.Store(int32(s.health.state))
	s.tainted.Store(!s.health.firstError.IsZero())
	return before, s.health.state
}

// ended takes the outcome of a request. A success after a success changes
// nothing, and takes no lock.
func (s *standing) ended(o outcome, cfg Recovery) (before, after State) {
	if !o.failed && s.seen() == OK && !s.tainted.Load() {
		return OK, OK
	}
	return s.change(func(h health) health { return h.after(o, cfg) })
}

// claim makes the member's only probing request of one that it was elected
// for. It reports false if another was faster.
func (s *standing) claim() bool {
	if s.seen() != Recover {
		return true
	}
	claimed := false
	s.change(func(h health) health {
		if h.state == Recover {
			h.state, claimed = Probe, true
		}
		return h
	})
	return claimed
}

// dispatch counts a request in.
func (s *standing) dispatch() {
	s.elected.Add(1)
	n := s.busy.Add(1)
	for {
		most := s.maxBusy.Load()
		if n <= most || s.maxBusy.CompareAndSwap(most, n) {
			return
		}
	}
}

// multiples returns for each factor what one request adds to the value of its
// member. If the least common multiple of the factors is too large to count
// with, the nearest smaller numbers in proportion are returned.
func multiples(factors []int) []int64 {
	lcm := int64(1)
	exact := true
	for _, f := range factors {
		step := int64(f) / gcd(lcm, int64(f))
		if lcm > math.MaxInt32/step {
			exact = false
			break
		}
		lcm *= step
	}
	if !exact {
		lcm = math.MaxInt32
	}
	all := make([]int64, len(factors))
	for i, f := range factors {
		all[i] = max(1, lcm/int64(f))
	}
	return all
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
