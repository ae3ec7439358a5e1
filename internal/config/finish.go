package config

import (
	"bytes"
	"cmp"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/config/properties"
	"github.com/catflap/catflap/internal/front"
	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/mount"
	"github.com/catflap/catflap/internal/front/settings"
	"github.com/catflap/catflap/internal/front/translate"
	"github.com/catflap/catflap/internal/front/vhost"
	"github.com/catflap/catflap/internal/mistake"
	"github.com/catflap/catflap/internal/web/static"
)

// finish puts together what the directives said, and tells what only the
// whole can tell.
func (l *loader) finish() *front.Config {
	cfg := l.cfg
	cfg.Process.ServerRoot = l.root
	if cfg.Process.PidFile == "" {
		cfg.Process.PidFile = l.defaultPidFile()
	}
	l.report.PidFile = cfg.Process.PidFile
	if cfg.Process.MaxRequestWorkers == 0 {
		cfg.Process.MaxRequestWorkers = 400
	}
	cfg.Workers = l.readWorkers()
	l.reportGlued()
	l.tellOverrides()
	l.closeRewritten()
	l.closeByEnv()
	l.closeJudgements()
	l.secure()
	if len(cfg.Listen) == 0 && l.report.Mistakes.Errors() == 0 {
		l.report.Mistakes.Add(mistake.Mistake{Pos: mistake.Pos{File: l.o.File}, Code: "AH00015",
			Text: "no listening sockets available, shutting down: no Listen that can be opened", Fix: "write Listen 80"})
	}
	cfg.Types = l.readTypes()
	for _, s := range append([]*scope{l.main}, l.hosts...) {
		cfg.Sites = append(cfg.Sites, l.site(s))
	}
	l.reportHosts()
	l.reportMounts()
	l.reportAccess()
	return cfg
}

func portOf(address string) int {
	_, port, _ := splitHostPort(address)
	return port
}

// defaultPidFile is the PidFile of files that name none. RHEL's httpd is built
// with run/httpd.pid, where run leads to /run/httpd.
//
// Source: httpd -V, DEFAULT_PIDLOG.
func (l *loader) defaultPidFile() string {
	if info, err := l.o.Opener.Stat(l.inRoot("run")); err == nil && info.IsDir() {
		return l.inRoot("run/httpd.pid")
	}
	return l.inRoot("logs/httpd.pid")
}

// readTypes reads TypesConfig.
func (l *loader) readTypes() static.TypeMap {
	name := l.types
	if name == "" {
		name = l.inRoot("conf/mime.types")
	}
	text, err := l.read(name)
	if err != nil {
		if l.typesAt != nil {
			l.unreadable(l.typesAt, err, "could not open mime types config file "+name+".", "AH01597")
		}
		return nil
	}
	types, err := static.ParseTypes(bytes.NewReader(text))
	if err != nil {
		l.report.Mistakes.Add(mistake.Mistake{Pos: mistake.Pos{File: name}, Text: "media types: " + err.Error()})
	}
	return types
}

// site puts one host together.
func (l *loader) site(s *scope) front.Site {
	place := ""
	if s.at != nil {
		place = line(s.at)
	}
	name, port := l.nameOf(s)
	s.host.Name, s.host.Named = strings.ToLower(name), s.name != ""
	own := front.Site{
		Host: s.host, Place: place, Label: l.label(s),
		Exchange: exchange.Site{Name: name, Port: port, HTTPS: s.https, Admin: s.admin, Forward: l.forwarding(s),
			Trace: either(s.trace, l.main.trace, exchange.TraceOff), Product: cmp.Or(l.cfg.Process.ServerTokens, product)},
		Limits: s.limits.over(l.main.limits),
	}
	if own.Exchange.Admin == "" {
		own.Exchange.Admin = l.main.admin
	}
	own.Exchange.TLS = s.tls.encrypted
	own.Exchange.Forward.SSL = indicators(l.main.jk.ssl, s.jk.ssl)
	own.HTTP2 = l.http2(s)
	if s.tls.encrypted && !s.tls.closed {
		own.TLS = l.tlsOf(s)
	}
	if s.tls.closed {
		own.Logs = front.Logs{Error: l.errorLog(s), Access: l.accessLogs(s), JK: l.jkLog(s)}
		return closedSite(own)
	}
	own.Sections = l.sections(s)
	own.Overrides = l.overridesOf(s)
	own.Refusals = l.refusalsOf(s)
	own.Translate = l.translate(s)
	own.Limits.Handshake, own.Limits.Head, own.Limits.Body = l.paced(s.limits.paces, l.main.limits.paces)
	own.Slashes = l.slashes(s, own.Exchange.Forward.URI)
	own.EnvIf, own.Early = l.main.envIf, l.main.early
	if s != l.main {
		own.Limits.Handshake, own.Limits.Head, own.Limits.Body = l.paced(s.limits.paces, l.main.limits.paces)
		own.Slashes = l.slashes(s, own.Exchange.Forward.URI)
		own.EnvIf, own.Early = slices.Concat(own.EnvIf, s.envIf), slices.Concat(own.Early, s.early)
	}
	own.MountFile = l.mountFile(s)
	own.Logs = front.Logs{Error: l.errorLog(s), Access: l.accessLogs(s), JK: l.jkLog(s)}
	return own
}

// nameOf is the canonical name and port of a host; 0 is the scheme's own port.
func (l *loader) nameOf(s *scope) (string, int) {
	port := s.port
	if s.name == "" { // a ServerName without a port means the standard one
		if len(s.host.Addresses) > 0 {
			port = s.host.Addresses[0].Port
		}
		if port == 0 {
			port = l.main.port
		}
	}
	return l.canonicalName(s), port
}

// label is what mod_jk's status calls a host: the main server by its
// ServerName, another by its name and first address, each with the port if it
// names one.
func (l *loader) label(s *scope) string {
	withPort := func(host string, port int) string {
		if port == 0 {
			return host
		}
		return host + ":" + strconv.Itoa(port)
	}
	if s.at == nil {
		return withPort(l.canonicalName(s), s.port)
	}
	host, port, _ := splitHostPort(arg(s.at, 0))
	return l.canonicalName(s) + " [" + withPort(strings.Trim(host, "[]"), port) + "]"
}

// sections are the settings of a host: those of the main server first.
func (l *loader) sections(s *scope) vhost.Sections {
	all := vhost.Sections{Server: []*settings.Layer{&l.main.layer}, Of: l.main.sections}
	if s != l.main {
		all.Server = append(all.Server, &s.layer)
		all.Of = append(slices.Clone(l.main.sections), s.sections...)
	}
	all.Of = append(slices.Clone(all.Of), s.private...)
	return all
}

// translate is what decides about a host's paths.
func (l *loader) translate(s *scope) translate.Config {
	cfg := translate.Config{DocumentRoot: s.docRoot, Redirects: s.redirects, Aliases: s.aliases, StripSession: either(s.jk.strip, l.main.jk.strip, "")}
	if s != l.main {
		cfg.Redirects = append(slices.Clone(s.redirects), l.main.redirects...)
		cfg.Aliases = append(slices.Clone(s.aliases), l.main.aliases...)
		if cfg.DocumentRoot == "" {
			cfg.DocumentRoot = l.main.docRoot
		}
	}
	if s.docRootAt != nil {
		l.checkRoot(s)
	}
	if s.rootless || l.main.rootless {
		cfg.DocumentRoot = ""
	}
	cfg.Mounts = mount.New(append(l.staticRules(s), l.fileRules(s)...))
	return cfg
}

// checkRoot tells of a DocumentRoot that is not there: an error for the main
// server, a warning for a virtual host, as in httpd.
func (l *loader) checkRoot(s *scope) {
	d := s.docRootAt
	info, err := l.o.Opener.Stat(s.docRoot)
	switch {
	case err == nil && info.IsDir():
	case l.o.Unprivileged && errors.Is(err, fs.ErrPermission):
		l.unchecked(at(d, 0), s.docRoot, d.Name)
	case s == l.main:
		l.fail(d, at(d, 0), "DocumentRoot '"+s.docRoot+"' is not a directory, or is not readable", "")
	default:
		l.say(d, at(d, 0), mistake.Warning, "DocumentRoot ["+s.docRoot+"] does not exist", "make the folder, or correct the path", "AH00112")
	}
}

// copies reports whether a virtual host has the main server's mounts.
func (l *loader) copies(s *scope) bool {
	if s == l.main {
		return false
	}
	if s.jk.copy != nil {
		return *s.jk.copy
	}
	return l.jk.copyAll
}

// staticRules are the rules of a host but for its mount file.
//
// Source: mod_jk, "JkMountCopy"; mount properties as seen at work.
func (l *loader) staticRules(s *scope) []mount.Rule {
	if s == l.main {
		return append(slices.Clone(l.jk.properties), s.jk.rules...)
	}
	if !l.copies(s) {
		return slices.Clone(s.jk.rules)
	}
	if len(s.jk.rules) == 0 && s.jk.file == "" {
		return append(slices.Clone(l.jk.properties), l.main.jk.rules...)
	}
	return mount.Merge(l.main.jk.rules, s.jk.rules)
}

// mountFileOf is the JkMountFile of a host: its own, or a copied one.
func (l *loader) mountFileOf(s *scope) (string, *httpdconf.Directive) {
	if s.jk.file == "" && l.copies(s) {
		return l.main.jk.file, l.main.jk.fileAt
	}
	return s.jk.file, s.jk.fileAt
}

// fileRules reads the rules of a host's mount file.
func (l *loader) fileRules(s *scope) []mount.Rule {
	name, d := l.mountFileOf(s)
	if name == "" {
		return nil
	}
	if _, known := l.jk.modified[name]; !known { // before it is read, so that no change is missed
		l.jk.modified[name] = l.modified(name)
	}
	if _, err := l.read(name); err != nil {
		l.unreadable(d, err, "JkMountFile: the mount file cannot be read", "")
		return nil
	}
	if !slices.Contains(l.report.Files, name) {
		l.report.Files = append(l.report.Files, name)
	}
	rules, found := l.readMap(name)
	l.report.Mistakes = append(l.report.Mistakes, found...)
	return rules
}

// readMap reads a uriworkermap.properties.
func (l *loader) readMap(name string) ([]mount.Rule, mistake.List) {
	text, err := l.read(name)
	if err != nil {
		return nil, mistake.List{{Pos: mistake.Pos{File: name}, Text: "cannot be read: " + err.Error()}}
	}
	entries, found := properties.ParseMap(name, text, properties.Options{Env: l.o.Env, Predefined: map[string]string{"ServerRoot": l.root}})
	var rules []mount.Rule
	for _, e := range entries {
		found = append(found, l.checkTarget(e.Target, e.Exclude)...)
		rules = append(rules, mount.Rule{
			Rule:   exchange.Rule{Pattern: e.Pattern, Worker: e.Target.Worker, Place: e.Pos.String(), Ext: extensions(e.Target)},
			Source: mount.URIWorkerMap, Exclude: e.Exclude, Disabled: e.Disabled,
		})
	}
	return rules, found
}

// modified is when a file was changed, zero if that cannot be told.
func (l *loader) modified(name string) time.Time {
	info, err := l.o.Opener.Stat(name)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// mountFile is what reads a host's mount file again.
func (l *loader) mountFile(s *scope) *front.MountFile {
	name, _ := l.mountFileOf(s)
	if name == "" {
		return nil
	}
	seconds := either(s.jk.reload, l.main.jk.reload, 60)
	fixed := l.staticRules(s)
	return &front.MountFile{Name: name, Interval: time.Duration(max(0, seconds)) * time.Second, Modified: l.jk.modified[name], Read: func() (*mount.Map, error) {
		rules, found := l.readMap(name)
		if found.Errors() > 0 {
			return nil, errors.New(found.Error())
		}
		return mount.New(append(slices.Clone(fixed), rules...)), nil
	}}
}

// errorLog is the ErrorLog of a host, or of the main server.
func (l *loader) errorLog(s *scope) front.ErrorLog {
	log := front.ErrorLog{Name: s.logs.errors, Level: l.levels(s)}
	what := "main error log"
	if s != l.main {
		what = "error log of vhost defined at " + line(s.at)
	}
	switch {
	case log.Name != "":
		l.logFolder(s.logs.errorsAt, log.Name, what, "AH02291")
	case l.main.logs.errors != "":
		log.Name = l.main.logs.errors
	default:
		log.Name = l.inRoot("logs/error_log")
		if s == l.main {
			if info, err := l.o.Opener.Stat(filepath.Dir(log.Name)); err != nil || !info.IsDir() {
				l.report.Mistakes.Add(mistake.Mistake{Pos: mistake.Pos{File: l.o.File}, Code: "AH02291",
					Text: "Cannot access directory '" + filepath.Dir(log.Name) + "/' for main error log", Fix: "make the folder, or name an ErrorLog"})
			}
		}
	}
	return log
}
