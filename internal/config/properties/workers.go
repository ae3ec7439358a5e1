package properties

import (
	"github.com/catflap/catflap/internal/mistake"
)

// Definitions are the workers that a workers.properties defines and uses.
type Definitions struct {
	// Workers are those of worker.list and the members of its balancers, each
	// once, in the order in which they are first named. Members of a balancer
	// come after it.
	Workers []*Worker
	Listed  []string // worker.list, each name once; "ajp13" if it is not set
	Unused  []string // names that have properties and are not in Workers: templates, or left over, sorted
	Global  Values   // worker.maintain, under the key "maintain", in seconds
}

// Worker returns the worker called name, nil if it is not used.
func (d *Definitions) Worker(name string) *Worker {
	for _, w := range d.Workers {
		if w.Name == name {
			return w
		}
	}
	return nil
}

// A Type is what a worker is.
type Type string

const (
	AJP13  Type = "ajp13" // one Tomcat
	LB     Type = "lb"    // a balancer
	Status Type = "status"
)

// A Worker is one worker with its values: its own, and those of its
// reference that it does not set itself.
type Worker struct {
	Name      string
	Type      Type
	Pos       mistake.Pos // of its first property; where it is named if it has none
	Listed    bool        // in worker.list: it can be mounted
	Members   []string    // of a balancer, in order, each once; all are in Definitions.Workers
	Balancers []string    // that have it as member
	Values
}

// Workers returns what f defines, and the mistakes of that: an error is what
// mod_jk does not start with, a warning what it passes over although it cannot
// be meant. With errors the definitions hold what is left without them.
//
// Source: mod_jk common/jk_map.c, jk_util.c, jk_worker.c and jk_lb_worker.c
// (validate), as seen at work.
func Workers(f *File) (*Definitions, mistake.List) {
	d := definer{file: f, groups: map[string]*group{}, found: map[string]*Worker{}, result: &Definitions{}}
	d.collect()
	d.repeats()
	d.names()
	for _, w := range d.result.Workers {
		d.effects(w)
		d.values(w)
	}
	for _, w := range d.result.Workers {
		d.routes(w)
	}
	d.unused()
	d.mistakes.Sort()
	return d.result, d.mistakes
}
