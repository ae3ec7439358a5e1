package config

import (
	"regexp"
	"strings"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/front/regex"
	"github.com/catflap/catflap/internal/front/settings"
	"github.com/catflap/catflap/internal/front/vhost"
	"github.com/catflap/catflap/internal/mistake"
)

// What restricts access and is not checked here fails closed: exactly what it
// would have restricted answers 403.

// close makes the place of d answer 403.
func (l *loader) close(p place, d *httpdconf.Directive, what string) {
	if c := p.layer.Closed; c != nil {
		l.classify(d, Unsupported, what+": "+p.what()+" is closed already, by "+c.By)
		return
	}
	l.closes(d, d.Pos, p.what(), what+"; so "+p.what()+" answers 403 here and stays closed", "")
	p.layer.Closed = closedBy(d, what)
}

// what says in words what a place covers.
func (p place) what() string {
	switch {
	case p.covers != "":
		return p.covers
	case p.scope.at == nil:
		return "every site"
	case p.scope.name != "":
		return "the site " + p.scope.name
	}
	return "the site of " + line(p.scope.at)
}

// covers says in words what a section covers.
func covers(kind vhost.SectionKind, s vhost.Section) string {
	what := map[vhost.SectionKind]string{vhost.Directory: "what is below ", vhost.Files: "any file named ", vhost.Location: ""}
	if s.Regexp != nil {
		what = map[vhost.SectionKind]string{vhost.Directory: "what is below any folder like ", vhost.Files: "any file like ", vhost.Location: "any path like "}
	}
	switch kind {
	case vhost.DirectoryMatch, vhost.FilesMatch, vhost.LocationMatch:
		kind--
	}
	return what[kind] + s.Pattern
}

func closedBy(d *httpdconf.Directive, what string) *settings.Closed {
	return &settings.Closed{Place: d.Pos.String(), By: what}
}

// closedSection is a section of its own that answers 403, for what d would
// have restricted.
func closedSection(d *httpdconf.Directive, kind vhost.SectionKind, pattern string, compiled *regex.Regex) vhost.Section {
	return vhost.Section{
		Kind: kind, Pattern: pattern, Regexp: compiled, Place: line(d),
		Layer: &settings.Layer{Closed: closedBy(d, strings.TrimSpace(d.Name+" "+d.Raw))},
	}
}

// closeFiles makes files with one of the extensions answer 403, in the place
// of d: what a handler would run is not sent as it is.
func (l *loader) closeFiles(p place, d *httpdconf.Directive, extensions []httpdconf.Arg) {
	var quoted []string
	for _, e := range extensions {
		quoted = append(quoted, regexp.QuoteMeta(strings.TrimPrefix(e.Text, ".")))
	}
	pattern := `(?i)\.(?:` + strings.Join(quoted, "|") + `)(?:\.|$)`
	s := closedSection(d, vhost.FilesMatch, pattern, regex.MustCompile(pattern))
	if p.in == inDirectory && p.inside != nil {
		*p.inside = append(*p.inside, s)
		return
	}
	p.scope.sections = append(p.scope.sections, s)
}

// extensionsOf are the arguments of d from i on, as extensions of files.
func extensionsOf(d *httpdconf.Directive, i int) string {
	var all []string
	for _, a := range d.Args[min(i, len(d.Args)):] {
		all = append(all, "."+strings.TrimPrefix(a.Text, "."))
	}
	return strings.Join(all, ", ")
}

// handlersOfFiles are handlers without which a file is still what it is.
var handlersOfFiles = map[string]bool{"none": true, "default-handler": true, "type-map": true, "send-as-is": true, "imap-file": true, "imap-map": true}

// typeMap reports whether a handler is that of type maps, which are not read.
func typeMap(handler string) bool { return strings.EqualFold(handler, "type-map") }

// setHandler closes what a handler would answer.
func setHandler(l *loader, p place, d *httpdconf.Directive) {
	if typeMap(arg(d, 0)) {
		l.harmless(d, d.Name+" "+d.Raw+" has no effect here: type maps are not read, and sent as they are")
		return
	}
	if handlersOfFiles[strings.ToLower(arg(d, 0))] {
		l.classify(d, Needless, "that is what is done")
		return
	}
	l.closes(d, at(d, 0), p.what(), d.Name+" "+d.Raw+": catflap has no such handler; so "+p.what()+" answers 403", "")
	if p.layer.Closed == nil {
		p.layer.Closed = closedBy(d, strings.TrimSpace(d.Name+" "+d.Raw))
	}
}

// addHandler closes the files that a handler would run.
func addHandler(l *loader, p place, d *httpdconf.Directive) {
	switch {
	case len(d.Args) < 2:
		l.fail(d, d.Pos, "AddHandler requires at least two arguments, a handler name followed by one or more file extensions", "")
	case typeMap(arg(d, 0)):
		l.harmless(d, "AddHandler "+d.Raw+" has no effect here: type maps are not read, and sent as they are")
	case handlersOfFiles[strings.ToLower(arg(d, 0))]:
		l.classify(d, Needless, "the files are sent as they are")
	default:
		l.closes(d, at(d, 0), "any file with "+extensionsOf(d, 1), "AddHandler "+d.Raw+": catflap has no such handler; so these files answer 403 and are not shown as they are", "")
		l.closeFiles(p, d, d.Args[1:])
	}
}

// scriptAlias closes a path whose files are programs.
func scriptAlias(l *loader, p place, d *httpdconf.Directive) {
	what := d.Name + " " + arg(d, 0)
	if p.in&topLevels == 0 {
		l.close(p, d, what)
		return
	}
	if len(d.Args) != 2 {
		l.fail(d, d.Pos, "Alias must have two arguments when used globally", "write "+d.Name+" PATH FOLDER")
		return
	}
	s := closedSection(d, vhost.Location, arg(d, 0), nil)
	if strings.EqualFold(d.Name, "ScriptAliasMatch") {
		if s.Regexp = l.regexp(d, 0, "Regular expression could not be compiled."); s.Regexp == nil {
			return
		}
		s.Kind = vhost.LocationMatch
	}
	l.closes(d, at(d, 0), s.Pattern, what+": catflap runs no scripts; so this path answers 403", "")
	p.scope.sections = append(p.scope.sections, s)
}

// authType closes what needs a login of a kind that httpd itself does not have:
// such modules restrict in ways of their own. The others are closed by their
// Require.
func authType(l *loader, p place, d *httpdconf.Directive) {
	switch strings.ToLower(arg(d, 0)) {
	case "basic", "digest", "form", "none":
		l.classify(d, Needless, "what needs a password is closed by its Require")
	default:
		l.close(p, d, "AuthType "+d.Raw)
	}
}

// A judgement is a directive that looks at the address of the client.
type judgement struct {
	place place
	at    *httpdconf.Directive
}

// remoteIP notes that the client's address is told by a proxy before us.
func remoteIP(l *loader, _ place, d *httpdconf.Directive) {
	if strings.EqualFold(d.Name, "RemoteIPProxyProtocol") && strings.EqualFold(arg(d, 0), "off") {
		l.classify(d, Needless, "that is what is done")
		return
	}
	if l.remoteIP == nil {
		l.remoteIP = d
	}
	l.unsupported(d, d.Pos, d.Name+" has no effect here: the address of the proxy is taken for the client's; sections that judge addresses answer 403", "")
}

// closeJudgements closes what judges addresses if they are not the client's.
func (l *loader) closeJudgements() {
	if l.remoteIP == nil {
		return
	}
	for _, j := range l.judgements {
		if j.place.layer.Closed == nil {
			j.place.layer.Closed = closedBy(j.at, j.at.Name+" "+j.at.Raw+" with "+l.remoteIP.Name)
			l.closes(j.at, j.at.Pos, j.place.what(), j.at.Name+" "+j.at.Raw+": with "+l.remoteIP.Name+" ("+line(l.remoteIP)+
				") catflap does not know the client's address; so "+j.place.what()+" answers 403", "")
		}
	}
}

// special are bystanders that have to be read all the same.
var special = map[string]func(*loader, place, *httpdconf.Directive){
	"rewriteengine": rewriteEngine, "rewritecond": rewriteCond, "rewriterule": rewriteRule, "rewriteoptions": rewriteOptions,
	"sethandler": setHandler, "addhandler": addHandler,
	"scriptalias": scriptAlias, "scriptaliasmatch": scriptAlias,
	"<authzprovideralias": authzProviderAlias,
	"authtype":            authType,
	"proxypass":           proxyPass, "proxypassmatch": proxyPass,
	"virtualdocumentroot": virtualRoot, "virtualdocumentrootip": virtualRoot,
	"setenvifexpr":   setEnvIfExpr,
	"remoteipheader": remoteIP, "remoteipproxyprotocol": remoteIP,
}

// authzProviderAlias notes a provider by another name; what a Require asks of
// it is not checked.
func authzProviderAlias(l *loader, _ place, d *httpdconf.Directive) {
	if l.providerAliases == nil {
		l.providerAliases = map[string]bool{}
	}
	l.providerAliases[arg(d, 1)] = true
	l.unsupported(d, d.Pos, "<AuthzProviderAlias "+d.Raw+"> is not checked: a Require that names it lets nobody in", "")
	l.passOver(d.Body, "it stands in <"+d.Name+">")
}

// warningAt is a warning at d, or about the configuration as a whole.
func warningAt(d *httpdconf.Directive, text, fix string) mistake.Mistake {
	m := mistake.Mistake{Severity: mistake.Warning, Text: text, Fix: fix}
	if d != nil {
		m.Pos, m.Line = d.Pos, d.LineAt(d.Pos)
	}
	return m
}
