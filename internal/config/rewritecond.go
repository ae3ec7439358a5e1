package config

import (
	"cmp"
	"slices"
	"strings"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/front/module/refuse"
	"github.com/catflap/catflap/internal/front/regex"
	"github.com/catflap/catflap/internal/front/settings"
)

// conditions reads the RewriteCond lines of a rule. What of them nobody checks
// holds, and is named.
func (l *loader) conditions(p place, rule *refusingRule) (all []settings.Condition, unknown string) {
	if hasFlag(rule.at, "C", "chain") {
		unknown = "the next rule"
	}
	for _, d := range rule.lines {
		c, ok := l.condition(p, d)
		if !ok {
			c = settings.Condition{Or: c.Or}
			unknown = "RewriteCond " + d.Raw
		}
		all = append(all, c)
	}
	return all, unknown
}

// condition reads one RewriteCond; ok is false if nobody can check it.
//
// Source: httpd modules/mappers/mod_rewrite.c, cmd_rewritecond and
// apply_rewrite_cond.
func (l *loader) condition(p place, d *httpdconf.Directive) (c settings.Condition, ok bool) {
	flags := strings.Split(strings.Trim(arg(d, 2), "[]"), ",")
	has := func(names ...string) bool {
		return slices.ContainsFunc(flags, func(f string) bool {
			return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(strings.TrimSpace(f), n) })
		})
	}
	c.Or = has("OR", "ornext")
	fold := has("NC", "nocase")
	if c.Test, ok = l.testParts(p, arg(d, 0)); !ok {
		return c, false
	}
	pattern := arg(d, 1)
	pattern, c.Not = strings.CutPrefix(pattern, "!")
	switch {
	case pattern == "-f" || pattern == "-d" || pattern == "-s" || pattern == "-l" || pattern == "-L" || pattern == "-h":
		c.Kind, c.Text = settings.TestExists, strings.ToLower(pattern[1:])
		if c.Text == "h" {
			c.Text = "l"
		}
		return c, true
	case strings.HasPrefix(pattern, "=") && !strings.HasPrefix(pattern, "=="):
		c.Kind, c.Text, c.Fold = settings.TestEqual, strings.Trim(pattern[1:], `"`), fold
		return c, true
	case pattern == "" || strings.HasPrefix(pattern, "-") || strings.HasPrefix(pattern, "<") || strings.HasPrefix(pattern, ">"):
		return c, false
	}
	var err error
	c.Pattern, err = regex.Compile(pattern, fold)
	return c, err == nil
}

// testParts cuts the test string of a RewriteCond into text and variables; ok
// is false if there is one that nobody knows.
func (l *loader) testParts(p place, text string) (parts []settings.TestPart, ok bool) {
	for text != "" {
		i := strings.IndexAny(text, "%$\\")
		switch {
		case i < 0:
			return append(parts, settings.TestPart{Text: text}), true
		case i > 0:
			parts, text = append(parts, settings.TestPart{Text: text[:i]}), text[i:]
		case !strings.HasPrefix(text, "%{"):
			return nil, false
		default:
			end := strings.IndexByte(text, '}')
			if end < 0 {
				return nil, false
			}
			name := text[2:end]
			text = text[end+1:]
			switch known := refuse.Known(name); {
			case name == "DOCUMENT_ROOT" && cmp.Or(p.scope.docRoot, l.main.docRoot) != "":
				parts = append(parts, settings.TestPart{Text: cmp.Or(p.scope.docRoot, l.main.docRoot)})
			case !known, strings.HasPrefix(name, "REMOTE_") && l.remoteIP != nil, l.isForeign(name):
				return nil, false
			default:
				parts = append(parts, settings.TestPart{Name: name})
			}
		}
	}
	return parts, len(parts) > 0
}

// isForeign reports whether something may set a variable that is not carried
// out.
func (l *loader) isForeign(name string) bool {
	prefix, variable, found := strings.Cut(name, ":")
	return found && (prefix == "ENV" || prefix == "E") &&
		(slices.Contains(l.foreignEnv, variable) || slices.Contains(l.foreignEnv, "") || l.foreignModule() != "")
}

// identifies reports whether a condition asks who the client is.
func identifies(lines []*httpdconf.Directive) bool {
	return slices.ContainsFunc(lines, func(d *httpdconf.Directive) bool {
		test := strings.ToUpper(arg(d, 0))
		return slices.ContainsFunc([]string{
			"REMOTE_ADDR", "REMOTE_HOST", "REMOTE_USER", "REMOTE_IDENT", "HTTP_COOKIE", "HTTP:COOKIE", "HTTP:AUTHORIZATION",
			"HTTP:X-FORWARDED-FOR", "HTTP_FORWARDED", "AUTH_TYPE", "SSL:", "SSL_CLIENT", "ENV:", "LA-U:", "LA-F:", "EXPR",
		}, func(name string) bool { return strings.Contains(test, name) })
	})
}
