package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/catflap/catflap/internal/config"
	"github.com/catflap/catflap/internal/control"
	"github.com/catflap/catflap/internal/front"
	"github.com/catflap/catflap/internal/mistake"
	"github.com/catflap/catflap/internal/privilege"
)

// drainTime is how long TERM and INT wait for requests.
const drainTime = 10 * time.Second

// A conductor runs a server, does what signals ask, and tells in the state
// beside the PidFile what became of it. Its fields belong to the goroutine of
// run.
type conductor struct {
	server   *front.Server
	options  config.Options
	host     host
	user     string // as whom it serves
	state    control.State
	again    bool             // a signal came while a reload ran
	reloaded chan []string    // why the reload that ran was refused; nil if it was not
	waits    <-chan time.Time // while it drains: when to tell what it waits for
	beside   sync.WaitGroup   // ready
	ready    func()           // called once it serves, beside everything else; may be nil
	untold   bool             // the last state could not be written
	ctx      context.Context  // done: the server ends at once
	cancel   context.CancelFunc
}

// newConductor returns the conductor of server, which was made of cfg and opens
// by the Opener of options.
func newConductor(server *front.Server, cfg *front.Config, options config.Options, host host) *conductor {
	process := options.Opener.Process()
	c := &conductor{
		server: server, options: options, host: host, user: userOf(cfg), reloaded: make(chan []string, 1),
		state: control.State{PID: process, Born: control.Born(process), Serves: os.Getpid(), Phase: control.Serving},
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

// run runs the server until a signal ends it. A reload that still reads files
// then is not waited for: the process ends.
func (c *conductor) run(signals <-chan os.Signal) error {
	defer c.beside.Wait()
	defer c.cancel()
	ended := make(chan error, 1)
	go func() { ended <- c.server.Run(c.ctx) }()
	serves := c.server.Ready()
	for {
		select {
		case err := <-ended:
			if err != nil {
				return failed("%v", err)
			}
			return nil
		case <-serves:
			serves = nil
			c.tell()
			c.host.Report(privilege.Serving, "serving")
			if c.ready != nil {
				c.beside.Go(c.ready)
			}
		case s := <-signals:
			c.take(s.(syscall.Signal))
		case refused := <-c.reloaded:
			c.finish(refused)
		case <-c.waits:
			c.state.Waits = c.server.Waits().String()
			c.tell()
			c.waits = time.After(10 * time.Second)
		}
	}
}

// take does what a signal asks.
func (c *conductor) take(s syscall.Signal) {
	switch s {
	case syscall.SIGTERM, syscall.SIGINT:
		if c.state.Phase == control.Stopping {
			c.cancel()
			return
		}
		c.drain(control.Stopping, drainTime)
	case syscall.SIGWINCH:
		if c.state.Phase == control.Serving && !control.InForeground(c.state.PID) {
			c.drain(control.Draining, c.server.GracefulShutdown())
		}
	default:
		switch {
		case c.state.Phase != control.Serving: // too late for that
		case c.state.Reload.Running:
			c.again = true
		default:
			c.reload()
		}
	}
}

// drain lets requests end for at most limit.
func (c *conductor) drain(phase control.Phase, limit time.Duration) {
	c.state.Phase = phase
	c.waits = time.After(time.Second)
	c.tell()
	c.host.Report(privilege.Stopping, "letting requests end")
	c.server.Shutdown(limit)
}

// reload begins to read the files again. It is told before the first of them
// is read, so that who changed them knows which reload has the change. Logs are
// opened again in any case.
func (c *conductor) reload() {
	c.state.Reload = control.Reload{Number: c.state.Reload.Number + 1, Running: true}
	c.tell()
	c.host.Report(privilege.Reloading, "reading the configuration again")
	go func() {
		var refused []string
		err := c.host.Renew(func() error {
			if refused = reload(c.ctx, c.server, c.options, c.user); refused != nil {
				return errRefused
			}
			return nil
		})
		if err != nil && refused == nil {
			refused = []string{err.Error()}
		}
		c.reloaded <- refused
	}()
}

// errRefused tells that the new settings were not taken.
var errRefused = errors.New("refused")

// finish tells how a reload ended, and begins another if one was asked for
// meanwhile.
func (c *conductor) finish(refused []string) {
	c.state.Reload.Running, c.state.Reload.Refused = false, refused
	c.tell()
	switch {
	case c.state.Phase != control.Serving:
	case refused != nil:
		c.host.Report(privilege.Serving, "serving with the old settings; reload refused: "+refused[0])
	default:
		c.host.Report(privilege.Serving, "serving with the settings as reloaded at "+time.Now().Format(time.DateTime))
	}
	if c.again && c.state.Phase == control.Serving {
		c.again = false
		c.reload()
	}
}

// tell writes the state. That it cannot be written is logged once.
func (c *conductor) tell() {
	err := c.server.Tell(c.state.Marshal())
	if err != nil && !c.untold {
		c.server.Log().Warn("the state beside the PidFile cannot be written: catflap reload and stop cannot tell what becomes of them",
			"module", "core", "err", err)
	}
	c.untold = err != nil
}

// reload opens the logs again and lets the files as they are now take over. It
// returns why they do not; nil if they do.
func reload(ctx context.Context, server *front.Server, options config.Options, user string) (refused []string) {
	log := server.Log()
	if err := server.Reopen(); err != nil {
		log.Error("some logs could not be opened again; they go on as they were", "module", "core", "err", err)
	}
	cfg, report := load(options)
	logMistakes(log, report)
	if cfg == nil {
		log.Error("reload refused, the old settings go on", "module", "core", "errors", report.Mistakes.Errors())
		return errorsOf(report)
	}
	err := server.Reload(ctx, cfg)
	switch {
	case err == nil:
		if next := userOf(cfg); next != user {
			log.Warn("another User or Group takes effect when catflap is started anew", "module", "core", "now", user, "then", next)
		}
		return nil
	case errors.Is(err, front.ErrStopping), ctx.Err() != nil:
		return []string{front.ErrStopping.Error()}
	}
	log.Error("reload refused, the old settings go on", "module", "core", "err", err)
	return refusals(err, options.Beside != nil)
}

// logMistakes tells what is wrong with the files, but what is only unsupported
// by its number: that is there again at each reload.
func logMistakes(log *slog.Logger, report *config.Report) {
	unsupported := 0
	for _, m := range mistakesOf(report, checkForm{}) {
		switch m.Severity {
		case mistake.Unsupported:
			unsupported++
		case mistake.Error:
			log.Error(strings.ReplaceAll(m.String(), "\n", " | "), "module", "core")
		default:
			log.Warn(strings.ReplaceAll(m.String(), "\n", " | "), "module", "core")
		}
	}
	if unsupported > 0 {
		log.Warn("the files hold what is unsupported: catflap check tells it, and what follows", "module", "core", "mistakes", unsupported)
	}
}

// userOf is as whom a server with cfg serves, in words.
func userOf(cfg *front.Config) string {
	return strings.TrimSpace(cfg.Process.User + " " + cfg.Process.Group)
}

// errorsOf are the mistakes of a report because of which nothing starts.
func errorsOf(report *config.Report) []string {
	var all []string
	for _, m := range report.Mistakes {
		if m.Severity == mistake.Error {
			all = append(all, m.String())
		}
	}
	return all
}
