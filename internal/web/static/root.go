package static

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// A root is an open directory that nothing below it leads out of. It is
// closed when the last request that uses it has ended.
type root struct {
	*os.Root
	real    string // its name without symlinks
	info    os.FileInfo
	checked atomic.Int64 // Unix ns at which name last was this directory
	users   atomic.Int64 // and one for being in the table
}

// recheck is how long a directory is taken for the one that its name stands
// for: a site may be deployed by moving a symlink.
const recheck = time.Second

// roots are the open directories by name.
type roots struct {
	table sync.Map // name → *root
	mu    sync.Mutex
}

// get returns the directory of that name; the caller gives it back.
func (r *roots) get(name string) (*root, error) {
	if found, ok := r.table.Load(name); ok {
		d := found.(*root)
		now := time.Now().UnixNano()
		if now-d.checked.Load() < int64(recheck) && d.use() {
			return d, nil
		}
	}
	return r.renew(name)
}

// renew opens the directory anew if its name stands for another one now.
func (r *roots) renew(name string) (*root, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, fs.ErrNotExist // a path below a file
	}
	if found, ok := r.table.Load(name); ok {
		d := found.(*root)
		if os.SameFile(d.info, info) && d.use() {
			d.checked.Store(time.Now().UnixNano())
			return d, nil
		}
		r.table.Delete(name)
		d.release()
	}
	opened, err := os.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	d := &root{Root: opened, info: info, real: path.Clean(name)}
	if real, err := filepath.EvalSymlinks(name); err == nil {
		d.real = real
	}
	d.checked.Store(time.Now().UnixNano())
	d.users.Store(2)
	r.table.Store(name, d)
	return d, nil
}

// use counts a user in, unless the directory is closed.
func (d *root) use() bool {
	for {
		n := d.users.Load()
		if n <= 0 {
			return false
		}
		if d.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// release counts a user out.
func (d *root) release() {
	if d.users.Add(-1) == 0 {
		d.Root.Close()
	}
}

// close closes all directories.
func (r *roots) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.table.Range(func(name, d any) bool {
		r.table.Delete(name)
		d.(*root).release()
		return true
	})
}
