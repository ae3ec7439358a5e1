//go:build !race

package transport

import (
	"syscall"
	"unsafe"
)

// rawRead, rawWrite and rawPeek are recv, send and recv with MSG_PEEK that do not
// wait. The runtime is not told of these calls, as syscall.Read tells it: none
// lasts longer than copying maxRaw bytes, and being told wakes its monitor thread
// when the process was idle, which costs several times what the call does.
func rawRead(fd uintptr, b []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(min(len(b), maxRaw)),
		syscall.MSG_DONTWAIT, 0, 0)
	return int(n), errno
}

func rawWrite(fd uintptr, b []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(min(len(b), maxRaw)),
		syscall.MSG_DONTWAIT, 0, 0)
	return int(n), errno
}

func rawPeek(fd uintptr, b []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
		syscall.MSG_PEEK|syscall.MSG_DONTWAIT, 0, 0)
	return int(n), errno
}

// waitRead is recv that waits as long as the socket does. The runtime is told.
func waitRead(fd uintptr, b []byte) (int, syscall.Errno) {
	n, _, errno := syscall.Syscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(min(len(b), maxRaw)), 0, 0, 0)
	return int(n), errno
}
