// Package balancer chooses for each request one member of a named group of
// workers. What comes in is an Exchange for the group, what goes out is the
// answer of one of them, or an error once none is left that may be asked.
//
// Which member, and what an outcome means for it, are pure functions in
// elect.go, sticky.go and state.go; Balancer only asks them and keeps their
// results.
package balancer

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/internal/front/exchange"
)

// A Balancer is one lb worker. Many goroutines may use it.
type Balancer struct {
	file    Config                // as the files have it, with defaults filled in
	now     atomic.Pointer[setup] // what holds for requests
	outlook Outlook
	log     *slog.Logger

	offset atomic.Int64 // where the next turn over the members begins
	*tally
}

// A tally is what is counted of a balancer. The one of a line after a reload
// goes on with it.
type tally struct {
	busy, maxBusy atomic.Int64
	upkeep        atomic.Int64 // Unix ns of the last maintenance
	lastReset     atomic.Int64 // Unix ns
}

// A setup is what holds until the operator changes something. It never
// changes; the members are always as many, in the same order.
type setup struct {
	cfg     Config // with what the operator changed over the file
	members []*Member
	set     Overlays
}

// New returns the balancer of cfg over the endpoints of its members, in their
// order, or its mistake. outlook may be nil.
func New(cfg Config, endpoints []Endpoint, outlook Outlook, log *slog.Logger) (*Balancer, error) {
	if len(endpoints) != len(cfg.Members) || len(endpoints) == 0 {
		return nil, fmt.Errorf("balancer %s: %d members, %d workers", cfg.Name, len(cfg.Members), len(endpoints))
	}
	cfg = cfg.Filled()
	if outlook == nil {
		outlook = unknown{}
	}
	b := &Balancer{file: cfg, outlook: outlook, log: log, tally: &tally{}}
	like := &setup{}
	for i, m := range cfg.Members {
		like.members = append(like.members, &Member{cfg: m, endpoint: endpoints[i], standing: &standing{reset: time.Now()}})
	}
	first := b.setup(Overlays{}, like)
	b.now.Store(first)
	b.upkeep.Store(time.Now().UnixNano())
	b.lastReset.Store(time.Now().UnixNano())
	if err := distinctRoutes(first.cfg); err != nil {
		return b, fmt.Errorf("balancer %s: %w", cfg.Name, err)
	}
	return b, nil
}

// Filled returns cfg with defaults in place of zero fields.
func (cfg Config) Filled() Config {
	def(&cfg.Retries, 2)
	def(&cfg.LBRetries, len(cfg.Members))
	def(&cfg.RetryInterval, 100*time.Millisecond)
	def(&cfg.Maintain, 60*time.Second)
	def(&cfg.Sticky.Cookie, "JSESSIONID")
	def(&cfg.Sticky.Path, ";jsessionid")
	def(&cfg.Sticky.SetCookiePath, "/")
	def(&cfg.Recovery.RecoverTime, 60*time.Second)
	def(&cfg.Recovery.EscalationTime, cfg.Recovery.RecoverTime/2)
	members := make([]MemberConfig, len(cfg.Members))
	for i, m := range cfg.Members {
		m.Factor = max(1, m.Factor)
		def(&m.Route, m.Worker)
		if m.Domain == "" {
			if domain := domainOf(m.Route); domain != m.Route {
				m.Domain = domain
			}
		}
		members[i] = m
	}
	cfg.Members = members
	return cfg
}

func def[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Forward sends the request of x to a member and its answer to w. A member
// that fails is replaced by another as long as that is safe, without a pause;
// when all were tried the next round waits for RetryInterval. nil means the
// answer is complete; otherwise the error is an *exchange.Error, or an
// *exchange.Refusal.
func (b *Balancer) Forward(w http.ResponseWriter, r *http.Request, x *exchange.Exchange) error {
	b.enter()
	defer b.busy.Add(-1)
	x.Session.Balancer = b.file.Name
	a := b.ask(x)
	defer a.giveBack()
	var last error
	for round := 1; round <= a.setup.cfg.Retries; round++ {
		for range min(a.setup.cfg.LBRetries, len(a.members)) {
			c := b.choose(a)
			if c.member < 0 {
				if last == nil {
					return b.none(c)
				}
				break
			}
			err := b.try(w, r, x, c, a)
			failure, ok := errors.AsType[*exchange.Error](err)
			if !ok {
				return err
			}
			last = err
			m := a.setup.members[c.member]
			if !m.endpoint.MayRepeat(x, failure) || x.Body.Rewind() != nil || x.Client.IsGone() || r.Context().Err() != nil {
				return err
			}
			a.fail(c.member)
		}
		if round == a.setup.cfg.Retries || !pause(r, a.setup.cfg.RetryInterval) {
			break
		}
		a.forgive()
	}
	return allFailed(last)
}

// allFailed returns the error of the last member, as that of the balancer.
func allFailed(err error) error {
	failure, ok := errors.AsType[*exchange.Error](err)
	if !ok {
		return err
	}
	last := *failure
	last.AllFailed = true
	return &last
}

// enter counts a request in.
func (b *Balancer) enter() {
	n := b.busy.Add(1)
	for {
		most := b.maxBusy.Load()
		if n <= most || b.maxBusy.CompareAndSwap(most, n) {
			return
		}
	}
}

// pause waits before the next round. It reports false if the client went.
func pause(r *http.Request, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// none is the error for a request that no member can take.
func (b *Balancer) none(c choice) error {
	cause := exchange.CauseNoWorker
	if c.forced {
		cause = exchange.CauseForcedRoute
	}
	return &exchange.Error{Worker: b.file.Name, Cause: cause, Reached: exchange.ReachedNobody}
}

// try sends the request of x to the member chosen, and takes its outcome.
func (b *Balancer) try(w http.ResponseWriter, r *http.Request, x *exchange.Exchange, c choice, a *asked) error {
	s := a.setup
	m := s.members[c.member]
	x.Session.Sticky = c.sticky
	if x.Session.Last = m; x.Session.First == nil {
		x.Session.First = m
	}
	x.Session.Answered = m.cfg.Route
	x.Session.Activation = [...]string{"ACT", "DIS", "STP"}[a.members[c.member].activation]
	if a.setCookie && !c.sticky {
		setCookie(w, x, a.cookie, m.cfg.Route, a.cookiePath)
	}
	fresh := len(a.routes) == 0 && !a.stateless
	m.dispatch()
	if fresh {
		m.sessions.Add(1)
	}
	m.value.Add(s.cfg.Method.atDispatch(m.mult, fresh))
	taken := x.Body.Taken()
	written := x.Response.Bytes
	err := m.endpoint.Try(w, r, x)
	others := m.busy.Add(-1) > 0
	s.cfg.Method.atEnd(m, x.Body.Taken()-taken+x.Response.Bytes-written)
	failure, failed := errors.AsType[*exchange.Error](err)
	o := outcome{failed: failed, others: others}
	if failed {
		o.at, o.cause, o.reached = time.Now(), failure.Cause, failure.Reached
	}
	before, after := m.ended(o, s.cfg.Recovery)
	if failed {
		if a.setCookie {
			w.Header().Del("Set-Cookie") // its member did not answer
		}
		m.count(failure.Cause)
		b.logFailure(x, m, failure, after)
	}
	if after != before && !failed && before.failing() {
		b.log.Info("worker recovered", "balancer", b.file.Name, "worker", m.cfg.Worker)
	}
	return err
}

// count counts a failure.
func (m *Member) count(cause exchange.Cause) {
	switch cause {
	case exchange.CauseClientRead, exchange.CauseClientWrite:
		m.clientErrors.Add(1)
	case exchange.CauseTooLarge, exchange.CauseBodyTooLarge, exchange.CauseBadBody:
	default:
		m.errors.Add(1)
	}
}

// logFailure writes the one line about an attempt that failed at a member.
// That of the whole request is written by who called Forward.
func (b *Balancer) logFailure(x *exchange.Exchange, m *Member, failure *exchange.Error, after State) {
	state := "local error state"
	if after == Error {
		state = "error state"
	}
	switch failure.Cause {
	case exchange.CauseClientRead, exchange.CauseClientWrite, exchange.CauseTooLarge, exchange.CauseBodyTooLarge, exchange.CauseBadBody:
		return
	}
	attrs := []any{"balancer", b.file.Name, "worker", m.cfg.Worker, "cause", failure.Cause.String(), "reached", failure.Reached.String(),
		"state", after.String(), "request", x.Request.Method + " " + x.Request.Path.Mount, "do", failure.Cause.Advice()}
	if failure.Err != nil {
		attrs = append(attrs, "err", failure.Err.Error())
	}
	b.log.Warn(failure.Said()+": service failed, worker "+m.cfg.Worker+" is in "+state, attrs...)
}

// Name returns the name of the balancer.
func (b *Balancer) Name() string { return b.file.Name }

// Adopt takes over the standing and counters of the members of old that have
// the same name, and what the operator changed, as far as the files say what
// they said then. It returns what ended. It is called before the first
// request.
func (b *Balancer) Adopt(old *Balancer) (ended Overlays) {
	was := old.now.Load()
	for _, m := range b.now.Load().members {
		for _, other := range was.members {
			if other.cfg.Worker == m.cfg.Worker {
				m.standing = other.standing
			}
		}
	}
	ended = b.carry(was.set)
	if now := b.now.Load(); sharesDiffer(was, now) {
		now.level()
	} else {
		b.levelNewcomers(was)
	}
	b.tally = old.tally
	return ended
}

// Moved tells that a member's worker is not where it was: what was seen of the
// old place says nothing of the new one, and what requests that are still at
// the old one end with does not either. The counters go on. It is called like
// Change.
func (b *Balancer) Moved(worker string) {
	old := b.now.Load()
	next := *old
	next.members = slices.Clone(old.members)
	highest := int64(0)
	for _, m := range old.members {
		highest = max(highest, m.value.Load())
	}
	for i, m := range old.members {
		if m.cfg.Worker == worker {
			moved := *m
			moved.standing = m.standing.elsewhere()
			moved.value.Store(highest) // or it would get all requests until it had caught up
			next.members[i] = &moved
		}
	}
	b.now.Store(&next)
}

// levelNewcomers lets members that old did not have begin at the highest
// value there is, or they would get every request until they had caught up.
func (b *Balancer) levelNewcomers(old *setup) {
	highest := int64(0)
	for _, m := range old.members {
		highest = max(highest, m.value.Load())
	}
	for _, m := range b.now.Load().members {
		if m.value.Load() == 0 {
			m.value.Store(highest)
		}
	}
}

// on reads the value of a JK_ variable: empty and anything but "0" is
// on.
func on(value string) bool {
	n, err := strconv.Atoi(value)
	return err != nil || n != 0
}
