package config

import (
	"slices"
	"strings"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/front/settings"
)

// limitSection returns what reads <Limit>, or <LimitExcept>: what it holds
// about access is for some methods. All else in it holds as outside.
//
// Source: httpd server/core.c, ap_limit_section, as seen at work.
func limitSection(except bool) func(*loader, place, *httpdconf.Directive) {
	return func(l *loader, p place, d *httpdconf.Directive) {
		switch {
		case p.methods != nil:
			l.fail(d, d.Pos, "<"+d.Name+"> cannot occur within <Limit> or <LimitExcept> section", "move it out")
			return
		case len(d.Args) == 0:
			l.fail(d, d.Pos, "<"+d.Name+"> directive requires additional arguments", "write <"+d.Name+" METHOD>")
			return
		}
		for i, a := range d.Args {
			if a.Text == "TRACE" && !except {
				l.fail(d, at(d, i), "TRACE cannot be controlled by <Limit>, see TraceEnable", "")
				return
			}
		}
		inner := p
		inner.methods = methodsOf(d.Args)
		inner.methods.Except = except
		inner.covers = strings.Join(inner.methods.Names, ", ") + " of " + p.what()
		if except {
			inner.covers = "all but " + inner.covers
		}
		l.walk(d.Body, inner)
	}
}

// methodsOf are methods by name.
func methodsOf(words []httpdconf.Arg) *settings.Methods {
	m := &settings.Methods{}
	for _, a := range words {
		m.Names = append(m.Names, a.Text)
	}
	return m
}

// allowMethods reads AllowMethods; reset ends an inherited one.
//
// Source: httpd modules/aaa/mod_allowmethods.c, as seen at work.
func allowMethods(l *loader, p place, d *httpdconf.Directive) {
	if len(d.Args) == 0 {
		l.fail(d, d.Pos, "AllowMethods: No method or 'reset' keyword given", "")
		return
	}
	if p.layer.Methods == nil || len(d.Args) > 0 && strings.EqualFold(d.Args[0].Text, "reset") {
		p.layer.Methods = &settings.Methods{}
	}
	for _, a := range d.Args {
		if !strings.EqualFold(a.Text, "reset") && l.knownMethod(d, a, "AllowMethods: ") {
			p.layer.Methods.Names = append(p.layer.Methods.Names, a.Text)
		}
	}
}

// httpMethods are the methods that httpd and its modules know by name.
var httpMethods = strings.Fields(`GET HEAD PUT POST DELETE CONNECT OPTIONS TRACE PATCH PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK
VERSION-CONTROL CHECKOUT UNCHECKOUT CHECKIN UPDATE LABEL REPORT MKWORKSPACE MKACTIVITY BASELINE-CONTROL MERGE BREW WHEN
SEARCH ACL BIND UNBIND REBIND ORDERPATCH`)

// knownMethod reports whether a method has a name that httpd knows, or says in
// its words that it has not.
func (l *loader) knownMethod(d *httpdconf.Directive, a httpdconf.Arg, before string) bool {
	if slices.Contains(httpMethods, a.Text) {
		return true
	}
	l.fail(d, a.Pos, before+"Invalid Method '"+a.Text+"'", near(a.Text, httpMethods))
	return false
}

// satisfy reads Satisfy. It is of the old access control: a section that has
// it has that, too, and nothing inherited of it.
func satisfy(l *loader, p place, d *httpdconf.Directive) {
	switch strings.ToLower(arg(d, 0)) {
	case "all":
		legacyOf(p.layer).Any = false
	case "any":
		legacyOf(p.layer).Any = true
	default:
		l.fail(d, at(d, 0), "Satisfy either 'any' or 'all'.", "")
	}
}
