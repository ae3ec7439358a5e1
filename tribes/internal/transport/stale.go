package transport

import (
	"net"
	"syscall"
)

// stale reports whether the other side has closed conn, without waiting and
// without taking a byte. A connection of another kind than those of the system
// tells it itself, by a method Stale.
func stale(conn net.Conn) bool {
	if own, ok := conn.(interface{ Stale() bool }); ok {
		return own.Stale()
	}
	system, ok := conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := system.SyscallConn()
	if err != nil {
		return true
	}
	gone := false
	err = raw.Control(func(fd uintptr) { // not Read, which fails once a deadline has passed
		var b [1]byte
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		gone = n == 0 && err == nil || err != nil && err != syscall.EAGAIN && err != syscall.EINTR
	})
	return err != nil || gone
}
