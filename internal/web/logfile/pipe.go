package logfile

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"time"
)

// A log that is a program's pipe gets what the pipe takes. Requests never wait
// for the program: what it has not taken is held, and beyond a bound lost.

// held is about how much is held for a program that does not read, in bytes.
const held = 1 << 20

// patience is how long a program may take to read the rest at the end.
const patience = 3 * time.Second

// isPipe reports whether name is a program.
func isPipe(name string) bool { return strings.HasPrefix(name, "|") }

// push writes what waits to the pipe, as far as it goes within limit; 0 takes
// only what the pipe has room for. What is left then stays, but at the end of
// a limit it is lost. io is held.
func (f *File) push(limit time.Duration) error {
	f.mu.Lock()
	batch := f.batch
	f.batch = nil
	f.mu.Unlock()
	if len(batch) == 0 {
		return nil
	}
	n, err := writeSome(f.file, batch, limit)
	f.mu.Lock()
	defer f.mu.Unlock()
	rest := batch[n:]
	if err != nil || limit > 0 {
		f.lost += int64(len(rest))
		rest = rest[:0]
	}
	f.batch, f.due, f.err = append(rest, f.batch...), len(rest)+full, err
	if cap(f.batch) > 2*full && len(f.batch) == 0 {
		f.batch = nil
	}
	return err
}

// writeSome writes p, as far as it goes within limit. That not all of it went
// is no error.
func writeSome(file *os.File, p []byte, limit time.Duration) (n int, err error) {
	if limit > 0 {
		if err := file.SetWriteDeadline(time.Now().Add(limit)); err != nil {
			return 0, err
		}
		n, err = file.Write(p)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = nil
		}
		return n, err
	}
	raw, err := file.SyscallConn()
	if err != nil {
		return 0, err
	}
	var inside error
	err = raw.Write(func(fd uintptr) bool {
		for n < len(p) {
			m, err := syscall.Write(int(fd), p[n:])
			switch {
			case err == syscall.EINTR:
				continue
			case err == syscall.EAGAIN:
				return true
			case err != nil:
				inside = err
				return true
			}
			n += m
		}
		return true
	})
	return n, errors.Join(err, inside)
}
