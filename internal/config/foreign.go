package config

import (
	_ "embed"
	"strings"
	"sync"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/mistake"
)

// Modules that do not come with httpd have directives of their own. Nobody
// knows them all: where such a module is loaded, a name that is unlike any
// other is taken for one of its. What keeps clients out by it is closed; in a
// section that is any of which nothing is known.

// foreignText lists what is known of such directives, by the beginning of
// their names and in the form of unhonouredText; a more special one comes
// first.
//
//go:embed foreign.txt
var foreignText string

var foreigners = sync.OnceValue(func() []bystander { return bystanders(foreignText) })

// isForeign reports whether a name may be a directive of a module that does
// not come with httpd.
func isForeign(name string, loaded []httpdconf.Module) bool {
	if foreignOf(loaded) == "" {
		return false
	}
	return foreigner(name) != nil || !mistake.Near(name, names())
}

// foreigner returns what is known of a name, nil if that is nothing.
func foreigner(name string) *bystander {
	all := foreigners()
	for i := range all {
		if len(name) >= len(all[i].name) && strings.EqualFold(name[:len(all[i].name)], all[i].name) {
			return &all[i]
		}
	}
	return nil
}

// foreignDirective tells what becomes of a directive of a module that does not
// come with httpd.
func (l *loader) foreignDirective(p place, d *httpdconf.Directive) {
	b, what := foreigner(d.Name), strings.TrimSpace(d.Name+" "+d.Raw)
	if strings.EqualFold(arg(d, 0), "off") && (b == nil || b.closing) {
		l.classify(d, Needless, "that is what is done")
		return
	}
	switch inSection := p.in&topLevels == 0; {
	case b != nil && b.closing, b == nil && inSection:
		l.close(p, d, what+": no directive of httpd")
	case b == nil:
		l.unsupported(d, d.Pos, d.Name+" is no directive of httpd: what follows from it is not known, and has no effect here", "")
	case b.class == Needless:
		l.classify(d, Needless, b.why)
	default:
		l.unsupported(d, d.Pos, d.Name+" has no effect here: "+b.why, "")
	}
}
