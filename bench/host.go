package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/catflap/catflap/interop/peer"
)

// A host stands in for a testing.T.
type host struct{ last []func() }

// fatal is what Fatalf panics with.
type fatal string

// Helper is for tests.
func (*host) Helper() {}

// Fatalf ends the run with a message.
func (*host) Fatalf(format string, args ...any) { panic(fatal(fmt.Sprintf(format, args...))) }

// Logf writes to stderr.
func (*host) Logf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// TempDir makes a folder that goes at the end.
func (h *host) TempDir() string {
	dir, err := os.MkdirTemp("", "catflap-bench-")
	if err != nil {
		h.Fatalf("%v", err)
	}
	h.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// Cleanup calls f at the end, the last one first.
func (h *host) Cleanup(f func()) { h.last = append(h.last, f) }

func (h *host) cleanup() {
	for i := len(h.last) - 1; i >= 0; i-- {
		h.last[i]()
	}
}

// runHAProxy starts HAProxy, whose log goes by a socket of ours to a real
// file, and waits until it listens.
func runHAProxy(t peer.T, file, socket, log, addr string) (pid int) {
	to, err := os.Create(log)
	if err != nil {
		t.Fatalf("%v", err)
	}
	from, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatalf("%v", err)
	}
	go func() {
		b := make([]byte, 64<<10)
		for {
			n, err := from.Read(b)
			if err != nil {
				return
			}
			to.Write(b[:n])
		}
	}()
	command := exec.Command("haproxy", "-db", "-f", file)
	command.Stderr = os.Stderr
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		t.Fatalf("haproxy: %v", err)
	}
	t.Cleanup(func() {
		command.Process.Kill()
		command.Wait()
		from.Close()
		to.Close()
	})
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
			return command.Process.Pid
		}
		if time.Now().After(end) {
			t.Fatalf("haproxy does not listen: %v", err)
		}
	}
}
