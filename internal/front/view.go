package front

import (
	"fmt"
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

// maps are the rules of all sites that name a worker.
func (l *line) maps(worker string) []status.Map {
	var all []status.Map
	for i, s := range l.sites {
		site := &l.config.Sites[i]
		name := fmt.Sprintf("%s:%d", s.exchange.Name, s.exchange.PortOf(false))
		if i > 0 && len(site.Host.Addresses) > 0 {
			a := site.Host.Addresses[0]
			host, port := "*", "*"
			if a.IP.IsValid() {
				host = a.IP.String()
			}
			if a.Port != 0 {
				port = fmt.Sprint(a.Port)
			}
			name = fmt.Sprintf("%s [%s:%s]", s.exchange.Name, host, port)
		}
		for _, r := range s.translate.Load().Rules() {
			if r.Worker == worker {
				all = append(all, status.Map{Server: name, Rule: r})
			}
		}
	}
	return all
}
