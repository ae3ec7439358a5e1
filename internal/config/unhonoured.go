package config

import (
	_ "embed"
	"slices"
	"strings"
	"sync"

	"github.com/catflap/catflap/internal/config/httpdconf"
)

// A Class is what becomes of a directive.
type Class int

const (
	Honoured    Class = iota
	Needless          // ignored, and that is harmless
	Unsupported       // ignored, and something follows; a mistake says what
)

func (c Class) String() string { return [...]string{"honoured", "needless", "unsupported"}[c] }

// A bystander is a directive of httpd or mod_jk that is known by name, and
// not honoured.
type bystander struct {
	name     string // a section's with "<"
	module   string // "core", "rewrite"
	class    Class
	why      string   // why that is harmless, or what follows
	closing  bool     // it keeps somebody out: its scope answers 403
	harmless bool     // of Unsupported: answers are the same but for comfort and speed
	same     []string // arguments, in lower case, with which it asks for what is done anyway
}

// unhonouredText lists the bystanders by module. A line "= MODULE: CLASS: why"
// begins a module and gives what holds for its names; a line "Name: CLASS:
// why" has its own. CLASS is needless, unsupported, harmless (unsupported, but
// no client gets another answer) or closing. What follows " | " is arguments
// with which nothing is missing.
//
//go:embed unhonoured.txt
var unhonouredText string

// unhonoured returns all bystanders in the order of the list.
var unhonoured = sync.OnceValue(func() []bystander { return bystanders(unhonouredText) })

// bystanders reads a list.
func bystanders(text string) []bystander {
	var all []bystander
	var module bystander
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		name, isModule := strings.CutPrefix(line, "= ")
		name, rest, own := strings.Cut(name, ": ")
		b := module
		b.name = name
		if own {
			b.describe(rest)
		}
		if isModule {
			module, module.module = b, name
			continue
		}
		all = append(all, b)
	}
	return all
}

// describe reads CLASS: why | arguments.
func (b *bystander) describe(text string) {
	text, same, _ := strings.Cut(text, " | ")
	class, why, _ := strings.Cut(text, ": ")
	b.why, b.closing, b.harmless, b.class, b.same = why, class == "closing", class == "harmless", Unsupported, nil
	if class == "needless" {
		b.class = Needless
	}
	if b.closing {
		b.why = "it is not checked: its scope answers 403"
	}
	if same != "" {
		b.same = strings.Split(same, ", ")
	}
}

// unhonouredByName finds a bystander by its name in lower case.
var unhonouredByName = sync.OnceValue(func() map[string]*bystander {
	m := map[string]*bystander{}
	all := unhonoured()
	for i := range all {
		m[strings.ToLower(all[i].name)] = &all[i]
	}
	return m
})

// standBy tells what becomes of a directive that the table does not have.
func (l *loader) standBy(p place, d *httpdconf.Directive, name string) {
	b := unhonouredByName()[strings.ToLower(name)]
	switch {
	case b == nil:
		l.foreignDirective(p, d)
		return
	case special[strings.ToLower(name)] != nil:
		special[strings.ToLower(name)](l, p, d)
		return
	case b.class == Needless:
		l.classify(d, Needless, b.why)
	case slices.Contains(b.same, strings.ToLower(strings.Join(strings.Fields(d.Raw), " "))):
		l.classify(d, Needless, "that is what is done")
	case b.closing:
		l.close(p, d, strings.TrimSpace(d.Name+" "+d.Raw))
	case !d.Section && (b.harmless || compresses(d)):
		l.harmless(d, d.Name+" has no effect here: "+b.why)
	case !d.Section:
		l.unsupported(d, d.Pos, d.Name+" has no effect here: "+b.why, "")
	}
	if d.Section && !b.closing {
		l.standByHolding(p, d, b)
	}
}

// compresses reports whether d names filters that only make bodies smaller.
func compresses(d *httpdconf.Directive) bool {
	switch strings.ToLower(d.Name) {
	case "setoutputfilter", "addoutputfilter", "addoutputfilterbytype":
	default:
		return false
	}
	for filter := range strings.SplitSeq(arg(d, 0), ";") {
		if !strings.EqualFold(filter, "DEFLATE") && !strings.EqualFold(filter, "BROTLI_COMPRESS") {
			return false
		}
	}
	return len(d.Args) > 0
}

// standByHolding counts what a section without effect holds. If it restricts,
// the place around it is closed; <Proxy> restricts only what mod_proxy would
// forward.
func (l *loader) standByHolding(p place, d *httpdconf.Directive, b *bystander) {
	l.passOver(d.Body, "it stands in <"+d.Name+">, which has no effect")
	if b.module == "proxy" {
		return
	}
	if inner := restriction(d.Body); inner != nil {
		l.close(p, inner, "<"+d.Name+"> with "+inner.Name)
		return
	}
	if b.class == Unsupported {
		l.unsupported(d, d.Pos, "<"+d.Name+"> has no effect here: "+b.why, "")
	}
}

// passOver classifies what stands in a section without effect.
func (l *loader) passOver(directives []httpdconf.Directive, why string) {
	for i := range directives {
		l.classify(&directives[i], Unsupported, why)
		l.passOver(directives[i].Body, why)
	}
}

// restriction returns the first directive that keeps somebody out, nil if
// there is none. What lets everybody in keeps nobody out.
func restriction(directives []httpdconf.Directive) *httpdconf.Directive {
	for i := range directives {
		d := &directives[i]
		name, raw := strings.ToLower(d.Name), strings.ToLower(d.Raw)
		switch b := unhonouredByName()[name]; {
		case d.Section && name != "proxy" && name != "proxymatch":
			if inner := restriction(d.Body); inner != nil {
				return inner
			}
		case name == "require" && raw != "all granted", name == "deny",
			name == "order" && raw != "deny,allow" && !opened(directives),
			name == "rewriterule" && forbids(d), name == "redirect", name == "redirectmatch",
			b != nil && b.closing:
			return d
		}
	}
	return nil
}

// opened reports whether directives have Allow from all.
func opened(directives []httpdconf.Directive) bool {
	return slices.ContainsFunc(directives, func(d httpdconf.Directive) bool {
		return strings.EqualFold(d.Name, "Allow") && strings.EqualFold(d.Raw, "from all")
	})
}
