package config

import (
	"strconv"
	"strings"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/front/regex"
	"github.com/catflap/catflap/internal/front/vhost"
)

// mod_rewrite's rules are not carried out yet. But a rule that refuses, or that
// sends everybody to https, keeps content from clients: what it covers is
// closed.

// rewriting is what one place says about rewriting.
type rewriting struct {
	place      place
	set, on    bool // RewriteEngine
	conditions []*httpdconf.Directive
	rules      []closingRule
}

// A closingRule is a RewriteRule that keeps somebody out.
type closingRule struct {
	at    *httpdconf.Directive
	exact *regex.Regex // the paths that it covers; nil: all
}

// rewritingAt returns the rewriting of a place.
func (l *loader) rewritingAt(p place) *rewriting {
	for _, r := range l.rewritings {
		if r.place.layer == p.layer {
			return r
		}
	}
	r := &rewriting{place: p}
	l.rewritings = append(l.rewritings, r)
	return r
}

func rewriteEngine(l *loader, p place, d *httpdconf.Directive) {
	if on, ok := l.flag(d); ok {
		r := l.rewritingAt(p)
		r.set, r.on = true, on
		if !on {
			l.classify(d, Needless, "that is what is done")
			return
		}
		l.unsupported(d, d.Pos, "RewriteEngine On has no effect here: URLs are not rewritten", "")
	}
}

func rewriteOptions(l *loader, _ place, d *httpdconf.Directive) {
	l.classify(d, Needless, "URLs are not rewritten")
	if strings.Contains(strings.ToLower(d.Raw), "inherit") {
		l.rewriteInherits = true
	}
}

func rewriteCond(l *loader, p place, d *httpdconf.Directive) {
	l.classify(d, Unsupported, "URLs are not rewritten")
	r := l.rewritingAt(p)
	r.conditions = append(r.conditions, d)
}

func rewriteRule(l *loader, p place, d *httpdconf.Directive) {
	if len(d.Args) < 2 {
		l.fail(d, d.Pos, "RewriteRule: bad argument line '"+d.Raw+"'", "write RewriteRule PATTERN SUBSTITUTION")
		return
	}
	if flags := arg(d, 2); flags != "" && (!strings.HasPrefix(flags, "[") || !strings.HasSuffix(flags, "]")) {
		l.fail(d, at(d, 2), "RewriteRule: bad flag delimiters", "flags stand in [ ], without blanks")
		return
	}
	r := l.rewritingAt(p)
	conditions := r.conditions
	r.conditions = nil
	l.classify(d, Unsupported, "URLs are not rewritten")
	l.foreignEnv = append(l.foreignEnv, rewrittenEnv(d)...)
	exact := pathsOf(arg(d, 0), hasFlag(d, "NC", "nocase"))
	switch {
	case refuses(d) && !neverTrue(conditions):
		r.rules = append(r.rules, closingRule{d, exact})
	case strings.HasPrefix(strings.ToLower(arg(d, 1)), "https://") && everything(exact):
		r.rules = append(r.rules, closingRule{d, nil})
	}
}

// pathsOf compiles the pattern of a rule; nil stands for all paths.
func pathsOf(pattern string, fold bool) *regex.Regex {
	if strings.HasPrefix(pattern, "!") {
		return nil
	}
	compiled, err := regex.Compile(pattern, fold)
	if err != nil {
		return nil
	}
	return compiled
}

// everything reports whether a rule covers all paths, as far as a few of them
// tell, with the leading slash and without.
func everything(exact *regex.Regex) bool {
	if exact == nil {
		return true
	}
	all := func(paths ...string) bool {
		for _, p := range paths {
			if matched, err := exact.Match(p); !matched && err == nil {
				return false
			}
		}
		return true
	}
	return all("/", "/a", "/b/c.d") || all("", "a", "b/c.d")
}

// hasFlag reports whether a rule has one of the flags, or a flag that begins
// with it and "=".
func hasFlag(d *httpdconf.Directive, names ...string) bool {
	for flag := range strings.SplitSeq(strings.Trim(arg(d, 2), "[]"), ",") {
		for _, name := range names {
			if strings.EqualFold(strings.TrimSpace(flag), name) {
				return true
			}
		}
	}
	return false
}

// rewrittenEnv are the variables that a rule would set; "" is any.
func rewrittenEnv(d *httpdconf.Directive) []string {
	var all []string
	for flag := range strings.SplitSeq(strings.Trim(arg(d, 2), "[]"), ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(flag), "=")
		if !ok || !strings.EqualFold(name, "E") && !strings.EqualFold(name, "env") {
			continue
		}
		if name, _, _ = strings.Cut(value, ":"); strings.ContainsAny(name, "$%") {
			name = ""
		}
		all = append(all, strings.TrimPrefix(name, "!"))
	}
	return all
}

// forbids reports whether a RewriteRule has the flag F.
func forbids(d *httpdconf.Directive) bool { return hasFlag(d, "F", "forbidden") }

// refuses reports whether a RewriteRule answers with an error.
func refuses(d *httpdconf.Directive) bool {
	if forbids(d) || hasFlag(d, "G", "gone") {
		return true
	}
	for flag := range strings.SplitSeq(strings.Trim(arg(d, 2), "[]"), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(flag), "=")
		status, err := strconv.Atoi(value)
		if (strings.EqualFold(name, "R") || strings.EqualFold(name, "redirect")) && err == nil && (status < 300 || status > 399) {
			return true
		}
	}
	return false
}

// servedMethods are methods that come through; TRACE is refused anyway.
var servedMethods = []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND"}

// neverTrue reports whether a condition asks for methods that are refused
// anyway, as the usual rule against TRACE does.
func neverTrue(conditions []*httpdconf.Directive) bool {
	for _, c := range conditions {
		if !strings.EqualFold(arg(c, 0), "%{REQUEST_METHOD}") || strings.HasPrefix(arg(c, 1), "!") || strings.Contains(strings.ToUpper(arg(c, 2)), "OR") {
			continue
		}
		method, err := regex.Compile(strings.TrimPrefix(arg(c, 1), "="), true)
		if err != nil {
			continue
		}
		served := false
		for _, m := range servedMethods {
			matched, err := method.Match(m)
			served = served || matched || err != nil
		}
		if !served {
			return true
		}
	}
	return false
}

// closeRewritten closes what rules keep from clients, where the engine is on.
//
// Source: httpd modules/mappers/mod_rewrite.c, config_server_merge: the engine
// is inherited, the rules of the main server are not.
func (l *loader) closeRewritten() {
	mainOn := false
	for _, r := range l.rewritings {
		if r.place.in == inServer && r.on {
			mainOn = true
		}
	}
	for _, r := range l.rewritings {
		whole := r.place.in&topLevels != 0
		if on := r.on || !r.set && (mainOn || !whole); !on {
			continue
		}
		for _, rule := range r.rules {
			l.closeRule(r.place, rule, whole)
		}
	}
}

func (l *loader) closeRule(p place, rule closingRule, whole bool) {
	d := rule.at
	covers := p.what()
	if rule.exact != nil && whole {
		covers = "any path like " + arg(d, 0)
	}
	l.closes(d, d.Pos, covers, "RewriteRule "+d.Raw+" keeps clients from content, and catflap does not rewrite yet; so "+covers+" answers 403", "")
	if !whole {
		if p.layer.Closed == nil {
			p.layer.Closed = closedBy(d, "RewriteRule "+d.Raw)
		}
		return
	}
	s := closedSection(d, vhost.Location, "/", nil)
	if rule.exact != nil {
		s = closedSection(d, vhost.LocationMatch, arg(d, 0), rule.exact)
	}
	if p.in == inServer && l.rewriteInherits {
		p.scope.sections = append(p.scope.sections, s)
		return
	}
	p.scope.private = append(p.scope.private, s)
}
