package privilege

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A childProcess is a child as its parent has it.
type childProcess struct {
	process  *exec.Cmd
	requests *net.UnixConn
	orders   *net.UnixConn
	reports  chan report    // closed when the child is gone
	tasks    sync.WaitGroup // what ends with it
}

// start starts this program once more, as the user.
func (p *Parent) start() (*childProcess, error) {
	c := &childProcess{reports: make(chan report)}
	requests, theirRequests, err := pair()
	if err != nil {
		return nil, err
	}
	defer theirRequests.Close()
	orders, theirOrders, err := pair()
	if err != nil {
		requests.Close()
		return nil, err
	}
	defer theirOrders.Close()
	c.requests, c.orders = requests, orders
	c.process = p.command(p.config.User, p.config.Args, p.config.Began)
	c.process.ExtraFiles = []*os.File{theirRequests, theirOrders} // requestFD, orderFD
	started := make(chan error)
	c.tasks.Go(func() { c.live(started) })
	if err := <-started; err != nil {
		requests.Close()
		orders.Close()
		return nil, p.explain(err)
	}
	c.tasks.Go(func() { c.report(p.config.Complain) })
	c.tasks.Go(func() {
		if err := p.grantor.serve(requests); err != nil {
			p.config.Complain(fmt.Errorf("the serving process %d is ended: %w", c.process.Process.Pid, err))
			c.process.Process.Kill()
		}
	})
	return c, nil
}

// explain says what to do when no child can be started.
func (p *Parent) explain(err error) error {
	why := ""
	switch {
	case errors.Is(err, syscall.EACCES):
		program, _ := os.Readlink("/proc/self/exe")
		why = fmt.Sprintf(" (may that user execute %s?)", program)
	case errors.Is(err, syscall.EPERM):
		why = " (this needs the capabilities CAP_SETUID and CAP_SETGID)"
	}
	return fmt.Errorf("start a process of user %s: %w%s", p.config.User.Name, err, why)
}

// keepOpenFiles sees to it that no file that this process was started with,
// but the standard ones, goes on to those that it starts.
func keepOpenFiles() error {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return fmt.Errorf("open files: %w", err)
	}
	for _, e := range entries {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
	return nil
}

// command is this very program, whatever its file has become, as u.
func command(u User, args []string, began time.Time) *exec.Cmd {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "NOTIFY_SOCKET=") || strings.HasPrefix(v, "WATCHDOG_")
	})
	return &exec.Cmd{
		Path: "/proc/self/exe", Args: args, Env: append(env, fmt.Sprintf("%s=%d %d", mark, os.Getpid(), began.UnixNano())),
		Stdout: os.Stdout, Stderr: os.Stderr,
		SysProcAttr: &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: u.UID, Gid: u.GID, Groups: u.Groups}},
	}
}

// live starts the process and waits for its end. The thread that does so gives
// up, for itself and what it starts, ever to get more rights; it ends with this
// goroutine, so that the programs of piped logs have none of it. The first
// thread cannot end: there another one does it.
func (c *childProcess) live(started chan<- error) {
	runtime.LockOSThread()
	if unix.Gettid() == os.Getpid() {
		var other sync.WaitGroup
		other.Go(func() { c.live(started) })
		other.Wait()
		runtime.UnlockOSThread()
		return
	}
	err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	if err == nil {
		err = c.process.Start()
	}
	started <- err
	if err == nil {
		c.process.Wait()
		// Nobody else has the other ends, unless the child gave them away.
		c.requests.Close()
		c.orders.SetReadDeadline(time.Now().Add(lastWords))
	}
}

// lastWords is how long reports are read after the child has ended.
const lastWords = 100 * time.Millisecond

// report hands the reports on. A child that reports no more is ended.
func (c *childProcess) report(complain func(error)) {
	defer close(c.reports)
	defer c.process.Process.Kill()
	packet := make([]byte, 1+maxText+1)
	for {
		n, err := c.orders.Read(packet)
		if err != nil {
			return
		}
		r, err := parseReport(packet[:n])
		if err != nil {
			complain(fmt.Errorf("the serving process %d is ended: it sent %d bytes that are no report", c.process.Process.Pid, n))
			return
		}
		c.reports <- r
	}
}

// wait waits until nothing of c is left.
func (c *childProcess) wait() {
	c.tasks.Wait()
	c.orders.Close()
}

// outcome is the exit code, and an error if the child could not say itself how
// it ended.
func (c *childProcess) outcome() (code int, err error) {
	state := c.process.ProcessState
	if state.Exited() {
		return state.ExitCode(), nil
	}
	return 1, fmt.Errorf("the serving process %d has ended: %v", state.Pid(), state)
}

// pair returns two connected sockets: ours, and one to hand on.
func pair() (ours *net.UnixConn, theirs *os.File, err error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	theirs = os.NewFile(uintptr(fds[1]), "child")
	if ours, err = connOf(os.NewFile(uintptr(fds[0]), "parent")); err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return ours, theirs, nil
}
