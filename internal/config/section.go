package config

import (
	"path"
	"strings"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/front/regex"
	"github.com/catflap/catflap/internal/front/settings"
	"github.com/catflap/catflap/internal/front/vhost"
)

// sectionRows are the sections that hold settings for a part of a site.
var sectionRows = []row{
	{"<Directory", topLevels, anyNumber, "", section(vhost.Directory, inDirectory), "Settings for the files below a folder.", "front/vhost TestSettings"},
	{"<DirectoryMatch", topLevels, anyNumber, "", section(vhost.DirectoryMatch, inDirectory), "The same, by a regular expression.", "front/vhost TestSettings"},
	{"<Location", topLevels, anyNumber, "", section(vhost.Location, inLocation), "Settings for the URLs below a path.", "front/vhost TestSettings"},
	{"<LocationMatch", topLevels, anyNumber, "", section(vhost.LocationMatch, inLocation), "The same, by a regular expression.", "front/vhost TestSettings"},
	{"<Files", topLevels | inDirectory | inFiles, anyNumber, "", section(vhost.Files, inFiles), "Settings for files of a name.", "front/vhost TestSettings"},
	{"<FilesMatch", topLevels | inDirectory | inFiles, anyNumber, "", section(vhost.FilesMatch, inFiles), "The same, by a regular expression.", "front/vhost TestSettings"},
}

// section returns what reads a section of that kind.
func section(kind vhost.SectionKind, in where) func(*loader, place, *httpdconf.Directive) {
	return func(l *loader, p place, d *httpdconf.Directive) {
		s := vhost.Section{Kind: kind, Pattern: arg(d, 0), Layer: &settings.Layer{}, Place: line(d)}
		matching := kind == vhost.DirectoryMatch || kind == vhost.LocationMatch || kind == vhost.FilesMatch
		last := 0
		if s.Pattern == "~" && !matching {
			s.Pattern, matching, last = arg(d, 1), true, 1
		}
		switch {
		case p.methods != nil:
			l.fail(d, d.Pos, "<"+d.Name+"> cannot occur within <Limit> or <LimitExcept> section", "move it out")
			return
		case len(d.Args) == 0:
			l.fail(d, d.Pos, "<"+d.Name+"> directive requires additional arguments", "write <"+d.Name+" WHAT>")
			return
		case len(d.Args) > last+1:
			l.fail(d, at(d, last+1), "Multiple <"+d.Name+"> arguments not (yet) supported.", "put a path with blanks in quotes")
			return
		}
		if matching {
			if s.Regexp = l.regexp(d, last, "Regex could not be compiled"); s.Regexp == nil {
				return
			}
		} else if kind == vhost.Directory {
			s.Pattern = l.directoryPath(s.Pattern)
		}
		inner := place{scope: p.scope, layer: s.Layer, in: in, section: d, matching: matching, inside: &s.Inside, covers: covers(kind, s)}
		if in == inLocation {
			inner.location = d
		}
		l.walk(d.Body, inner)
		switch {
		case p.in == inFiles:
			l.inFiles(p, d)
		case p.inside != nil:
			*p.inside = append(*p.inside, s)
		default:
			p.scope.sections = append(p.scope.sections, s)
		}
	}
}

// inFiles tells that a <Files> in a <Files> has no effect; if it restricts,
// the outer one is closed.
func (l *loader) inFiles(p place, d *httpdconf.Directive) {
	if inner := restriction(d.Body); inner != nil {
		l.close(p, inner, "<"+d.Name+"> in <"+p.section.Name+"> with "+inner.Name)
		return
	}
	l.unsupported(d, d.Pos, "<"+d.Name+"> in <"+p.section.Name+"> has no effect here", "move it out")
}

// directoryPath is the path of a <Directory>, absolute and without "//", "."
// and "..", as the names of files are that it is held against.
//
// Source: httpd server/core.c, dirsection.
func (l *loader) directoryPath(name string) string {
	if !strings.HasPrefix(name, "/") {
		name = l.inRoot(name)
	}
	return path.Clean(name)
}

// regexp compiles argument i of d, or says in the words given that it cannot.
func (l *loader) regexp(d *httpdconf.Directive, i int, words string) *regex.Regex {
	compiled, err := regex.Compile(arg(d, i), false)
	if err != nil {
		l.fail(d, at(d, i), words, err.Error()+`; of PCRE's own, recursion, possessive quantifiers, \R and \K are not known here`)
		return nil
	}
	return compiled
}
