package interop

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/catflap/catflap/interop/peer"
)

// A terminal is one on which a program runs in the foreground.
type terminal struct {
	master *os.File
	cmd    *exec.Cmd
	ended  chan error
	said   *output
}

// inTerminal starts cmd as a shell in a terminal would.
func inTerminal(t *testing.T, cmd *exec.Cmd) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer slave.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	term := &terminal{master, cmd, make(chan error, 1), &output{}}
	read := make(chan struct{})
	go func() {
		defer close(read)
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			term.said.Write(buf[:n])
			if err != nil {
				return // nobody has the other side any more
			}
		}
	}()
	go func() { term.ended <- cmd.Wait() }()
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-read
	})
	return term
}

// resize changes the size of the window, of which programs in the foreground
// hear by WINCH.
func (term *terminal) resize(t *testing.T, columns uint16) {
	t.Helper()
	if err := unix.IoctlSetWinsize(int(term.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}); err != nil {
		t.Fatal(err)
	}
}

// TestTerminal: in the foreground of a terminal the size of its window ends
// nothing, graceful-stop says why it cannot, and Ctrl-C, which every process in
// the foreground hears, lets requests end; with one process and with two.
func TestTerminal(t *testing.T) {
	a, b := nodes(t)
	binary := catflapBinary(t)
	for _, user := range []string{"daemon", "root"} {
		t.Run(user, func(t *testing.T) {
			conf := front{workers: balancerOver(a, b), site: allToNodes + "LogLevel info\nPidFile logs/httpd.pid\n", dir: peer.Folder(t)}.write(t)
			text, err := os.ReadFile(conf)
			if err != nil {
				t.Fatal(err)
			}
			if user == "root" { // one process
				text = []byte(strings.Replace(string(text), "User daemon\nGroup daemon\n", "", 1))
				os.WriteFile(conf, text, 0o644)
			}
			_, addr, _ := strings.Cut(string(text), "\nListen ")
			addr, _, _ = strings.Cut(addr, "\n")
			term := inTerminal(t, exec.Command(binary, "serve", "-f", conf))
			serves := func() bool {
				answer, err := http.Get("http://" + addr + "/page")
				if err == nil {
					answer.Body.Close()
				}
				return err == nil && answer.StatusCode == 200
			}
			await(t, "it serves", serves)
			if n := len(children(term.cmd.Process.Pid)); n != map[string]int{"daemon": 1, "root": 0}[user] {
				t.Fatalf("it has %d children", n)
			}
			for i := range uint16(20) {
				term.resize(t, 80+i)
			}
			_, stderr, code := peer.RunCatflap(t, binary, "graceful-stop", "-f", conf)
			if code != 1 || !strings.Contains(stderr, "is in the foreground of a terminal") || !strings.Contains(stderr, "Ctrl-C") {
				t.Errorf("graceful-stop: exit code %d\n%s", code, stderr)
			}
			time.Sleep(200 * time.Millisecond) // a drain would have begun
			if !serves() {
				t.Errorf("a new size of the window ended it:\n%s", term.said)
			}
			slow := make(chan error, 1)
			go func() {
				answer, err := http.Get("http://" + addr + "/slow?id=terminal-" + user + "&sleep=1500")
				if err == nil {
					answer.Body.Close()
				}
				slow <- err
			}()
			await(t, "a request is under way", func() bool {
				ran := 0
				for _, node := range []*peer.Tomcat{a, b} {
					counts, _ := node.Executions()
					ran += counts["terminal-"+user]
				}
				return ran == 1
			})
			if _, err := term.master.Write([]byte{3}); err != nil { // Ctrl-C
				t.Fatal(err)
			}
			if err := <-slow; err != nil {
				t.Errorf("Ctrl-C broke a request off: %v", err)
			}
			select {
			case err := <-term.ended:
				if err != nil {
					t.Errorf("%v\n%s", err, term.said)
				}
			case <-time.After(20 * time.Second):
				t.Errorf("Ctrl-C does not end it:\n%s", term.said)
			}
			if left, _ := filepath.Glob(filepath.Join(filepath.Dir(filepath.Dir(conf)), "logs/httpd.pid*")); left != nil {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}
