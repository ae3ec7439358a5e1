package httpdconf

import (
	"fmt"
	"strings"
)

// ownNames returns what this package carries out, in the usual case.
func ownNames() []string {
	return []string{
		"Define", "UnDefine", "Error", "Include", "IncludeOptional", "LoadModule", "ServerRoot", "UndefMacro", "Use",
		"<IfDefine", "<IfDirective", "<IfFile", "<IfModule", "<IfSection", "<IfVersion", "<Macro",
	}
}

// known tells whether a name, with its "<" if it is a section's, exists.
func (p *parser) known(name string) bool {
	if section, found := strings.CutPrefix(name, "<"); found {
		return conditionOf(section) != nil || strings.EqualFold(section, "Macro") || p.Known(name)
	}
	return carrier(name) != nil || p.Known(name)
}

// A carry carries out the directive d of line l while it is read.
type carry func(p *parser, r *reading, l *line, d Directive)

// carrier returns what carries out a directive of that name, or nil.
func carrier(name string) carry {
	switch strings.ToLower(name) {
	case "define":
		return (*parser).define
	case "undefine":
		return (*parser).undefine
	case "error":
		return (*parser).stop
	case "include", "includeoptional":
		return (*parser).include
	case "loadmodule":
		return (*parser).loadModule
	case "serverroot":
		return (*parser).serverRoot
	case "undefmacro":
		return (*parser).undefineMacro
	case "use":
		return (*parser).useMacro
	}
	return nil
}

// carried keeps d for those who list all directives.
func (p *parser) carried(d Directive) { p.tree.Carried = append(p.tree.Carried, d) }

// wants tells whether d has from low to high arguments, none of them empty,
// and reports it with httpd's words for the wrong number if not.
func (p *parser) wants(l *line, d *Directive, low, high int, takes string) bool {
	n := len(d.Args)
	ok := n >= low && n <= high
	for i := range min(n, low) {
		ok = ok && d.Args[i].Text != ""
	}
	if ok {
		return true
	}
	i, fix := trimEnd(l.text), ""
	if n > high {
		w := words(l.text, 0)
		i, fix = w[1+high].start, "put quotes around an argument that has blanks"
		if strings.HasPrefix(d.Args[high].Text, "#") {
			fix = "put the comment on a line of its own"
		}
	}
	p.fail(l, i, "", fmt.Sprintf("%s takes %s", d.Name, takes), fix)
	return false
}

// argAt returns where argument i of the line begins in its text.
func argAt(l *line, i int) int {
	w := words(l.text, 0)
	return w[min(i+1, len(w)-1)].start
}

func (p *parser) define(_ *reading, l *line, d Directive) {
	p.carried(d)
	if !p.wants(l, &d, 1, 2, "1-2 arguments, Define a variable, optionally to a value.  Same as passing -D to the command line.") {
		return
	}
	name := d.Args[0].Text
	if p.nameHasColon(l, name) {
		return
	}
	value := ""
	if len(d.Args) == 2 {
		value = d.Args[1].Text
	}
	p.defined.set(Define{Pos: d.Pos, Name: name, Value: value}, len(d.Args) == 2)
}

func (p *parser) undefine(_ *reading, l *line, d Directive) {
	p.carried(d)
	if !p.wants(l, &d, 1, 1, "one argument, Undefine the existence of a variable. Undo a Define.") || p.nameHasColon(l, d.Args[0].Text) {
		return
	}
	p.defined.remove(d.Args[0].Text)
}

func (p *parser) nameHasColon(l *line, name string) bool {
	if !strings.Contains(name, ":") {
		return false
	}
	p.fail(l, argAt(l, 0), "", "Variable name must not contain ':'", "")
	return true
}

// stop is the directive Error.
func (p *parser) stop(_ *reading, l *line, d Directive) {
	p.carried(d)
	text := d.Raw
	if len(d.Args) == 1 {
		text = d.Args[0].Text
	}
	if text == "" {
		text = "The Error directive was used with no message."
	}
	p.fail(l, argOrName(l, d), syntaxError, text, "the file itself asks to stop here, by the directive Error")
}

func argOrName(l *line, d Directive) int {
	if len(d.Args) == 0 {
		return skipBlanks(l.text, 0)
	}
	return argAt(l, 0)
}

func (p *parser) serverRoot(r *reading, l *line, d Directive) {
	r.emit(d)
	if !p.wants(l, &d, 1, 1, "one argument, Common directory of server-related files (logs, confs, etc.)") {
		return
	}
	name := p.path(d.Args[0].Text)
	info, err := p.Files.Stat(name)
	switch {
	case err != nil && p.mayNotRead(err):
		p.warn(l, argAt(l, 0), "", fmt.Sprintf("ServerRoot %s was not checked: %s", name, reason(err)), "")
	case err != nil:
		p.fail(l, argAt(l, 0), syntaxError, "ServerRoot must be a valid directory", fmt.Sprintf("%s: %s", name, reason(err)))
		return
	case !info.IsDir():
		p.fail(l, argAt(l, 0), syntaxError, "ServerRoot must be a valid directory", fmt.Sprintf("%s is a file", name))
		return
	}
	p.root = name
}

func (p *parser) loadModule(r *reading, l *line, d Directive) {
	r.emit(d)
	if !p.wants(l, &d, 2, 2, "two arguments, a module name and the name of a shared object file to load it from") {
		return
	}
	name, file := d.Args[0].Text, d.Args[1].Text
	p.tree.Modules = append(p.tree.Modules, Module{Pos: d.Pos, Name: name, File: file})
	if before, loaded := p.modules[name]; loaded && before.Line > 0 {
		p.warn(l, argAt(l, 0), "AH01574", fmt.Sprintf("module %s is already loaded, skipping", name), fmt.Sprintf("remove this line: %s loads it", before))
		return
	} else if loaded {
		return // built in here, as it may be in some httpd
	}
	for _, alias := range append(moduleNames(name), sourceOf(file)...) {
		p.modules[alias] = d.Pos
	}
}

// moduleNames returns the names by which IfModule knows a module: its symbol
// and its source file. It is given one of the two.
//
// Source: the names that httpd's modules were compiled with.
func moduleNames(name string) []string {
	odd := [][2]string{
		{"core_module", "core.c"}, {"http_module", "http_core.c"}, {"ldap_module", "util_ldap.c"},
		{"mpm_event_module", "event.c"}, {"mpm_prefork_module", "prefork.c"}, {"mpm_worker_module", "worker.c"},
	}
	for _, pair := range odd {
		if name == pair[0] || name == pair[1] {
			return pair[:]
		}
	}
	if base, found := strings.CutSuffix(name, "_module"); found {
		return []string{name, "mod_" + base + ".c"}
	}
	base, isFile := strings.CutSuffix(name, ".c")
	if base, isModule := strings.CutPrefix(base, "mod_"); isFile && isModule {
		return []string{base + "_module", name}
	}
	return []string{name}
}

// ModuleSource returns the source file of a module: mod_x.c for x_module.
func ModuleSource(name string) string {
	names := moduleNames(name)
	return names[len(names)-1]
}

// sourceOf returns the source file that a shared object is usually made of:
// mod_php7.c for libphp7.so and mod_x.c for mod_x.so.
func sourceOf(file string) []string {
	base, found := strings.CutSuffix(file[strings.LastIndexByte(file, '/')+1:], ".so")
	if !found || !strings.HasPrefix(base, "mod_") && !strings.HasPrefix(base, "lib") || strings.HasPrefix(base, "mod_mpm_") {
		return nil
	}
	return []string{"mod_" + strings.TrimPrefix(strings.TrimPrefix(base, "lib"), "mod_") + ".c"}
}
