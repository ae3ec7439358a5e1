package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/catflap/catflap/internal/front/settings"
	"github.com/catflap/catflap/internal/front/vhost"
	"github.com/catflap/catflap/internal/mistake"
)

// reportHosts tells of virtual hosts that are never reached.
func (l *loader) reportHosts() {
	type key struct {
		address vhost.Address
		name    string
	}
	first := map[key]*scope{}
	for _, s := range l.hosts {
		for _, a := range s.host.Addresses {
			a.Name = ""
			k := key{a, s.host.Name}
			if other := first[k]; other != nil && other != s {
				l.warn(s.at, s.at.Pos, fmt.Sprintf("<VirtualHost %s> with the name %s is in %s already: this one is never reached", s.at.Raw, s.host.Name, line(other.at)), "give it another name, or take one of them out")
				break
			}
			if first[k] == nil {
				first[k] = s
			}
		}
	}
}

// reportMounts tells of rules that cannot be meant.
func (l *loader) reportMounts() {
	for _, t := range l.jk.targets {
		if kind, known := l.jk.workers[t.Worker]; known {
			l.report.Mistakes = append(l.report.Mistakes, l.checkExtensions(t, kind)...)
		}
	}
	for _, s := range append([]*scope{l.main}, l.hosts...) {
		for i, r := range s.jk.rules {
			d := s.jk.rulesAt[i]
			if _, known := l.jk.workers[r.Worker]; known || r.Worker == "*" && r.Exclude {
				continue
			}
			if l.jk.file == "" && l.jk.workersAt != nil {
				continue // its file is missing, which was told
			}
			l.warn(d, at(d, len(d.Args)-1), fmt.Sprintf("%s: no worker %q; requests get 500, as in httpd", d.Name, r.Worker), near(r.Worker, l.workerNames()))
		}
	}
	if len(l.main.jk.rules) == 0 {
		return
	}
	for _, s := range l.hosts {
		if l.copies(s) || len(s.jk.rules) > 0 || s.jk.file != "" {
			continue
		}
		l.warn(l.main.jk.rulesAt[0], l.main.jk.rulesAt[0].Pos,
			fmt.Sprintf("the JkMount lines of the main server do not hold in <VirtualHost> %s (%s), which has none of its own", s.host.Name, line(s.at)),
			"if they should, write JkMountCopy On into it; if it is a static site, all is well")
	}
}

func (l *loader) workerNames() []string {
	var all []string
	for name := range l.jk.workers {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// reportAccess tells of the trap in which a server from httpd 2.2 opens a
// folder by Allow, while Require still closes it.
func (l *loader) reportAccess() {
	for _, s := range append([]*scope{l.main}, l.hosts...) {
		for _, section := range s.sections {
			if section.Kind != vhost.Directory || section.Regexp != nil || section.Layer.Legacy == nil || section.Layer.Require != nil {
				continue
			}
			merged := vhost.NewResolver(l.sections(s)).Settings("/", strings.TrimSuffix(section.Pattern, "/")+"/x", false)
			if closes(merged.Access.Require) && opens(section.Layer.Legacy) {
				l.report.Mistakes.Add(mistake.Mistake{Pos: placeOf(section.Place), Severity: mistake.Warning,
					Text: fmt.Sprintf("<Directory %s> says Allow, but Require all denied of a folder above still holds: its files answer 403, as in httpd", section.Pattern),
					Fix:  "write Require all granted in place of Order, Allow and Deny"})
			}
		}
	}
}

// placeOf reads FILE:LINE.
func placeOf(place string) mistake.Pos {
	i := strings.LastIndexByte(place, ':')
	n := 0
	fmt.Sscan(place[i+1:], &n)
	return mistake.Pos{File: place[:i], Line: n}
}

func closes(r *settings.Requirement) bool {
	return r != nil && len(r.Children) == 1 && r.Children[0].Kind == settings.RequireDenied
}

func opens(legacy *settings.Legacy) bool {
	for _, rule := range legacy.Allow {
		if rule.All {
			return true
		}
	}
	return false
}
