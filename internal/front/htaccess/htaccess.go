// Package htaccess finds the .htaccess file of a folder. What comes in is a
// folder and what may be said there, what goes out is a section of settings,
// or nothing. A file is looked for at each request, as httpd does, and read
// again when it has changed; one that cannot be read closes its folder.
package htaccess

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"sync"
	"syscall"
	"time"

	"github.com/catflap/catflap/internal/front/settings"
	"github.com/catflap/catflap/internal/front/vhost"
)

// Config says what the files are called and what they mean.
type Config struct {
	Names []string // AccessFileName: the first that is there counts
	// Read turns the text of a file into a section for its folder. Many
	// goroutines may call it.
	Read func(File) vhost.Section
}

// A File is one .htaccess file.
type File struct {
	Name, Folder string
	Text         []byte
	Allowed      settings.Override
}

const (
	mostBytes = 1 << 20 // of a file
	mostKept  = 1000    // files
)

// A Store keeps what was read. Many goroutines may use it.
type Store struct {
	cfg Config

	mu   sync.Mutex // guards kept
	kept map[key]entry
}

type key struct {
	name    string
	allowed settings.Override
}

type entry struct {
	modified time.Time
	size     int64
	override *vhost.Override
}

// New returns an empty Store.
func New(cfg Config) *Store { return &Store{cfg: cfg, kept: map[key]entry{}} }

// Find is a vhost.Finder.
func (s *Store) Find(folder string, allowed settings.Override) *vhost.Override {
	for _, name := range s.cfg.Names {
		name = path.Join(folder, name)
		info, err := os.Stat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
			continue
		case err != nil:
			return closed(name, folder, err.Error())
		case !info.Mode().IsRegular():
			return closed(name, folder, "it is not a regular file")
		}
		return s.get(name, folder, allowed, info)
	}
	return nil
}

// get returns what a file says, as of info.
func (s *Store) get(name, folder string, allowed settings.Override, info fs.FileInfo) *vhost.Override {
	k := key{name, allowed}
	s.mu.Lock()
	e, ok := s.kept[k]
	s.mu.Unlock()
	if ok && e.modified.Equal(info.ModTime()) && e.size == info.Size() {
		return e.override
	}
	override := s.read(name, folder, allowed)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.kept) >= mostKept {
		clear(s.kept)
	}
	s.kept[k] = entry{info.ModTime(), info.Size(), override}
	return override
}

func (s *Store) read(name, folder string, allowed settings.Override) *vhost.Override {
	file, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a FIFO that has taken its place waits for nobody
	if err != nil {
		return closed(name, folder, err.Error())
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, mostBytes+1))
	switch {
	case err != nil:
		return closed(name, folder, err.Error())
	case len(text) > mostBytes:
		return closed(name, folder, fmt.Sprintf("it has more than %d bytes", mostBytes))
	}
	return vhost.NewOverride(s.cfg.Read(File{name, folder, text, allowed}))
}

// closed is what stands for a file that cannot be read.
func closed(name, folder, why string) *vhost.Override {
	return vhost.NewOverride(vhost.Section{
		Kind: vhost.Directory, Pattern: folder, Place: name,
		Layer: &settings.Layer{Closed: &settings.Closed{Place: name, By: name + ", which cannot be read: " + why}},
	})
}
