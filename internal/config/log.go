package config

import (
	"errors"
	"log/slog"
	"strings"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/front"
	"github.com/catflap/catflap/internal/web/accesslog"
	"github.com/catflap/catflap/internal/web/errorlog"
)

// logRows are the directives about logs.
var logRows = []row{
	{"ErrorLog", topLevels, 1, 1, "one argument, The filename of the error log", errorLog, "Where the server tells of errors.", "TestServer"},
	{"LogLevel", topLevels, 1, -1, "", logLevel, "Which of them; also by module.", "TestLevels"},
	{"LogFormat", topLevels, 1, 2, "a log format string (see docs) and an optional format name", logFormat, "The form of a line of the access log.", "TestAsHTTPD"},
	{"CustomLog", topLevels, 2, 3, "two or three arguments, a file name, a custom log format string or format name, and an optional \"env=\" or \"expr=\" clause (see docs)", customLog, "An access log.", "TestServer"},
	{"TransferLog", topLevels, 1, 1, "one argument, the filename of the access log", transferLog, "An access log in the format of the last LogFormat without a name.", "TestGolden"},
}

// logSettings are the logs of a scope.
type logSettings struct {
	errors   string
	errorsAt *httpdconf.Directive
	level    *errorlog.Levels
	access   []accessSetting
}

// accessSetting is one CustomLog; its format is looked up at the end, since
// LogFormat may come later.
type accessSetting struct {
	at       *httpdconf.Directive
	name     string
	format   string // a format or a nickname
	transfer bool
}

// isPipe reports whether a log is a program or the system's log.
func isPipe(name string) bool {
	return strings.HasPrefix(name, "|") || strings.HasPrefix(name, "syslog")
}

// unsupportedLog tells that a log goes to where catflap does not write yet.
func (l *loader) unsupportedLog(d *httpdconf.Directive, instead string) {
	l.report.Classes[Unsupported]++
	l.say(d, at(d, 0), severityUnsupported, d.Name+" "+arg(d, 0)+": catflap does not write to programs or syslog yet; "+instead, "name a file", "")
}

func errorLog(l *loader, p place, d *httpdconf.Directive) {
	if isPipe(arg(d, 0)) {
		l.unsupportedLog(d, "what would go there goes to logs/error_log")
		p.scope.logs.errors, p.scope.logs.errorsAt = l.inRoot("logs/error_log"), d
		return
	}
	p.scope.logs.errors, p.scope.logs.errorsAt = l.inRoot(arg(d, 0)), d
}

func logLevel(l *loader, p place, d *httpdconf.Directive) {
	levels := errorlog.Levels{Default: slog.LevelWarn, Modules: map[string]slog.Level{}}
	for i, a := range d.Args {
		module, word, ok := strings.Cut(a.Text, ":")
		if !ok {
			word = a.Text
		}
		level, known := errorlog.ParseLevel(word)
		if !known {
			l.fail(d, at(d, i), "Log level keyword must be one of emerg/alert/crit/error/warn/notice/info/debug/trace1/.../trace8", near(word, []string{"emerg", "alert", "crit", "error", "warn", "notice", "info", "debug", "trace1"}))
			continue
		}
		if !ok {
			levels.Default = level
			continue
		}
		module = strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(module, "mod_"), ".c"), "_module")
		levels.Modules[module] = level
	}
	p.scope.logs.level = &levels
}

func logFormat(l *loader, _ place, d *httpdconf.Directive) {
	if _, err := accesslog.Parse(arg(d, 0)); err != nil {
		l.formatFailed(d, 0, err)
		return
	}
	if len(d.Args) == 1 {
		l.plain = arg(d, 0)
		return
	}
	l.formats[arg(d, 1)] = arg(d, 0)
}

// formatFailed tells where in argument i a format is not understood.
func (l *loader) formatFailed(d *httpdconf.Directive, i int, err error) {
	pos := at(d, i)
	text := err.Error()
	if wrong, ok := errors.AsType[*accesslog.FormatError](err); ok {
		text = wrong.Text
		if d.Args[i].Quoted && !strings.Contains(d.Raw, `\`) {
			pos.Col += wrong.Offset + 1
		}
	}
	l.fail(d, pos, text, "")
}

func customLog(l *loader, p place, d *httpdconf.Directive) {
	if len(d.Args) == 3 {
		l.report.Classes[Unsupported]++
		l.say(d, at(d, 2), severityUnsupported, "CustomLog with "+arg(d, 2)+": catflap does not know this condition yet; every request is logged", "", "")
	}
	if isPipe(arg(d, 0)) {
		l.unsupportedLog(d, "this log is not written")
		return
	}
	p.scope.logs.access = append(p.scope.logs.access, accessSetting{at: d, name: l.inRoot(arg(d, 0)), format: arg(d, 1)})
}

func transferLog(l *loader, p place, d *httpdconf.Directive) {
	if isPipe(arg(d, 0)) {
		l.unsupportedLog(d, "this log is not written")
		return
	}
	p.scope.logs.access = append(p.scope.logs.access, accessSetting{at: d, name: l.inRoot(arg(d, 0)), transfer: true})
}

// accessLogs compiles the access logs of s, or of the main server if s has
// none.
func (l *loader) accessLogs(s *scope) []front.AccessLog {
	own := s.logs.access
	if len(own) == 0 {
		own = l.main.logs.access
	}
	var all []front.AccessLog
	for _, a := range own {
		text := a.format
		named, isNick := l.formats[text]
		switch {
		case a.transfer:
			text = l.plain
			if text == "" {
				text = accesslog.Common
			}
		case isNick:
			text = named
		case !strings.Contains(text, "%"):
			if s == l.main || len(s.logs.access) > 0 {
				l.warn(a.at, at(a.at, 1), "CustomLog: no LogFormat is called \""+text+"\"; each line will be just this word, as in httpd", near(text, l.nicknames()))
			}
		}
		format, err := accesslog.Parse(text)
		if err != nil {
			l.formatFailed(a.at, 1, err)
			continue
		}
		if l.logFolder(a.at, a.name, "log file") {
			all = append(all, front.AccessLog{Name: a.name, Format: format})
		}
	}
	return all
}

func (l *loader) nicknames() []string {
	var all []string
	for name := range l.formats {
		all = append(all, name)
	}
	return all
}
