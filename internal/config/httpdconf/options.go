package httpdconf

import (
	"io"
	"io/fs"
	"os"
)

// Options say what to read and what the reading may ask for. A zero field
// means its default.
type Options struct {
	File    string   // the main file, as the operator wrote it; opened by this name; "" reads only Before and After
	Root    string   // -d: what relative names refer to until a ServerRoot line; default: the folder the process is in
	Defines []string // -D
	Before  []string // -C: lines read before File
	After   []string // -c: lines read after File

	Env   func(string) (string, bool) // what ${VAR} means if nothing defines VAR; default: nothing
	Files FS                          // where File and the included files are; default OS

	// Known tells whether a directive of that name exists, in any case of
	// letters; a section's name comes with its "<": Known("<VirtualHost").
	// What this package carries out itself need not be known. nil knows all.
	Known func(name string) bool
	// Foreign tells whether a name that is not known may be one of a module
	// that does not come with httpd, given the modules loaded so far. Its line
	// is no mistake then. nil: there is none.
	Foreign func(name string, loaded []Module) bool
	Names   []string // all known names in their usual case, sections with "<": for "did you mean"

	// Unprivileged says that others than this process will run the server:
	// a file that it may not read is a warning, and "not checked".
	Unprivileged bool

	Version string   // what IfVersion compares; default "2.4.66"
	Static  []string // modules that need no LoadModule, as "core_module" or "mod_core.c"; default StaticModules

	MaxBytes int64 // of all files together; default 16 MiB
	MaxLines int   // of all files and macros together; default 1000000
	MaxDepth int   // of sections, and of files that include each other; default 128
	MaxFiles int   // that are read; default 10000
}

// StaticModules returns the modules that a plain httpd has without LoadModule.
func StaticModules() []string { return []string{"core_module", "so_module", "http_module"} }

// An FS opens what File and Include name. Names are as the system takes them:
// absolute, or relative to the folder the process is in. Missing files are
// errors that satisfy errors.Is(err, fs.ErrNotExist).
type FS interface {
	Open(name string) (io.ReadCloser, error)
	ReadDir(name string) ([]fs.DirEntry, error)
	Stat(name string) (fs.FileInfo, error)
}

// OS is the FS of this machine, with the rights of this process.
type OS struct{}

var _ FS = OS{}

// Open opens a file for reading.
func (OS) Open(name string) (io.ReadCloser, error) { return os.Open(name) }

// ReadDir lists a folder, sorted by name.
func (OS) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(name) }

// Stat tells about a file or folder.
func (OS) Stat(name string) (fs.FileInfo, error) { return os.Stat(name) }

const (
	defaultVersion  = "2.4.66"
	defaultMaxBytes = 16 << 20
	defaultMaxLines = 1000000
	defaultMaxDepth = 128
	defaultMaxFiles = 10000
)

// withDefaults returns o with its zero fields filled in.
func (o Options) withDefaults() Options {
	if o.Env == nil {
		o.Env = func(string) (string, bool) { return "", false }
	}
	if o.Files == nil {
		o.Files = OS{}
	}
	if o.Known == nil {
		o.Known = func(string) bool { return true }
	}
	if o.Version == "" {
		o.Version = defaultVersion
	}
	if o.Static == nil {
		o.Static = StaticModules()
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultMaxBytes
	}
	if o.MaxLines == 0 {
		o.MaxLines = defaultMaxLines
	}
	if o.MaxDepth == 0 {
		o.MaxDepth = defaultMaxDepth
	}
	if o.MaxFiles == 0 {
		o.MaxFiles = defaultMaxFiles
	}
	return o
}
