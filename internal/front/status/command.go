package status

import (
	"fmt"
	"slices"
	"strings"

	"github.com/catflap/catflap/internal/front/exchange"
)

// commands are what cmd= can be; from the fifth on they change something, or
// lead to it.
var commands = []string{"list", "show", "version", "dump", "edit", "update", "reset", "recover"}

func changes(cmd string) bool { return slices.Index(commands, cmd) >= 4 }

// The bits of opt=.
const (
	hideMembers   = 1
	hideMaps      = 2
	hideLegend    = 4
	hideBalancers = 8
	hideWorkers   = 16
	readOnly      = 32
	hideSettings  = 64
	hideSummary   = 128
	hideEndpoints = 256
)

// An asked is one request for the page.
type asked struct {
	x      *exchange.Exchange
	params *params
	cmd    string
	mime   string
	opt    int
	target target
}

// mimes are the forms of an answer.
var mimes = []string{"html", "xml", "txt", "prop"}

// ask reads what x asks for.
func ask(x *exchange.Exchange, q *params) *asked {
	a := &asked{x: x, params: q, cmd: "list", mime: "html"}
	if cmd, there := q.get("cmd"); there {
		a.cmd = cmd
	}
	if mime, there := q.get("mime"); there {
		a.mime = mime
	}
	a.opt, _ = q.number("opt")
	return a
}

func (a *asked) hides(bit int) bool { return a.opt&bit != 0 }

// A failure is the message of a result that is an error.
type failure string

func (f failure) Error() string { return string(f) }

func failuref(format string, args ...any) failure { return failure(fmt.Sprintf(format, args...)) }

// answer does what a asks for, and returns what is shown of it. parsed is why
// the parameters could not be read, nil if they were.
//
// Source: mod_jk common/jk_status.c, service; the order of the checks as seen
// at work.
func (p *Page) answer(a *asked, parsed error, v View) *report {
	r := &report{view: v, result: finished}
	err := p.check(a, parsed)
	if !slices.Contains(mimes, a.mime) {
		a.mime = "prop"
	}
	if err == nil {
		err = p.run(a, r)
	}
	if err != nil {
		r.head = nil
		r.result = result{"ERROR", err.Error()}
		p.refused(a, err)
	}
	return r
}

// check returns why a is not done, whatever it is about.
func (p *Page) check(a *asked, parsed error) error {
	switch {
	case !p.allowed(a.x):
		return failure("Access denied.")
	case parsed != nil:
		return parsed
	case !slices.Contains(commands, a.cmd):
		return failure("Invalid command.")
	case changes(a.cmd) && p.readOnly(a):
		return failure("This command is not allowed in read only mode.")
	case !slices.Contains(mimes, a.mime):
		return failure("Invalid mime type.")
	}
	return nil
}

func (p *Page) readOnly(a *asked) bool { return p.cfg.ReadOnly || a.hides(readOnly) }

// run does what a asks for.
func (p *Page) run(a *asked, r *report) error {
	if a.cmd != "list" && a.cmd != "version" && a.cmd != "dump" {
		if err := a.find(&r.view); err != nil {
			return err
		}
	}
	t := &a.target
	switch a.cmd {
	case "list":
		r.head, r.listing = head(a.x, r.view.Now), true
		p.fill(r, a)
	case "show":
		r.head = head(a.x, r.view.Now)
		p.fill(r, a)
	case "version":
		r.head = head(a.x, r.view.Now)
	case "dump":
		r.head, r.dump = head(a.x, r.view.Now), r.view.Dump
	case "edit":
		r.head = head(a.x, r.view.Now)[:1]
	case "update":
		u, err := t.update(a.params)
		if err != nil {
			return err
		}
		if r.changed, err = p.desk.Update(u); err != nil {
			return last(err)
		}
		p.changed(a, r.changed)
	case "reset":
		if !p.desk.Reset(t.name, t.member()) {
			return failure("Reset failed")
		}
		p.done(a, "resetting")
	case "recover":
		if state, ok := p.desk.Recover(t.name, t.member()); !ok {
			p.notRecovered(a, state)
			return failure("Marking worker for recovery failed")
		}
		p.done(a, "marked for recovery")
	}
	return nil
}

// find finds what a is about.
func (a *asked) find(v *View) error {
	name := a.params.text("w")
	member, one := a.params.get("sw")
	switch {
	case name == "":
		return failure("NULL or EMPTY worker param")
	case one && member == "":
		return failure("EMPTY sub worker param")
	case strings.ContainsAny(member, "*?") && a.cmd != "update":
		return failure("wildcard not allowed in sub worker for this command")
	}
	t := target{name: name, balancer: v.balancer(name), worker: v.worker(name)}
	if t.balancer == nil && t.worker == nil && !slices.Contains(v.Status, name) {
		return failure("Could not find given worker")
	}
	if one {
		if t.balancer == nil {
			return failure("worker type has no sub workers")
		}
		if t.members = t.balancer.matching(member); len(t.members) == 0 {
			return failure("could not find sub worker")
		}
	}
	a.target = t
	return nil
}

// member is the name of the only member that t is about, empty if it is about
// the balancer.
func (t *target) member() string {
	if len(t.members) == 0 {
		return ""
	}
	return t.balancer.Members[t.members[0]].Config.Worker
}

// allowed reports whether the user of x is one of Users. Nobody is while there
// is no authentication.
func (p *Page) allowed(x *exchange.Exchange) bool {
	if len(p.cfg.Users) == 0 {
		return true
	}
	user := userOf(x)
	return slices.ContainsFunc(p.cfg.Users, func(u string) bool {
		return user != "" && (u == user || p.cfg.FoldUser && strings.EqualFold(u, user))
	})
}

func userOf(x *exchange.Exchange) string {
	user, _ := x.Env.Get("JK_REMOTE_USER")
	return user
}

// fill takes what a is about into r: all workers, or one, or a balancer with
// one of its members.
func (p *Page) fill(r *report, a *asked) {
	v := &r.view
	r.hideBalancers, r.hideWorkers = r.listing && a.hides(hideBalancers), r.listing && a.hides(hideWorkers)
	for i := range v.Balancers {
		b := &v.Balancers[i]
		if r.hideBalancers || !r.listing && a.target.name != b.Config.Name {
			continue
		}
		records := balancerRecords{self: balancerRecord(b, v.Now, &p.cfg)}
		for j, m := range b.Members {
			if !a.hides(hideMembers) && (a.target.members == nil || slices.Contains(a.target.members, j)) {
				records.members = append(records.members, memberRecord(m, b.Workers[j], b.Config.Name, v.Now))
			}
		}
		if !a.hides(hideMaps) {
			records.maps = mapRecords(b.Maps)
		}
		r.balancers = append(r.balancers, records)
	}
	for i := range v.Workers {
		w := &v.Workers[i]
		if r.hideWorkers || !r.listing && a.target.name != w.Config.Name {
			continue
		}
		records := ajpRecords{self: workerRecord(w, v.Now)}
		if !a.hides(hideMaps) {
			records.maps = mapRecords(w.Maps)
		}
		r.ajp = append(r.ajp, records)
	}
}

func mapRecords(maps []Map) []record {
	var all []record
	for i, m := range maps {
		all = append(all, mapRecord(i+1, m))
	}
	return all
}
