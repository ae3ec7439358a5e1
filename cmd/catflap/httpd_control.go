package main

import (
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/catflap/catflap/internal/config"
	"github.com/catflap/catflap/internal/control"
	"github.com/catflap/catflap/internal/front"
	"github.com/catflap/catflap/internal/privilege"
)

// control is -k, with httpd's words where a script may look for them.
//
// Source: httpd server/mpm_unix.c, ap_signal_server, as seen at work.
func (h *httpdCall) control(root *cobra.Command) error {
	switch h.verb {
	case "start":
		return h.start(root)
	case "stop":
		return h.stop(root, syscall.SIGTERM)
	case "graceful-stop":
		return h.stop(root, syscall.SIGWINCH)
	case "restart":
		return h.restart(root, syscall.SIGHUP)
	case "graceful":
		return h.restart(root, syscall.SIGUSR1)
	}
	return &usageError{root, fmt.Errorf("-k %s: it is start, stop, restart, graceful or graceful-stop", h.verb)}
}

// stop ends the server. That none runs is no failure.
func (h *httpdCall) stop(root *cobra.Command, number syscall.Signal) error {
	options, err := h.files.options(privilege.Direct{})
	if err != nil {
		return err
	}
	_, report := config.Load(options)
	server, err := control.Find(report.PidFile)
	if absent, ok := errors.AsType[*control.AbsentError](err); ok && noneRuns(absent) {
		if absent.Why == control.NoPidFile {
			fmt.Fprintln(root.OutOrStdout(), "httpd (no pid file) not running")
		} else {
			fmt.Fprintf(root.OutOrStdout(), "httpd (pid %d?) not running\n", absent.PID)
		}
		return nil
	}
	if err != nil {
		return failed("%v", err)
	}
	return stopServer(root, server, number)
}

// noneRuns reports whether no process runs.
func noneRuns(e *control.AbsentError) bool {
	return e.Why == control.NoPidFile || e.Why == control.NoProcess
}

// restart lets the server take the files, or starts one if none runs.
func (h *httpdCall) restart(root *cobra.Command, number syscall.Signal) error {
	cfg, report, err := h.load(root)
	if err != nil {
		return err
	}
	server, err := control.Find(report.PidFile)
	if absent, ok := errors.AsType[*control.AbsentError](err); ok && noneRuns(absent) {
		fmt.Fprintln(root.OutOrStdout(), "httpd not running, trying to start")
		return h.launch(root, cfg)
	}
	if err != nil {
		return failed("not reloaded: %v", err)
	}
	return reloadServer(root, server, number, report)
}

// start starts a server, unless one runs.
func (h *httpdCall) start(root *cobra.Command) error {
	if h.letter == 'X' || slices.Contains(h.files.defines, "FOREGROUND") || slices.Contains(h.files.defines, "NO_DETACH") {
		return serve(root, h.files, beside{})
	}
	cfg, report, err := h.load(root)
	if err != nil {
		return err
	}
	server, err := control.Find(report.PidFile)
	if absent, ok := errors.AsType[*control.AbsentError](err); ok && noneRuns(absent) {
		return h.launch(root, cfg)
	}
	if err != nil {
		return failed("not started: %v", err)
	}
	fmt.Fprintf(root.OutOrStdout(), "httpd (pid %d) already running\n", server.State.PID)
	return nil
}

// load reads the files and tells their mistakes. With errors the Config is
// nil.
func (h *httpdCall) load(root *cobra.Command) (*front.Config, *config.Report, error) {
	options, err := h.files.options(privilege.Direct{})
	if err != nil {
		return nil, nil, err
	}
	cfg, report := config.Load(options)
	tellMistakes(root.ErrOrStderr(), report)
	if err := control.Forget(report.PidFile); err != nil {
		return nil, nil, failed("%v", err)
	}
	return cfg, report, nil
}
