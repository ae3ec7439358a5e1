package httpdconf

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A condition tells whether what s contains is read; ok is false if that
// cannot be told, which it has reported.
type condition func(p *parser, s *section) (holds, ok bool)

// conditionOf returns the condition of a section of that name, or nil.
func conditionOf(name string) condition {
	switch strings.ToLower(name) {
	case "ifmodule":
		return asked((*parser).hasModule)
	case "ifdefine":
		return asked(func(p *parser, name string) bool { _, defined := p.defined.names[name]; return defined })
	case "iffile":
		return asked(func(p *parser, name string) bool { _, err := p.Files.Stat(p.path(name)); return err == nil })
	case "ifdirective":
		return asked(func(p *parser, name string) bool { return p.known(name) })
	case "ifsection":
		return asked(func(p *parser, name string) bool { return !strings.HasPrefix(name, "<") && p.known("<"+name) })
	case "ifversion":
		return (*parser).ifVersion
	}
	return nil
}

// hasModule tells whether a module is built in or was loaded above.
func (p *parser) hasModule(name string) bool { _, has := p.modules[name]; return has }

// asked makes a condition of a question about one name: "!" in front, outside
// of quotes, turns the answer; more words are ignored.
//
// Source: httpd server/core.c, start_ifmod, start_ifdefine, start_iffile.
func asked(question func(p *parser, name string) bool) condition {
	return func(p *parser, s *section) (holds, ok bool) {
		d := &s.directive
		raw, not := strings.CutPrefix(d.Raw, "!")
		w := nextWord(raw, 0)
		if w.text == "" {
			p.fail(s.line, s.offset, "", fmt.Sprintf("<%s> directive requires additional arguments", d.Name), fmt.Sprintf("write <%s NAME>", d.Name))
			return false, false
		}
		if rest := skipBlanks(raw, w.end); rest < len(raw) {
			p.warn(s.line, extra(s, not), "", fmt.Sprintf("<%s> looks at its first argument only", d.Name), "")
		}
		return question(p, w.text) != not, true
	}
}

// extra returns where the second argument of s is in its line.
func extra(s *section, not bool) int {
	w := words(s.line.text, s.offset)
	if not && len(w) > 3 && w[1].text == "!" {
		return w[3].start
	}
	return w[min(2, len(w)-1)].start
}

// ifVersion is the condition of IfVersion.
//
// Source: httpd modules/metadata/mod_version.c.
func (p *parser) ifVersion(s *section) (holds, ok bool) {
	d := &s.directive
	arguments := words(d.Raw, 0)
	operator, version := "=", ""
	switch len(arguments) {
	case 0:
	case 1:
		version = arguments[0].text
	case 2:
		operator, version = arguments[0].text, arguments[1].text
	default:
		p.fail(s.line, s.offset, "", "<IfVersion> takes an operator and a version", "write <IfVersion >= 2.4>")
		return false, false
	}
	holds, problem, fix := compareVersion(p.Version, operator, version)
	if problem != "" {
		at := s.offset
		if len(d.Args) > 0 {
			at = words(s.line.text, s.offset)[1].start
		}
		p.fail(s.line, at, "", problem, fix)
		return false, false
	}
	return holds, true
}

// compareVersion tells whether ours stands in relation operator to wanted, or
// what is wrong with the question.
func compareVersion(ours, operator, wanted string) (holds bool, problem, fix string) {
	written := operator
	operator, not := strings.CutPrefix(operator, "!")
	switch operator {
	case "=", "==", "~", ">", ">=", "<", "<=":
	default:
		return false, fmt.Sprintf("unrecognized operator '%s'", written), "use =, ==, >, >=, <, <=, ~ or ! and one of them"
	}
	pattern, isPattern := wanted, operator == "~"
	if (operator == "=" || operator == "==") && strings.HasPrefix(wanted, "/") {
		if len(wanted) < 2 || !strings.HasSuffix(wanted, "/") {
			return false, "Missing delimiting / of regular expression.", ""
		}
		pattern, isPattern = wanted[1:len(wanted)-1], true
	}
	if isPattern {
		expression, err := regexp.Compile(pattern)
		if err != nil || pattern == "" {
			return false, "Unable to compile regular expression", ""
		}
		return expression.MatchString(ours) != not, "", ""
	}
	b, ok := parseVersion(wanted)
	if !ok {
		fix = "write 2, 2.4 or 2.4.66"
		if i := strings.IndexAny(wanted, "0123456789"); i > 0 {
			fix = fmt.Sprintf("write a blank after the operator: <IfVersion %s %s>", wanted[:i], wanted[i:])
		}
		return false, "Version appears to be invalid. It must have the format major[.minor[.patch]] where major, minor and patch are numbers.", fix
	}
	a, _ := parseVersion(ours)
	return inOrder(slices.Compare(a[:], b[:]), operator) != not, "", ""
}

// inOrder tells whether operator allows this order of two versions.
func inOrder(order int, operator string) bool {
	switch operator {
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	}
	return order == 0
}

// parseVersion reads major[.minor[.patch]]; what is missing is 0.
func parseVersion(s string) (version [3]int, ok bool) {
	parts := strings.Split(strings.TrimSuffix(s, "."), ".")
	if len(parts) > 3 {
		return version, false
	}
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 31)
		if err != nil {
			return version, false
		}
		version[i] = int(n)
	}
	return version, true
}
