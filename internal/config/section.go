package config

import (
	"regexp"
	"strings"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/front/settings"
	"github.com/catflap/catflap/internal/front/vhost"
)

// sectionRows are the sections that hold settings for a part of a site.
var sectionRows = []row{
	{"<Directory", topLevels, 1, 2, "", section(vhost.Directory, inDirectory), "Settings for the files below a folder.", "TestSettings"},
	{"<DirectoryMatch", topLevels, 1, 1, "", section(vhost.DirectoryMatch, inDirectory), "The same, by a regular expression.", "TestSettings"},
	{"<Location", topLevels, 1, 2, "", section(vhost.Location, inLocation), "Settings for the URLs below a path.", "TestSettings"},
	{"<LocationMatch", topLevels, 1, 1, "", section(vhost.LocationMatch, inLocation), "The same, by a regular expression.", "TestSettings"},
	{"<Files", topLevels | inDirectory, 1, 2, "", section(vhost.Files, inFiles), "Settings for files of a name.", "TestSettings"},
	{"<FilesMatch", topLevels | inDirectory, 1, 1, "", section(vhost.FilesMatch, inFiles), "The same, by a regular expression.", "TestSettings"},
}

// section returns what reads a section of that kind.
func section(kind vhost.SectionKind, in where) func(*loader, place, *httpdconf.Directive) {
	return func(l *loader, p place, d *httpdconf.Directive) {
		s := vhost.Section{Kind: kind, Pattern: arg(d, 0), Layer: &settings.Layer{}, Place: line(d)}
		matching := kind == vhost.DirectoryMatch || kind == vhost.LocationMatch || kind == vhost.FilesMatch
		switch {
		case s.Pattern == "~" && len(d.Args) == 2:
			s.Pattern, matching = arg(d, 1), true
		case len(d.Args) > 1:
			l.fail(d, at(d, 1), "Multiple <"+d.Name+"> arguments not (yet) supported.", "put a path with blanks in quotes")
			return
		}
		if matching {
			s.Regexp = l.regexp(d, len(d.Args)-1)
			if s.Regexp == nil {
				return
			}
		} else if kind == vhost.Directory {
			s.Pattern = l.directoryPath(s.Pattern)
		}
		inner := place{scope: p.scope, layer: s.Layer, in: in, inside: &s.Inside}
		if in == inLocation {
			inner.location = d
		}
		l.walk(d.Body, inner)
		if p.inside != nil {
			*p.inside = append(*p.inside, s)
		} else {
			p.scope.sections = append(p.scope.sections, s)
		}
	}
}

// directoryPath is the path of a <Directory>, absolute unless it is a pattern.
func (l *loader) directoryPath(name string) string {
	if strings.HasPrefix(name, "/") {
		return name
	}
	return l.inRoot(name)
}

// regexp compiles argument i of d, or says that it cannot.
func (l *loader) regexp(d *httpdconf.Directive, i int) *regexp.Regexp {
	compiled, err := regexp.Compile(arg(d, i))
	if err != nil {
		l.fail(d, at(d, i), "Regex could not be compiled: "+err.Error(), "catflap knows the expressions of RE2: no look-around, no back-references")
		return nil
	}
	return compiled
}
