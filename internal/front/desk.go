package front

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/internal/front/balancer"
	"github.com/catflap/catflap/internal/front/overlay"
	"github.com/catflap/catflap/internal/front/status"
	"github.com/catflap/catflap/internal/front/worker"
)

// A desk is the status.Desk of all lines: what is seen and changed there is
// always the line that runs, also for a request on one that is on its way out.
type desk struct {
	current *atomic.Pointer[line]

	mu sync.Mutex // one change, or take-over by another line, at a time

	keeping keeping
}

// takeOver lets next run, with what the operator changed.
func (d *desk) takeOver(next *line) {
	defer d.kept() // once mu is free
	d.mu.Lock()
	defer d.mu.Unlock()
	next.adopt(d.current.Load())
	d.current.Store(next)
}

// View returns what there is.
func (d *desk) View(now time.Time) status.View { return d.current.Load().view(now) }

// Update lets u hold from the next request on.
func (d *desk) Update(u status.Update) ([]status.Changed, error) {
	defer d.kept() // once mu is free
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.current.Load()
	var all []status.Changed
	if len(u.Balancer)+len(u.Members) > 0 {
		b := l.balancers[u.Worker]
		if b == nil {
			return nil, fmt.Errorf("there is no balancer %s any more", u.Worker)
		}
		made, err := b.Change(balancer.Change{Balancer: u.Balancer, Members: u.Members})
		if err != nil {
			return nil, err
		}
		for _, c := range made.Balancer {
			all = append(all, status.Changed{Balancer: u.Worker, Changed: c})
		}
		for _, m := range slices.Sorted(maps.Keys(made.Members)) {
			for _, c := range made.Members[m] {
				all = append(all, status.Changed{Balancer: u.Worker, Worker: m, Changed: c})
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(u.Workers)) {
		if w := l.workers[name]; w != nil {
			for _, c := range w.Change(u.Workers[name]) {
				all = append(all, status.Changed{Worker: name, Changed: c})
				if c.Key == "host" || c.Key == "port" {
					l.moved(name)
				}
			}
		}
	}
	return all, nil
}

// moved tells all balancers that a worker is elsewhere now.
func (l *line) moved(worker string) {
	for _, b := range l.balancers {
		b.Moved(worker)
	}
}

// Reset lets a worker, a balancer with its members, or one member count anew.
func (d *desk) Reset(name, member string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.current.Load()
	b := l.balancers[name]
	if b == nil {
		w := l.workers[name]
		if w != nil {
			w.Reset()
		}
		return w != nil
	}
	for _, m := range b.Snapshot(time.Now()).Config.Members {
		if member == "" || m.Worker == member {
			l.workers[m.Worker].Reset()
		}
	}
	return b.Reset(member)
}

// Recover lets a member in error have a request now.
func (d *desk) Recover(name, member string) (before balancer.State, ok bool) {
	if b := d.current.Load().balancers[name]; b != nil {
		return b.Recover(member)
	}
	return balancer.Idle, false
}

// changeLog is where changes of the operator are told: mod_jk's log, or, where
// that is too quiet for them, the error log, which always takes notices.
func (l *line) changeLog() *slog.Logger {
	log := l.logs.jk(0)
	if log.Enabled(context.Background(), slog.LevelInfo) {
		return log
	}
	return l.logs.errors(0).With("module", "jk")
}

// tellEnded tells what of the operator's changes no longer holds, since the
// file says something else.
func (l *line) tellEnded(balancer, member string, ended overlay.Overlay) {
	for _, v := range ended {
		l.changeLog().Log(context.Background(), levelNotice, "a change of the operator has ended, since the file says something else",
			"setting", settingName(balancer, member, v.Key), "was", v.Text)
	}
}

// tellEndedIn is tellEnded for a balancer and its members.
func (l *line) tellEndedIn(name string, ended balancer.Overlays) {
	l.tellEnded(name, "", ended.Balancer)
	for _, m := range slices.Sorted(maps.Keys(ended.Members)) {
		l.tellEnded(name, m, ended.Members[m])
	}
}

// tellKept tells what of the operator's changes still holds over the file.
func (l *line) tellKept() {
	tell := func(balancer, member string, o overlay.Overlay, file func(key string) string) {
		for _, v := range o {
			l.changeLog().Log(context.Background(), levelNotice, "a change of the operator still holds over the file",
				"setting", settingName(balancer, member, v.Key), "is", v.Text, "file", file(v.Key))
		}
	}
	for _, cfg := range l.config.Workers.AJP {
		w := l.workers[cfg.Name]
		file := w.File()
		tell("", cfg.Name, w.Overlay(), func(key string) string { return worker.Settings.Shown(&file, key) })
	}
	for _, cfg := range l.config.Workers.Balancers {
		shot := l.balancers[cfg.Name].Snapshot(time.Now())
		tell(cfg.Name, "", shot.Set.Balancer, func(key string) string { return balancer.Settings.Shown(&shot.File, key) })
		for i, m := range shot.File.Members {
			tell(cfg.Name, m.Worker, shot.Set.Members[m.Worker], func(key string) string { return balancer.MemberSettings.Shown(&shot.File.Members[i], key) })
		}
	}
}

// settingName names a setting as the file would, and of a member also where.
func settingName(balancer, member, key string) string {
	switch {
	case balancer == "":
		return fmt.Sprintf("worker.%s.%s", member, key)
	case member == "":
		return fmt.Sprintf("worker.%s.%s", balancer, key)
	}
	return fmt.Sprintf("worker.%s.%s in %s", member, key, balancer)
}
