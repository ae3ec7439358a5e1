package main

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/catflap/catflap/internal/config"
	"github.com/catflap/catflap/internal/control"
	"github.com/catflap/catflap/internal/privilege"
)

func reloadCommand() *cobra.Command {
	var f files
	var b beside
	c := &cobra.Command{
		Use:   "reload",
		Short: "Check the files, let the running server take them, and wait for the outcome",
		Long: `Check the files, let the server that runs on them take them, and wait for the
outcome. With mistakes in the files, or ones that only the server can see, such
as a port that is taken, it goes on as it was: they are told, and the exit code
is 1. In any case it opens its logs again.`,
		Example: "  catflap reload -f /etc/httpd/conf/httpd.conf",
		Args:    noArguments,
		RunE:    func(c *cobra.Command, _ []string) error { return askReload(c, f, b) },
	}
	f.register(c)
	b.register(c)
	return c
}

func stopCommand() *cobra.Command {
	return stopper("stop", "Let requests end for at most 10 s, stop the running server, and wait until it has ended",
		func(c *cobra.Command, f files, b beside) error { return askStop(c, f, b, syscall.SIGTERM) })
}

func gracefulStopCommand() *cobra.Command {
	return stopper("graceful-stop", "Let requests end for GracefulShutdownTimeout, stop the running server, and wait until it has ended",
		func(c *cobra.Command, f files, b beside) error { return askStop(c, f, b, syscall.SIGWINCH) })
}

func stopper(name, short string, run func(*cobra.Command, files, beside) error) *cobra.Command {
	var f files
	var b beside
	c := &cobra.Command{
		Use: name, Short: short,
		Example: "  catflap " + name + " -f /etc/httpd/conf/httpd.conf",
		Args:    noArguments,
		RunE:    func(c *cobra.Command, _ []string) error { return run(c, f, b) },
	}
	f.register(c)
	b.register(c)
	return c
}

// reloadTime is how long the outcome of a reload is waited for.
const reloadTime = 2 * time.Minute

// reportOf reads the files that the running server has. The error is one of
// the flags.
func reportOf(f files, b beside) (*config.Report, error) {
	options, err := f.options(privilege.Direct{})
	if err != nil {
		return nil, err
	}
	if options.Beside, err = b.options(); err != nil {
		return nil, err
	}
	_, report := config.Load(options)
	return report, nil
}

// askReload checks the files and lets the running server take them.
func askReload(c *cobra.Command, f files, b beside) error {
	report, err := reportOf(f, b)
	if err != nil {
		return err
	}
	tellMistakes(c.ErrOrStderr(), report)
	server, err := control.Find(report.PidFile)
	if err != nil {
		return failed("not reloaded: %v", err)
	}
	return reloadServer(c, server, syscall.SIGUSR1, report)
}

// reloadServer sends number to server and waits for what becomes of it. The
// mistakes of report were told. With errors among them the server is asked
// nevertheless: it refuses the files, and opens its logs again, as rotation
// wants it; or it reads them with other flags, and finds none.
func reloadServer(c *cobra.Command, server *control.Server, number syscall.Signal, report *config.Report) error {
	if err := server.Signal(number); err != nil {
		return failed("not reloaded: %v", err)
	}
	ctx, cancel := context.WithTimeout(interruptible(c), reloadTime)
	defer cancel()
	outcome, err := server.Reloaded(ctx)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return failed("process %d has not reloaded within %v; its ErrorLog tells more", server.State.PID, reloadTime)
	case err != nil:
		return failed("not reloaded: process %d: %v", server.State.PID, err)
	case len(outcome.Refused) > 0:
		told := errorsOf(report)
		for _, reason := range outcome.Refused {
			if !slices.Contains(told, reason) {
				fmt.Fprintln(c.ErrOrStderr(), reason)
			}
		}
		return failed("not reloaded: process %d refused the files, and goes on with the old settings", server.State.PID)
	case report.Mistakes.Errors() > 0:
		fmt.Fprintf(c.ErrOrStderr(), "process %d reads the files with its own flags and environment, and finds no error in them\n", server.State.PID)
	}
	fmt.Fprintf(c.OutOrStdout(), "reloaded: process %d goes on with the files as they are now\n", server.State.PID)
	return nil
}

// askStop ends the running server. That needs no files without mistakes, only
// the PidFile.
func askStop(c *cobra.Command, f files, b beside, number syscall.Signal) error {
	report, err := reportOf(f, b)
	if err != nil {
		return err
	}
	if report.PidFile == "" {
		tellMistakes(c.ErrOrStderr(), report)
		return failed("not stopped: the files do not tell where the PidFile is")
	}
	server, err := control.Find(report.PidFile)
	if err != nil {
		return failed("%v", err)
	}
	return stopServer(c, server, number)
}

// stopServer sends number to server and waits for its end.
func stopServer(c *cobra.Command, server *control.Server, number syscall.Signal) error {
	pid := server.State.PID
	if number == syscall.SIGWINCH && control.InForeground(pid) {
		return failed("process %d is in the foreground of a terminal, where this signal is the window's size: end it there with Ctrl-C, or with catflap stop", pid)
	}
	began := time.Now()
	if server.State.Phase == control.Stopping { // another TERM would break requests off
		fmt.Fprintf(c.ErrOrStderr(), "process %d is stopping already\n", pid)
	} else if err := server.Signal(number); err != nil {
		return failed("not stopped: %v", err)
	}
	err := server.Ended(interruptible(c), func(waits string) { fmt.Fprintf(c.ErrOrStderr(), "process %d %s\n", pid, waits) })
	if err != nil {
		return failed("process %d has not ended yet; it goes on to drain", pid)
	}
	fmt.Fprintf(c.OutOrStdout(), "stopped: process %d has ended after %.1f s\n", pid, time.Since(began).Seconds())
	return nil
}

// interruptible is done when the user wants to wait no more.
func interruptible(c *cobra.Command) context.Context {
	ctx := c.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx
}
