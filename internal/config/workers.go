package config

import (
	"strings"
	"time"

	"github.com/catflap/catflap/internal/config/properties"
	"github.com/catflap/catflap/internal/front"
	"github.com/catflap/catflap/internal/front/balancer"
	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/mount"
	"github.com/catflap/catflap/internal/front/overlay"
	"github.com/catflap/catflap/internal/front/status"
	"github.com/catflap/catflap/internal/front/worker"
)

// usesWorkers reports whether mod_jk is configured at all.
func (l *loader) usesWorkers() bool { return l.jk.workersAt != nil || len(l.jk.lines) > 0 }

// readWorkers reads workers.properties and returns its workers as settings.
// Their mount properties become rules of the main server.
func (l *loader) readWorkers() front.Workers {
	var all front.Workers
	l.jk.workers = map[string]string{}
	if !l.usesWorkers() {
		return all
	}
	var text []byte
	if l.jk.file != "" {
		var err error
		if text, err = l.read(l.jk.file); err != nil {
			l.unreadable(l.jk.workersAt, err, "JkWorkersFile: Can't find the workers file specified", "AH00526")
			l.jk.file = ""
			return all
		}
		l.report.Files = append(l.report.Files, l.jk.file)
	} else if l.jk.workersAt != nil {
		return all
	}
	file, found := properties.Parse(l.jk.file, text, properties.Options{
		Env: l.o.Env, Predefined: map[string]string{"ServerRoot": l.root}, Before: l.jk.lines,
	})
	l.jk.meant = properties.Meant(text)
	all.Dump = l.dump(file)
	defined, more := properties.Workers(file)
	l.report.Mistakes = append(append(l.report.Mistakes, found...), more...)
	maintain, _, maintained := defined.Global.Duration("maintain")
	if maintained && maintain == 0 {
		maintain = -1
	}
	all.Listed = defined.Listed
	for _, w := range defined.Workers {
		if w.Listed {
			l.jk.workers[w.Name] = string(w.Type)
			l.mountProperty(w)
		}
		switch w.Type {
		case properties.AJP13:
			all.AJP = append(all.AJP, ajpWorker(w, secretOf(w, defined)))
		case properties.LB:
			lb := lbWorker(w, defined)
			lb.Maintain = maintain
			all.Balancers = append(all.Balancers, lb)
		case properties.Status:
			all.Status = append(all.Status, statusWorker(w))
		}
	}
	return all
}

// secretOf is the secret of w, or that of a balancer that it is a member of.
func secretOf(w *properties.Worker, defined *properties.Definitions) string {
	if secret, _, ok := w.String("secret"); ok {
		return secret
	}
	for _, name := range w.Balancers {
		if lb := defined.Worker(name); lb != nil {
			if secret, _, ok := lb.String("secret"); ok {
				return secret
			}
		}
	}
	return ""
}

// mountProperty makes rules of worker.NAME.mount; X|Y is taken as it is there.
func (l *loader) mountProperty(w *properties.Worker) {
	patterns, pos, _ := w.List("mount")
	for _, p := range patterns {
		l.jk.properties = append(l.jk.properties,
			mount.Rule{Rule: exchange.Rule{Pattern: p, Worker: w.Name, Place: pos.String()}, Source: mount.WorkerDefinition})
	}
}

// patience returns a time as the file has it: unset is 0, for the default; 0
// waits for ever, which is negative in a Config.
func patience(w *properties.Worker, key string) time.Duration {
	d, _, ok := w.Duration(key)
	if ok && d <= 0 {
		return -1
	}
	return d
}

// ajpWorker is an ajp13 worker as settings.
func ajpWorker(w *properties.Worker, secret string) worker.Config {
	cfg := worker.Config{Name: w.Name, Secret: secret, Place: w.Pos.String(), Lines: lines(w)}
	cfg.Host, _, _ = w.String("host")
	if port, _, ok := w.Int("port"); ok {
		cfg.Port = port
		if port == 0 {
			cfg.Port = -1
		}
	}
	if host, port, ok := splitHostPort(cfg.Host); ok && port != 0 && strings.Count(cfg.Host, ":") == 1 {
		cfg.Host, cfg.Port = host, port
	}
	cfg.Route, _, _ = w.String("route")
	cfg.Socket.Source, _, _ = w.String("source")
	cfg.Socket.PreferIPv6, _, _ = w.Bool("prefer_ipv6")
	cfg.Socket.KeepAlive, _, _ = w.Bool("socket_keepalive")
	cfg.Socket.Buffer, _, _ = w.Int("socket_buffer")
	cfg.Socket.Timeout = patience(w, "socket_timeout")
	cfg.Socket.ConnectTimeout = patience(w, "socket_connect_timeout")
	cfg.Ping = pings(w)
	cfg.Pool.Size, _, _ = w.Int("connection_pool_size")
	cfg.Pool.MinSize, _, _ = w.Int("connection_pool_minsize")
	cfg.Pool.IdleTimeout = patience(w, "connection_pool_timeout")
	cfg.Pool.AcquireTimeout = patience(w, "connection_acquire_timeout")
	cfg.Retries, _, _ = w.Int("retries")
	cfg.RetryInterval, _, _ = w.Duration("retry_interval")
	cfg.ReplyTimeout = patience(w, "reply_timeout")
	recovery, _, _ := w.Int("recovery_options")
	cfg.Recovery = worker.Recovery(recovery)
	cfg.FailOnStatus, _, _ = w.Ints("fail_on_status")
	cfg.BusyLimit, _, _ = w.Int("busy_limit")
	if size, _, ok := w.Int("max_packet_size"); ok {
		cfg.MaxPacket = min((size+1023)/1024*1024, 65536)
	}
	return cfg
}

// pings reads ping_mode and its times.
//
// Source: mod_jk, "ping_mode".
func pings(w *properties.Worker) worker.Ping {
	mode, _, _ := w.String("ping_mode")
	mode = strings.ToUpper(mode)
	has := func(letter string) bool { return strings.Contains(mode, letter) || strings.Contains(mode, "A") }
	var p worker.Ping
	standard, _, ok := w.Duration("ping_timeout")
	if ok && standard > 0 {
		p.Timeout = standard
	} else {
		standard = 10 * time.Second
	}
	p.Connect, _, _ = w.Duration("connect_timeout")
	p.Prepost, _, _ = w.Duration("prepost_timeout")
	p.Interval, _, _ = w.Duration("connection_ping_interval")
	if has("C") && p.Connect <= 0 {
		p.Connect = standard
	}
	if has("P") && p.Prepost <= 0 {
		p.Prepost = standard
	}
	if has("I") && p.Interval <= 0 {
		p.Interval = 10 * standard
	}
	return p
}

// lbWorker is a balancer as settings.
func lbWorker(w *properties.Worker, defined *properties.Definitions) balancer.Config {
	cfg := balancer.Config{Name: w.Name, Place: w.Pos.String(), Lines: lines(w)}
	cfg.Retries, _, _ = w.Int("retries")
	cfg.LBRetries, _, _ = w.Int("lb_retries")
	cfg.RetryInterval, _, _ = w.Duration("retry_interval")
	if method, _, ok := w.String("method"); ok {
		cfg.Method = map[string]balancer.Method{"T": balancer.Traffic, "B": balancer.Busyness, "S": balancer.Sessions, "N": balancer.Next}[strings.ToUpper(method[:1])]
	}
	if lock, _, ok := w.String("lock"); ok && strings.EqualFold(lock[:1], "P") {
		cfg.Lock = balancer.Pessimistic
	}
	if sticky, _, ok := w.Bool("sticky_session"); ok {
		cfg.Sticky.Off = !sticky
	}
	cfg.Sticky.Force, _, _ = w.Bool("sticky_session_force")
	cfg.Sticky.Cookie, _, _ = w.String("session_cookie")
	cfg.Sticky.Path, _, _ = w.String("session_path")
	cfg.Sticky.SetCookie, _, _ = w.Bool("set_session_cookie")
	cfg.Sticky.SetCookiePath, _, _ = w.String("session_cookie_path")
	cfg.Recovery.RecoverTime, _, _ = w.Duration("recover_time")
	cfg.Recovery.EscalationTime = patience(w, "error_escalation_time")
	cfg.Recovery.MaxReplyTimeouts, _, _ = w.Int("max_reply_timeouts")
	for _, name := range w.Members {
		cfg.Members = append(cfg.Members, memberOf(defined.Worker(name)))
	}
	return cfg
}

// lines are what the file says about w, by which a reload tells whether it
// says something else. The secret is not among them.
func lines(w *properties.Worker) overlay.Lines {
	all := overlay.Lines{}
	for _, key := range w.Keys() {
		all[key], _, _ = w.String(key)
	}
	delete(all, "secret")
	return all
}

// dump is all that was read, as the status page shows it; secrets are not.
func (l *loader) dump(file *properties.File) []status.Property {
	var all []status.Property
	root := status.Property{Key: "ServerRoot", Value: l.root}
	for _, e := range properties.Dump(file) {
		if root.Key != "" && e.Pos.File == l.jk.file && l.jk.file != "" { // it stands before the file
			all, root = append(all, root), status.Property{}
		}
		if !strings.Contains(strings.ToLower(e.Key), "secret") {
			all = append(all, status.Property{Key: e.Key, Value: e.Value})
		}
	}
	if root.Key != "" {
		all = append(all, root)
	}
	return all
}

// memberOf is what a balancer knows of a member. One whose port is to be
// provisioned is stopped until it is.
func memberOf(w *properties.Worker) balancer.MemberConfig {
	m := balancer.MemberConfig{Worker: w.Name, Lines: lines(w)}
	m.Factor, _, _ = w.Int("lbfactor")
	m.Route, _, _ = w.String("route")
	m.Domain, _, _ = w.String("domain")
	m.Distance, _, _ = w.Int("distance")
	m.Redirect, _, _ = w.String("redirect")
	if port, _, ok := w.Int("port"); ok && port == 0 {
		m.Activation = balancer.Stopped
		return m
	}
	if letter, _, ok := w.String("activation"); ok {
		m.Activation = map[string]balancer.Activation{"D": balancer.Disabled, "S": balancer.Stopped}[strings.ToUpper(letter[:1])]
		return m
	}
	if disabled, _, _ := w.Bool("disabled"); disabled {
		m.Activation = balancer.Disabled
	}
	if stopped, _, _ := w.Bool("stopped"); stopped {
		m.Activation = balancer.Stopped
	}
	return m
}

// statusWorker is a status worker as settings.
func statusWorker(w *properties.Worker) status.Config {
	cfg := status.Config{Name: w.Name, Place: w.Pos.String()}
	cfg.CSS, _, _ = w.String("css")
	cfg.ReadOnly, _, _ = w.Bool("read_only")
	cfg.Users, _, _ = w.List("user")
	cfg.FoldUser, _, _ = w.Bool("user_case_insensitive")
	cfg.Good, _, _ = w.List("good")
	cfg.Bad, _, _ = w.List("bad")
	cfg.Prefix, _, _ = w.String("prefix")
	cfg.NS, _, _ = w.String("ns")
	cfg.XMLNS, _, _ = w.String("xmlns")
	cfg.Doctype, _, _ = w.String("doctype")
	return cfg
}
