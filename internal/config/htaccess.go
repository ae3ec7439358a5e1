package config

import (
	"slices"
	"strings"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/front/htaccess"
	"github.com/catflap/catflap/internal/front/settings"
	"github.com/catflap/catflap/internal/mistake"
)

// .htaccess files are read by the front, when a file below is asked for; what
// they may hold is said here.

// An override is an AllowOverride or AllowOverrideList, and where it stands.
type override struct {
	at    *httpdconf.Directive
	place place
	none  bool
}

// overrideClasses are the words of AllowOverride.
var overrideClasses = map[string]settings.OverrideClass{
	"all": settings.OverrideAll, "authconfig": settings.OverrideAuthConfig, "fileinfo": settings.OverrideFileInfo,
	"indexes": settings.OverrideIndexes, "limit": settings.OverrideLimit, "options": settings.OverrideOptions, "none": 0,
}

// allowOverride reads AllowOverride.
//
// Source: httpd server/core.c, set_override.
func allowOverride(l *loader, p place, d *httpdconf.Directive) {
	if !l.overrides.stands(l, p, d) {
		return
	}
	var allow settings.Override
	for i, a := range d.Args {
		word, list, _ := strings.Cut(strings.ToLower(a.Text), "=")
		class, isClass := overrideClasses[word]
		switch {
		case word == "nonfatal":
			allow.Nonfatal = true
		case word == "options" && list != "":
			for name := range strings.SplitSeq(list, ",") {
				o, ok := optionNames[name]
				if !ok {
					l.fail(d, at(d, i), "Illegal option "+name, "")
				}
				allow.Options |= o
			}
			allow.Classes |= class
		case !isClass:
			l.fail(d, at(d, i), "Illegal override option "+a.Text, near(a.Text, []string{"None", "All", "AuthConfig", "FileInfo", "Indexes", "Limit", "Options"}))
			return
		default:
			allow.Classes |= class
		}
	}
	overrideOf(p.layer).Allow = &allow
	l.overrides = append(l.overrides, override{d, p, allow.Classes == 0})
}

// allowOverrideList reads AllowOverrideList.
//
// Source: httpd server/core.c, set_override_list, as seen at work.
func allowOverrideList(l *loader, p place, d *httpdconf.Directive) {
	if !l.overrides.stands(l, p, d) {
		return
	}
	list := ""
	for i, a := range d.Args {
		switch {
		case strings.EqualFold(a.Text, "none") && len(d.Args) == 1:
		case l.rows[strings.ToLower(a.Text)] == nil && unhonouredByName()[strings.ToLower(a.Text)] == nil:
			l.warn(d, at(d, i), "unrecognized directive '"+a.Text+"' in AllowOverrideList", "")
		default:
			list += " " + strings.ToLower(a.Text)
		}
	}
	if list != "" {
		list += " "
	}
	overrideOf(p.layer).List = &list
	l.overrides = append(l.overrides, override{d, p, list == ""})
}

// overrides are those of all sections, in order.
type overrides []override

// stands reports whether d stands where it has an effect, or tells that it
// does not.
func (overrides) stands(l *loader, p place, d *httpdconf.Directive) bool {
	if p.in == inDirectory && !p.matching {
		return true
	}
	l.say(d, d.Pos, mistake.Warning, "Useless use of "+d.Name+" in <"+p.around()+">", "it is for <Directory>", "AH00114")
	return false
}

// any reports whether some .htaccess file may be read.
func (all overrides) any() bool {
	return slices.ContainsFunc(all, func(o override) bool { return !o.none })
}

func overrideOf(layer *settings.Layer) *settings.OverrideChange {
	if layer.Override == nil {
		layer.Override = &settings.OverrideChange{}
	}
	return layer.Override
}

func accessFileName(_ *loader, p place, d *httpdconf.Directive) {
	p.scope.names = nil
	for _, a := range d.Args {
		p.scope.names = append(p.scope.names, a.Text)
	}
}

// overrideNames are what the .htaccess files of a host are called.
func (l *loader) overrideNames(s *scope) []string {
	switch {
	case s.names != nil:
		return s.names
	case l.main.names != nil:
		return l.main.names
	}
	return []string{".htaccess"}
}

// overridesOf says how the .htaccess files of a host are read; nil if they are
// not.
func (l *loader) overridesOf(s *scope) *htaccess.Config {
	if !l.overrides.any() {
		return nil
	}
	return &htaccess.Config{Names: l.overrideNames(s), Read: l.overrideReader().section}
}

// tellOverrides tells what is wrong with the .htaccess files that are there
// now, as far as they are looked for.
func (l *loader) tellOverrides() {
	search := overrideSearch{loader: l, reader: l.overrideReader(), left: mostEntries, seen: map[string]bool{}}
	for _, s := range append([]*scope{l.main}, l.hosts...) {
		if l.overrides.any() {
			search.site(s)
		}
	}
}
