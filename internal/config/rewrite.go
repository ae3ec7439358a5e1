package config

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/front/regex"
	"github.com/catflap/catflap/internal/front/settings"
)

// mod_rewrite's rules that refuse are carried out, with what lets pass before
// them. The others are not yet: URLs are not rewritten. Of those the ones that
// keep content from clients close what they cover: they send everybody to
// https, some clients elsewhere by who they are, or a path to a server behind.

// rewriting is what one place says about rewriting.
type rewriting struct {
	place      place
	engine     *httpdconf.Directive // RewriteEngine; nil if it is not there
	on         bool
	conditions []*httpdconf.Directive // of the next rule
	rules      []refusingRule
	others     int // rules that would rewrite
}

// A refusingRule is a RewriteRule that keeps somebody out, or lets pass.
type refusingRule struct {
	at      *httpdconf.Directive
	lines   []*httpdconf.Directive // its RewriteCond
	refusal settings.Refusal
	unknown string // what nobody checks, in words; empty if all is checked
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
		r.engine, r.on = d, on
	}
}

func rewriteOptions(l *loader, _ place, d *httpdconf.Directive) {
	l.classify(d, Needless, "URLs are not rewritten")
	if strings.Contains(strings.ToLower(d.Raw), "inherit") {
		l.rewriteInherits = true
	}
}

func rewriteCond(l *loader, p place, d *httpdconf.Directive) {
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
	rule := refusingRule{at: d, lines: r.conditions}
	r.conditions = nil
	rule.refusal.Place = d.Pos.String()
	rule.pattern(hasFlag(d, "NC", "nocase"))
	l.foreignEnv = append(l.foreignEnv, rewrittenEnv(d)...)
	to := arg(d, 1)
	switch status := refusedWith(d); {
	case status != 0:
		rule.refusal.Status = status
	case to == "-" && hasFlag(d, "L", "last", "END", "PT", "passthrough"):
	case to == "-":
		l.passedOver(append(rule.lines, d))
		return
	case hasFlag(d, "P", "proxy"), identifies(rule.lines), strings.HasPrefix(strings.ToLower(to), "https://") && everything(rule.refusal.Pattern):
		rule.refusal.Status, rule.refusal.By = http.StatusForbidden, "RewriteRule "+d.Raw
		r.others++
	default:
		r.others++
		l.passedOver(append(rule.lines, d))
		return
	}
	r.rules = append(r.rules, rule)
}

// passedOver classifies what is not carried out.
func (l *loader) passedOver(lines []*httpdconf.Directive) {
	for _, d := range lines {
		l.classify(d, Unsupported, "URLs are not rewritten")
	}
}

// pattern compiles the pattern of a rule; one that is not known covers all.
func (r *refusingRule) pattern(fold bool) {
	text, not := strings.CutPrefix(arg(r.at, 0), "!")
	compiled, err := regex.Compile(text, fold)
	if err != nil {
		r.unknown = "this regular expression"
		return
	}
	r.refusal.Pattern, r.refusal.Not = compiled, not
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

// refusedWith returns the status with which a RewriteRule refuses, 0 if it does
// not.
func refusedWith(d *httpdconf.Directive) int {
	switch {
	case forbids(d):
		return http.StatusForbidden
	case hasFlag(d, "G", "gone"):
		return http.StatusGone
	}
	for flag := range strings.SplitSeq(strings.Trim(arg(d, 2), "[]"), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(flag), "=")
		status, err := strconv.Atoi(value)
		if (strings.EqualFold(name, "R") || strings.EqualFold(name, "redirect")) && err == nil && status >= 400 && status < 600 {
			return status
		}
	}
	return 0
}

// closeRewritten lets the rules of each place take effect where the engine is
// on.
//
// Source: httpd modules/mappers/mod_rewrite.c, config_server_merge: the engine
// is inherited, the rules of the main server are not.
func (l *loader) closeRewritten() {
	main := &rewriting{}
	for _, r := range l.rewritings {
		if r.place.in == inServer {
			main = r
		}
	}
	inherited := 0
	for _, r := range l.rewritings {
		whole := r.place.in&topLevels != 0
		on := r.on || r.engine == nil && (main.on || !whole)
		if r.engine == nil && on && whole {
			inherited += r.others
		}
		if r.place.in == inDirectory {
			r.place.layer.Refusals = &settings.RefusalChange{Inherit: l.rewriteInherits}
		}
		for i := range r.rules {
			rule := &r.rules[i]
			if !on {
				l.off(append(rule.lines, rule.at))
				continue
			}
			l.refuse(r.place, rule, whole)
		}
		l.passedOver(r.conditions)
	}
	for _, r := range l.rewritings {
		l.tellEngine(r, r.others > 0 || r == main && inherited > 0)
	}
}

// off classifies what stands where the engine is off.
func (l *loader) off(lines []*httpdconf.Directive) {
	for _, d := range lines {
		l.classify(d, Needless, "the RewriteEngine is off here")
	}
}

// tellEngine tells what RewriteEngine comes to; rewrites tells that there are
// rules for it which are not carried out.
func (l *loader) tellEngine(r *rewriting, rewrites bool) {
	switch d := r.engine; {
	case d == nil:
	case r.on && rewrites:
		l.unsupported(d, d.Pos, "RewriteEngine On has no effect here: URLs are not rewritten", "")
	case r.on:
		l.classify(d, Honoured, "")
	default:
		l.classify(d, Needless, "that is what is done")
	}
}

// refuse lets a rule take effect in a place.
func (l *loader) refuse(p place, rule *refusingRule, whole bool) {
	folder, unknown := "", ""
	if p.in == inDirectory && p.section != nil && !p.matching {
		folder = l.directoryPath(arg(p.section, 0))
	}
	exact := whole || folder != "" && !strings.ContainsAny(folder, "*?[")
	rule.refusal.Conditions, unknown = l.conditions(p, rule)
	if unknown != "" {
		rule.unknown = unknown
	}
	if rule.refusal.Status == 0 && (!exact || rule.unknown != "") {
		l.passedOver(append(rule.lines, rule.at))
		return
	}
	l.tellRule(p, rule, whole, exact)
	switch {
	case whole:
		p.scope.refusals = append(p.scope.refusals, rule.refusal)
	case exact:
		rule.refusal.Below = folder
		p.layer.Refusals.Rules = append(p.layer.Refusals.Rules, rule.refusal)
	case p.layer.Closed == nil:
		p.layer.Closed = closedBy(rule.at, "RewriteRule "+rule.at.Raw)
	}
}

// tellRule tells what a rule closes because it is not carried out as it is.
func (l *loader) tellRule(p place, rule *refusingRule, whole, exact bool) {
	d, covers, why := rule.at, p.what(), ""
	switch {
	case rule.refusal.By != "":
		why = "keeps clients from content, and catflap does not rewrite yet"
	case rule.unknown != "":
		why = "depends on " + rule.unknown + ", which catflap does not know"
	case !exact:
		why = "is in a place where catflap does not know the path it looks at"
	default:
		for _, line := range append(rule.lines, d) {
			l.classify(line, Honoured, "")
		}
		return
	}
	l.passedOver(rule.lines)
	if rule.refusal.Pattern != nil && exact && !(whole && everything(rule.refusal.Pattern)) {
		covers = "any path like " + arg(d, 0)
		if !whole {
			covers += " below " + strings.TrimPrefix(p.what(), "what is below ")
		}
	}
	l.closes(d, d.Pos, covers, "RewriteRule "+d.Raw+" "+why+"; so "+covers+" answers 403", "")
}

// refusalsOf are the rules of a host: its own, of RewriteRule and of
// ProxyPass, and those that it inherits.
func (l *loader) refusalsOf(s *scope) [][]settings.Refusal {
	rewritten, proxied := s.refusals, s.proxied
	if s != l.main {
		if l.rewriteInherits {
			rewritten = append(slices.Clone(rewritten), l.main.refusals...)
		}
		proxied = append(slices.Clone(proxied), l.main.proxied...)
	}
	var all [][]settings.Refusal
	for _, rules := range [][]settings.Refusal{rewritten, proxied} {
		if len(rules) > 0 {
			all = append(all, rules)
		}
	}
	return all
}
