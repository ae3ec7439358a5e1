package httpdconf

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// defines are the names that Define and -D made. IfDefine asks for a name in
// its exact case; ${VAR} finds a value in any case, as in httpd.
type defines struct {
	names  map[string]entry
	values map[string]string // by name in lower case
	next   int
}

type entry struct {
	Define
	order int
}

func newDefines(names []string) *defines {
	d := &defines{names: map[string]entry{}, values: map[string]string{}}
	for _, name := range names {
		d.set(Define{Name: name}, false)
	}
	return d
}

// set defines a name, with its value if it has one.
func (d *defines) set(def Define, hasValue bool) {
	d.names[def.Name] = entry{def, d.next}
	d.next++
	if hasValue {
		d.values[strings.ToLower(def.Name)] = def.Value
	}
}

// remove undoes set.
func (d *defines) remove(name string) {
	delete(d.names, name)
	delete(d.values, strings.ToLower(name))
}

// list returns what is defined, in the order of definition.
func (d *defines) list() []Define {
	var all []Define
	for _, e := range slices.SortedFunc(maps.Values(d.names), func(a, b entry) int { return cmp.Compare(a.order, b.order) }) {
		all = append(all, e.Define)
	}
	return all
}

// expand returns l with ${VAR} replaced: by what Define gave, else by the
// environment. That comes before l is cut into words, so that blanks and
// quotes of a value count, but a value is not looked at again. What is not
// defined stays.
//
// Source: httpd server/core.c, ap_resolve_env; server/config.c, ap_build_config_sub.
func (p *parser) expand(l *line) *line {
	if l.expanded || !strings.Contains(l.text, "${") {
		return l
	}
	e, from := edit{from: l}, 0
	for i := 0; !p.stopped; {
		start := strings.Index(l.text[i:], "${")
		if start < 0 {
			break
		}
		start += i
		length := strings.IndexByte(l.text[start:], '}')
		if length < 0 {
			break
		}
		name := l.text[start+2 : start+length]
		i = start + length
		value, found := p.lookup(name)
		if !found {
			p.undefined(l, start, name)
			continue
		}
		p.spend(l.file, l.at(start).Line, int64(len(value)))
		e.keep(from, start)
		e.put(value, start)
		i++
		from = i
	}
	e.keep(from, len(l.text))
	expanded := e.line()
	expanded.expanded = true
	return expanded
}

func (p *parser) lookup(name string) (string, bool) {
	if value, found := p.defined.values[strings.ToLower(name)]; found {
		return value, true
	}
	return p.Env(name)
}

func (p *parser) undefined(l *line, at int, name string) {
	if strings.Contains(name, ":") {
		return
	}
	fix := fmt.Sprintf("Define %s VALUE above, or set it in the environment", name)
	if name == "" {
		fix = "write ${NAME}"
	} else if _, defined := p.defined.names[name]; defined {
		fix = fmt.Sprintf("%s is defined, but has no value: Define %[1]s VALUE", name)
	}
	p.warn(l, at, "AH00111", fmt.Sprintf("Config variable ${%s} is not defined", name), fix)
}
