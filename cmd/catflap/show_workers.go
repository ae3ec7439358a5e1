package main

import (
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/catflap/catflap/internal/config"
	"github.com/catflap/catflap/internal/front"
	"github.com/catflap/catflap/internal/front/balancer"
	"github.com/catflap/catflap/internal/front/worker"
)

func showWorkers() *cobra.Command {
	return showing{
		name: "workers", short: "Show balancers with their members, and all other workers",
		long: `Show the balancers with their members, the workers that are members of none,
and the status workers, as workers.properties has them. Whether they answer is
told by catflap ajp ping --all.`,
		example: "  catflap show workers",
		text: func(w io.Writer, cfg *front.Config, r *config.Report) error {
			writeWorkers(w, cfg, r)
			return nil
		},
		json: func(cfg *front.Config, _ *config.Report) (any, error) { return workersJSON(cfg), nil },
	}.command()
}

// ajpWorkers are the ajp13 workers by name, with their defaults.
func ajpWorkers(cfg *front.Config) map[string]worker.Config {
	all := map[string]worker.Config{}
	for _, w := range cfg.Workers.AJP {
		all[w.Name] = w.Filled()
	}
	return all
}

// addressOf is host:port of a worker.
func addressOf(w worker.Config) string {
	if w.Port < 0 {
		return w.Host + ", no port yet"
	}
	return net.JoinHostPort(w.Host, strconv.Itoa(w.Port))
}

// balancerText says how a balancer chooses.
func balancerText(b balancer.Config) string {
	text := "method " + b.Method.String()
	switch {
	case b.Sticky.Off:
		return text + ", not sticky"
	case b.Sticky.Force:
		text += ", sticky by force"
	default:
		text += ", sticky"
	}
	return fmt.Sprintf("%s: cookie %s, path %s", text, b.Sticky.Cookie, b.Sticky.Path)
}

// memberText says what the operator set for a member.
func memberText(m balancer.MemberConfig) string {
	text := fmt.Sprintf("%s, factor %d, route %s", activationText(m.Activation), m.Factor, m.Route)
	if m.Distance != 0 {
		text += fmt.Sprintf(", distance %d", m.Distance)
	}
	if m.Domain != "" {
		text += ", domain " + m.Domain
	}
	if m.Redirect != "" {
		text += ", redirect " + m.Redirect
	}
	return text
}

func activationText(a balancer.Activation) string {
	return [...]string{balancer.Active: "active", balancer.Disabled: "disabled", balancer.Stopped: "stopped"}[a]
}

// writeWorkers writes all workers.
func writeWorkers(w io.Writer, cfg *front.Config, r *config.Report) {
	workers, member := ajpWorkers(cfg), map[string]bool{}
	t := newTable("")
	for _, b := range cfg.Workers.Balancers {
		b = b.Filled()
		t.add(b.Name, "lb", "", balancerText(b), placed(r, b.Place))
		for _, m := range b.Members {
			at := workers[m.Worker]
			member[m.Worker] = true
			t.add("  "+m.Worker, "ajp13", addressOf(at), memberText(m), placed(r, at.Place))
		}
	}
	for _, alone := range cfg.Workers.AJP {
		if !member[alone.Name] {
			at := workers[alone.Name]
			t.add(at.Name, "ajp13", addressOf(at), "route "+at.Route, placed(r, at.Place))
		}
	}
	for _, s := range cfg.Workers.Status {
		access := "writable"
		if s.ReadOnly {
			access = "read only"
		}
		t.add(s.Name, "status", "", access, placed(r, s.Place))
	}
	if len(t.rows) == 0 {
		fmt.Fprintln(w, "no workers: the files have no JkWorkersFile")
	}
	t.write(w, "")
}

// workerFacts tell of the worker at which a way ends.
func workerFacts(cfg *front.Config, a *asked) []fact {
	workers := ajpWorkers(cfg)
	for _, b := range cfg.Workers.Balancers {
		if b.Name != a.Worker {
			continue
		}
		b = b.Filled()
		facts := []fact{{"balancer", b.Name + ": " + balancerText(b), b.Place}}
		for _, m := range b.Members {
			at := workers[m.Worker]
			if letter, set := a.Exchange.Target.Rule.Ext.Activation[m.Worker]; set {
				m.Activation = map[byte]balancer.Activation{'A': balancer.Active, 'D': balancer.Disabled, 'S': balancer.Stopped}[letter]
			}
			facts = append(facts, fact{"member", fmt.Sprintf("%s, %s: %s", m.Worker, addressOf(at), memberText(m)), at.Place})
		}
		return facts
	}
	if at, ok := workers[a.Worker]; ok {
		return []fact{{"worker", fmt.Sprintf("%s, %s: route %s", at.Name, addressOf(at), at.Route), at.Place}}
	}
	for _, s := range cfg.Workers.Status {
		if s.Name == a.Worker {
			return []fact{{"worker", s.Name + ": the status page", s.Place}}
		}
	}
	return nil
}

// A workersObject is what show workers --json writes.
type workersObject struct {
	Balancers []balancerObject `json:"balancers"`
	Workers   []workerObject   `json:"workers"`
	Status    []statusObject   `json:"status"`
}

type balancerObject struct {
	Name    string         `json:"name"`
	Method  string         `json:"method"`
	Sticky  bool           `json:"sticky"`
	Force   bool           `json:"force"`
	Cookie  string         `json:"cookie"`
	Path    string         `json:"path"`
	Members []memberObject `json:"members"`
	Place   string         `json:"place"`
}

type memberObject struct {
	Worker     string `json:"worker"`
	Activation string `json:"activation"` // "active", "disabled", "stopped"
	Factor     int    `json:"factor"`
	Route      string `json:"route"`
	Domain     string `json:"domain,omitempty"`
	Distance   int    `json:"distance"`
	Redirect   string `json:"redirect,omitempty"`
}

type workerObject struct {
	Name   string `json:"name"`
	Host   string `json:"host"`
	Port   int    `json:"port"`
	Route  string `json:"route"`
	Secret bool   `json:"secret"` // whether it has one
	Place  string `json:"place"`
}

type statusObject struct {
	Name     string `json:"name"`
	ReadOnly bool   `json:"readOnly"`
	Place    string `json:"place"`
}

func workersJSON(cfg *front.Config) workersObject {
	o := workersObject{[]balancerObject{}, []workerObject{}, []statusObject{}}
	for _, b := range cfg.Workers.Balancers {
		b = b.Filled()
		object := balancerObject{b.Name, strings.ToLower(b.Method.String()), !b.Sticky.Off, b.Sticky.Force, b.Sticky.Cookie, b.Sticky.Path, nil, b.Place}
		for _, m := range b.Members {
			object.Members = append(object.Members, memberObject{m.Worker, activationText(m.Activation), m.Factor, m.Route, m.Domain, m.Distance, m.Redirect})
		}
		o.Balancers = append(o.Balancers, object)
	}
	for _, w := range cfg.Workers.AJP {
		w = w.Filled()
		o.Workers = append(o.Workers, workerObject{w.Name, w.Host, w.Port, w.Route, w.Secret != "", w.Place})
	}
	for _, s := range cfg.Workers.Status {
		o.Status = append(o.Status, statusObject{s.Name, s.ReadOnly, s.Place})
	}
	return o
}
