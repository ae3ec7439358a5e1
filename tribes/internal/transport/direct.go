package transport

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A socket on which one message follows the other at once becomes direct: who
// reads waits in the system call that reads, and the runtime's poller does not
// know of the socket. A message so costs one system call to write and one to
// read. With the poller it costs two more, and each time something comes that
// wakes a thread that waits for other sockets, too.
//
// While a goroutine waits so, it has a thread and one of the runtime's
// processors. That is why it waits for some milliseconds at most, after which
// the poller has the socket again; why one processor is always left to others;
// and why the socket must have been brisk before, for longer each time that it
// was direct only for a moment.
type direct struct {
	mu     sync.Mutex // guards file, closed, and conn and raw of the socket: who uses it changes them, others close it
	file   *os.File   // the socket while it is direct, and conn is closed; else nil
	closed bool
	until  time.Time // the deadline for reading; zero for none
	most   int32     // how many may wait so

	waits  int       // in this window
	since  time.Time // when it began
	brisk  int       // windows in succession that were
	needed int       // how many make the socket direct
	stay   int       // windows since it is
	turn   time.Time // when others had their turn
}

const (
	window      = 16                     // waits
	briskWindow = window * briskWait     // what a window may take that is brisk
	briskWait   = 500 * time.Microsecond // with what is done until the next
	longStay    = 16                     // windows for which it was worth to become direct
	mostNeeded  = 1 << 10                // windows
	directWait  = 5 * time.Millisecond   // for what does not come

	// A goroutine that waits nowhere else is taken for one that computes after
	// 10 ms: from then on its processor is taken away in each system call. So it
	// gives others a turn before.
	turnEvery = 4 * time.Millisecond
)

// waiting is how many goroutines wait so now, in the whole process.
var waiting atomic.Int32

// errNotDirect says that the socket is to be read with the poller.
var errNotDirect = errors.New("the socket is not direct any more")

// isDirect is for who uses the socket.
func (s *socket) isDirect() bool { return s.direct.file != nil }

// waited counts a wait of a socket that is not direct, which may make it so.
func (s *socket) waited() {
	d := &s.direct
	if _, full := d.count(); full && d.brisk >= d.needed {
		s.enterDirect()
	}
}

// count counts a wait, and reports true, and the time, if the window is full.
func (d *direct) count() (now time.Time, full bool) {
	if d.waits++; d.waits < window {
		return now, false
	}
	now = time.Now()
	if now.Sub(d.since) <= briskWindow {
		d.brisk++
	} else {
		d.brisk = 0
	}
	d.waits, d.since = 0, now
	return now, true
}

// enterDirect makes the socket direct if it can be.
func (s *socket) enterDirect() {
	d := &s.direct
	conn, ok := s.conn.(*net.TCPConn)
	d.most = int32(runtime.GOMAXPROCS(0) - 1)
	if !ok || runtime.GOOS != "linux" || waiting.Load() >= d.most {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	var file *os.File
	s.raw.Control(func(fd uintptr) { file = waitingFile(int(fd)) })
	if file == nil {
		return
	}
	raw, err := file.SyscallConn()
	if err != nil {
		file.Close()
		return
	}
	conn.Close()
	d.file, s.raw, d.stay, d.turn = file, raw, 0, d.since
}

// waitingFile returns another descriptor of a socket, on which read waits.
func waitingFile(fd int) *os.File {
	fd, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	longest := unix.NsecToTimeval(int64(directWait))
	if err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &longest); err == nil {
		err = unix.SetNonblock(fd, false)
	}
	if err != nil {
		unix.Close(fd)
		return nil
	}
	return os.NewFile(uintptr(fd), "socket")
}

// leaveDirect gives the socket back to the poller. After an error it is of no
// use.
func (s *socket) leaveDirect() error {
	d := &s.direct
	if !s.isDirect() {
		return nil
	}
	if d.stay >= longStay {
		d.needed = 1
	} else {
		d.needed = min(2*d.needed, mostNeeded)
	}
	d.brisk, d.waits, d.since = 0, 0, time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return net.ErrClosed
	}
	conn, err := net.FileConn(d.file)
	d.file.Close()
	d.file = nil
	if err != nil {
		return fmt.Errorf("connection cannot be given back to the poller: %w", err)
	}
	s.conn = conn
	if s.raw, err = conn.(syscall.Conn).SyscallConn(); err != nil {
		return err
	}
	return conn.SetReadDeadline(d.until)
}

// readDirect reads. It returns errNotDirect, and has read nothing, if the socket
// is not direct any more.
func (s *socket) readDirect(b []byte) (int, error) {
	d := &s.direct
	if now, full := d.count(); full {
		d.stay++
		if d.brisk == 0 || // it is slow
			!d.until.IsZero() && now.After(d.until) {
			return s.readLater()
		}
		if now.Sub(d.turn) > turnEvery {
			d.turn = now
			runtime.Gosched()
		}
	}
	if waiting.Add(1) > d.most {
		waiting.Add(-1)
		return s.readLater()
	}
	c := &s.reading
	c.b = b
	err := s.raw.Read(c.wait)
	waiting.Add(-1)
	if err == nil && c.err == syscall.EAGAIN {
		return s.readLater()
	}
	n, err := s.haveRead(err)
	if err != nil && s.isClosed() {
		err = net.ErrClosed
	}
	return n, err
}

// readLater gives the socket back, to be read there.
func (s *socket) readLater() (int, error) {
	if err := s.leaveDirect(); err != nil {
		return 0, err
	}
	return 0, errNotDirect
}

func (s *socket) isClosed() bool {
	s.direct.mu.Lock()
	defer s.direct.mu.Unlock()
	return s.direct.closed
}

// Write writes all of b, and may wait. It heeds the deadline for writing.
func (s *socket) Write(b []byte) (int, error) {
	if err := s.leaveDirect(); err != nil {
		return 0, err
	}
	return s.conn.Write(b)
}

// SetReadDeadline is that of net.Conn. What is direct heeds it some milliseconds
// later.
func (s *socket) SetReadDeadline(t time.Time) error {
	s.direct.until = t
	if s.isDirect() {
		return nil
	}
	return s.conn.SetReadDeadline(t)
}

// SetWriteDeadline is that of net.Conn.
func (s *socket) SetWriteDeadline(t time.Time) error {
	if err := s.leaveDirect(); err != nil {
		return err
	}
	return s.conn.SetWriteDeadline(t)
}

// Close closes the connection. Who waits for it returns at once.
func (s *socket) Close() error {
	d := &s.direct
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	if d.file == nil {
		return s.conn.Close()
	}
	s.raw.Control(func(fd uintptr) { unix.Shutdown(int(fd), unix.SHUT_RDWR) })
	return d.file.Close()
}
