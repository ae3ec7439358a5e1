package front

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/catflap/catflap/internal/front/balancer"
	"github.com/catflap/catflap/internal/front/forward"
	"github.com/catflap/catflap/internal/front/htaccess"
	"github.com/catflap/catflap/internal/front/module/access"
	"github.com/catflap/catflap/internal/front/status"
	"github.com/catflap/catflap/internal/front/translate"
	"github.com/catflap/catflap/internal/front/vhost"
	"github.com/catflap/catflap/internal/front/worker"
	"github.com/catflap/catflap/internal/privilege"
	"github.com/catflap/catflap/internal/web/static"
)

// A line is one Config at work: all stations that a request passes. A reload
// builds another and swaps it in; requests end on the line on which they
// began.
type line struct {
	config    *Config
	hosts     *vhost.Table
	sites     []*site // by index of the Table
	workers   map[string]*worker.Worker
	balancers map[string]*balancer.Balancer
	files     *static.Files
	logs      *logs
	opener    privilege.Opener
	desk      *desk

	inside atomic.Int64 // requests on it
}

// newLine builds the line of cfg. The error holds every mistake.
func newLine(cfg *Config, logs *logs, opener privilege.Opener, desk *desk) (*line, error) {
	l := &line{
		config: cfg, logs: logs, opener: opener, desk: desk,
		workers:   map[string]*worker.Worker{},
		balancers: map[string]*balancer.Balancer{},
		files:     static.New(static.Config{Types: cfg.Types}),
	}
	stations, err := l.build()
	if err != nil {
		return nil, err
	}
	var hosts []vhost.Host
	resolver := access.NewChecker(access.SystemResolver{})
	for i := range cfg.Sites {
		hosts = append(hosts, cfg.Sites[i].Host)
		l.sites = append(l.sites, l.newSite(&cfg.Sites[i], stations, resolver))
	}
	l.hosts = vhost.NewTable(hosts)
	return l, nil
}

// build makes all workers, and returns them by name as Forwarders.
func (l *line) build() (map[string]forward.Worker, error) {
	log := l.logs.jk(0)
	stations := map[string]forward.Worker{}
	var mistakes []error
	for _, cfg := range l.config.Workers.AJP {
		w, err := worker.New(cfg, nil, log)
		if err != nil {
			mistakes = append(mistakes, err)
			continue
		}
		l.workers[cfg.Name] = w
		stations[cfg.Name] = forward.Worker{Forwarder: w, Type: "ajp13"}
	}
	for _, cfg := range l.config.Workers.Balancers {
		b, err := l.newBalancer(cfg, log)
		if err != nil {
			mistakes = append(mistakes, err)
			continue
		}
		l.balancers[cfg.Name] = b
		stations[cfg.Name] = forward.Worker{Forwarder: b, Type: "lb"}
	}
	for _, cfg := range l.config.Workers.Status {
		stations[cfg.Name] = forward.Worker{Forwarder: status.New(cfg, l.desk, l.changeLog()), Type: "status"}
	}
	return stations, errors.Join(mistakes...)
}

// adopt takes over from old the connections, states and counters of workers and
// balancers that both have, and what the operator changed. Nothing can go wrong
// any more when it is called, and no request is on l yet.
func (l *line) adopt(old *line) {
	for _, cfg := range old.config.Workers.AJP {
		before, w := old.workers[cfg.Name], l.workers[cfg.Name]
		ended := before.Overlay()
		if w != nil {
			ended = w.Adopt(before)
		}
		l.tellEnded("", cfg.Name, ended)
	}
	for _, cfg := range old.config.Workers.Balancers {
		before, b := old.balancers[cfg.Name], l.balancers[cfg.Name]
		ended := before.Snapshot(time.Now()).Set
		if b != nil {
			ended = b.Adopt(before)
		}
		l.tellEndedIn(cfg.Name, ended)
	}
	l.settleMoved(old)
	l.tellKept()
}

// newSite builds the stations of one virtual host.
func (l *line) newSite(cfg *Site, workers map[string]forward.Worker, checker *access.Checker) *site {
	index := len(l.sites)
	s := stations(cfg, l.files, checker, forward.New(workers, l.logs.jk(index)))
	s.log = l.logs.errors(index)
	s.written = l.logs.access(index)
	s.line = l
	return s
}

// stations are what decides about a request of one virtual host, without
// logs.
func stations(cfg *Site, files *static.Files, checker *access.Checker, leaves *forward.Station) *site {
	sections := cfg.Sections
	if cfg.Overrides != nil {
		sections.Find = htaccess.New(*cfg.Overrides).Find
	}
	described := cfg.Exchange
	described.Called = namesOf(cfg.Host)
	if looksUpNames(cfg.Sections) {
		described.LocalName = (&localNames{resolver: access.SystemResolver{}}).of
	}
	s := &site{
		exchange: &described,
		limits:   cfg.Limits,
		resolver: vhost.NewResolver(sections),
		slashes:  cfg.Slashes,
		early:    cfg.Early,
		envIf:    cfg.EnvIf,
		files:    files,
		forward:  leaves,
		access:   checker,
		refusals: cfg.Refusals,
		way:      newWay(cfg),
		server:   []string{cmp.Or(cfg.Exchange.Product, "catflap")},
	}
	s.strictSNI = cfg.TLS != nil && cfg.TLS.StrictSNI
	s.translate.Store(translate.New(cfg.Translate))
	return s
}

// run does what a line does beside requests, until ctx is done: it keeps
// pools and states, and looks for changed mount files and certificates.
func (l *line) run(ctx context.Context) error {
	l.logs.initialized()
	g, ctx := errgroup.WithContext(ctx)
	for _, w := range l.workers {
		g.Go(func() error { return w.Run(ctx) })
	}
	for _, b := range l.balancers {
		g.Go(func() error { return b.Run(ctx) })
	}
	for i, s := range l.sites {
		if file := l.config.Sites[i].MountFile; file != nil && file.Interval > 0 {
			g.Go(func() error { return s.watch(ctx, file, l.opener, l.logs.jk(i)) })
		}
		if tls := l.config.Sites[i].TLS; tls != nil && tls.Read != nil {
			g.Go(func() error { return s.renew(ctx, tls, l.opener) })
		}
	}
	err := g.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// watch reads file again when it has changed. A file with a mistake leaves
// the mounts as they are.
func (s *site) watch(ctx context.Context, file *MountFile, opener privilege.Opener, log *slog.Logger) error {
	seen := file.Modified // a change since it was read for cfg is one
	if seen.IsZero() {
		seen = modified(opener, file.Name)
	}
	tick := time.NewTicker(file.Interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		now := modified(opener, file.Name)
		if now.Equal(seen) {
			continue
		}
		seen = now
		mounts, err := file.Read()
		if err != nil {
			log.Error("mount file has a mistake, its old rules stay", "file", file.Name, "err", err)
			continue
		}
		s.translate.Store(s.translate.Load().WithMounts(mounts))
		log.Info("Reloaded urimaps", "file", file.Name)
	}
}

// modified returns when name was changed, zero if it cannot be told.
func modified(opener privilege.Opener, name string) time.Time {
	info, err := opener.Stat(name)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// leave closes the workers that next, which has taken over, does not go on
// with: requests that are still on l use them to their end.
func (l *line) leave(next *line) {
	for name, w := range l.workers {
		if next == nil || next.workers[name] == nil || !next.workers[name].Adopted(w) {
			w.Close()
		}
	}
}

// close ends what is l's own. No request is inside any more.
func (l *line) close() { l.files.Close() }

// newBalancer makes a balancer over the workers that are there already.
func (l *line) newBalancer(cfg balancer.Config, log *slog.Logger) (*balancer.Balancer, error) {
	var members []balancer.Endpoint
	for _, m := range cfg.Members {
		w := l.workers[m.Worker]
		if w == nil {
			return nil, fmt.Errorf("balancer %s: there is no worker %s", cfg.Name, m.Worker)
		}
		members = append(members, w)
	}
	return balancer.New(cfg, members, nil, log)
}
