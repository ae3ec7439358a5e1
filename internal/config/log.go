package config

import (
	"cmp"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/front"
	"github.com/catflap/catflap/internal/privilege"
	"github.com/catflap/catflap/internal/web/accesslog"
	"github.com/catflap/catflap/internal/web/errorlog"
)

// logRows are the directives about logs.
var logRows = []row{
	{"ErrorLog", topLevels, one, "The filename of the error log", errorLog, "Where the server tells of errors: a file, or a program.", "front TestPipedLogs"},
	{"LogLevel", anywhere, some, "Level of verbosity in error logging", logLevel, "Which of them; also by module. In sections it has no effect.", "web/errorlog TestLevels"},
	{"LogFormat", topLevels, oneOrTwo, "a log format string (see docs) and an optional format name", logFormat, "The form of a line of the access log.", "web/accesslog TestAsHTTPD"},
	{"CustomLog", topLevels, twoOrThree, "a file name, a custom log format string or format name, and an optional \"env=\" or \"expr=\" clause (see docs)", customLog, "An access log: a file or a program, for all requests or those with a variable.", "front TestPipedLogs"},
	{"TransferLog", topLevels, one, "the filename of the access log", transferLog, "An access log in the format of the last LogFormat without a name.", "TestGolden/logs"},
}

// logSettings are the logs of a scope.
type logSettings struct {
	errors   string
	errorsAt *httpdconf.Directive
	level    levelSetting
	access   []accessSetting
	formats  map[string]string // LogFormat by nickname
	plain    string            // the last LogFormat without one
}

// accessSetting is one CustomLog; its format is looked up at the end, since
// LogFormat may come later.
type accessSetting struct {
	at       *httpdconf.Directive
	name     string
	format   string // a format or a nickname
	env      string // env=; NAME or !NAME, empty without
	transfer bool
}

// logName is the name of the log that d writes: a file, absolute, or a program
// as it is written, with its bar.
func (l *loader) logName(d *httpdconf.Directive) string {
	name := arg(d, 0)
	if !privilege.IsPipe(name) {
		return l.inRoot(name)
	}
	program, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(name, "|"), "|"), " ")
	switch {
	case strings.TrimSpace(program) == "":
		l.fail(d, at(d, 0), d.Name+" "+name+" names no program", "write \"|PROGRAM ARGUMENTS\"")
	case filepath.IsAbs(program):
		if _, err := l.o.Opener.Stat(program); errors.Is(err, fs.ErrNotExist) {
			l.warn(d, at(d, 0), d.Name+": there is no program "+program+"; the server will not start, as httpd", "correct the path")
		}
	}
	return name
}

func errorLog(l *loader, p place, d *httpdconf.Directive) {
	name := arg(d, 0)
	if strings.HasPrefix(strings.ToLower(name), "syslog") {
		l.unsupported(d, at(d, 0), d.Name+" "+name+": catflap does not write to syslog; what would go there goes to logs/error_log", "name a file, or a program: \"|logger -t httpd\"")
		p.scope.logs.errors, p.scope.logs.errorsAt = l.inRoot("logs/error_log"), d
		return
	}
	p.scope.logs.errors, p.scope.logs.errorsAt = l.logName(d), d
}

func logLevel(l *loader, p place, d *httpdconf.Directive) {
	var levels levelSetting // what this line says
	if p.in&topLevels != 0 {
		levels = p.scope.logs.level
	}
	for i, a := range d.Args {
		module, word, ok := strings.Cut(a.Text, ":")
		prefix := module + ": "
		if !ok {
			word, prefix = a.Text, ""
		}
		level, known := errorlog.ParseLevel(word)
		if !known {
			if ok {
				prefix = a.Text + ": "
			}
			l.fail(d, at(d, i), prefix+"Log level keyword must be one of emerg/alert/crit/error/warn/notice/info/debug/trace1/.../trace8",
				near(word, []string{"emerg", "alert", "crit", "error", "warn", "notice", "info", "debug", "trace1"}))
			return
		}
		if !ok {
			levels = levelSetting{all: &level} // httpd forgets what modules have
			continue
		}
		if levels.modules == nil {
			levels.modules = map[string]slog.Level{}
		}
		levels.modules[strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(module, "mod_"), ".c"), "_module")] = level
	}
	if p.in&topLevels == 0 {
		l.unsupported(d, d.Pos, "LogLevel in <"+p.around()+"> has no effect here: the level of the site holds", "")
		return
	}
	p.scope.logs.level = levels
}

// A levelSetting is what LogLevel says in one place.
type levelSetting struct {
	all     *slog.Level // nil: as inherited
	modules map[string]slog.Level
}

// levels puts together what the main server and s say.
func (l *loader) levels(s *scope) errorlog.Levels {
	merged := errorlog.Levels{Default: slog.LevelWarn}
	for _, own := range []levelSetting{l.main.logs.level, s.logs.level} {
		if own.all != nil {
			merged = errorlog.Levels{Default: *own.all}
		}
		if len(own.modules) > 0 {
			merged.Modules = maps.Clone(merged.Modules)
			if merged.Modules == nil {
				merged.Modules = map[string]slog.Level{}
			}
			maps.Copy(merged.Modules, own.modules)
		}
	}
	return merged
}

func logFormat(l *loader, p place, d *httpdconf.Directive) {
	if _, err := l.parseFormat(arg(d, 0)); err != nil {
		l.formatFailed(d, 0, err)
		return
	}
	if len(d.Args) == 1 {
		p.scope.logs.plain = arg(d, 0)
		return
	}
	if p.scope.logs.formats == nil {
		p.scope.logs.formats = map[string]string{}
	}
	p.scope.logs.formats[arg(d, 1)] = arg(d, 0)
}

// format finds a LogFormat of s, or of the main server.
func (l *loader) format(s *scope, nickname string) (text string, ok bool) {
	if text, ok = s.logs.formats[nickname]; !ok {
		text, ok = l.main.logs.formats[nickname]
	}
	return text, ok
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
	switch condition := strings.ToLower(arg(d, 2)); {
	case condition == "":
	case condition == "env=" || condition == "env=!":
		l.fail(d, at(d, 2), "missing environment variable name", "")
		return
	case strings.HasPrefix(condition, "env="):
	case strings.HasPrefix(condition, "expr="):
		l.unsupported(d, at(d, 2), "CustomLog with "+arg(d, 2)+": catflap does not know this condition yet; every request is logged", "")
	default:
		l.fail(d, at(d, 2), "error in condition clause", "write env=NAME or env=!NAME; a format with blanks stands in quotes")
		return
	}
	log := accessSetting{at: d, name: l.logName(d), format: arg(d, 1)}
	if len(arg(d, 2)) > 4 && strings.EqualFold(arg(d, 2)[:4], "env=") {
		log.env = arg(d, 2)[4:]
	}
	p.scope.logs.access = append(p.scope.logs.access, log)
}

func transferLog(l *loader, p place, d *httpdconf.Directive) {
	p.scope.logs.access = append(p.scope.logs.access, accessSetting{at: d, name: l.logName(d), transfer: true})
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
		named, isNick := l.format(s, text)
		switch {
		case a.transfer:
			text = cmp.Or(s.logs.plain, l.main.logs.plain, accesslog.Common)
		case isNick:
			text = named
		case !strings.Contains(text, "%"):
			if s == l.main || len(s.logs.access) > 0 {
				l.warn(a.at, at(a.at, 1), "CustomLog: no LogFormat is called \""+text+"\"; each line will be just this word, as in httpd", near(text, l.nicknames(s)))
			}
		}
		format, err := l.parseFormat(text)
		if err != nil {
			l.formatFailed(a.at, 1, err)
			continue
		}
		if l.logFolder(a.at, a.name, "log file '"+arg(a.at, 0)+"' defined at "+line(a.at), "AH02297") {
			all = append(all, front.AccessLog{Name: a.name, Format: format, Env: a.env})
		}
	}
	return all
}

// parseFormat compiles a format. What mod_ssl adds is only known with it.
func (l *loader) parseFormat(text string) (*accesslog.Format, error) {
	format, err := accesslog.Parse(text)
	if err == nil && format.NeedsSSL() && !l.modules["ssl_module"] {
		return nil, &accesslog.FormatError{Text: "Unrecognized LogFormat directive %x"}
	}
	return format, err
}

// nicknames are those of s and of the main server, sorted.
func (l *loader) nicknames(s *scope) []string {
	all := maps.Clone(l.main.logs.formats)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, s.logs.formats)
	return slices.Sorted(maps.Keys(all))
}
