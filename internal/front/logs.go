package front

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/jklog"
	"github.com/catflap/catflap/internal/web/accesslog"
	"github.com/catflap/catflap/internal/web/errorlog"
	"github.com/catflap/catflap/internal/web/listener"
	"github.com/catflap/catflap/internal/web/logfile"
)

const levelNotice = errorlog.Notice

// logs are the open logs of one Config. Its files are shared with the logs of
// the line before and after by name.
type logs struct {
	set     *logfile.Set
	opened  []*logfile.File
	later   atomic.Int64 // lines that wait until a response has left
	bySite  []siteLogs
	release sync.Once
}

// siteLogs are the logs of one site.
type siteLogs struct {
	errors *slog.Logger
	jk     *slog.Logger
	access []accessLog
}

// newSet returns the set of all logs of s, which tells s what is lost.
func (s *Server) newSet() *logfile.Set {
	return logfile.NewSet(logfile.Config{Open: s.opener.Append, Pipe: s.opener.Pipe, Lost: func(name string, bytes int64, err error) {
		if s.current.Load() == nil {
			return // it never began
		}
		why := "its program does not read"
		if err != nil {
			why = err.Error()
		}
		s.log().Error("lines of a log are lost", "module", "log_config", "log", name, "bytes", bytes, "why", why)
	}})
}

// openLogs opens the logs of cfg in set. The error holds every one that cannot
// be opened.
func openLogs(cfg *Config, set *logfile.Set) (*logs, error) {
	l := &logs{set: set}
	var failed []error
	for i := range cfg.Sites {
		s, err := l.site(&cfg.Sites[i].Logs)
		failed = append(failed, err)
		l.bySite = append(l.bySite, s)
	}
	if err := errors.Join(failed...); err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

// site opens the logs of one site.
func (l *logs) site(cfg *Logs) (siteLogs, error) {
	s := siteLogs{errors: slog.New(slog.DiscardHandler), jk: slog.New(slog.DiscardHandler)}
	var failed []error
	if f := l.open(cfg.Error.Name, &failed); f != nil {
		s.errors = slog.New(errorlog.New(f, cfg.Error.Level))
	}
	for _, a := range cfg.Access {
		if f := l.open(a.Name, &failed); f != nil {
			s.access = append(s.access, accessLog{file: f, format: a.Format, env: a.Env, later: &l.later})
		}
	}
	if f := l.open(cfg.JK.Name, &failed); f != nil {
		s.jk = slog.New(jklog.New(f, cfg.JK.Level, cfg.JK.Stamp))
		if cfg.JK.Request != nil {
			s.access = append(s.access, accessLog{file: f, jk: cfg.JK.Request, stamp: cfg.JK.Stamp})
		}
	}
	return s, errors.Join(failed...)
}

// open opens a log, nil if name is empty or it cannot be opened.
func (l *logs) open(name string, failed *[]error) *logfile.File {
	if name == "" {
		return nil
	}
	f, err := l.set.Open(name)
	if err != nil {
		*failed = append(*failed, err)
		return nil
	}
	l.opened = append(l.opened, f)
	return f
}

func (l *logs) errors(site int) *slog.Logger { return l.bySite[site].errors }
func (l *logs) jk(site int) *slog.Logger     { return l.bySite[site].jk }
func (l *logs) access(site int) []accessLog  { return l.bySite[site].access }

// initialized writes the line by which a start shows in mod_jk's log.
func (l *logs) initialized() { l.jk(0).Info("catflap in the place of mod_jk/1.2 initialized") }

func (l *logs) run(ctx context.Context) error { return l.set.Run(ctx) }
func (l *logs) reopen() error                 { return l.set.Reopen() }

// close gives the files back; the last one that has them closes them.
func (l *logs) close() error {
	var failed []error
	l.release.Do(func() {
		for _, f := range l.opened {
			failed = append(failed, l.set.Release(f))
		}
	})
	return errors.Join(failed...)
}

// An accessLog is one CustomLog, or the JkRequestLogFormat, of a site.
type accessLog struct {
	file   *logfile.File
	format *accesslog.Format
	env    string // as AccessLog.Env
	jk     *jklog.RequestFormat
	stamp  jklog.Stamp
	later  *atomic.Int64 // that of its logs
}

var lines = sync.Pool{New: func() any { b := make([]byte, 0, 1024); return &b }}

// write writes the line of x. One that shows the bytes on the wire waits until
// the response has left.
func (a *accessLog) write(conn *listener.Conn, x *exchange.Exchange, ended time.Time) {
	switch {
	case a.jk != nil && x.Target.Kind != exchange.TargetForward, !a.wants(x):
	case a.jk != nil:
		b := lines.Get().(*[]byte)
		*b = a.jk.Append((*b)[:0], a.stamp, x, ended)
		a.file.WriteLine(*b)
		lines.Put(b)
	case a.format.NeedsWire():
		a.later.Add(1)
		conn.Client.Later(func(in, out int64) {
			a.line(&accesslog.Entry{X: x, Ended: ended, In: in, Out: out})
			a.later.Add(-1)
		})
	default:
		a.line(&accesslog.Entry{X: x, Ended: ended})
	}
}

// wants reports whether the line of x is to be written. The variables are
// those of the request as it came, not those of its error page.
//
// Source: httpd modules/loggers/mod_log_config.c, config_log_transaction, as
// seen at work.
func (a *accessLog) wants(x *exchange.Exchange) bool {
	if a.env == "" {
		return true
	}
	name, not := strings.CutPrefix(a.env, "!")
	_, set := x.AskedEnv().Get(name)
	if !set {
		_, set = x.Exported(name)
	}
	return set != not
}

func (a *accessLog) line(e *accesslog.Entry) {
	b := lines.Get().(*[]byte)
	*b = a.format.Append((*b)[:0], e)
	a.file.WriteLine(*b)
	lines.Put(b)
}

// levelOf reads the level of a Refusal.
func levelOf(word string) slog.Level {
	if level, ok := errorlog.ParseLevel(strings.ToLower(word)); ok {
		return level
	}
	return slog.LevelError
}
