package ajp

import "syscall"

// Stale reports whether an idle connection must not carry another request:
// the container closed it, or sent bytes that nobody asked for, which would
// be taken for the next answer. It does not block. No deadline may have
// passed.
func (c *Conn) Stale() bool {
	if !c.Reusable() {
		return true
	}
	if c.raw == nil {
		return false
	}
	stale := true
	err := c.raw.Read(func(fd uintptr) bool {
		var one [1]byte
		_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		stale = err != syscall.EAGAIN && err != syscall.EINTR
		return true
	})
	return stale || err != nil
}
