package front

import (
	"time"

	"github.com/catflap/catflap/internal/front/status"
)

// view is what the status page shows of l.
func (l *line) view(now time.Time) status.View {
	v := status.View{Now: now, Dump: l.config.Workers.Dump}
	listed := map[string]bool{}
	for _, name := range l.config.Workers.Listed {
		listed[name] = true
	}
	for _, cfg := range l.config.Workers.Balancers {
		if b := l.balancers[cfg.Name]; b != nil && listed[cfg.Name] {
			lb := status.Balancer{Snapshot: b.Snapshot(now), Maps: l.maps(cfg.Name)}
			for _, m := range cfg.Members {
				lb.Workers = append(lb.Workers, l.workers[m.Worker].Snapshot())
			}
			v.Balancers = append(v.Balancers, lb)
		}
	}
	for _, cfg := range l.config.Workers.AJP {
		if w := l.workers[cfg.Name]; w != nil && listed[cfg.Name] {
			v.Workers = append(v.Workers, status.Worker{Snapshot: w.Snapshot(), Maps: l.maps(cfg.Name)})
		}
	}
	for _, cfg := range l.config.Workers.Status {
		if listed[cfg.Name] {
			v.Status = append(v.Status, cfg.Name)
		}
	}
	return v
}

// maps are the rules of all sites that name a worker: those of the main server
// first, then of the virtual hosts from the last to the first, as httpd has
// them.
func (l *line) maps(worker string) []status.Map {
	var all []status.Map
	for n := range l.sites {
		i := n
		if i > 0 {
			i = len(l.sites) - n
		}
		for _, r := range l.sites[i].translate.Load().Rules() {
			if r.Worker == worker {
				all = append(all, status.Map{Server: l.config.Sites[i].Label, Rule: r})
			}
		}
	}
	return all
}
