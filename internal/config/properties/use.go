package properties

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/catflap/catflap/internal/mistake"
)

// names finds the workers that are used.
func (d *definer) names() {
	d.references()
	if len(d.listed) == 0 {
		d.report(mistake.Mistake{Pos: mistake.Pos{File: d.file.Name}, Severity: mistake.Warning,
			Text: "worker.list is not set: only a worker called ajp13 can be mounted", Fix: "write worker.list= and the names of the workers that JkMount names"})
		d.use("ajp13", Entry{ValuePos: mistake.Pos{File: d.file.Name}}, "").Listed = true
		d.result.Listed = []string{"ajp13"}
	}
	for _, e := range d.listed {
		for _, name := range split(e.Value) {
			w := d.use(name, e, "worker.list")
			if !w.Listed {
				w.Listed = true
				d.result.Listed = append(d.result.Listed, name)
			}
		}
	}
	for _, w := range slices.Clone(d.result.Workers) {
		if w.Type == LB {
			d.members(w)
		}
	}
}

// use returns the worker called name, which e names.
func (d *definer) use(name string, e Entry, where string) *Worker {
	if w := d.found[name]; w != nil {
		return w
	}
	w := &Worker{Name: name, Type: AJP13, Pos: e.ValuePos}
	g := d.groups["worker."+name]
	switch {
	case g != nil:
		w.Pos = g.first
		w.Type = d.typeOf(name)
	case where != "" && d.counts[mistake.Warning] < maxMistakes:
		w.Pos = partPos(e, name)
		d.warn(w.Pos, e.Line, fmt.Sprintf("%s names %s, which has no property: it is taken as an ajp13 worker on localhost:8009", where, name), d.meant(name, d.workerNames()))
	}
	d.found[name] = w
	d.result.Workers = append(d.result.Workers, w)
	return w
}

// typeOf returns what worker.NAME.type says.
func (d *definer) typeOf(name string) Type {
	e, ok := d.last(name, "type")
	if !ok {
		return AJP13
	}
	switch t := Type(e.Value); t {
	case AJP13, LB, Status:
		return t
	case "ajp12", "ajp14":
		d.report(mistake.Mistake{Pos: e.ValuePos, Severity: mistake.Unsupported, Line: e.Line,
			Text: fmt.Sprintf("worker type %s: worker %s is spoken to in AJP/1.3, which is all that today's Tomcat knows", t, name), Fix: "write " + e.Key + "=ajp13"})
		return AJP13
	}
	d.report(mistake.Mistake{Pos: e.ValuePos, Line: e.Line, Text: fmt.Sprintf("Unknown worker type %s for worker %s", e.Value, name),
		Fix: cmp.Or(meant(e.Value, []string{"ajp13", "lb", "status"}), "the types are ajp13, lb and status")})
	return AJP13
}

// members reads the members of the balancer w.
func (d *definer) members(w *Worker) {
	entries := d.allOf(w.Name)["balance_workers"]
	if entries == nil {
		entries = d.allOf(w.Name)["balanced_workers"]
	}
	numbers := map[string]int{}
	count := 0
	for _, e := range entries {
		for _, name := range split(e.Value) {
			number, again := numbers[name]
			if again {
				d.fail(partPos(e, name), e.Line, fmt.Sprintf("Balanced workers number %d (%s) and %d (%s) share the same route %s - aborting configuration!", count, name, number, name, name),
					fmt.Sprintf("name %s once", name))
				continue
			}
			numbers[name] = count
			count++
			member := d.use(name, e, e.Key)
			if member.Type != AJP13 {
				d.fail(partPos(e, name), e.Line, fmt.Sprintf("Failed creating worker %s: it is of type %s, and members of a balancer are of type ajp13", name, member.Type), "")
				continue
			}
			w.Members = append(w.Members, name)
			member.Balancers = append(member.Balancers, w.Name)
		}
	}
	if count == 0 {
		d.fail(w.Pos, "", fmt.Sprintf("Could not get member list for lb worker from map: balancer %s has no members", w.Name),
			fmt.Sprintf("write worker.%s.balance_workers= and the names of its members", w.Name))
	}
}

// unused lists the names that have properties for nothing.
func (d *definer) unused() {
	for _, name := range d.workerNames() {
		if d.found[name] == nil {
			d.result.Unused = append(d.result.Unused, name)
		}
	}
	slices.Sort(d.result.Unused)
}
