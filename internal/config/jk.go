package config

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/config/properties"
	"github.com/catflap/catflap/internal/front"
	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/jklog"
	"github.com/catflap/catflap/internal/front/mount"
	"github.com/catflap/catflap/internal/mistake"
)

// jkRows are mod_jk's directives.
var jkRows = []row{
	{"JkWorkersFile", inServer, one, "The name of a worker file for the Tomcat servlet containers", jkWorkersFile, "workers.properties.", "TestGolden/workers"},
	{"JkWorkerProperty", inServer, anyNumber, "", jkWorkerProperty, "A line of workers.properties.", "TestGolden/workers"},
	{"JkMount", topLevels | inSection, oneOrTwo, "A mount point from a context to a Tomcat worker", jkMount(false), "Which paths go to which worker.", "front/mount TestLookup"},
	{"JkUnMount", topLevels | inSection, oneOrTwo, "A no mount point from a context to a Tomcat worker", jkMount(true), "Which paths do not.", "front/mount TestLookup"},
	{"JkMountCopy", topLevels, one, "Should the base server mounts be copied to the virtual server", jkMountCopy, "Whether virtual hosts have the main server's mounts.", "TestGolden/mountcopy"},
	{"JkMountFile", topLevels, one, "The name of a mount file for the Tomcat servlet uri mapping", jkMountFile, "uriworkermap.properties.", "front TestMountFile"},
	{"JkMountFileReload", topLevels, one, "The reload check interval of the mount file", jkMountFileReload, "How often it is looked at, in seconds.", "front TestMountFile"},
	{"JkShmFile", inServer, one, "Full path to the Tomcat module shared memory file", nothing, "Accepted; one process needs no shared memory.", "TestScenario"},
	{"JkShmSize", inServer, one, "Size of the shared memory file in KBytes", nothing, "Accepted; one process needs no shared memory.", "TestGolden/jk"},
	{"JkWatchdogInterval", inServer, one, "The maintain interval of the watchdog thread", nothing, "Accepted; pools and states are always looked after in the background.", "TestGolden/jk"},
	{"JkOptions", topLevels, anyNumber, "", jkOptionsLine, "How requests go to the container.", "front/worker TestURIs"},
}

// jkLogRows are mod_jk's directives about its logs.
var jkLogRows = []row{
	{"JkLogFile", topLevels, one, "Full path to the Tomcat module log file", jkLogFile, "mod_jk's log: a file, or a program.", "front TestPipedLogs"},
	{"JkLogLevel", topLevels, one, "The Tomcat module log level, can be debug, info, error or emerg", jkLogLevel, "What goes into it.", "front/jklog TestLevels"},
	{"JkLogStampFormat", topLevels, one, "The Tomcat module log format, follow strftime syntax", jkLogStampFormat, "How its lines begin.", "front/jklog TestStamps"},
	{"JkRequestLogFormat", topLevels, one, "The mod_jk module request log format string", jkRequestLogFormat, "A line for each request at a worker.", "front/jklog TestRequestFormat"},
}

// jkLogSettings are mod_jk's logs of a scope.
type jkLogSettings struct {
	file    string
	fileAt  *httpdconf.Directive
	level   *jklog.Level
	stamp   *jklog.Stamp
	request *jklog.RequestFormat
}

func jkWorkersFile(l *loader, _ place, d *httpdconf.Directive) {
	switch {
	case l.jk.workersAt != nil:
		l.fail(d, d.Pos, "JkWorkersFile only allowed once", "it is in "+line(l.jk.workersAt)+" already")
	default:
		l.jk.workersAt = d
		l.jk.file = l.inRoot(arg(d, 0))
		if _, err := l.o.Opener.Stat(l.jk.file); err != nil {
			l.fail(d, at(d, 0), "JkWorkersFile: Can't find the workers file specified", "there is no file "+l.jk.file)
			l.jk.file = ""
		}
	}
}

func jkWorkerProperty(l *loader, _ place, d *httpdconf.Directive) {
	text := d.Raw
	if len(d.Args) == 1 && d.Args[0].Quoted {
		text = arg(d, 0)
	}
	if !strings.Contains(text, "=") {
		l.warn(d, d.Pos, "JkWorkerProperty "+text+" has no effect, as in mod_jk", "write JkWorkerProperty worker.NAME.PROPERTY=VALUE")
		return
	}
	l.jk.lines = append(l.jk.lines, properties.Line{Pos: d.RawPos, Text: text})
}

// jkMount returns what reads JkMount, or JkUnMount.
func jkMount(exclude bool) func(*loader, place, *httpdconf.Directive) {
	return func(l *loader, p place, d *httpdconf.Directive) {
		pattern, target := arg(d, 0), arg(d, 1)
		i := 1
		switch {
		case p.section != nil && len(d.Args) == 2:
			l.fail(d, at(d, 0), d.Name+" can not have a path when defined in a location", "write only the worker, or move the line out of the section")
			return
		case p.section != nil:
			pattern, target, i = arg(p.section, len(p.section.Args)-1), arg(d, 0), 0
		case len(d.Args) == 1:
			l.jk.glued = append(l.jk.glued, d)
			return
		}
		if !strings.HasPrefix(pattern, "/") {
			l.fail(d, at(d, 0), d.Name+" context should start with /", "write "+d.Name+" /"+strings.TrimLeft(pattern, "^/")+" "+target)
			return
		}
		if p.section != nil {
			l.warn(d, d.Pos, fmt.Sprintf("%s in <%s %s> covers exactly the URL %[3]s, not what is below it, as in mod_jk", d.Name, p.section.Name, pattern),
				"for all below write "+d.Name+" "+strings.TrimSuffix(pattern, "/")+"/* "+target+" outside of the section")
		}
		parsed, found := properties.ParseTarget(target, at(d, i), d.LineAt(at(d, i)))
		l.report.Mistakes = append(l.report.Mistakes, found...)
		l.jk.targets = append(l.jk.targets, parsed)
		first, second, double := strings.Cut(pattern, "|")
		rule := mount.Rule{Rule: exchange.Rule{Pattern: first, Worker: parsed.Worker, Place: line(d), Ext: extensions(parsed)}, Source: mount.JkMount, Exclude: exclude}
		l.addRule(p.scope, rule, d)
		if double {
			rule.Pattern = first + second
			l.addRule(p.scope, rule, d)
		}
	}
}

func (l *loader) addRule(s *scope, r mount.Rule, d *httpdconf.Directive) {
	for i, other := range s.jk.rules {
		if other.Pattern == r.Pattern && other.Exclude == r.Exclude && (other.Worker != r.Worker) && !r.Exclude {
			l.warn(d, at(d, 0), fmt.Sprintf("%s %s again (first %s); this one, %s, counts", d.Name, r.Pattern, line(s.jk.rulesAt[i]), r.Worker), "take the other out")
			break
		}
	}
	s.jk.rules = append(s.jk.rules, r)
	s.jk.rulesAt = append(s.jk.rulesAt, d)
}

// checkTarget tells of a rule whose worker does not exist, or cannot do what
// the rule's extensions say.
func (l *loader) checkTarget(t properties.Target, exclude bool) mistake.List {
	kind, known := l.jk.workers[t.Worker]
	switch {
	case !known && exclude && t.Worker == "*":
		return nil
	case !known:
		return mistake.List{{Pos: t.Pos, Severity: mistake.Warning, Text: fmt.Sprintf("no worker %q; requests get 500, as in httpd", t.Worker),
			Fix: near(t.Worker, l.workerNames())}}
	}
	return l.checkExtensions(t, kind)
}

// checkExtensions tells of extensions that only balancers know, on a rule for
// another worker.
func (l *loader) checkExtensions(t properties.Target, kind string) (found mistake.List) {
	for _, name := range properties.BalancerExtensions() {
		if v, ok := t.Extensions.Get(name); ok && kind != "lb" {
			found.Add(mistake.Mistake{Pos: v.Pos, Severity: mistake.Warning,
				Text: fmt.Sprintf("worker %s is not of type lb: the extension %s has no effect", t.Worker, name), Fix: "take it out, or name a balancer"})
		}
	}
	return found
}

// extensions turns a rule's ;name=value into what stations read.
func extensions(t properties.Target) exchange.Extensions {
	v := t.Extensions
	e := exchange.Extensions{Activation: t.Activation()}
	if d, _, ok := v.Duration("reply_timeout"); ok {
		d = max(0, d)
		e.ReplyTimeout = &d
	}
	set := func(key string, to **bool) {
		if on, _, ok := v.Bool(key); ok {
			*to = &on
		}
	}
	set("sticky_ignore", &e.StickyIgnore)
	set("stateless", &e.Stateless)
	set("set_session_cookie", &e.SetSessionCookie)
	e.FailOnStatus, _, _ = v.Ints("fail_on_status")
	e.UseServerErrors, _, _ = v.Int("use_server_errors")
	e.SessionCookie, _, _ = v.String("session_cookie")
	e.SessionPath, _, _ = v.String("session_path")
	e.SessionCookiePath, _, _ = v.String("session_cookie_path")
	return e
}

// reportGlued tells of JkMount lines with one argument, and guesses where the
// blank is missing: before the name of a worker.
func (l *loader) reportGlued() {
	names := slices.AppendSeq(slices.Clone(l.jk.meant), maps.Keys(l.jk.workers))
	for _, t := range l.jk.targets {
		names = append(names, t.Worker)
	}
	for _, d := range l.jk.glued {
		text, fix := arg(d, 0), "write "+d.Name+" PATH WORKER"
		best := ""
		for _, name := range names {
			if strings.HasSuffix(text, name) && len(text) > len(name) && len(name) > len(best) {
				best = name
			}
		}
		if i := strings.Index(text, "\u00a0"); i > 0 {
			fix = fmt.Sprintf("U+00A0, a no-break space, stands between path and worker: write \"%s %s %s\"", d.Name, text[:i], text[i+len("\u00a0"):])
		} else if best != "" {
			fix = fmt.Sprintf("did you mean \"%s %s %s\"?", d.Name, strings.TrimSuffix(text, best), best)
		}
		pos := at(d, 0)
		if best != "" {
			pos.Col += len(text) - len(best)
		}
		l.fail(d, pos, d.Name+" needs a path when not defined in a location", fix)
	}
}

func jkMountCopy(l *loader, p place, d *httpdconf.Directive) {
	on := true
	switch strings.ToLower(arg(d, 0)) {
	case "all":
		if p.in == inVHost {
			l.fail(d, at(d, 0), "JkMountCopy cannot occur within <VirtualHost> section", "JkMountCopy All stands outside; within it is On or Off")
			return
		}
		l.jk.copyAll = true
	case "on":
		p.scope.jk.copy = &on
	case "off":
		on = false
		p.scope.jk.copy = &on
	default:
		l.fail(d, at(d, 0), "JkMountCopy must be All, On or Off", "")
	}
}

func jkMountFile(l *loader, p place, d *httpdconf.Directive) {
	name := l.inRoot(arg(d, 0))
	if _, err := l.o.Opener.Stat(name); err != nil {
		l.fail(d, at(d, 0), "JkMountFile: Can't find the mount file specified", "there is no file "+name)
		return
	}
	p.scope.jk.file, p.scope.jk.fileAt = name, d
}

func jkMountFileReload(l *loader, p place, d *httpdconf.Directive) {
	n, err := strconv.Atoi(arg(d, 0))
	if err != nil {
		l.warn(d, at(d, 0), "JkMountFileReload "+arg(d, 0)+": not a number of seconds; the file is not looked at again", "")
		n = 0
	}
	p.scope.jk.reload = &n
}

func jkLogFile(l *loader, p place, d *httpdconf.Directive) {
	p.scope.jk.log.file, p.scope.jk.log.fileAt = l.logName(d), d
}

func jkLogLevel(l *loader, p place, d *httpdconf.Directive) {
	level, ok := jklog.ParseLevel(arg(d, 0))
	if !ok {
		l.warn(d, at(d, 0), "JkLogLevel "+arg(d, 0)+" is unknown and means info, as in mod_jk",
			near(arg(d, 0), []string{"trace", "debug", "info", "warn", "error", "emerg"}))
	}
	p.scope.jk.log.level = &level
}

func jkLogStampFormat(l *loader, p place, d *httpdconf.Directive) {
	stamp, err := jklog.ParseStamp(arg(d, 0))
	if err != nil {
		l.warn(d, at(d, 0), "JkLogStampFormat: "+err.Error(), "")
	}
	p.scope.jk.log.stamp = &stamp
}

func jkRequestLogFormat(l *loader, p place, d *httpdconf.Directive) {
	format, err := jklog.ParseRequestFormat(arg(d, 0))
	if err != nil {
		l.warn(d, at(d, 0), "JkRequestLogFormat: "+err.Error()+"; no request line is written, as in mod_jk", "")
		return
	}
	p.scope.jk.log.request = format
}

// jkOptions are the JkOptions of a scope: what it adds and what it takes away.
type jkOptions struct {
	plus, minus []string
	uri         string // the last ForwardURI…
}

var jkOptionNames = []string{
	"ForwardURIProxy", "ForwardURICompat", "ForwardURICompatUnparsed", "ForwardURIEscaped", "ForwardKeySize", "ForwardDirectories",
	"ForwardLocalAddress", "ForwardPhysicalAddress", "FlushPackets", "FlushHeader", "DisableReuse", "ForwardSSLCertChain", "RejectUnsafeURI",
	"CollapseSlashesAll", "CollapseSlashesNone", "CollapseSlashesUnmount",
}

func jkOptionsLine(l *loader, p place, d *httpdconf.Directive) {
	o := &p.scope.jk.options
	for i, a := range d.Args {
		name, minus := strings.CutPrefix(a.Text, "-")
		name = strings.TrimPrefix(name, "+")
		n := slices.IndexFunc(jkOptionNames, func(known string) bool { return strings.EqualFold(known, name) })
		if n < 0 {
			l.fail(d, at(d, i), "JkOptions: Illegal option '"+name+"'", near(name, jkOptionNames))
			continue
		}
		name = jkOptionNames[n]
		switch {
		case strings.HasPrefix(name, "ForwardURI") && minus:
			l.fail(d, at(d, i), "JkOptions: Illegal option '-"+name+"': option can not be disabled", "name the one that is wanted instead")
		case strings.HasPrefix(name, "ForwardURI"):
			o.uri = name
			if name == "ForwardURICompat" {
				l.warn(d, at(d, i), "JkOptions +ForwardURICompat sends paths undecoded to be decoded twice; catflap sends them as +ForwardURIProxy, so that Tomcat sees what was mapped", "take it out")
			}
		case strings.HasPrefix(name, "CollapseSlashes"):
			l.warn(d, at(d, i), "Deprecated CollapseSlashes setting ignored", "take it out")
		case minus:
			o.minus = append(o.minus, name)
		default:
			o.plus = append(o.plus, name)
		}
	}
}

// forwarding is how requests of a host go to the container.
func (l *loader) forwarding(s *scope) exchange.Forwarding {
	f := forwarding(l.main.jk.options, s.jk.options)
	lines := l.main.jk.envVars
	if s != l.main {
		lines = slices.Concat(lines, s.jk.envVars)
	}
	for _, d := range lines {
		a := exchange.EnvAttribute{Name: arg(d, 0), Default: arg(d, 1)}
		if i := slices.IndexFunc(f.EnvVars, func(o exchange.EnvAttribute) bool { return o.Name == a.Name }); i >= 0 {
			f.EnvVars[i] = a
			continue
		}
		f.EnvVars = append(f.EnvVars, a)
	}
	return f
}

// forwarding merges the options of a host over those of the main server.
//
// Source: mod_jk, "JkOptions": plus and minus of main, then of the host.
func forwarding(main, own jkOptions) exchange.Forwarding {
	on := map[string]bool{"ForwardKeySize": true}
	for _, o := range []jkOptions{main, own} {
		for _, name := range o.plus {
			on[name] = true
		}
		for _, name := range o.minus {
			delete(on, name)
		}
	}
	uri := main.uri
	if own.uri != "" {
		uri = own.uri
	}
	modes := map[string]exchange.URIMode{"ForwardURICompat": exchange.URICompat, "ForwardURICompatUnparsed": exchange.URICompatUnparsed, "ForwardURIEscaped": exchange.URIEscaped}
	return exchange.Forwarding{
		URI: modes[uri], NoKeySize: !on["ForwardKeySize"], LocalAddress: on["ForwardLocalAddress"], PhysicalAddress: on["ForwardPhysicalAddress"],
		Directories: on["ForwardDirectories"], FlushPackets: on["FlushPackets"], FlushHeader: on["FlushHeader"], DisableReuse: on["DisableReuse"],
		CertChain: on["ForwardSSLCertChain"], RejectUnsafe: on["RejectUnsafeURI"],
	}
}

// jkLog merges the logs of mod_jk.
func (l *loader) jkLog(s *scope) front.JKLog {
	own, main := s.jk.log, l.main.jk.log
	name, at := own.file, own.fileAt
	if name == "" {
		name, at = main.file, main.fileAt
	}
	if name == "" {
		name = l.inRoot("logs/mod_jk.log")
		if s == l.main && l.usesWorkers() {
			l.report.Mistakes.Add(warningAt(l.jk.workersAt, "No JkLogFile defined in httpd.conf. Using default "+name, "write JkLogFile logs/mod_jk.log"))
		}
	} else if (s == l.main || own.file != "") && !l.logFolder(at, name, "JkLogFile", "AH02291") {
		name = ""
	}
	log := front.JKLog{Name: name, Level: either(own.level, main.level, jklog.Info), Stamp: either(own.stamp, main.stamp, jklog.Stamp{}), Request: own.request}
	if log.Request == nil {
		log.Request = main.request
	}
	if !l.usesWorkers() {
		log.Name = ""
	}
	return log
}
