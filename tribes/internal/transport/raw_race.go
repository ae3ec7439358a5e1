//go:build race

package transport

import (
	"errors"
	"syscall"
)

// Under the race detector the calls of package syscall, which tell it that who
// reads comes after who wrote.
func rawRead(fd uintptr, b []byte) (int, syscall.Errno) {
	n, _, err := syscall.Recvfrom(int(fd), b[:min(len(b), maxRaw)], syscall.MSG_DONTWAIT)
	return n, errnoOf(err)
}

func rawWrite(fd uintptr, b []byte) (int, syscall.Errno) {
	n, err := syscall.SendmsgN(int(fd), b[:min(len(b), maxRaw)], nil, nil, syscall.MSG_DONTWAIT)
	return n, errnoOf(err)
}

func rawPeek(fd uintptr, b []byte) (int, syscall.Errno) {
	n, _, err := syscall.Recvfrom(int(fd), b, syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	return n, errnoOf(err)
}

func waitRead(fd uintptr, b []byte) (int, syscall.Errno) {
	n, err := syscall.Read(int(fd), b[:min(len(b), maxRaw)])
	return n, errnoOf(err)
}

func errnoOf(err error) syscall.Errno {
	errno, _ := errors.AsType[syscall.Errno](err)
	return errno
}
