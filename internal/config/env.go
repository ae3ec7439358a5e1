package config

import (
	"net/textproto"
	"slices"
	"strings"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/front/regex"
	"github.com/catflap/catflap/internal/front/settings"
	"github.com/catflap/catflap/internal/mistake"
)

// envRows are the directives about the environment of a request.
var envRows = []row{
	{"SetEnv", anywhere, oneOrTwo, "an environment variable name and optional value to pass to CGI.", setEnv, "A variable of every request. It is there for logs, headers, JkEnvVar and mod_jk's own names, but too late for Require.", "interop TestEnvironment"},
	{"UnsetEnv", anywhere, some, "a list of variables to remove from the CGI environment.", unsetEnv, "Takes away what SetEnv and PassEnv around it set.", "front/settings TestWith"},
	{"PassEnv", anywhere, some, "a list of environment variables to pass to CGI.", passEnv, "A variable of the server's own environment.", "TestGolden/env"},
	{"SetEnvIf", anywhere, anyNumber, "", setEnvIf, "Variables of requests whose header, address, method, protocol or path matches.", "interop TestEnvironment"},
	{"SetEnvIfNoCase", anywhere, anyNumber, "", setEnvIf, "The same, in any case of letters.", "interop TestEnvironment"},
	{"BrowserMatch", anywhere, anyNumber, "", setEnvIf, "SetEnvIf User-Agent.", "interop TestEnvironment"},
	{"BrowserMatchNoCase", anywhere, anyNumber, "", setEnvIf, "SetEnvIfNoCase User-Agent.", "interop TestEnvironment"},
	{"JkStripSession", topLevels, oneOrTwo, "Should the server strip the jsessionid from unmapped URLs", jkStripSession, "Whether files are looked for without the ;jsessionid of their URL.", "front/translate TestStripSession"},
	{"JkEnvVar", topLevels, oneOrTwo, "Adds a name of environment variable and an optional value that should be sent to servlet-engine", jkEnvVar, "Variables that go to the container as request attributes.", "front/worker TestEnvironment"},
}

func setEnv(_ *loader, p place, d *httpdconf.Directive) {
	p.layer.Env = append(p.layer.Env, settings.EnvOp{EnvVar: settings.EnvVar{Name: arg(d, 0), Value: arg(d, 1)}})
}

func unsetEnv(_ *loader, p place, d *httpdconf.Directive) {
	for _, a := range d.Args {
		p.layer.Env = append(p.layer.Env, settings.EnvOp{EnvVar: settings.EnvVar{Name: a.Text}, Unset: true})
	}
}

func passEnv(l *loader, p place, d *httpdconf.Directive) {
	for i, a := range d.Args {
		value, ok := l.o.Env(a.Text)
		if !ok {
			l.say(d, at(d, i), mistake.Warning, "PassEnv variable "+a.Text+" was undefined", "", "AH01506")
			continue
		}
		p.layer.Env = append(p.layer.Env, settings.EnvOp{EnvVar: settings.EnvVar{Name: a.Text, Value: value}})
	}
}

// envSubjects are the words of SetEnvIf that are not headers, in lower case.
var envSubjects = map[string]settings.EnvSubject{
	"remote_host": settings.EnvRemoteHost, "remote_addr": settings.EnvRemoteAddr, "server_addr": settings.EnvServerAddr,
	"request_method": settings.EnvRequestMethod, "request_protocol": settings.EnvProtocol, "request_uri": settings.EnvRequestURI,
}

// setEnvIf reads SetEnvIf and its kin.
//
// Source: httpd modules/metadata/mod_setenvif.c, add_setenvif_core, as seen at
// work.
func setEnvIf(l *loader, p place, d *httpdconf.Directive) {
	args, fold := d.Args, strings.HasSuffix(strings.ToLower(d.Name), "nocase")
	r := settings.EnvRule{Place: line(d), Name: "User-Agent"}
	if !strings.HasPrefix(strings.ToLower(d.Name), "browser") {
		if len(args) == 0 || args[0].Text == "" {
			l.fail(d, d.Pos, "Missing header-field name for "+d.Name, "write "+d.Name+" HEADER EXPRESSION VARIABLE")
			return
		}
		r.Name, args = args[0].Text, args[1:]
	}
	switch {
	case len(args) == 0:
		l.fail(d, d.Pos, "Missing regular expression for "+d.Name, "")
		return
	case len(args) == 1:
		l.fail(d, d.Pos, "Missing envariable expression for "+d.Name, "name the variable to set")
		return
	case strings.HasPrefix(strings.ToUpper(r.Name), "OID("):
		l.foreignEnv = append(l.foreignEnv, setNames(args[1:])...)
		l.unsupported(d, at(d, 0), d.Name+" "+r.Name+": catflap does not look into clients' certificates; the variables are not set", "")
		return
	}
	var err error
	if r.Pattern, err = regex.Compile(args[0].Text, fold); err != nil {
		l.fail(d, args[0].Pos, d.Name+" regex could not be compiled.", err.Error())
		return
	}
	if !l.envSubject(d, &r) {
		return
	}
	for _, a := range args[1:] {
		r.Sets = append(r.Sets, envSet(a.Text, r.Pattern))
	}
	l.envRules = append(l.envRules, envRule{r.Name, setNames(args[1:])})
	if p.in&topLevels == 0 {
		p.layer.EnvIf = append(p.layer.EnvIf, r)
		return
	}
	p.scope.envIf = append(p.scope.envIf, r)
}

// envSubject finds what r looks at.
func (l *loader) envSubject(d *httpdconf.Directive, r *settings.EnvRule) bool {
	if subject, ok := envSubjects[strings.ToLower(r.Name)]; ok {
		r.Subject = subject
		return true
	}
	if strings.Trim(r.Name, "-_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == "" {
		r.Header = textproto.CanonicalMIMEHeaderKey(r.Name)
		return true
	}
	names, err := regex.Compile(r.Name, true) // names have no case
	if err != nil {
		l.fail(d, at(d, 0), d.Name+"Header name regex could not be compiled.", err.Error())
		return false
	}
	r.Subject, r.Names = settings.EnvHeaders, names
	return true
}

// envSet reads NAME, NAME=VALUE or !NAME. What a plain word matches has no
// groups, and in its values a $ is a $, as in httpd.
func envSet(text string, pattern *regex.Regex) settings.EnvSet {
	name, value, _ := strings.Cut(text, "=")
	set := settings.EnvSet{EnvOp: settings.EnvOp{EnvVar: settings.EnvVar{Name: name, Value: value}}}
	switch {
	case value == "" && strings.HasPrefix(name, "!"):
		set.Name, set.Unset = name[1:], true
	case value == "":
		set.Value = "1"
	case !pattern.Plain():
		template := regex.ParseTemplate(value)
		fixed, whole := template.Literal()
		if set.Value = fixed; !whole {
			set.Value, set.Match = "", template
		}
	}
	return set
}

// setNames are the variables that words of SetEnvIf set.
func setNames(words []httpdconf.Arg) []string {
	var all []string
	for _, a := range words {
		name, _, _ := strings.Cut(a.Text, "=")
		all = append(all, strings.TrimPrefix(name, "!"))
	}
	return all
}

// jkStripSession reads JkStripSession.
func jkStripSession(l *loader, p place, d *httpdconf.Directive) {
	on, ok := l.flag(d)
	if !ok {
		return
	}
	name := ""
	if on {
		if name = ";jsessionid"; arg(d, 1) != "" {
			name = arg(d, 1)
		}
	}
	p.scope.jk.strip = &name
}

func jkEnvVar(_ *loader, p place, d *httpdconf.Directive) {
	p.scope.jk.envVars = append(p.scope.jk.envVars, d)
}

// An envRule is what a SetEnvIf looks at, and which variables it sets.
type envRule struct {
	subject string
	sets    []string
}

// setEnvIfExpr notes the variables that an expression would set.
func setEnvIfExpr(l *loader, _ place, d *httpdconf.Directive) {
	if len(d.Args) == 0 {
		l.fail(d, d.Pos, "Missing expression for "+d.Name, "")
		return
	}
	l.foreignEnv = append(l.foreignEnv, setNames(d.Args[1:])...)
	l.unsupported(d, d.Pos, d.Name+" has no effect here: the variables are not set", "SetEnvIf is known")
}

// An envJudgement is a line that keeps out who has a variable.
type envJudgement struct {
	place    place
	at       *httpdconf.Directive
	variable string
}

// judgesEnv notes that d keeps out who has variable.
func (l *loader) judgesEnv(p place, d *httpdconf.Directive, variable string) {
	l.envJudgements = append(l.envJudgements, envJudgement{p, d, variable})
}

// closeByEnv closes what keeps out by a variable that something may set which
// catflap does not do.
func (l *loader) closeByEnv() {
	for grown := true; grown; {
		grown = false
		for _, r := range l.envRules {
			if !slices.Contains(l.foreignEnv, r.subject) {
				continue
			}
			for _, name := range r.sets {
				if !slices.Contains(l.foreignEnv, name) {
					l.foreignEnv, grown = append(l.foreignEnv, name), true
				}
			}
		}
	}
	for _, j := range l.envJudgements {
		if slices.Contains(l.foreignEnv, j.variable) || slices.Contains(l.foreignEnv, "") || l.foreignModule() != "" {
			l.close(j.place, j.at, j.at.Name+" "+j.at.Raw+": what sets "+j.variable+" is not carried out")
		}
	}
}
