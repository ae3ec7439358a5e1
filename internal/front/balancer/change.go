package balancer

import (
	"fmt"
	"time"

	"github.com/catflap/catflap/internal/front/overlay"
)

// Settings are what the operator can change of a balancer while it runs.
var Settings = overlay.Table[Config]{
	overlay.Int("retries", func(c *Config) *int { return &c.Retries }),
	overlay.Time("retry_interval", time.Millisecond, 0, func(c *Config) *time.Duration { return &c.RetryInterval }),
	overlay.Time("recover_time", time.Second, 0, func(c *Config) *time.Duration { return &c.Recovery.RecoverTime }),
	overlay.Time("error_escalation_time", time.Second, -1, func(c *Config) *time.Duration { return &c.Recovery.EscalationTime }),
	overlay.Int("max_reply_timeouts", func(c *Config) *int { return &c.Recovery.MaxReplyTimeouts }),
	overlay.Bool("sticky_session", true, func(c *Config) *bool { return &c.Sticky.Off }),
	overlay.Bool("sticky_session_force", false, func(c *Config) *bool { return &c.Sticky.Force }),
	overlay.Choice("method", Next, func(c *Config) *Method { return &c.Method }),
	overlay.Choice("lock", Pessimistic, func(c *Config) *Lock { return &c.Lock }),
}

// MemberSettings are what the operator can change of a member while its
// balancer runs.
var MemberSettings = overlay.Table[MemberConfig]{
	overlay.Choice("activation", Stopped, func(c *MemberConfig) *Activation { return &c.Activation }, "disabled", "stopped"),
	overlay.Int("lbfactor", func(c *MemberConfig) *int { return &c.Factor }),
	route,
	overlay.Text("redirect", func(c *MemberConfig) *string { return &c.Redirect }),
	overlay.Text("domain", func(c *MemberConfig) *string { return &c.Domain }),
	overlay.Int("distance", func(c *MemberConfig) *int { return &c.Distance }),
}

// route falls back to the name of the worker, as in the file.
var route = overlay.Setting[MemberConfig]{
	Key: "route",
	Get: func(c *MemberConfig) string { return c.Route },
	Put: func(c *MemberConfig, text string) bool {
		c.Route = text
		def(&c.Route, c.Worker)
		return true
	},
}

// An Overlays is what the operator changed in a balancer and its members.
type Overlays struct {
	Balancer overlay.Overlay            `json:"balancer,omitempty"`
	Members  map[string]overlay.Overlay `json:"members,omitempty"` // by worker
}

// A Change is what is to hold for a balancer and its members from the next
// request on.
type Change struct {
	Balancer []overlay.Value
	Members  map[string][]overlay.Value // by worker
}

// Changes are the changes that were made.
type Changes struct {
	Balancer []overlay.Changed
	Members  map[string][]overlay.Changed // by worker
}

// Change lets all of c hold at once, and returns what that changed. The error
// says why nothing was. Changes are made by one goroutine at a time.
func (b *Balancer) Change(c Change) (Changes, error) {
	old := b.now.Load()
	set := Overlays{Members: map[string]overlay.Overlay{}}
	made := Changes{Members: map[string][]overlay.Changed{}}
	set.Balancer, made.Balancer = Settings.Change(b.file, b.file.Lines, old.set.Balancer, c.Balancer)
	for _, m := range b.file.Members {
		values := withDomain(old.member(m.Worker), c.Members[m.Worker])
		now, changed := MemberSettings.Change(m, m.Lines, old.set.Members[m.Worker], values)
		if now != nil {
			set.Members[m.Worker] = now
		}
		if changed != nil {
			made.Members[m.Worker] = changed
		}
	}
	next := b.setup(set, old)
	if err := distinctRoutes(next.cfg); err != nil {
		return Changes{}, err
	}
	b.swap(old, next)
	return made, nil
}

// member returns the settings of a member.
func (s *setup) member(worker string) MemberConfig {
	for _, m := range s.cfg.Members {
		if m.Worker == worker {
			return m
		}
	}
	return MemberConfig{}
}

// withDomain returns values with the domain that a new route brings along, if
// the member has none and gets none.
//
// Source: mod_jk common/jk_status.c, as seen at work.
func withDomain(m MemberConfig, values []overlay.Value) []overlay.Value {
	if m.Domain != "" {
		return values
	}
	for _, v := range values {
		if domain := domainOf(v.Text); v.Key == "route" && domain != v.Text {
			return append([]overlay.Value{{Key: "domain", Text: domain}}, values...)
		}
	}
	return values
}

// setup returns what holds with set over the file. The members have the
// endpoints and standings of those of like.
func (b *Balancer) setup(set Overlays, like *setup) *setup {
	s := &setup{cfg: Settings.Apply(b.file, set.Balancer), set: set}
	s.cfg.Members = make([]MemberConfig, len(b.file.Members))
	factors := make([]int, len(b.file.Members))
	for i, m := range b.file.Members {
		s.cfg.Members[i] = MemberSettings.Apply(m, set.Members[m.Worker])
		factors[i] = s.cfg.Members[i].Factor
	}
	for i, mult := range multiples(factors) {
		s.members = append(s.members, &Member{cfg: s.cfg.Members[i], endpoint: like.members[i].endpoint, mult: mult, standing: like.members[i].standing})
	}
	return s
}

// swap lets next hold instead of old.
func (b *Balancer) swap(old, next *setup) {
	b.now.Store(next)
	if sharesDiffer(old, next) {
		next.level()
	}
}

// level lets the values of all members begin anew. They tell no more than who
// is behind, and by how much.
//
// Source: mod_jk common/jk_status.c does so for activation, as seen at work.
func (s *setup) level() {
	for _, m := range s.members {
		m.value.Store(0)
	}
}

// sharesDiffer reports whether the members of next have other shares of the
// load than they had in old: their values would say something else, and one
// that had no share would be flooded until it had caught up.
func sharesDiffer(old, next *setup) bool {
	if old.cfg.Method != next.cfg.Method {
		return true
	}
	for _, m := range next.members {
		for _, was := range old.members {
			if was.cfg.Worker == m.cfg.Worker &&
				(m.mult != was.mult || m.cfg.Distance != was.cfg.Distance || m.cfg.Activation != was.cfg.Activation) {
				return true
			}
		}
	}
	return false
}

// distinctRoutes returns why the routes of cfg cannot be told apart.
func distinctRoutes(cfg Config) error {
	routes := map[string]string{}
	for _, m := range cfg.Members {
		if other, taken := routes[m.Route]; taken {
			return &RouteError{Worker: m.Worker, Other: other, Route: m.Route}
		}
		routes[m.Route] = m.Worker
	}
	return nil
}

// A RouteError tells that two members have one route.
type RouteError struct{ Worker, Other, Route string }

func (e *RouteError) Error() string {
	return fmt.Sprintf("members %s and %s share the route %s", e.Other, e.Worker, e.Route)
}

// Resume lets what the operator changed in another process hold, as far as the
// files say what they said then. It returns what ended. It is called before the
// first request.
func (b *Balancer) Resume(was Overlays) (ended Overlays) { return b.carry(was) }

// carry lets was hold, as far as the files say what they said then, and returns
// what ended. A route that another member now has ends, too.
func (b *Balancer) carry(was Overlays) (ended Overlays) {
	set := Overlays{Members: map[string]overlay.Overlay{}}
	ended.Members = map[string]overlay.Overlay{}
	set.Balancer, ended.Balancer = Settings.Carry(b.file.Lines, was.Balancer)
	left := map[string]overlay.Overlay{}
	for worker, o := range was.Members {
		left[worker] = o
	}
	for _, m := range b.file.Members {
		kept, over := MemberSettings.Carry(m.Lines, was.Members[m.Worker])
		set.Members[m.Worker], ended.Members[m.Worker] = kept, over
		delete(left, m.Worker)
	}
	for worker, o := range left { // members no more
		ended.Members[worker] = o
	}
	next := b.setup(set, b.now.Load())
	for {
		err, shared := distinctRoutes(next.cfg).(*RouteError)
		if !shared {
			break
		}
		for _, worker := range []string{err.Worker, err.Other} {
			kept, over := set.Members[worker].Split("route")
			set.Members[worker] = kept
			ended.Members[worker] = append(ended.Members[worker], over...)
		}
		next = b.setup(set, next)
	}
	b.now.Store(next)
	return ended
}
