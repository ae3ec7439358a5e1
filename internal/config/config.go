// Package config turns text into settings. What comes in are the names of the
// files that people have, httpd.conf with what it includes,
// workers.properties and uriworkermap.properties; what goes out is one
// front.Config, and every mistake at once.
//
// One table says what each directive does; a family of directives has a file.
// The order of reading is httpd's: the tree of directives first, then each
// directive in its place, at the end what only the whole can tell.
package config

import (
	"io"
	"io/fs"
	"os"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/config/mistake"
	"github.com/catflap/catflap/internal/front"
	"github.com/catflap/catflap/internal/privilege"
)

// Options say what to load. A zero field means nothing, or its default.
type Options struct {
	File    string                      // httpd.conf, as the operator wrote it
	Root    string                      // -d
	Defines []string                    // -D
	Before  []string                    // -C
	After   []string                    // -c
	Env     func(string) (string, bool) // the environment; default: empty
	Opener  privilege.Opener            // default privilege.Direct
	Resolve Resolve                     // how the names in <VirtualHost> are looked up; default: the system's way
}

// A Report is what loading found.
type Report struct {
	Mistakes   mistake.List // sorted
	Files      []string     // every file read, in order
	Directives int          // how many were read, without those in skipped sections
	Classes    map[Class]int
	Skipped    []httpdconf.Skipped
}

// A Class is what becomes of a directive.
type Class int

const (
	Honoured    Class = iota
	Needless          // ignored, and that is harmless
	Unsupported       // ignored, and something follows; the mistake says what
)

// Load reads the files and returns what they say. With an error among the
// mistakes the Config is nil.
func Load(o Options) (*front.Config, *Report) {
	if o.Opener == nil {
		o.Opener = privilege.Direct{}
	}
	if o.Env == nil {
		o.Env = func(string) (string, bool) { return "", false }
	}
	if o.Resolve == nil {
		o.Resolve = resolveBySystem
	}
	l := newLoader(o)
	tree, found := httpdconf.Parse(httpdconf.Options{
		File: o.File, Root: o.Root, Defines: o.Defines, Before: o.Before, After: o.After, Env: o.Env,
		Files: files{o.Opener}, Known: known, Names: names(),
		Static: append(httpdconf.StaticModules(), "log_config_module", "logio_module", "version_module", "unixd_module", "watchdog_module"),
	})
	l.report.Mistakes = found
	l.report.Files, l.report.Skipped = tree.Files, tree.Skipped
	l.root = startRoot(o.Root)
	l.walk(tree.Directives, place{scope: l.main, layer: &l.main.layer, in: inServer})
	cfg := l.finish()
	l.report.Mistakes.Sort()
	if l.report.Mistakes.Errors() > 0 {
		return nil, l.report
	}
	return cfg, l.report
}

// startRoot is ServerRoot before the file names one.
func startRoot(root string) string {
	if root != "" {
		return root
	}
	if wd, err := os.Getwd(); err == nil {
		return wd
	}
	return "/"
}

// files lets the syntax open through the Opener.
type files struct{ privilege.Opener }

func (f files) Open(name string) (io.ReadCloser, error) {
	file, err := f.Opener.Read(name)
	if err != nil {
		return nil, err
	}
	return file, nil
}

func (f files) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(name) }
