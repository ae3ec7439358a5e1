package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// readKeys gives the keys that are pressed on the terminal f, one byte each,
// until stop is called. It returns nil if f is no terminal, or if somebody
// else has it: then nobody is there to press one.
func readKeys(f *os.File) (keys <-chan byte, stop func()) {
	fd := int(f.Fd())
	before, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, func() {}
	}
	if foreground, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP); err != nil || foreground != unix.Getpgrp() {
		return nil, func() {}
	}
	single := *before
	single.Lflag &^= unix.ICANON | unix.ECHO // each key at once; Ctrl-C still ends
	single.Cc[unix.VMIN], single.Cc[unix.VTIME] = 1, 0
	if unix.IoctlSetTermios(fd, unix.TCSETS, &single) != nil {
		return nil, func() {}
	}
	pressed, done, ended := make(chan byte), make(chan struct{}), make(chan struct{})
	go func() { // ends with stop, within a poll
		defer close(ended)
		for waitReadable(fd, done) {
			var key [1]byte
			if n, err := unix.Read(fd, key[:]); n == 0 || err != nil && err != unix.EINTR {
				return
			}
			select {
			case pressed <- key[0]:
			case <-done:
				return
			}
		}
	}()
	return pressed, func() {
		close(done)
		<-ended
		unix.IoctlSetTermios(fd, unix.TCSETS, before)
	}
}

// waitReadable waits for a key, and reports false once done is closed.
func waitReadable(fd int, done <-chan struct{}) bool {
	for {
		select {
		case <-done:
			return false
		default:
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 100)
		if n > 0 {
			return true
		}
		if err != nil && err != unix.EINTR {
			return false
		}
	}
}
