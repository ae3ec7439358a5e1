package config

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/config/properties"
	"github.com/catflap/catflap/internal/front"
	"github.com/catflap/catflap/internal/front/canonical"
	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/mount"
	"github.com/catflap/catflap/internal/front/settings"
	"github.com/catflap/catflap/internal/front/translate"
	"github.com/catflap/catflap/internal/front/vhost"
	"github.com/catflap/catflap/internal/mistake"
)

// A loader carries one Load.
type loader struct {
	o       Options
	rows    map[string]*row // the table, by name in lower case
	report  *Report
	root    string // ServerRoot as of now
	cfg     *front.Config
	main    *scope
	hosts   []*scope
	typesAt *httpdconf.Directive
	types   string
	jk      jkFiles

	machine string // what localName found
	rewrites
	judgements      []judgement                     // what looks at addresses
	remoteIP        *httpdconf.Directive            // RemoteIPHeader and its kin
	modules         map[string]bool                 // LoadModule, by name
	overrides       overrides                       // AllowOverride lines
	listenAt        map[string]*httpdconf.Directive // Listen lines by address
	providerAliases map[string]bool                 // of <AuthzProviderAlias>
	tls             tlsFound
	environment
}

// rewrites are what is said about rewriting.
type rewrites struct {
	rewritings      []*rewriting
	rewriteInherits bool // RewriteOptions Inherit somewhere
}

// environment is what is known of variables.
type environment struct {
	envRules      []envRule
	envJudgements []envJudgement
	foreignEnv    []string // variables that something sets which is not honoured; "" is any
}

// jkFiles are mod_jk's own files.
type jkFiles struct {
	workersAt  *httpdconf.Directive
	file       string                 // of workersAt, if it is there
	glued      []*httpdconf.Directive // JkMount with one argument
	targets    []properties.Target    // of JkMount and JkUnMount
	properties []mount.Rule           // of mount properties
	lines      []properties.Line      // JkWorkerProperty
	copyAll    bool                   // JkMountCopy All
	workers    map[string]string      // name → type of what can be mounted
	meant      []string               // names of workers, for guesses
	modified   map[string]time.Time   // mount files, when they were changed before they were read
}

// A scope is the main server or a virtual host while it is read.
type scope struct {
	at        *httpdconf.Directive // nil for the main server
	host      vhost.Host
	name      string // ServerName
	port      int
	https     bool // ServerName https://…
	admin     string
	docRoot   string
	docRootAt *httpdconf.Directive
	layer     settings.Layer
	sections  []vhost.Section
	redirects []settings.Redirect
	aliases   []translate.Alias
	entering
	limits  limits
	logs    logSettings
	jk      jkSettings
	private []vhost.Section // sections that virtual hosts do not inherit
	tls     tlsSettings
	names   []string // AccessFileName
	refused
}

// entering is what a scope does with requests as they come in.
type entering struct {
	early []settings.HeaderOp // RequestHeader … early
	envIf []settings.EnvRule
	trace *exchange.TraceMode
	// slashes is AllowEncodedSlashes.
	slashes *canonical.Slashes
}

// refused is what a scope says about paths that are not served.
type refused struct {
	refusals []settings.Refusal // of RewriteRule
	proxied  []settings.Refusal // of ProxyPass
	rootless bool               // VirtualDocumentRoot
}

// jkSettings are mod_jk's settings of a scope.
type jkSettings struct {
	rules   []mount.Rule
	rulesAt []*httpdconf.Directive
	copy    *bool
	file    string
	fileAt  *httpdconf.Directive
	reload  *int
	options jkOptions
	envVars []*httpdconf.Directive // JkEnvVar
	strip   *string                // JkStripSession: what is taken away, "" for nothing
	log     jkLogSettings
	ssl     jkTLS
}

// A place is where a directive stands.
type place struct {
	scope    *scope
	layer    *settings.Layer
	in       where
	section  *httpdconf.Directive // the section around it; nil outside
	location *httpdconf.Directive // the <Location> around it; nil outside
	matching bool                 // section has a regular expression
	inside   *[]vhost.Section     // where a nested <Files> goes; nil if it may not
	negative bool                 // in <RequireNone>: what is met keeps out
	methods  *settings.Methods    // of the <Limit> around it; nil outside
	covers   string               // what the innermost <Directory>, <Files> or <Location> covers, in words; empty outside
}

func newLoader(o Options) *loader {
	return &loader{
		o: o, rows: byName(), main: &scope{}, cfg: &front.Config{}, jk: jkFiles{modified: map[string]time.Time{}},
		report: &Report{}, listenAt: map[string]*httpdconf.Directive{}, modules: map[string]bool{}, tls: tlsFound{https: map[int]bool{}, told: map[string]bool{}},
	}
}

// walk lets each directive take effect in its place.
func (l *loader) walk(directives []httpdconf.Directive, p place) {
	for i := range directives {
		d := &directives[i]
		if d.Unknown {
			continue
		}
		name := d.Name
		if d.Section {
			name = "<" + name
		}
		r := l.rows[strings.ToLower(name)]
		if r == nil {
			l.standBy(p, d, name)
			continue
		}
		if l.allowed(r, p, d) && l.counted(r, d) {
			l.classify(d, Honoured, "")
			r.run(l, p, d)
		}
	}
}

// allowed reports whether r may stand in p, or says in httpd's words that it
// may not.
//
// Source: httpd server/core.c, ap_check_cmd_context; server/config.c,
// invoke_cmd, as seen at work.
func (l *loader) allowed(r *row, p place, d *httpdconf.Directive) bool {
	if r.in&p.in != 0 {
		return true
	}
	text, fix := "", "move it out of the section"
	switch {
	case strings.EqualFold(r.name, "ServerAlias") && p.in == inServer:
		text, fix = "ServerAlias only used in <VirtualHost>", "move it into the <VirtualHost> that it is for"
	case p.in == inServer:
		text, fix = r.name+" not allowed here", "it stands within a <Directory>, <Location> or <Files>"
	case p.in == inVHost && r.in&topLevels == 0:
		text, fix = r.name+" not allowed in <VirtualHost> context", "it stands within a <Directory>, <Location> or <Files>"
	case p.in == inVHost || d.Section && strings.HasPrefix(r.name, "<Files"):
		text = bracketed(r.name) + " cannot occur within <" + p.around() + "> section"
	default:
		text = r.name + " not allowed in <" + p.around() + "> context"
	}
	l.fail(d, d.Pos, text, fix)
	return false
}

// around is the name of the section around a place.
func (p place) around() string {
	if p.section == nil {
		return "VirtualHost"
	}
	return p.section.Name
}

// bracketed closes the bracket of a section's name.
func bracketed(name string) string {
	if strings.HasPrefix(name, "<") {
		return name + ">"
	}
	return name
}

// counted reports whether d has as many arguments as r takes, or says so.
func (l *loader) counted(r *row, d *httpdconf.Directive) bool {
	n, most := len(d.Args), arities[r.takes].most
	text := r.wrong(n)
	if text == "" {
		return true
	}
	pos, fix := d.Pos, ""
	if most > 0 && n > most {
		pos = d.Args[most].Pos
		switch {
		case strings.HasPrefix(d.Args[most].Text, "#"):
			fix = "a comment begins a line of its own: move it above this one"
		case r.name == "Order":
			fix = "write Order allow,deny or Order deny,allow, without a blank"
		case most == 1:
			fix = "if that is one argument, put it in quotes"
		}
	}
	l.fail(d, pos, text, fix)
	return false
}

// fail adds an error at pos of d.
func (l *loader) fail(d *httpdconf.Directive, pos mistake.Pos, text, fix string) {
	l.say(d, pos, mistake.Error, text, fix, "AH00526")
}

// warn adds a warning at pos of d.
func (l *loader) warn(d *httpdconf.Directive, pos mistake.Pos, text, fix string) {
	l.say(d, pos, mistake.Warning, text, fix, "")
}

func (l *loader) say(d *httpdconf.Directive, pos mistake.Pos, s mistake.Severity, text, fix, code string) {
	l.report.Mistakes.Add(mistake.Mistake{Pos: pos, Severity: s, Text: text, Code: code, Line: d.LineAt(pos), Fix: fix})
}

// at is the place of argument i of d.
func at(d *httpdconf.Directive, i int) mistake.Pos {
	if i < len(d.Args) {
		return d.Args[i].Pos
	}
	return d.Pos
}

// arg is the text of argument i of d, "" if there is none.
func arg(d *httpdconf.Directive, i int) string {
	if i < len(d.Args) {
		return d.Args[i].Text
	}
	return ""
}

// flag reads On or Off.
func (l *loader) flag(d *httpdconf.Directive) (on, ok bool) {
	switch {
	case strings.EqualFold(arg(d, 0), "on"):
		return true, true
	case strings.EqualFold(arg(d, 0), "off"):
		return false, true
	}
	l.fail(d, at(d, 0), d.Name+" must be On or Off", "")
	return false, false
}

// inRoot makes a name of a file absolute.
func (l *loader) inRoot(name string) string {
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(l.root, name)
}

// line is FILE:LINE of d.
func line(d *httpdconf.Directive) string { return d.Pos.Place() }

// ownFile bounds a file of mod_jk or mime.types.
const ownFile = 16 << 20

// read reads a file that a directive names.
func (l *loader) read(name string) ([]byte, error) {
	file, err := l.o.Opener.Read(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, ownFile+1))
	if err == nil && len(text) > ownFile {
		err = fmt.Errorf("it is larger than %d bytes", ownFile)
	}
	return text, err
}
