package privilege

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/catflap/catflap/internal/leaktest"
)

// kind is in the environment of a child of these tests: which of children it
// is; the folder is where it leaves word.
const (
	kind   = "CATFLAP_TEST_CHILD"
	folder = "CATFLAP_TEST_FOLDER"
)

func TestMain(m *testing.M) {
	if os.Getenv(mark) != "" {
		os.Exit(runChild())
	}
	leaktest.Main(m)
}

// children are what a child can be like. Each returns its exit code.
var children = map[string]func(c *Child, orders <-chan os.Signal) int{
	"good": good,
	"failing": func(*Child, <-chan os.Signal) int {
		return 5
	},
	"crashing once": func(c *Child, orders <-chan os.Signal) int {
		if leave("was", "here") {
			return good(c, orders)
		}
		c.Report(Serving, "for a short time")
		return 7
	},
	"keeping": func(c *Child, _ <-chan os.Signal) int {
		kept, err := c.Kept()
		if len(kept) > 9 {
			kept = []byte(fmt.Sprintf("%d bytes", len(kept)))
		}
		c.Report(Serving, fmt.Sprintf("after %q, %v", kept, err))
		for _, left := range []string{"first", "second", strings.Repeat("x", maxKept)} {
			err = errors.Join(err, c.Keep([]byte(left)))
		}
		if c.Keep(make([]byte, maxKept+1)) == nil || err != nil {
			return 8
		}
		return 7
	},
	"keeping nothing": func(c *Child, orders <-chan os.Signal) int {
		kept, err := c.Kept()
		c.Report(Serving, fmt.Sprintf("after %q, %v", kept, err))
		c.Keep([]byte("something"))
		c.Keep(nil)
		return 7
	},
	"deaf": func(c *Child, _ <-chan os.Signal) int {
		c.Report(Serving, "for ever")
		select {}
	},
	"talking nonsense once": func(c *Child, orders <-chan os.Signal) int {
		if leave("was", "here") {
			return good(c, orders)
		}
		c.Report(Serving, "and more")
		c.requests.Write([]byte("nonsense"))
		select {}
	},
	"reporting nonsense once": func(c *Child, orders <-chan os.Signal) int {
		if leave("was", "here") {
			return good(c, orders)
		}
		c.Report(Serving, "and more")
		c.orders.Write([]byte("nonsense"))
		select {}
	},
	"hanging up once": func(c *Child, orders <-chan os.Signal) int {
		if leave("was", "here") {
			return good(c, orders)
		}
		c.Report(Serving, "and more")
		c.orders.CloseWrite()
		c.orders.CloseRead()
		select {}
	},
	"giving its sockets away": func(c *Child, _ <-chan os.Signal) int {
		c.Report(Serving, "and more")
		heir := exec.Command("/bin/sleep", "60")
		for _, conn := range []interface{ File() (*os.File, error) }{c.requests, c.orders} {
			file, _ := conn.File()
			heir.ExtraFiles = append(heir.ExtraFiles, file)
		}
		if heir.Start() == nil {
			leave("heir", strconv.Itoa(heir.Process.Pid))
		}
		c.Report(Stopping, "at once")
		return 0
	},
}

func good(c *Child, orders <-chan os.Signal) int {
	status, _ := os.ReadFile("/proc/self/status")
	dumpable, _, _ := syscall.Syscall(syscall.SYS_PRCTL, unix.PR_GET_DUMPABLE, 0, 0)
	leave("status", fmt.Sprintf("%sDumpable:\t%d\n", status, dumpable))
	leave("env", strings.Join(os.Environ(), "\n"))
	c.Report(Serving, "well")
	for s := range orders {
		leave("order", s.String())
		if s == syscall.SIGTERM {
			c.Report(Stopping, "as told")
			return 3
		}
	}
	return 0
}

// leave writes a file, and reports whether it was there already.
func leave(name, text string) (was bool) {
	name = filepath.Join(os.Getenv(folder), name)
	_, err := os.Stat(name)
	os.WriteFile(name+".new", []byte(text), 0o644)
	os.Rename(name+".new", name)
	return err == nil
}

func runChild() int {
	c, err := Inherited()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 99
	}
	orders := make(chan os.Signal, 8)
	go c.Orders(orders)
	return children[os.Getenv(kind)](c, orders)
}

// A house is a Parent that runs.
type house struct {
	folder  string
	signals chan os.Signal
	reports chan string
	ended   chan error
	code    int

	mu         sync.Mutex
	complaints []string
}

// newHouse runs a Parent of children of a kind. They are of another user if
// this test may do that.
func newHouse(t *testing.T, of string) *house {
	h := &house{folder: t.TempDir(), signals: make(chan os.Signal, 1), reports: make(chan string, 100), ended: make(chan error, 1)}
	if err := errors.Join(os.Chmod(filepath.Dir(h.folder), 0o755), os.Chmod(h.folder, 0o777)); err != nil {
		t.Fatal(err)
	}
	p := New(Config{
		User: stranger, Args: []string{"child"}, StopTime: 300 * time.Millisecond, Load: func(Opener) Names { return Names{} },
		Report: func(s State, line string) { h.reports <- string(s) + " " + line },
		Complain: func(err error) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.complaints = append(h.complaints, err.Error())
		},
	})
	p.command = func(u User, args []string, began time.Time) *exec.Cmd {
		c := command(u, args, began)
		c.Env = append(c.Env, kind+"="+of, folder+"="+h.folder)
		if os.Getuid() != 0 {
			c.SysProcAttr = nil
		}
		return c
	}
	go func() {
		code, err := p.Run(h.signals)
		h.code = code
		h.ended <- err
	}()
	return h
}

// want waits for the next report.
func (h *house) want(t *testing.T, want string) {
	t.Helper()
	select {
	case got := <-h.reports:
		if got != want {
			t.Fatalf("reported %q, want %q", got, want)
		}
	case err := <-h.ended:
		t.Fatalf("ended with %d, %v; want the report %q", h.code, err, want)
	case <-time.After(20 * time.Second):
		t.Fatalf("no report %q", want)
	}
}

// end waits for the end of the Parent, and for what was complained of.
func (h *house) end(t *testing.T, code int, words, complaint string) {
	t.Helper()
	select {
	case err := <-h.ended:
		if h.code != code || (err == nil) != (words == "") || err != nil && !strings.Contains(err.Error(), words) {
			t.Errorf("ended with %d, %v; want %d, %q", h.code, err, code, words)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it does not end")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if all := strings.Join(h.complaints, "\n"); !strings.Contains(all, complaint) || complaint == "" && all != "" {
		t.Errorf("complained %q, want %q", all, complaint)
	}
}

// TestParentOfAGoodChild: signals reach the child, and its exit code goes on.
// It has no way back to more rights, and nobody may look into it.
func TestParentOfAGoodChild(t *testing.T) {
	h := newHouse(t, "good")
	h.want(t, "r well")
	h.signals <- syscall.SIGUSR1
	for range 2000 {
		if text, _ := os.ReadFile(h.folder + "/order"); string(text) == syscall.SIGUSR1.String() {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	h.signals <- syscall.SIGTERM
	h.want(t, "s as told")
	h.end(t, 3, "", "")
	if text, _ := os.ReadFile(h.folder + "/order"); string(text) != syscall.SIGTERM.String() {
		t.Errorf("the last order was %s", text)
	}
	status, _ := os.ReadFile(h.folder + "/status")
	wants := []string{"NoNewPrivs:\t1\n", "Dumpable:\t0\n", "CapEff:\t0000000000000000\n"}
	if os.Getuid() == 0 {
		wants = append(wants, "Uid:\t54321\t54321\t54321\t54321\n", "Gid:\t54321\t54321\t54321\t54321\n", "Groups:\t54321 \n",
			"CapPrm:\t0000000000000000\n", "CapAmb:\t0000000000000000\n")
	}
	for _, want := range wants {
		if !strings.Contains(string(status), want) {
			t.Errorf("the status has no %q:\n%s", want, status)
		}
	}
	if env, _ := os.ReadFile(h.folder + "/env"); strings.Contains(string(env), mark) {
		t.Errorf("%s is still in the environment", mark)
	}
	own, err := os.ReadFile("/proc/self/status")
	if strings.Contains(string(own), "NoNewPrivs:\t1") {
		t.Error("the parent gave up rights itself", err)
	}
}

// TestParentOfOtherChildren: one that has served is followed by another, also
// if it must be ended first.
func TestParentOfOtherChildren(t *testing.T) {
	for of, complaint := range map[string]string{
		"crashing once":           "has ended unasked (exit status 7); another one follows in 100ms",
		"talking nonsense once":   "8 bytes that are no request",
		"reporting nonsense once": "8 bytes that are no report",
		"hanging up once":         "has ended unasked (signal: killed)",
	} {
		t.Run(of, func(t *testing.T) {
			h := newHouse(t, of)
			first := <-h.reports
			if !strings.HasPrefix(first, "r ") {
				t.Fatal(first)
			}
			h.want(t, "r well")
			h.signals <- syscall.SIGTERM
			h.want(t, "s as told")
			h.end(t, 3, "", complaint)
		})
	}
}

// TestParentKeeps: what a child left the next one gets, unless several have
// died soon.
func TestParentKeeps(t *testing.T) {
	h := newHouse(t, "keeping")
	full := fmt.Sprintf(`r after "%d bytes", <nil>`, maxKept)
	for _, want := range []string{`r after "", <nil>`, full, full, `r after "", <nil>`} {
		h.want(t, want)
	}
	h.signals <- syscall.SIGTERM
	<-h.ended
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, want := range []string{"(exit status 7); another one follows in 100ms, with the changes", "200ms, with the changes", "400ms, without the changes"} {
		if len(h.complaints) <= i || !strings.Contains(h.complaints[i], want) {
			t.Errorf("complaints %q, want %q", h.complaints, want)
		}
	}
}

// TestParentKeepsNothing: what a child took back is not there.
func TestParentKeepsNothing(t *testing.T) {
	h := newHouse(t, "keeping nothing")
	h.want(t, `r after "", <nil>`)
	h.want(t, `r after "", <nil>`)
	h.signals <- syscall.SIGTERM
	<-h.ended
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.complaints) == 0 || !strings.HasSuffix(h.complaints[0], "another one follows in 100ms") {
		t.Errorf("complaints %q", h.complaints)
	}
}

// TestParentOfAFailingChild: one that does not come to serve has said why.
func TestParentOfAFailingChild(t *testing.T) {
	newHouse(t, "failing").end(t, 5, "", "")
}

// TestParentOfADeafChild: one that does not end when it should is killed.
func TestParentOfADeafChild(t *testing.T) {
	h := newHouse(t, "deaf")
	h.want(t, "r for ever")
	h.signals <- syscall.SIGTERM
	h.end(t, 1, "signal: killed", "does not end; it is killed")
}

// TestParentOfALoser: the end of a child is noticed even if somebody else has
// its sockets.
func TestParentOfALoser(t *testing.T) {
	h := newHouse(t, "giving its sockets away")
	h.want(t, "r and more")
	h.want(t, "s at once")
	h.end(t, 0, "", "")
	text, err := os.ReadFile(h.folder + "/heir")
	if err != nil {
		t.Fatal(err)
	}
	heir, _ := strconv.Atoi(string(text))
	if err := syscall.Kill(heir, syscall.SIGKILL); err != nil {
		t.Error("nobody has the sockets:", err)
	}
}

// TestParentWithoutAChild: that none can be started is told.
func TestParentWithoutAChild(t *testing.T) {
	p := New(Config{User: stranger})
	p.command = func(User, []string, time.Time) *exec.Cmd { return &exec.Cmd{Path: "/no/such"} }
	code, err := p.Run(nil)
	if code != 1 || err == nil || !errors.Is(err, os.ErrNotExist) || !strings.HasPrefix(err.Error(), "start a process of user stranger: ") {
		t.Error(code, err)
	}
}

// TestNotInherited: an environment alone makes no child.
func TestNotInherited(t *testing.T) {
	if c, err := Inherited(); c != nil || err != nil {
		t.Error(c, err)
	}
	t.Setenv(mark, "1 1")
	if _, err := Inherited(); os.Getppid() != 1 && err == nil {
		t.Error("taken for a child of process 1")
	}
}
