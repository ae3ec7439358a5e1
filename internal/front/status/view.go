package status

import (
	"strings"
	"time"

	"github.com/catflap/catflap/internal/front/balancer"
	"github.com/catflap/catflap/internal/front/mount"
	"github.com/catflap/catflap/internal/front/worker"
)

// A View is what there is at one moment.
type View struct {
	Now       time.Time
	Balancers []Balancer // those of worker.list, in order
	Workers   []Worker   // ajp13 workers of worker.list
	Status    []string   // status workers of worker.list
	Dump      []Property // what was read from the files
}

// balancer returns the balancer called name, nil if there is none.
func (v *View) balancer(name string) *Balancer {
	for i := range v.Balancers {
		if v.Balancers[i].Config.Name == name {
			return &v.Balancers[i]
		}
	}
	return nil
}

// worker returns the ajp13 worker of worker.list called name, nil if there is
// none.
func (v *View) worker(name string) *Worker {
	for i := range v.Workers {
		if v.Workers[i].Config.Name == name {
			return &v.Workers[i]
		}
	}
	return nil
}

// A Balancer is one lb worker with its members' workers, in the same order.
type Balancer struct {
	balancer.Snapshot
	Workers []worker.Snapshot
	Maps    []Map
}

// A Worker is one ajp13 worker that stands alone.
type Worker struct {
	worker.Snapshot
	Maps []Map
}

// A Map is one rule of one site.
type Map struct {
	Server string // "name:port", or "name [address:port]" of a virtual host
	Rule   mount.Rule
}

// class sorts a member as the properties good and bad say: first bad, then
// good, else degraded.
func class(m balancer.MemberSnapshot, cfg *Config) string {
	activation := map[balancer.Activation]string{balancer.Active: "a", balancer.Disabled: "d", balancer.Stopped: "s"}[m.Config.Activation]
	state := map[balancer.State]string{
		balancer.OK: "o", balancer.Idle: "i", balancer.Busy: "b", balancer.Error: "e",
		balancer.Recover: "r", balancer.Probe: "r", balancer.Force: "r",
	}[m.State]
	for _, entry := range cfg.Bad {
		if matches(entry, activation, state) {
			return "bad"
		}
	}
	for _, entry := range cfg.Good {
		if matches(entry, activation, state) {
			return "good"
		}
	}
	return "degraded"
}

// matches reads "a", "o", "a.o": an activation, a state, or both, each by its
// first letter in any case. Nothing before or after the dot is any.
//
// Source: mod_jk common/jk_status.c, as seen at work.
func matches(entry, activation, state string) bool {
	before, after, both := strings.Cut(strings.ToLower(entry), ".")
	if !both {
		return before != "" && (before[:1] == activation || before[:1] == state)
	}
	return (before == "" || before[:1] == activation) && (after == "" || after[:1] == state)
}
