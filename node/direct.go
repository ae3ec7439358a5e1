package node

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
)

// A direct reads and writes a socket past the runtime, which is told of each
// call of package net. None of these lasts longer than copying maxDirect bytes;
// but a thread that the system takes off its CPU meanwhile looks to the runtime
// as if it waited: its work goes to another thread that has to be woken, and the
// thread waits until it gets work again. On a busy machine that is a quarter of
// what a request costs. tribes/internal/transport does likewise.
type direct struct {
	raw              syscall.RawConn // nil: as package net does
	reading, writing directCall
}

// A directCall is one way of a direct: what the function that RawConn calls
// works on. Who does not get mu uses package net.
type directCall struct {
	mu   sync.Mutex
	b    []byte
	n    int
	err  syscall.Errno
	once func(fd uintptr) (done bool)
}

// maxDirect is how many bytes one call reads or writes at most.
const maxDirect = 64 << 10

func (d *direct) init(c *net.TCPConn) {
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	d.raw = raw
	d.reading.once = func(fd uintptr) bool {
		c := &d.reading
		for {
			if c.n, c.err = rawRead(fd, c.b[:min(len(c.b), maxDirect)]); c.err != syscall.EINTR {
				return c.err != syscall.EAGAIN
			}
		}
	}
	d.writing.once = func(fd uintptr) bool {
		c := &d.writing
		c.n, c.err = rawWrite(fd, c.b[:min(len(c.b), maxDirect)])
		return true
	}
}

// Read implements net.Conn.
func (c *held) Read(p []byte) (int, error) {
	call := &c.direct.reading
	if len(p) == 0 || c.direct.raw == nil || !call.mu.TryLock() {
		return c.TCPConn.Read(p)
	}
	defer call.mu.Unlock()
	call.b = p
	err := c.direct.raw.Read(call.once)
	call.b = nil
	switch {
	case err != nil:
		if op, ok := errors.AsType[*net.OpError](err); ok {
			op.Op = "read" // by which net/http knows that the client has gone
		}
		return 0, err
	case call.err != 0:
		return 0, &net.OpError{Op: "read", Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: os.NewSyscallError("read", call.err)}
	case call.n == 0:
		return 0, io.EOF
	}
	return call.n, nil
}

// writeNow writes what of p can be written without waiting, and returns how much
// that was. An error comes again when it is waited for.
func (c *held) writeNow(p []byte) int {
	call := &c.direct.writing
	if len(p) == 0 || c.direct.raw == nil || !call.mu.TryLock() {
		return 0
	}
	defer call.mu.Unlock()
	call.b = p
	err := c.direct.raw.Write(call.once)
	call.b = nil
	if err != nil || call.err != 0 {
		return 0
	}
	return call.n
}
