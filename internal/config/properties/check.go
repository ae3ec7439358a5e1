package properties

import (
	"fmt"
	"strings"
)

// repeats reports properties that are set twice and hold one value.
func (d *definer) repeats() {
	for _, prefix := range d.order {
		g := d.groups[prefix]
		for _, key := range g.keys {
			entries := g.own[key]
			if p, known := lookup(key); len(entries) > 1 && !(known && p.kind.list()) {
				d.again(entries, key)
			}
		}
	}
	if len(d.maintain) > 1 {
		d.again(d.maintain, "maintain")
	}
}

// again reports the repeats of one property.
func (d *definer) again(entries []Entry, prop string) {
	last := entries[len(entries)-1]
	if strings.Contains(last.Key, nbsp) {
		return // told already, and not the name that was meant
	}
	var places []string
	for i, e := range entries[:len(entries)-1] {
		place := fmt.Sprintf("line %d", e.Pos.Line)
		if e.Pos.File != last.Pos.File {
			place = e.Pos.String()
		}
		places = append(places, []string{"first ", "then "}[min(i, 1)]+place)
	}
	text := fmt.Sprintf("%s again (%s); the last, %s, counts", last.Key, strings.Join(places, ", "), last.Value)
	fix := "take out the lines that do not count"
	if other := d.neighbour(last, prop); other != "" {
		text += fmt.Sprintf("; %s has none", other)
		fix = fmt.Sprintf("if it was meant for %s, write worker.%s.%s=%s", other, other, prop, last.Value)
	}
	d.warn(last.Pos, last.Line, text, fix)
}

// neighbour returns the worker among whose lines e stands, if it is another
// than that of e and has no prop.
func (d *definer) neighbour(e Entry, prop string) string {
	own, _, _ := parts(e.Key)
	if own == "" {
		return ""
	}
	for _, i := range []int{e.index - 1, e.index + 1} {
		if i < 0 || i >= len(d.file.Entries) || d.file.Entries[i].Pos.File != e.Pos.File {
			continue
		}
		name, _, ok := parts(d.file.Entries[i].Key)
		if g := d.groups["worker."+name]; ok && name != own && g != nil && g.own[prop] == nil && d.alike(g, own) {
			return name
		}
	}
	return ""
}

// alike reports whether the worker of g is of the type of the one called own,
// so that a property means the same for both.
func (d *definer) alike(g *group, own string) bool {
	typeIn := func(g *group) string {
		if g == nil || g.own["type"] == nil {
			return string(AJP13)
		}
		return g.own["type"][len(g.own["type"])-1].Value
	}
	return typeIn(g) == typeIn(d.groups["worker."+own])
}

// deprecated reports old names, and names that do nothing.
func (d *definer) deprecated(e Entry, name string, p property) {
	switch {
	case p.inert != "":
		d.warn(e.Pos, e.Line, fmt.Sprintf("%s has no effect: %s", e.Key, p.inert), "take it out")
	case p.now == "activation":
		d.warn(e.Pos, e.Line, fmt.Sprintf("%s is deprecated", e.Key), fmt.Sprintf("write worker.%s.activation=%s", name, p.name))
	case p.now != "":
		d.warn(e.Pos, e.Line, fmt.Sprintf("%s is deprecated: its name is %s now", e.Key, p.now), fmt.Sprintf("write worker.%s.%s=%s", name, p.now, e.Value))
	}
}

// effects reports what is set on w itself and does nothing for its type.
// What comes from a template is not reported: it may be for others.
func (d *definer) effects(w *Worker) {
	g := d.groups["worker."+w.Name]
	if g == nil {
		return
	}
	for _, key := range g.keys {
		p, known := lookup(key)
		if !known || p.inert != "" || p.users&w.users() != 0 {
			continue
		}
		for _, e := range g.own[key] {
			text, fix := d.why(w, p, e)
			d.warn(e.Pos, e.Line, fmt.Sprintf("%s has no effect%s", e.Key, text), fix)
		}
	}
}

// users returns what properties may have an effect on w.
func (w *Worker) users() users {
	var u users
	switch w.Type {
	case AJP13:
		u = ofAJP
	case LB:
		u = ofLB
	case Status:
		u = ofStatus
	}
	if len(w.Balancers) > 0 {
		u |= ofMember
	}
	if w.Listed {
		u |= ofMounted
	}
	return u
}

// why says why p does nothing on w, and what to do.
func (d *definer) why(w *Worker, p property, e Entry) (text, fix string) {
	article := map[Type]string{AJP13: "an ajp13", LB: "an lb", Status: "a status"}[w.Type]
	on := fmt.Sprintf(" on %s worker", article)
	switch {
	case p.users == ofMounted:
		return fmt.Sprintf(": %s is not in worker.list", w.Name), fmt.Sprintf("add %s to worker.list", w.Name)
	case p.users == ofMember && w.Type == AJP13:
		return fmt.Sprintf(": %s is no member of a balancer", w.Name), ""
	case p.users&ofLB != 0 && len(w.Balancers) > 0:
		balancer := w.Balancers[0]
		if own, ok := d.last(balancer, p.name); ok {
			return on, fmt.Sprintf("take it out: the balancer %s, which has it as member, has its own %s (%s)", balancer, p.name, own.Pos.In(e.Pos.File))
		}
		return on, fmt.Sprintf("set it on the balancer %s that has it as member: worker.%s.%s=%s", balancer, balancer, p.name, e.Value)
	case p.users&(ofAJP|ofMember) != 0 && w.Type == LB:
		return on, "set it on its members"
	}
	return on, ""
}

// routes reports members of the balancer w that no session can tell apart.
func (d *definer) routes(w *Worker) {
	numbers := map[string]int{}
	for i, name := range w.Members {
		member := d.found[name]
		route, pos, set := member.String("route")
		if !set {
			route, pos = name, member.Pos
		}
		if first, again := numbers[route]; again {
			d.fail(pos, "", fmt.Sprintf("Balanced workers number %d (%s) and %d (%s) share the same route %s - aborting configuration!", i, name, first, w.Members[first], route),
				"give each member of "+w.Name+" the jvmRoute of its own Tomcat as route")
			continue
		}
		numbers[route] = i
	}
}
