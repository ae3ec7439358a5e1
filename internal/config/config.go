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
	"cmp"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/front"
	"github.com/catflap/catflap/internal/privilege"
)

// Options say what to load. A zero field means nothing, or its default.
type Options struct {
	File         string                      // httpd.conf, as the operator wrote it
	Root         string                      // -d
	Defines      []string                    // -D
	Before       []string                    // -C
	After        []string                    // -c
	Env          func(string) (string, bool) // the environment; default: empty
	Opener       privilege.Opener            // default privilege.Direct
	Unprivileged bool                        // others than this process will run the server: what it may not read is in Report.Unchecked
	Beside       *Beside                     // run next to the server that the files are for; nil: in its place
	Version      string                      // of catflap, for ServerTokens
	Resolve      Resolve                     // how the names in <VirtualHost> are looked up; default: the system's way
	Reverse      Reverse                     // how the names of hosts without ServerName are found; default: the system's way
}

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
	if o.Reverse == nil {
		o.Reverse = reverseBySystem
	}
	l := newLoader(o)
	tree, found := httpdconf.Parse(httpdconf.Options{
		File: o.File, Root: o.Root, Defines: o.Defines, Before: o.Before, After: o.After, Env: o.Env,
		Files: files{o.Opener}, Known: known, Foreign: isForeign, Names: names(), Unprivileged: o.Unprivileged,
		Static: StaticModules(),
	})
	l.report.Mistakes = found
	for i := range tree.Carried {
		l.classify(&tree.Carried[i], Honoured, "")
	}
	l.report.Files, l.report.Skipped, l.report.Modules, l.report.Defines = tree.Files, tree.Skipped, tree.Modules, tree.Defines
	for _, u := range tree.Unread {
		l.unchecked(u.Pos, u.Name, "Include")
	}
	for _, m := range tree.Modules {
		l.modules[m.Name] = true
	}
	l.root = startRoot(o.Root)
	l.walk(tree.Directives, place{scope: l.main, layer: &l.main.layer, in: inServer})
	cfg := l.finish()
	l.moveBeside(cfg)
	l.report.Root = l.root
	l.report.count(cfg)
	l.report.sort()
	if len(tree.Files) == 0 && found.Errors() > 0 {
		l.report.Mistakes = found // the file itself could not be read: what it lacks is no mistake
	}
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

func (f files) ReadDir(name string) ([]fs.DirEntry, error) {
	folder, err := f.Opener.Read(name)
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	entries, err := folder.ReadDir(-1)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	return entries, err
}
