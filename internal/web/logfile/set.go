package logfile

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"
)

// Config says how a Set opens logs, and whom it tells.
type Config struct {
	Open Open // a file
	Pipe Open // a program, its name with the bar; the end that lines are written to does not block
	// Lost is told, at most once a minute for each log, how many bytes of it
	// were lost since it was told before, and why. It may write to logs of the
	// Set. nil: nobody is told.
	Lost func(name string, bytes int64, err error)
}

// A Set holds the logs of a server by name, so that one that is named several
// times is open once. Many goroutines may use it.
type Set struct {
	config Config

	mu    sync.Mutex
	files map[string]*File
	used  map[string]int
}

// NewSet returns a set without logs.
func NewSet(cfg Config) *Set {
	return &Set{config: cfg, files: map[string]*File{}, used: map[string]int{}}
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
	var file *os.File
	var err error
	if isPipe(name) {
		file, err = s.config.Pipe(name)
	} else if file, err = s.config.Open(name); err != nil {
		err = explain(name, err)
	}
	if err != nil {
		return nil, err
	}
	f := newFile(name, isPipe(name), file)
	s.files[name] = f
	s.used[name] = 1
	return f, nil
}

// Release gives f back. The last one closes it.
func (s *Set) Release(f *File) error {
	s.mu.Lock()
	s.used[f.name]--
	last := s.used[f.name] == 0
	if last {
		delete(s.used, f.name)
		delete(s.files, f.name)
	}
	s.mu.Unlock()
	if !last {
		return nil
	}
	f.end()
	s.tell(f, time.Now().Add(time.Minute))
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
		failed = append(failed, f.reopen(s.config.Open))
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
		case now := <-tick.C:
			all := s.all()
			for _, f := range all {
				f.Flush()
			}
			for _, f := range all {
				s.tell(f, now)
			}
		}
	}
}

// tell tells of what f lost, at most once a minute.
func (s *Set) tell(f *File, now time.Time) {
	if bytes, err := f.takeLost(now); bytes > 0 && s.config.Lost != nil {
		s.config.Lost(f.name, bytes, err)
	}
}

// Close writes what waits and closes all logs. Run must have returned.
func (s *Set) Close() error {
	var ending sync.WaitGroup
	all := s.all()
	for _, f := range all {
		ending.Go(f.end)
	}
	ending.Wait()
	for _, f := range all {
		s.tell(f, time.Now().Add(time.Minute))
	}
	var failed []error
	for _, f := range all {
		failed = append(failed, f.close())
	}
	return errors.Join(failed...)
}
