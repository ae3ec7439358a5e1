package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/catflap/catflap/internal/control"
	"github.com/catflap/catflap/internal/front"
)

// launchTime is how long a server may take until it serves.
const launchTime = time.Minute

// launch starts a server that is nobody's child, in a session of its own, and
// returns once it serves, or with what it says if it does not. What it writes
// to stdout and stderr goes to the ErrorLog, as httpd's does. cfg is nil if the
// files have errors.
func (h *httpdCall) launch(root *cobra.Command, cfg *front.Config) error {
	if cfg == nil {
		return failed("not started: there are errors in the files")
	}
	messages, from, err := messagesOf(cfg)
	if err != nil {
		return failed("not started: %v", err)
	}
	defer messages.Close()
	program, err := os.Executable()
	if err != nil {
		return failed("not started: %v", err)
	}
	server := exec.Command(program, h.files.serveArgs()...)
	server.Args[0] = os.Args[0]
	server.Stdout, server.Stderr = messages, messages
	server.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := server.Start(); err != nil {
		return failed("not started: %v", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Wait() }()
	for end := time.Now().Add(launchTime); time.Now().Before(end); {
		select {
		case <-ended:
			said, _ := io.ReadAll(io.NewSectionReader(messages, from, 64<<10))
			fmt.Fprint(root.ErrOrStderr(), string(said))
			return failed("not started: process %d has ended", server.Process.Pid)
		case <-time.After(10 * time.Millisecond):
		}
		if found, err := control.Find(cfg.Process.PidFile); err == nil && found.State.PID == server.Process.Pid {
			return nil
		}
	}
	return failed("process %d does not serve yet after %v; its ErrorLog tells more", server.Process.Pid, launchTime)
}

// messagesOf opens the main ErrorLog, or a file that has no name if that is
// none, and returns where what comes now begins.
func messagesOf(cfg *front.Config) (messages *os.File, from int64, err error) {
	name := cfg.Sites[0].Logs.Error.Name
	if !strings.HasPrefix(name, "/") { // a program, or the system's log
		if messages, err = os.CreateTemp("", "catflap-"); err != nil {
			return nil, 0, err
		}
		return messages, 0, os.Remove(messages.Name())
	}
	if messages, err = os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_RDWR, 0o644); err != nil {
		return nil, 0, err
	}
	from, err = messages.Seek(0, io.SeekEnd)
	return messages, from, err
}

// serveArgs are the arguments with which catflap serves f.
func (f *files) serveArgs() []string {
	args := []string{"serve"}
	add := func(flag string, values ...string) {
		for _, value := range values {
			args = append(args, flag, value)
		}
	}
	if f.file != "" {
		add("-f", f.file)
	}
	if f.root != "" {
		add("-d", f.root)
	}
	add("-D", f.defines...)
	add("-C", f.before...)
	add("-c", f.after...)
	return args
}
