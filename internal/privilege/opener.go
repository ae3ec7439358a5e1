// Package privilege opens what the configuration names: logs, properties,
// sockets. What comes in is a name from the files, what goes out is an open
// descriptor. All opening of configured files goes through one Opener, so that
// it can be done by a process with other rights than the one that serves.
package privilege

import (
	"io/fs"
	"net"
	"os"
)

// An Opener opens what the configuration names. Many goroutines may use it.
type Opener interface {
	// Read opens a file for reading.
	Read(name string) (*os.File, error)
	// Append opens a log for appending, made with mode 0644 if it is missing.
	Append(name string) (*os.File, error)
	// Write makes a file anew, for the PidFile.
	Write(name string, content []byte) error
	// Remove removes what Write made.
	Remove(name string) error
	// Stat tells about a file or directory.
	Stat(name string) (fs.FileInfo, error)
	// Listen opens a listening TCP socket on host:port; the host is an IP
	// address or empty for all.
	Listen(address string) (net.Listener, error)
}

// Direct opens with the rights of this process.
type Direct struct{}

var _ Opener = Direct{}

func (Direct) Read(name string) (*os.File, error) { return os.Open(name) }

func (Direct) Append(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
}

func (Direct) Write(name string, content []byte) error { return os.WriteFile(name, content, 0o644) }

func (Direct) Remove(name string) error { return os.Remove(name) }

func (Direct) Stat(name string) (fs.FileInfo, error) { return os.Stat(name) }

func (Direct) Listen(address string) (net.Listener, error) { return net.Listen("tcp", address) }
