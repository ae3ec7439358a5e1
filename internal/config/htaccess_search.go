package config

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/catflap/catflap/internal/front/htaccess"
	"github.com/catflap/catflap/internal/front/settings"
	"github.com/catflap/catflap/internal/front/vhost"
	"github.com/catflap/catflap/internal/mistake"
)

// mostEntries bounds how much of the file trees is looked through for files
// to tell of.
const mostEntries = 50000

// An overrideSearch looks for the .htaccess files that are there when the
// settings are read, to tell of what is in them. That the front heeds them does
// not depend on it.
type overrideSearch struct {
	loader *loader
	reader *overrideReader
	left   int
	seen   map[string]bool // files that were looked for: whether they are there
}

// site looks below the folders that a host serves.
func (s *overrideSearch) site(host *scope) {
	l := s.loader
	sections := l.sections(host)
	sections.Find = func(folder string, allowed settings.Override) *vhost.Override {
		for _, name := range l.overrideNames(host) {
			if s.file(filepath.Join(folder, name), folder, allowed) {
				break
			}
		}
		return nil
	}
	resolver := vhost.NewResolver(sections)
	folders := []string{host.docRoot}
	for _, a := range host.aliases {
		folders = append(folders, a.Dir)
	}
	for _, folder := range folders {
		if folder != "" {
			s.folder(resolver, folder)
		}
	}
}

// folder looks in a folder and in those below it. Links are met where they
// lead.
func (s *overrideSearch) folder(resolver *vhost.Resolver, folder string) {
	if s.left--; s.left <= 0 || !s.loader.overrides.reach(s.loader, folder) {
		return
	}
	resolver.Settings("/", strings.TrimSuffix(folder, "/")+"/", true) // calls Find for the folders that allow it
	entries, err := files{s.loader.o.Opener}.ReadDir(folder)
	if err != nil {
		return
	}
	for _, e := range entries {
		s.left--
		if e.IsDir() {
			s.folder(resolver, filepath.Join(folder, e.Name()))
		}
	}
}

// reach reports whether some <Directory> that allows .htaccess files is for
// folder, or for one below it.
func (all overrides) reach(l *loader, folder string) bool {
	parts := strings.FieldsFunc(folder, func(c rune) bool { return c == '/' })
	return slices.ContainsFunc(all, func(o override) bool {
		if o.none {
			return false
		}
		pattern := strings.FieldsFunc(l.directoryPath(arg(o.place.section, 0)), func(c rune) bool { return c == '/' })
		for i := range min(len(pattern), len(parts)) {
			if ok, err := path.Match(pattern[i], parts[i]); pattern[i] != parts[i] && (!ok || err != nil) {
				return false
			}
		}
		return true
	})
}

// file tells of one file. It reports whether it is there.
func (s *overrideSearch) file(name, folder string, allowed settings.Override) bool {
	l := s.loader
	if there, known := s.seen[name]; known {
		return there
	}
	file, err := l.o.Opener.Read(name)
	s.seen[name] = !errors.Is(err, fs.ErrNotExist)
	if !s.seen[name] {
		return false
	}
	if err != nil {
		if l.o.Unprivileged && errors.Is(err, fs.ErrPermission) {
			l.unchecked(mistake.Pos{File: name}, name, "AllowOverride")
		} else {
			l.report.Mistakes.Add(mistake.Mistake{Pos: mistake.Pos{File: name}, Severity: mistake.Unsupported, Text: "it cannot be read; so what is below " + folder + " answers 403", Closes: "what is below " + folder})
		}
		return true
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, 1<<20))
	if err != nil {
		return true
	}
	_, report := s.reader.read(htaccess.File{Name: name, Folder: folder, Text: text, Allowed: allowed})
	for _, m := range report.Mistakes {
		if m.Severity == mistake.Error { // it does not keep the server from starting
			m.Severity, m.Closes = mistake.Unsupported, "what is below "+folder
			m.Text += "; so what is below " + folder + " answers 403, where httpd answers 500"
		}
		l.report.Mistakes.Add(m)
	}
	return true
}
