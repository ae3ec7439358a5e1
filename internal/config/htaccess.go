package config

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/config/mistake"
	"github.com/catflap/catflap/internal/front/settings"
	"github.com/catflap/catflap/internal/front/vhost"
)

// .htaccess files are not read yet, and what restricts access in one must not
// be open: where the file allows them, folders that have one are closed.

// An override is an AllowOverride, and where it stands.
type override struct {
	at    *httpdconf.Directive
	place place
	none  bool
}

// allowOverride reads AllowOverride.
//
// Source: httpd server/core.c, set_override.
func allowOverride(l *loader, p place, d *httpdconf.Directive) {
	if p.in != inDirectory || p.matching {
		l.say(d, d.Pos, mistake.Warning, "Useless use of AllowOverride in <"+p.around()+">", "it is for <Directory>", "AH00114")
		return
	}
	none := true
	for i, a := range d.Args {
		word, list, _ := strings.Cut(strings.ToLower(a.Text), "=")
		switch word {
		case "none", "nonfatal":
			continue
		case "options":
			for name := range strings.SplitSeq(list, ",") {
				if _, ok := optionNames[name]; list != "" && !ok {
					l.fail(d, at(d, i), "Illegal option "+name, "")
				}
			}
		case "all", "authconfig", "fileinfo", "indexes", "limit":
		default:
			l.fail(d, at(d, i), "Illegal override option "+a.Text, near(a.Text, []string{"None", "All", "AuthConfig", "FileInfo", "Indexes", "Limit", "Options"}))
			return
		}
		none = false
	}
	l.overrides = append(l.overrides, override{d, p, none})
	if !none {
		l.unsupported(d, at(d, 0), "AllowOverride "+d.Raw+": catflap does not read .htaccess files yet; folders that have one when the settings are read answer 403",
			"move what they hold into the <Directory>, and write AllowOverride None")
	}
}

// mostEntries bounds how much of a file tree is looked through.
const mostEntries = 50000

// closeOverridden closes the folders that have an .htaccess file.
func (l *loader) closeOverridden() {
	left := mostEntries
	for _, o := range l.overrides {
		if o.none {
			continue
		}
		pattern := arg(o.at, 0)
		if o.place.section != nil {
			pattern = l.directoryPath(arg(o.place.section, 0))
		}
		for _, root := range l.rootsBelow(o.place.scope, pattern) {
			l.searchOverrides(o, root, false, &left)
		}
		if left <= 0 {
			l.closes(o.at, o.at.Pos, "what is below "+pattern, "too many files below "+pattern+" to look for .htaccess; so the whole <Directory> answers 403", "write AllowOverride None if there are none")
			if o.place.layer.Closed == nil {
				o.place.layer.Closed = closedBy(o.at, "AllowOverride "+o.at.Raw)
			}
		}
	}
}

// rootsBelow returns the folders whose files both s or a host that inherits
// from it, and a <Directory> of that pattern, cover.
func (l *loader) rootsBelow(s *scope, pattern string) []string {
	pattern = filepath.Clean(pattern)
	var roots []string
	for _, other := range append([]*scope{l.main}, l.hosts...) {
		if s != l.main && other != s && other != l.main {
			continue
		}
		folders := []string{other.docRoot}
		for _, a := range other.aliases {
			folders = append(folders, a.Dir)
		}
		for _, folder := range folders {
			switch {
			case folder == "":
			case within(pattern, folder):
				roots = append(roots, folder)
			case within(folder, pattern):
				roots = append(roots, pattern)
			case strings.ContainsAny(pattern, "*?["):
				roots = append(roots, folder)
			}
		}
	}
	return roots
}

// within reports whether name is folder, or below it.
func within(folder, name string) bool {
	return folder == "/" || name == folder || strings.HasPrefix(name, strings.TrimSuffix(folder, "/")+"/")
}

// searchOverrides looks through the tree below folder. A link to a folder is
// followed once; a link behind a link is closed, so that circles end.
func (l *loader) searchOverrides(o override, folder string, linked bool, left *int) {
	if *left <= 0 || l.overriddenByNone(folder) {
		return
	}
	entries, err := files{l.o.Opener}.ReadDir(folder)
	if err != nil {
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case errors.Is(err, fs.ErrPermission) && l.o.Unprivileged:
			l.unchecked(o.at.Pos, folder, "permission", o.at.Name)
		default:
			l.closeFolder(o, folder)
		}
		return
	}
	for _, e := range entries {
		*left--
		name := filepath.Join(folder, e.Name())
		switch {
		case e.Name() == ".htaccess":
			l.closeFolder(o, folder)
			return
		case e.IsDir():
			l.searchOverrides(o, name, linked, left)
		case e.Type()&fs.ModeSymlink == 0:
		case linked:
			l.closeFolder(o, name)
		default:
			if info, err := l.o.Opener.Stat(name); err == nil && info.IsDir() {
				l.searchOverrides(o, name, true, left)
			}
		}
	}
}

// overriddenByNone reports whether the innermost plain <Directory> around
// folder that has an AllowOverride says None.
func (l *loader) overriddenByNone(folder string) bool {
	best, none := -1, false
	for _, o := range l.overrides {
		pattern := filepath.Clean(l.directoryPath(arg(o.place.section, 0)))
		if !strings.ContainsAny(pattern, "*?[") && within(pattern, folder) && len(pattern) >= best {
			best, none = len(pattern), o.none
		}
	}
	return none
}

// closeFolder closes one folder with all below it.
func (l *loader) closeFolder(o override, folder string) {
	what := filepath.Join(folder, ".htaccess")
	l.closes(o.at, o.at.Pos, "what is below "+folder, what+" is not read; so what is below "+folder+" answers 403", "move what it holds into a <Directory "+folder+">, and take the file away")
	s := vhost.Section{Kind: vhost.Directory, Pattern: folder, Place: line(o.at), Layer: &settings.Layer{Closed: closedBy(o.at, what)}}
	o.place.scope.sections = append(o.place.scope.sections, s)
}
