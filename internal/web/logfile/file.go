// Package logfile keeps open logs. What comes in are lines, what goes out are
// files, or the pipes of programs, that get each of them whole: written in
// batches, or at once. Files are opened again by name when a rotation asks for
// it.
package logfile

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
)

// Open opens a log for appending.
type Open func(name string) (*os.File, error)

// A File is one open log. Many goroutines may use it.
type File struct {
	name string
	pipe bool

	mu     sync.Mutex // guards what follows, but for closed
	batch  []byte
	due    int       // the size of batch at which its writer takes it to the file
	err    error     // of the last write
	lost   int64     // bytes that could not be written
	told   int64     // of lost, how many takeLost gave
	toldAt time.Time // when
	closed bool

	io   sync.Mutex // held while file is written or changed; taken before mu
	file *os.File
}

// full is how large a batch gets before its writer takes it to the file.
const full = 64 << 10

func newFile(name string, pipe bool, file *os.File) *File {
	return &File{name: name, pipe: pipe, due: full, file: file}
}

// WriteLine adds line, which ends in a newline, to the batch. It leaves with
// the next Flush, or at once if the batch is full: then the caller waits for
// the disk, never for a program. Lines are never torn.
func (f *File) WriteLine(line []byte) {
	if f.add(line) {
		f.Flush()
	}
}

// add puts line into the batch. It reports whether that is due. What a pipe
// cannot hold is lost.
func (f *File) add(line []byte) (due bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pipe && len(f.batch) >= held {
		f.lost += int64(len(line))
		return false
	}
	f.batch = append(f.batch, line...)
	return len(f.batch) >= f.due
}

// Write writes line at once, after all that waits. It is for error logs.
func (f *File) Write(line []byte) (int, error) {
	f.add(line)
	return len(line), f.Flush()
}

// Flush writes what waits.
func (f *File) Flush() error {
	f.io.Lock()
	defer f.io.Unlock()
	return f.flush()
}

// flush is Flush with io held.
func (f *File) flush() error {
	if f.pipe {
		return f.push(0)
	}
	f.mu.Lock()
	batch := f.batch
	f.batch = nil
	f.mu.Unlock()
	if len(batch) == 0 {
		return nil
	}
	n, err := f.file.Write(batch)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		f.lost += int64(len(batch) - n)
	}
	f.err = err
	if f.batch == nil && cap(batch) <= 2*full {
		f.batch = batch[:0]
	}
	return err
}

// Trouble returns how many bytes were lost, and the error of the last write.
func (f *File) Trouble() (lost int64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lost, f.err
}

// takeLost returns how many bytes were lost since it last told, if that is a
// minute ago, and the error of the last write.
func (f *File) takeLost(now time.Time) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	lost := f.lost - f.told
	if lost == 0 || now.Sub(f.toldAt) < time.Minute {
		return 0, nil
	}
	f.told, f.toldAt = f.lost, now
	return lost, f.err
}

// end lets the program of a pipe take what waits.
func (f *File) end() {
	f.io.Lock()
	defer f.io.Unlock()
	if f.pipe && !f.closed {
		f.push(patience)
	}
}

// reopen writes what waits to the old file and goes on with the one that open
// gives. If it gives none the old one stays. A pipe goes on as it is.
func (f *File) reopen(open Open) error {
	if f.pipe {
		return nil
	}
	file, err := open(f.name)
	if err != nil {
		return explain(f.name, err)
	}
	f.io.Lock()
	defer f.io.Unlock()
	err = f.flush()
	old := f.file
	f.file = file
	return errors.Join(err, old.Close())
}

// close writes what waits and closes the file.
func (f *File) close() error {
	f.io.Lock()
	defer f.io.Unlock()
	if f.closed {
		return nil
	}
	f.closed = true
	return errors.Join(f.flush(), f.file.Close())
}

// explain says in httpd's words that a log cannot be opened.
func explain(name string, err error) error {
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		return fmt.Errorf("(%d)%s: AH00091: could not open log file %s", int(number), phrase(number), name)
	}
	return fmt.Errorf("AH00091: could not open log file %s: %w", name, err)
}

// phrase is strerror's text: as Go has it, but with a capital.
func phrase(number syscall.Errno) string {
	text := []byte(number.Error())
	if len(text) > 0 && 'a' <= text[0] && text[0] <= 'z' {
		text[0] -= 'a' - 'A'
	}
	return string(text)
}

// interval is how often batches leave.
const interval = 500 * time.Millisecond
