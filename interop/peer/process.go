package peer

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/catflap/catflap/interop/netns"
)

// A Process is a program that runs.
type Process struct {
	name   string
	output string // its stdout and stderr, a file
	cmd    *exec.Cmd
	ended  chan struct{} // closed once it has ended
}

// Start runs cmd in a process group of its own; it ends with the test. What it
// writes is appended to the file output, but for what cmd has a place for
// already; the end of it is told when the test fails.
func Start(t T, name, output string, cmd *exec.Cmd) *Process {
	t.Helper()
	file, err := os.OpenFile(output, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	defer file.Close()
	if cmd.Stdout == nil {
		cmd.Stdout = file
	}
	if cmd.Stderr == nil {
		cmd.Stderr = file
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	p := &Process{name: name, output: output, cmd: cmd, ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // a killed process is no news
		close(p.ended)
	}()
	t.Cleanup(func() {
		if failed, ok := t.(interface{ Failed() bool }); ok && failed.Failed() {
			t.Logf("%s, its output:\n%s", name, p.Output())
		}
		p.Kill()
	})
	return p
}

// Running reports whether p has not ended.
func (p *Process) Running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// Pid is p's number, for as long as it runs.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Signal sends a signal to p and its group.
func (p *Process) Signal(sig syscall.Signal) error { return syscall.Kill(-p.Pid(), sig) }

// Kill ends p and its group at once.
func (p *Process) Kill() {
	if !p.Running() {
		return
	}
	_ = p.Signal(syscall.SIGKILL) // it may end just now
	<-p.ended
}

// Stop asks p to end by sig and kills what is left after wait.
func (p *Process) Stop(t T, sig syscall.Signal, wait time.Duration) {
	t.Helper()
	if !p.Running() {
		return
	}
	_ = p.cmd.Process.Signal(sig)
	if !p.Ended(wait) {
		t.Logf("%s did not end within %v of %v", p.name, wait, sig)
		p.Kill()
	}
}

// Ended waits until p has ended, at most for limit, and reports whether it has.
func (p *Process) Ended(limit time.Duration) bool {
	select {
	case <-p.ended:
		return true
	case <-time.After(limit):
		return false
	}
}

// Output is the end of what p wrote to stdout and stderr.
func (p *Process) Output() string {
	text, err := os.ReadFile(p.output)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-4000):])
}

// Await returns once ready says nil; it fails the test if p ends before, or
// after a time.
func (p *Process) Await(t T, ready func() error) {
	t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for {
		err := ready()
		if err == nil {
			return
		}
		if !p.Running() {
			t.Fatalf("%s has ended: %v\n%s", p.name, p.cmd.ProcessState, p.Output())
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is not ready: %v\n%s", p.name, err, p.Output())
		}
		select {
		case <-p.ended:
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// accepts returns nil once something listens at addr of a host.
func accepts(host netns.Host, addr string) func() error {
	return func() error {
		conn, err := host.Dial("tcp", addr, time.Second)
		if err != nil {
			return fmt.Errorf("connect: %w", err)
		}
		return conn.Close()
	}
}
