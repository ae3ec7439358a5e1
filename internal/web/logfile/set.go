package logfile

import (
	"context"
	"errors"
	"sync"
	"time"
)

// A Set holds the logs of a server by name, so that one that is named several
// times is open once. Many goroutines may use it.
type Set struct {
	open Open

	mu    sync.Mutex
	files map[string]*File
	used  map[string]int
}

// NewSet returns a set without logs.
func NewSet(open Open) *Set {
	return &Set{open: open, files: map[string]*File{}, used: map[string]int{}}
}

// Open returns the log of that name, opened if it is not yet. Each Open wants
// a Release.
func (s *Set) Open(name string) (*File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.files[name]; f != nil {
		s.used[name]++
		return f, nil
	}
	file, err := s.open(name)
	if err != nil {
		return nil, explain(name, err)
	}
	f := &File{name: name, file: file}
	s.files[name] = f
	s.used[name] = 1
	return f, nil
}

// Release gives f back. The last one closes it.
func (s *Set) Release(f *File) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used[f.name]--
	if s.used[f.name] > 0 {
		return nil
	}
	delete(s.used, f.name)
	delete(s.files, f.name)
	return f.close()
}

// all returns the logs that are open.
func (s *Set) all() []*File {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*File, 0, len(s.files))
	for _, f := range s.files {
		all = append(all, f)
	}
	return all
}

// Reopen opens all logs again by name. Those that cannot be opened go on as
// they were, and are in the error.
func (s *Set) Reopen() error {
	var failed []error
	for _, f := range s.all() {
		failed = append(failed, f.reopen(s.open))
	}
	return errors.Join(failed...)
}

// Run lets batches leave at least every second until ctx is done.
func (s *Set) Run(ctx context.Context) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			for _, f := range s.all() {
				f.Flush()
			}
		}
	}
}

// Close writes what waits and closes all logs.
func (s *Set) Close() error {
	var failed []error
	for _, f := range s.all() {
		failed = append(failed, f.close())
	}
	return errors.Join(failed...)
}
