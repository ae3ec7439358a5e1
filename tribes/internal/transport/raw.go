//go:build !race

package transport

import (
	"syscall"
	"unsafe"
)

// rawRead, rawWrite and rawPeek are read, write and recv with MSG_PEEK of a
// socket that does not wait (all of package net are such). The runtime is not
// told of these calls, as syscall.Read tells it: none lasts longer than copying
// maxRaw bytes, and being told wakes its monitor thread when the process was
// idle, which costs several times what the call does.
func rawRead(fd uintptr, b []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(min(len(b), maxRaw)))
	return int(n), errno
}

func rawWrite(fd uintptr, b []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(min(len(b), maxRaw)))
	return int(n), errno
}

func rawPeek(fd uintptr, b []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
		syscall.MSG_PEEK|syscall.MSG_DONTWAIT, 0, 0)
	return int(n), errno
}
