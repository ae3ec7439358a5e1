package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/catflap/catflap/internal/config"
	"github.com/catflap/catflap/internal/control"
	"github.com/catflap/catflap/internal/front"
	"github.com/catflap/catflap/internal/privilege"
)

func serveCommand() *cobra.Command {
	var f files
	var b beside
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the front, in the foreground",
		Long: `Run the front on httpd.conf and what it names, in the foreground.

Started as root it opens logs, keys and ports as root, and serves in a second
process as User and Group.

TERM and INT let requests end for at most 10 s; a second one ends at once.
USR1 and HUP read the files again and let the new settings take over; with a
mistake in them the old ones go on. Either way logs are opened again.
WINCH lets requests end for GracefulShutdownTimeout; in the foreground of a
terminal it is the window's size and does nothing.

With --beside it runs next to the httpd that the files are for, on other ports,
and writes nothing outside a folder of its own: programs of piped logs are not
started, their lines go to files there. The files stay as they are.`,
		Example: "  catflap serve -f /etc/httpd/conf/httpd.conf\n  catflap serve --beside cf --port-offset 8000",
		Args:    noArguments,
		RunE:    func(c *cobra.Command, _ []string) error { return serve(c, f, b) },
	}
	f.register(c)
	b.register(c)
	b.registerOffset(c)
	return c
}

// programTime is how long the programs of piped logs may read on at the end.
const programTime = 2 * time.Second

// serve runs the front until a signal ends it: in this process, or as the
// parent of one with fewer rights, or as that one.
func serve(command *cobra.Command, f files, b beside) error {
	s := serving{command: command, beside: b, began: time.Now(), host: systemd{}}
	child, err := privilege.Inherited()
	switch {
	case err != nil:
		return failed("not started: %v", err)
	case child != nil:
		return s.asChild(child, f)
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, controlSignals...)
	defer signal.Stop(signals)
	programs := &privilege.Programs{Complain: complain}
	defer programs.Wait(programTime)
	direct := privilege.Direct{Programs: programs}
	recorder := privilege.Record(direct)
	options, err := s.options(recorder, f)
	if err != nil {
		return err
	}
	found := recorder.Names() // to find the files
	cfg, report := load(options)
	tellMistakes(os.Stderr, report)
	if cfg == nil {
		return unstarted(report)
	}
	if err := control.Forget(cfg.Process.PidFile); err != nil {
		return failed("not started: %v", err)
	}
	user, err := servingUser(cfg)
	switch {
	case err != nil:
		return failed("not started: %v", err)
	case user != nil:
		return s.asParent(*user, f, options, recorder.Names().And(cfg.Names()), found, signals)
	}
	options.Opener = direct
	return s.run(cfg, report, options, signals)
}

// controlSignals are those that ask something of a server.
var controlSignals = []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGUSR1, syscall.SIGHUP, syscall.SIGWINCH}

// A serving is one command serve.
type serving struct {
	command *cobra.Command
	beside  beside
	began   time.Time
	host    host
}

// options returns what to load.
func (s *serving) options(opener privilege.Opener, f files) (config.Options, error) {
	options, err := f.options(opener)
	if err == nil {
		options.Beside, err = s.beside.options()
	}
	return options, err
}

// run serves in this process.
func (s *serving) run(cfg *front.Config, report *config.Report, options config.Options, signals <-chan os.Signal) error {
	opener := options.Opener
	if options.Beside != nil {
		opener = privilege.Inside{Opener: opener, Dir: options.Beside.Dir}
	}
	server, err := front.New(cfg, opener)
	if err != nil {
		for _, reason := range refusals(err, options.Beside != nil) {
			fmt.Fprintln(os.Stderr, reason)
		}
		return failed("not started")
	}
	kept, err := s.host.Kept()
	if err != nil {
		server.Log().Warn("the changes made on the status page are lost", "module", "jk", "err", err)
	}
	server.Resume(kept, s.host.Keep)
	c := newConductor(server, cfg, options, s.host)
	if options.Beside != nil {
		c.ready = func() {
			fmt.Fprintln(s.command.OutOrStdout(), s.beside.introduce(c.ctx, server, report.Moved, time.Since(s.began)))
		}
	}
	ballast := make([]byte, ballastSize)
	defer runtime.KeepAlive(ballast)
	return c.run(signals)
}

// ballastSize is how much memory is reserved and never touched, so that it takes
// none. The heap of a front is so small that under load its garbage would be
// collected 40 times a second, which costs a tenth of the time, and each time
// everybody waits for threads that the system has just taken off their CPU.
const ballastSize = 8 << 20

// unstarted is the end of a start with mistakes.
func unstarted(report *config.Report) error {
	return failed("not started: %s in the configuration", count(report.Mistakes.Errors(), "error"))
}

// complain tells what goes wrong where no log is at hand.
func complain(err error) { fmt.Fprintln(os.Stderr, "catflap:", err) }
