package vhost

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/catflap/catflap/internal/front/settings"
)

// A Resolver merges the settings of one host. It is immutable but for its
// cache; many goroutines may use it.
type Resolver struct {
	base     *settings.Settings
	sections []compiled // in merge order
	allowing []compiled // of those, the <Directory> that say what .htaccess files may
	find     Finder

	mu     sync.Mutex // guards writing of cached
	cached atomic.Pointer[map[string]*settings.Settings]
}

// compiled is a section, or one inside another, ready to match.
type compiled struct {
	kind    SectionKind
	matches matcher
	outer   matcher // of the section around it; nil if there is none
	layer   *settings.Layer
	section *Section
	// doubt is what holds if nobody knows whether the section applies: closed
	// if it restricts. nil if it does not.
	doubt *settings.Settings
}

// cacheLimit bounds the cached outcomes: with many regular expressions a
// client could ask for any combination.
const cacheLimit = 4096

// NewResolver returns the resolver of one host's sections, merged as httpd
// does: server level; <Directory> from the shortest path; <DirectoryMatch>;
// <Files>; <Location>. Within each group the order is that of s.
//
// Source: httpd manual, "Configuration Sections"; server/core.c,
// ap_core_reorder_directories.
func NewResolver(s Sections) *Resolver {
	r := &Resolver{base: settings.Default().With(s.Server...)}
	ordered := slices.Clone(s.Of)
	slices.SortStableFunc(ordered, func(a, b Section) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(depth(a), depth(b)))
	})
	var inside []compiled
	for i, section := range ordered {
		c := compiled{kind: section.Kind, matches: compile(section), layer: section.Layer, section: &ordered[i], doubt: r.doubt(section)}
		if rank(section) == rankLocation && len(inside) > 0 {
			r.sections, inside = append(r.sections, inside...), nil
		}
		r.sections = append(r.sections, c)
		for j, within := range section.Inside {
			inside = append(inside, compiled{within.Kind, compile(within), c.matches, within.Layer, &section.Inside[j], r.doubt(within)})
		}
	}
	r.sections = append(r.sections, inside...)
	r.allow(s.Find)
	r.cached.Store(&map[string]*settings.Settings{})
	return r
}

const (
	rankDirectory = iota
	rankDirectoryMatch
	rankFiles
	rankLocation
)

// rank is the group of a section in the order of merging.
func rank(s Section) int {
	switch {
	case s.Kind == Directory && s.Regexp == nil:
		return rankDirectory
	case s.Kind <= DirectoryMatch:
		return rankDirectoryMatch
	case s.Kind <= FilesMatch:
		return rankFiles
	}
	return rankLocation
}

// depth orders plain <Directory> sections; all others keep the file's order.
func depth(s Section) int {
	if rank(s) != rankDirectory {
		return 0
	}
	return len(components(s.Pattern))
}

// doubt is what holds if the regular expression of s takes too long.
func (r *Resolver) doubt(s Section) *settings.Settings {
	if !s.Layer.Restricts() {
		return nil
	}
	by := "the section " + s.Pattern + ", whose regular expression took too long"
	return r.base.With(&settings.Layer{Closed: &settings.Closed{Place: s.Place, By: by}})
}

// Settings returns what holds for url, which is a canonical path. filename is
// the absolute path of the file behind it, with a slash at its end if the URL
// of a folder has one; empty for what goes to a worker, to which only
// <Location> applies. folder tells that it is a folder though the slash is
// missing; where MindsFolder is false that is all the same.
func (r *Resolver) Settings(url, filename string, folder bool) *settings.Settings {
	t := newTarget(url, filename, folder)
	if found := r.overrides(t); found != nil {
		return r.overridden(t, found)
	}
	var room [32]byte
	var key []byte
	if n := (len(r.sections) + 7) / 8; n <= len(room) {
		key = room[:n]
	} else {
		key = make([]byte, n)
	}
	none := true
	for i := range r.sections {
		s := &r.sections[i]
		applies, err := s.applies(t)
		switch {
		case err != nil && s.doubt != nil:
			return s.doubt
		case applies && err == nil:
			key[i/8] |= 1 << (i % 8)
			none = false
		}
	}
	if none {
		return r.base
	}
	if merged, ok := (*r.cached.Load())[string(key)]; ok {
		return merged
	}
	return r.merge(key)
}

// Sections returns the sections that apply, in the order of merging. Its
// arguments are those of Settings.
func (r *Resolver) Sections(url, filename string, folder bool) []*Section {
	t := newTarget(url, filename, folder)
	var all []*Section
	for _, c := range r.with(r.overrides(t)) {
		if applies, err := c.applies(t); applies && err == nil {
			all = append(all, c.section)
		}
	}
	return all
}

// MindsFolder reports whether a <Directory> names filename itself, so that it
// matters whether that is a folder.
func (r *Resolver) MindsFolder(filename string) bool {
	as, in := newTarget("", filename, true), newTarget("", filename, false)
	for i := range r.sections {
		s := &r.sections[i]
		if s.kind != Directory {
			continue
		}
		one, _ := s.matches(as)
		other, _ := s.matches(in)
		if one != other {
			return true
		}
	}
	return false
}

func (s *compiled) applies(t target) (bool, error) {
	if s.kind < Location && t.name == "" {
		return false, nil
	}
	applies, err := s.matches(t)
	if s.outer == nil || !applies && err == nil {
		return applies, err
	}
	around, errAround := s.outer(t)
	if !around && errAround == nil {
		return false, nil
	}
	return applies && around, errors.Join(err, errAround)
}

// merge builds and keeps the outcome of the sections whose bit is set in key.
func (r *Resolver) merge(key []byte) *settings.Settings {
	var layers []*settings.Layer
	for i := range r.sections {
		if key[i/8]&(1<<(i%8)) != 0 {
			layers = append(layers, r.sections[i].layer)
		}
	}
	merged := r.base.With(layers...)
	r.mu.Lock()
	defer r.mu.Unlock()
	known := *r.cached.Load()
	if found, ok := known[string(key)]; ok {
		return found
	}
	if len(known) < cacheLimit {
		more := maps.Clone(known)
		more[string(key)] = merged
		r.cached.Store(&more)
	}
	return merged
}
