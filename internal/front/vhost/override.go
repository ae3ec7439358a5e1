package vhost

import (
	"strings"

	"github.com/catflap/catflap/internal/front/settings"
)

// A Finder returns what the .htaccess file of a folder says, as far as it is
// allowed to; nil if the folder has none. Many goroutines may call it.
type Finder func(folder string, allowed settings.Override) *Override

// An Override is the .htaccess file of one folder, ready to match. It never
// changes.
type Override struct {
	own    compiled
	depth  int
	inside []compiled
}

// NewOverride makes an Override of what a file says: a Directory section with
// the folder as its Pattern.
func NewOverride(s Section) *Override {
	o := &Override{own: compiled{kind: s.Kind, matches: compile(s), layer: s.Layer, section: &s}, depth: depth(s)}
	for i, within := range s.Inside {
		c := compiled{kind: within.Kind, matches: compile(within), outer: o.own.matches, layer: within.Layer, section: &s.Inside[i]}
		if within.Layer.Restricts() {
			c.doubt = settings.Default().With(&settings.Layer{Closed: &settings.Closed{Place: within.Place, By: "the section " + within.Pattern + ", whose regular expression took too long"}})
		}
		o.inside = append(o.inside, c)
	}
	return o
}

// allow notes the sections that allow .htaccess files.
func (r *Resolver) allow(find Finder) {
	for _, c := range r.sections {
		if c.layer.Override != nil && rank(*c.section) == rankDirectory {
			r.allowing, r.find = append(r.allowing, c), find
		}
	}
}

// overrides returns the .htaccess files on the way to t, from the outermost.
//
// Source: httpd server/request.c, ap_directory_walk, as seen at work.
func (r *Resolver) overrides(t target) []*Override {
	if r.find == nil || t.name == "" {
		return nil
	}
	var found []*Override
	for i := 0; i < len(t.folder); i++ {
		if t.folder[i] != '/' && i != len(t.folder)-1 {
			continue
		}
		folder := t.folder[:i+1]
		allowed := r.allowed(folder)
		if allowed.None() {
			continue
		}
		if len(folder) > 1 {
			folder = strings.TrimSuffix(folder, "/")
		}
		if o := r.find(folder, allowed); o != nil {
			found = append(found, o)
		}
	}
	return found
}

// allowed returns what the .htaccess file of a folder may say.
func (r *Resolver) allowed(folder string) settings.Override {
	var allowed settings.Override
	in := newTarget("", folder, true)
	for i := range r.allowing {
		if applies, err := r.allowing[i].matches(in); applies && err == nil {
			allowed = r.allowing[i].layer.Override.Apply(allowed)
		}
	}
	return allowed
}

// overridden merges what holds for t with the .htaccess files on the way.
func (r *Resolver) overridden(t target, found []*Override) *settings.Settings {
	var layers []*settings.Layer
	for _, c := range r.with(found) {
		applies, err := c.applies(t)
		switch {
		case err != nil && c.doubt != nil:
			return c.doubt
		case applies && err == nil:
			layers = append(layers, c.layer)
		}
	}
	return r.base.With(layers...)
}

// with returns all sections in the order of merging: the .htaccess file of a
// folder after the <Directory> sections for it, the <Files> in it after those
// of the configuration.
func (r *Resolver) with(found []*Override) []*compiled {
	var all []*compiled
	next := 0
	upTo := func(depth int) {
		for ; next < len(found) && found[next].depth < depth; next++ {
			all = append(all, &found[next].own)
		}
	}
	insides := func() {
		for _, o := range found {
			for i := range o.inside {
				all = append(all, &o.inside[i])
			}
		}
		found = nil
	}
	for i := range r.sections {
		c := &r.sections[i]
		switch rank(*c.section) {
		case rankDirectory:
			upTo(depth(*c.section))
		case rankLocation:
			upTo(deepest)
			insides()
		default:
			upTo(deepest)
		}
		all = append(all, c)
	}
	upTo(deepest)
	insides()
	return all
}

// deepest is below all folders.
const deepest = int(^uint(0) >> 1)
