package front

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/catflap/catflap/internal/front/balancer"
	"github.com/catflap/catflap/internal/front/overlay"
	"github.com/catflap/catflap/internal/front/status"
)

// Resume lets what the operator changed in a process before this one hold, as
// far as the files say what they said then. changes is what the last call of
// keep there was given, nil for nothing; what the status page would not have
// taken is left out. keep is called after each change, and with the first if
// there were any: changes are all that hold then, nil for none. It may be nil.
// Resume is called before Run.
func (s *Server) Resume(changes []byte, keep func(changes []byte) error) {
	l := s.current.Load()
	if len(changes) > 0 {
		if c, err := parseChanges(changes); err != nil {
			s.log().Warn("the changes made on the status page are lost", "module", "jk", "err", err)
		} else {
			l.resume(c)
		}
	}
	s.desk.keeping.keep = keep
	if len(changes) > 0 {
		s.desk.kept()
	}
}

// A keeping leaves what the operator changed with who keeps it.
type keeping struct {
	keep func(changes []byte) error // nil: nobody does

	mu sync.Mutex // the last call tells what holds: one at a time
}

// kept lets the changes that hold be kept.
func (d *desk) kept() {
	if d.keeping.keep == nil {
		return
	}
	d.keeping.mu.Lock()
	defer d.keeping.mu.Unlock()
	l := d.current.Load()
	if err := d.keeping.keep(l.changes().marshal()); err != nil {
		l.changeLog().Warn("what was changed on the status page would be lost with this process", "err", err)
	}
}

// A changes is what the operator changed of balancers and workers, by name.
type changes struct {
	Balancers map[string]balancer.Overlays `json:"balancers,omitempty"`
	Workers   map[string]overlay.Overlay   `json:"workers,omitempty"`
}

// changes are those that hold on l.
func (l *line) changes() changes {
	c := changes{map[string]balancer.Overlays{}, map[string]overlay.Overlay{}}
	for name, b := range l.balancers {
		set := b.Snapshot(time.Now()).Set
		members := maps.Clone(set.Members)
		maps.DeleteFunc(members, func(_ string, o overlay.Overlay) bool { return len(o) == 0 })
		if len(set.Balancer)+len(members) > 0 {
			c.Balancers[name] = balancer.Overlays{Balancer: set.Balancer, Members: members}
		}
	}
	for name, w := range l.workers {
		if set := w.Overlay(); len(set) > 0 {
			c.Workers[name] = set
		}
	}
	return c
}

// marshal returns c as JSON, nil if there is nothing in it.
func (c changes) marshal() []byte {
	if len(c.Balancers)+len(c.Workers) == 0 {
		return nil
	}
	text, _ := json.Marshal(c) // it has nothing that cannot be written
	return text
}

// parseChanges reads what marshal made. It may come from anybody: values that
// the status page would not have taken are left out.
func parseChanges(text []byte) (changes, error) {
	var c changes
	if err := json.Unmarshal(text, &c); err != nil {
		return changes{}, fmt.Errorf("changes of the operator: %w", err)
	}
	for name, set := range c.Balancers {
		set.Balancer = status.TakenOfBalancer(set.Balancer)
		for member, values := range set.Members {
			set.Members[member] = status.TakenOfMember(values)
		}
		c.Balancers[name] = set
	}
	for name, values := range c.Workers {
		c.Workers[name] = status.TakenOfWorker(values)
	}
	return c, nil
}

// resume lets c hold on l, as far as the files say what they said then, and
// tells what has ended. No request is on l yet.
func (l *line) resume(c changes) {
	for _, name := range slices.Sorted(maps.Keys(c.Workers)) {
		ended := c.Workers[name]
		if w := l.workers[name]; w != nil {
			ended = w.Resume(ended)
		}
		l.tellEnded("", name, ended)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Balancers)) {
		ended := c.Balancers[name]
		if b := l.balancers[name]; b != nil {
			ended = b.Resume(ended)
		}
		l.tellEndedIn(name, ended)
	}
	l.tellKept()
}
