package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

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

// serve runs the front until a signal ends it.
func serve(command *cobra.Command, f files, b beside) error {
	began := time.Now()
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGUSR1, syscall.SIGHUP, syscall.SIGWINCH)
	defer signal.Stop(signals)
	programs := &privilege.Programs{Complain: func(err error) { fmt.Fprintln(os.Stderr, "catflap:", err) }}
	defer programs.Wait(programTime)
	var opener privilege.Opener = privilege.Direct{Programs: programs}
	options, err := f.options(opener)
	if err != nil {
		return err
	}
	if options.Beside, err = b.options(); err != nil {
		return err
	}
	if options.Beside != nil {
		opener = privilege.Inside{Opener: opener, Dir: options.Beside.Dir}
	}
	cfg, report := load(options)
	tellMistakes(os.Stderr, report)
	if cfg == nil {
		return &exitError{1, fmt.Sprintf("catflap: not started: %d errors in the configuration", report.Mistakes.Errors())}
	}
	if cfg.Process.User != "" && os.Geteuid() == 0 {
		fmt.Fprintf(os.Stderr, "catflap: warning: serving as root; User %s is not taken on yet\n", cfg.Process.User)
	}
	server, err := front.New(cfg, opener)
	if err != nil {
		for _, reason := range refusals(err, options.Beside != nil) {
			fmt.Fprintln(os.Stderr, reason)
		}
		return failed("not started")
	}
	c := newConductor(server, options, opener.Process())
	if options.Beside != nil {
		c.ready = func() {
			fmt.Fprintln(command.OutOrStdout(), b.introduce(c.ctx, server, report.Moved, time.Since(began)))
		}
	}
	return c.run(signals)
}
