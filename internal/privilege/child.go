package privilege

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// mark is in the environment of a child: the process of its parent, and when
// that began, in Unix ns, with a blank between.
const mark = "CATFLAP_OPENED_BY"

// The child's ends of the two pairs.
const (
	requestFD = 3
	orderFD   = 4
)

// A Child is the Opener of a process that serves for a Parent: what this
// process may read itself it opens itself, everything else the parent does.
// Many goroutines may use it.
type Child struct {
	parent int
	began  time.Time
	orders *net.UnixConn

	mu       sync.Mutex // guards requests: one at a time
	requests *net.UnixConn
}

var _ Opener = (*Child)(nil)

// Inherited returns what the parent of this process left to it; nil if this
// is no child. From then on nobody can look into this process but root, and
// signals are the parent's matter alone.
func Inherited() (*Child, error) {
	var parent int
	var began int64
	if n, _ := fmt.Sscan(os.Getenv(mark), &parent, &began); n < 2 {
		return nil, nil
	}
	os.Unsetenv(mark)
	if parent != os.Getppid() {
		return nil, fmt.Errorf("%s names process %d as the parent, but process %d is it: take it out of the environment", mark, parent, os.Getppid())
	}
	nameProcess()
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("protect memory: %w", err)
	}
	c := &Child{parent: parent, began: time.Unix(0, began)}
	var err error
	if c.requests, err = inheritedConn(requestFD); err != nil {
		return nil, err
	}
	if c.orders, err = inheritedConn(orderFD); err != nil {
		return nil, err
	}
	return c, nil
}

// nameProcess gives this process, which was started by a link in /proc, its
// own name in ps and top.
func nameProcess() {
	if name, err := os.Readlink("/proc/self/exe"); err == nil {
		os.WriteFile(fmt.Sprintf("/proc/self/task/%d/comm", os.Getpid()), []byte(toldInfo{name: name}.Name()), 0)
	}
}

func inheritedConn(fd int) (*net.UnixConn, error) {
	syscall.CloseOnExec(fd)
	return connOf(os.NewFile(uintptr(fd), "parent"))
}

// connOf returns a socket as a Conn, and closes file.
func connOf(file *os.File) (*net.UnixConn, error) {
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, err
	}
	unixConn, ok := conn.(*net.UnixConn)
	if !ok {
		conn.Close()
		return nil, errors.New("not a Unix socket")
	}
	return unixConn, nil
}

// ask sends a request and returns the answer, with the file that came beside
// it: nil if none did.
func (c *Child) ask(r request) (reply, *os.File, error) {
	if len(r.name) > unix.PathMax && r.verb != askPipe || len(r.name)+len(r.data) > maxPacket-3 || len(r.name) > 0xffff {
		return reply{}, nil, &fs.PathError{Op: "open", Path: r.name, Err: syscall.ENAMETOOLONG}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, _, err := c.requests.WriteMsgUnix(r.appendTo(nil), nil, nil); err != nil {
		return reply{}, nil, fmt.Errorf("ask the parent process: %w", err)
	}
	size := replyHead + maxText + 1
	if r.verb == askKept {
		size = maxPacket + 1
	}
	packet, beside := make([]byte, size), make([]byte, syscall.CmsgSpace(4))
	n, m, _, _, err := c.requests.ReadMsgUnix(packet, beside)
	if err != nil {
		return reply{}, nil, fmt.Errorf("ask the parent process: %w", err)
	}
	file, err := besides(beside[:m], r.name)
	if err != nil {
		return reply{}, nil, err
	}
	answer, err := parseReply(packet[:n])
	if err == nil {
		err = answer.err()
	}
	if err != nil && file != nil {
		file.Close()
	}
	return answer, file, err
}

// besides returns the file that came beside a packet.
func besides(beside []byte, name string) (*os.File, error) {
	if len(beside) == 0 {
		return nil, nil
	}
	messages, err := syscall.ParseSocketControlMessage(beside)
	if err != nil || len(messages) != 1 {
		return nil, errPacket
	}
	fds, err := syscall.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return nil, errPacket
	}
	syscall.CloseOnExec(fds[0])
	return os.NewFile(uintptr(fds[0]), name), nil
}

// file asks for a file.
func (c *Child) file(v verb, name string) (*os.File, error) {
	_, file, err := c.ask(request{verb: v, name: name})
	if err == nil && file == nil {
		err = errPacket
	}
	return file, err
}

// do asks for something to be done.
func (c *Child) do(r request) error {
	_, _, err := c.ask(r)
	return err
}

func (c *Child) Read(name string) (*os.File, error) {
	file, err := read(name)
	if errors.Is(err, fs.ErrPermission) {
		return c.file(askRead, name)
	}
	return file, err
}

func (c *Child) Stat(name string) (fs.FileInfo, error) {
	info, err := os.Stat(name)
	if !errors.Is(err, fs.ErrPermission) {
		return info, err
	}
	r, _, err := c.ask(request{verb: askStat, name: name})
	if err != nil {
		return nil, err
	}
	return toldInfo{name, r}, nil
}

func (c *Child) Append(name string) (*os.File, error)  { return c.file(askAppend, name) }
func (c *Child) Pipe(command string) (*os.File, error) { return c.file(askPipe, command) }

func (c *Child) Listen(address string) (net.Listener, error) {
	file, err := c.file(askListen, address)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return net.FileListener(file)
}

func (c *Child) Unlisten(address string) error {
	return c.do(request{verb: askUnlisten, name: address})
}

func (c *Child) WritePid(name string) error  { return c.do(request{verb: askWritePid, name: name}) }
func (c *Child) RemovePid(name string) error { return c.do(request{verb: askRemovePid, name: name}) }
func (c *Child) Process() int                { return c.parent }

// Began is when the parent began.
func (c *Child) Began() time.Time { return c.began }

func (c *Child) WriteState(pidFile string, state []byte) error {
	return c.do(request{verb: askWriteState, name: pidFile, data: state})
}

func (c *Child) RemoveState(pidFile string) error {
	return c.do(request{verb: askRemoveState, name: pidFile})
}

// Keep leaves data to the process that follows should this one die, in place
// of what was left before; nil leaves nothing. More than 127 KiB is an error.
func (c *Child) Keep(data []byte) error {
	if len(data) > maxKept {
		return fmt.Errorf("%w: %d bytes, and %d are kept at most", syscall.E2BIG, len(data), maxKept)
	}
	return c.do(request{verb: askKeep, data: data})
}

// Kept returns what a process before this one left; nil if that is nothing.
func (c *Child) Kept() ([]byte, error) {
	answer, _, err := c.ask(request{verb: askKept})
	if err != nil || len(answer.data) == 0 {
		return nil, err
	}
	return answer.data, nil
}

// Renew runs take, which reads the configuration again and lets it take over;
// it returns nil if it has. While it runs what the new configuration names can
// be opened, too; after it, only what the one that runs names.
func (c *Child) Renew(take func() error) error {
	if err := c.do(request{verb: askRenew}); err != nil {
		return err
	}
	err := take()
	taken := []byte{0}
	if err == nil {
		taken[0] = 1
	}
	return errors.Join(err, c.do(request{verb: askSettle, data: taken}))
}

// Report tells the parent how this process is, and the same for people.
func (c *Child) Report(s State, line string) {
	c.orders.Write(report{s, line}.appendTo(nil))
}

// orphanTime is how long a child may take to end when its parent has.
const orphanTime = 5 * time.Second

// Orders sends the signals that the parent took to orders, for as long as the
// process runs. Should the parent be gone it sends TERM twice, which ends the
// server at once, and makes sure of it.
func (c *Child) Orders(orders chan<- os.Signal) {
	packet := make([]byte, 2)
	for {
		n, err := c.orders.Read(packet)
		if err != nil {
			break
		}
		if n == 1 {
			orders <- syscall.Signal(packet[0])
		}
	}
	time.AfterFunc(orphanTime, func() { syscall.Kill(os.Getpid(), syscall.SIGKILL) })
	orders <- syscall.SIGTERM
	orders <- syscall.SIGTERM
}
