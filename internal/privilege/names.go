package privilege

import (
	"io/fs"
	"maps"
	"os"
	"sync"
)

// Names are what a configuration names to be opened. A nil set is empty.
type Names struct {
	Read   map[string]bool // files and directories
	Stat   map[string]bool // of which only something is told
	Append map[string]bool // logs
	Pipe   map[string]bool // commands of piped logs, with their bar
	Listen map[string]bool // addresses
	Pid    map[string]bool // PidFiles, each with its StateFile
}

// And returns what is in either.
func (n Names) And(other Names) Names {
	both := func(a, b map[string]bool) map[string]bool {
		all := maps.Clone(a)
		if all == nil {
			all = map[string]bool{}
		}
		maps.Copy(all, b)
		return all
	}
	return Names{
		Read: both(n.Read, other.Read), Stat: both(n.Stat, other.Stat), Append: both(n.Append, other.Append),
		Pipe: both(n.Pipe, other.Pipe), Listen: both(n.Listen, other.Listen), Pid: both(n.Pid, other.Pid),
	}
}

// A Recorder is an Opener that remembers what was read and asked for through
// it: to read a configuration through one tells what else would need to be
// opened to read it again. Many goroutines may use it.
type Recorder struct {
	Opener

	mu         sync.Mutex
	read, stat map[string]bool
}

// Record returns a Recorder that opens by opener.
func Record(opener Opener) *Recorder {
	return &Recorder{Opener: opener, read: map[string]bool{}, stat: map[string]bool{}}
}

func (r *Recorder) Read(name string) (*os.File, error) {
	r.mu.Lock()
	r.read[name] = true
	r.mu.Unlock()
	return r.Opener.Read(name)
}

func (r *Recorder) Stat(name string) (fs.FileInfo, error) {
	r.mu.Lock()
	r.stat[name] = true
	r.mu.Unlock()
	return r.Opener.Stat(name)
}

// Names returns what was read and asked for until now.
func (r *Recorder) Names() Names {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Names{Read: maps.Clone(r.read), Stat: maps.Clone(r.stat)}
}
