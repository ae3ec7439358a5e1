// Package privilege opens what the configuration names: logs, properties,
// sockets, programs that take a log. What comes in is a name from the files,
// what goes out is an open descriptor. All opening of configured files goes
// through one Opener.
//
// Direct opens with the rights of the process. A Child, which serves without
// those of root, asks a Parent, which has them and knows by itself what may be
// asked for.
package privilege

import (
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
)

// An Opener opens what the configuration names. Many goroutines may use it.
type Opener interface {
	// Read opens a file, or a directory, for reading. What is neither, such as
	// a FIFO, which would wait for a writer, is ErrNotRegular; /dev/null is an
	// empty file.
	Read(name string) (*os.File, error)
	// Append opens a log for appending, made with mode 0644 if it is missing.
	Append(name string) (*os.File, error)
	// Pipe starts the program of a piped log and returns the end that lines
	// are written to. The command is as in ErrorLog or CustomLog, with its
	// bar: |program or ||program, run as it is, or |$line, run by /bin/sh.
	// A program that ends is started again; once the file is closed and the
	// program has read all, it is not.
	Pipe(command string) (*os.File, error)
	// WritePid writes the process that signals go to into the PidFile,
	// unless another one that lives is in it.
	WritePid(name string) error
	// RemovePid removes what WritePid made.
	RemovePid(name string) error
	// Process is the process that WritePid writes.
	Process() int
	// WriteState replaces the StateFile of pidFile: who reads it sees the old
	// one or the new one, whole.
	WriteState(pidFile string, state []byte) error
	// RemoveState removes what WriteState made.
	RemoveState(pidFile string) error
	// Stat tells about a file or directory.
	Stat(name string) (fs.FileInfo, error)
	// Listen opens a listening TCP socket on host:port; the host is an IP
	// address or empty for all.
	Listen(address string) (net.Listener, error)
	// Unlisten leaves a socket that Listen opened to who called that: once it
	// is closed there, nobody listens any more.
	Unlisten(address string) error
}

// Direct opens with the rights of this process.
type Direct struct {
	Programs *Programs // what Pipe starts; nil: nobody waits for them or hears of their troubles
}

var _ Opener = Direct{}

// ErrNotRegular tells of a FIFO, socket or device where a file has to be.
var ErrNotRegular = errors.New("it is not a regular file")

func (Direct) Read(name string) (*os.File, error) { return read(name) }

// read opens a file or directory for reading, and waits for nobody.
func read(name string) (*os.File, error) {
	file, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	return onlyRegular(name, file)
}

// onlyRegular closes what is neither a file nor a directory.
func onlyRegular(name string, file *os.File) (*os.File, error) {
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() && !info.IsDir() && filepath.Clean(name) != os.DevNull {
		err = &fs.PathError{Op: "open", Path: name, Err: ErrNotRegular}
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func (Direct) Append(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
}

func (d Direct) Pipe(command string) (*os.File, error) {
	if d.Programs == nil {
		return new(Programs).Start(command)
	}
	return d.Programs.Start(command)
}

func (Direct) WritePid(name string) error {
	return writePid(name, func(name string, flags int) (*os.File, error) { return os.OpenFile(name, flags, 0o644) },
		func(name string) error { return os.Mkdir(name, 0o755) })
}

func (Direct) RemovePid(name string) error { return os.Remove(name) }

func (Direct) Process() int { return os.Getpid() }

func (Direct) WriteState(pidFile string, state []byte) error { return writeState(pidFile, state) }

func (Direct) RemoveState(pidFile string) error { return removeState(pidFile) }

func (Direct) Stat(name string) (fs.FileInfo, error) { return os.Stat(name) }

func (Direct) Listen(address string) (net.Listener, error) { return listen(address) }

func (Direct) Unlisten(string) error { return nil }

// listen opens the socket of an address. 0.0.0.0 is IPv4 only, as in httpd; to
// package net it would be all there is.
func listen(address string) (net.Listener, error) {
	network := "tcp"
	if ap, err := netip.ParseAddrPort(address); err == nil && ap.Addr().Is4() {
		network = "tcp4"
	}
	return net.Listen(network, address)
}
