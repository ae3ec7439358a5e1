package config

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/config/mistake"
	"github.com/catflap/catflap/internal/config/properties"
	"github.com/catflap/catflap/internal/front"
	"github.com/catflap/catflap/internal/front/mount"
	"github.com/catflap/catflap/internal/front/settings"
	"github.com/catflap/catflap/internal/front/translate"
	"github.com/catflap/catflap/internal/front/vhost"
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
	formats map[string]string // LogFormat by nickname
	plain   string            // the last LogFormat without one
	typesAt *httpdconf.Directive
	types   string
	jk      jkFiles
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
}

// A scope is the main server or a virtual host while it is read.
type scope struct {
	at        *httpdconf.Directive // nil for the main server
	host      vhost.Host
	name      string // ServerName
	port      int
	admin     string
	docRoot   string
	docRootAt *httpdconf.Directive
	layer     settings.Layer
	sections  []vhost.Section
	redirects []translate.Redirect
	aliases   []translate.Alias
	limits    limits
	logs      logSettings
	jk        jkSettings
	tls       *httpdconf.Directive // SSLEngine on
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
	log     jkLogSettings
}

// A place is where a directive stands.
type place struct {
	scope    *scope
	layer    *settings.Layer
	in       where
	location *httpdconf.Directive // the <Location> around it; nil outside
	inside   *[]vhost.Section     // where a nested <Files> goes; nil if it may not
}

func newLoader(o Options) *loader {
	return &loader{
		o: o, rows: byName(), main: &scope{}, cfg: &front.Config{},
		report:  &Report{Classes: map[Class]int{}},
		formats: map[string]string{},
	}
}

// walk lets each directive take effect in its place.
func (l *loader) walk(directives []httpdconf.Directive, p place) {
	for i := range directives {
		d := &directives[i]
		if d.Unknown {
			continue
		}
		l.report.Directives++
		name := d.Name
		if d.Section {
			name = "<" + name
		}
		r := l.rows[strings.ToLower(name)]
		if r == nil {
			l.unhonoured(p, d, name)
			continue
		}
		l.report.Classes[Honoured]++
		if l.allowed(r, p, d) && l.counted(r, d) {
			r.run(l, p, d)
		}
	}
}

// allowed reports whether r may stand in p, or says in httpd's words that it
// may not.
func (l *loader) allowed(r *row, p place, d *httpdconf.Directive) bool {
	if r.in&p.in != 0 {
		return true
	}
	switch {
	case strings.EqualFold(r.name, "ServerAlias") && p.in == inServer:
		l.fail(d, d.Pos, "ServerAlias only used in <VirtualHost>", "move it into the <VirtualHost> that it is for")
	case p.in == inVHost:
		l.fail(d, d.Pos, d.Name+" cannot occur within <VirtualHost> section", "move it out of the section")
	case p.in == inServer:
		l.fail(d, d.Pos, d.Name+" not allowed here", "it stands within a <Directory>, <Location> or <Files>")
	default:
		l.fail(d, d.Pos, fmt.Sprintf("%s cannot occur within <%s> section", d.Name, p.in), "move it out of the section")
	}
	return false
}

// String is how httpd names a section of that kind.
func (w where) String() string {
	switch w {
	case inLocation:
		return "Location"
	case inFiles:
		return "Files"
	case inRequire:
		return "RequireAny"
	}
	return "Directory"
}

// counted reports whether d has as many arguments as r takes, or says so.
func (l *loader) counted(r *row, d *httpdconf.Directive) bool {
	n := len(d.Args)
	if n >= r.min && (r.max < 0 || n <= r.max) {
		return true
	}
	usage := r.usage
	if usage == "" {
		usage = takes(r.min, r.max)
	}
	pos, fix := d.Pos, ""
	if r.max >= 0 && n > r.max {
		pos = d.Args[r.max].Pos
		if strings.HasPrefix(d.Args[r.max].Text, "#") {
			fix = "a comment begins a line of its own: move it above this one"
		}
	}
	l.fail(d, pos, d.Name+" takes "+usage, fix)
	return false
}

// takes is httpd's phrase for a number of arguments.
func takes(least, most int) string {
	words := []string{"no", "one", "two", "three"}
	switch {
	case most < 0 || most >= len(words):
		return "one or more arguments"
	case least == most && most == 1:
		return "one argument"
	case least == most:
		return words[most] + " arguments"
	}
	return fmt.Sprintf("%d-%d arguments", least, most)
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
func line(d *httpdconf.Directive) string { return fmt.Sprintf("%s:%d", d.Pos.File, d.Pos.Line) }

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
