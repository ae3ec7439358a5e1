// Package peer starts the real servers that interop and bench run: Tomcat,
// httpd with mod_jk, and catflap itself. What comes in are settings or a
// configuration file, what goes out are running processes on 127.0.0.1 that
// are ready, and that end with the test.
package peer

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// A T is what a peer needs of a testing.TB; a program may bring its own.
// Fatalf does not return.
type T interface {
	Helper()
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
	TempDir() string
	Cleanup(func())
}

// Check returns what keeps the peers from running here, in one error that says
// what to do, or nil.
func Check() error {
	var missing []string
	if os.Getuid() != 0 {
		missing = append(missing, "root (httpd's User, ports and network namespaces want it)")
	}
	for _, file := range []string{httpdBinary, modules + "/mod_jk.so", tomcatHome + "/bin/bootstrap.jar"} {
		if _, err := os.Stat(file); err != nil {
			missing = append(missing, file)
		}
	}
	for _, command := range []string{"java", "javac", "ip", "nft", "openssl", "logrotate", "systemd-analyze"} {
		if _, err := exec.LookPath(command); err != nil {
			missing = append(missing, command)
		}
	}
	if missing == nil {
		return nil
	}
	return fmt.Errorf("the peers cannot run, missing: %s; run interop/install-peers.sh as root on Debian, then the tests as root",
		strings.Join(missing, ", "))
}

// A process is one running peer.
type process struct {
	name   string
	output string // its stdout and stderr, a file
	cmd    *exec.Cmd
	ended  chan struct{} // closed once it has ended
}

// start runs cmd in a process group of its own; it ends with the test.
func start(t T, name, output string, cmd *exec.Cmd) *process {
	t.Helper()
	file, err := os.OpenFile(output, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	defer file.Close()
	cmd.Stdout, cmd.Stderr = file, file
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	p := &process{name: name, output: output, cmd: cmd, ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // a killed process is no news
		close(p.ended)
	}()
	t.Cleanup(func() {
		if failed, ok := t.(interface{ Failed() bool }); ok && failed.Failed() {
			t.Logf("%s, its output:\n%s", name, p.tail())
		}
		p.kill()
	})
	return p
}

// running reports whether p has not ended.
func (p *process) running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// kill ends p and its group at once.
func (p *process) kill() {
	if !p.running() {
		return
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.ended
}

// stop asks p to end by sig and kills what is left after wait.
func (p *process) stop(t T, sig syscall.Signal, wait time.Duration) {
	t.Helper()
	if !p.running() {
		return
	}
	_ = p.cmd.Process.Signal(sig)
	select {
	case <-p.ended:
	case <-time.After(wait):
		t.Logf("%s did not end within %v of %v", p.name, wait, sig)
		p.kill()
	}
}

// tail is the end of p's output.
func (p *process) tail() string {
	text, err := os.ReadFile(p.output)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-4000):])
}

// await returns once ready says nil; it fails the test if p ends before, or
// after a time.
func (p *process) await(t T, ready func() error) {
	t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for {
		err := ready()
		if err == nil {
			return
		}
		if !p.running() {
			t.Fatalf("%s has ended: %v\n%s", p.name, p.cmd.ProcessState, p.tail())
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is not ready: %v\n%s", p.name, err, p.tail())
		}
		select {
		case <-p.ended:
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// accepts returns nil once something listens at addr.
func accepts(addr string) func() error {
	return func() error {
		conn, err := net.DialTimeout("tcp", addr, time.Second)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}

// FreeAddr returns an address on 127.0.0.1 that nobody listens on now.
func FreeAddr(t T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("no free port: %v", err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// Folder returns a temporary folder that other users, such as httpd's User, may
// enter.
func Folder(t T) string {
	t.Helper()
	folder := t.TempDir()
	for _, each := range []string{folder, filepath.Dir(folder)} {
		if each == filepath.Clean(os.TempDir()) {
			continue
		}
		if err := os.Chmod(each, 0o755); err != nil {
			t.Fatalf("%v", err)
		}
	}
	return folder
}

// root is the top folder of the project's sources.
func root() (string, error) {
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		return "", errors.New("the sources' folder is not known")
	}
	return filepath.Dir(filepath.Dir(filepath.Dir(file))), nil
}

// run runs a command that is to end well.
func run(t T, cmd *exec.Cmd) {
	t.Helper()
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, output.Bytes())
	}
}
