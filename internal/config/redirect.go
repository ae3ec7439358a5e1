package config

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/front/translate"
)

// redirectRows are the directives that lead a path elsewhere.
var redirectRows = []row{
	{"Alias", topLevels | inLocation, oneOrTwo, "a fakename and a realname, or a realname in a Location", alias, "A folder or file for a URL path.", "front/translate TestTranslate"},
	{"AliasMatch", topLevels, two, "a regular expression and a filename", aliasMatch, "The same, by a regular expression.", "front/translate TestTranslate"},
	{"Redirect", anywhere, oneToThree, "an optional status, then document to be redirected and destination URL", redirect(0), "Another URL for a path and what is below it, or a status.", "front/translate TestTranslate"},
	{"RedirectPermanent", anywhere, two, "a document to be redirected, then the destination URL", redirect(301), "Redirect permanent.", "front/translate TestTranslate"},
	{"RedirectTemp", anywhere, two, "a document to be redirected, then the destination URL", redirect(302), "Redirect temp.", "front/translate TestTranslate"},
}

func alias(l *loader, p place, d *httpdconf.Directive) {
	switch {
	case p.location != nil && len(d.Args) == 2:
		l.fail(d, d.Pos, "Alias cannot occur within directory context", "write only the folder, or move the line out of the section")
		return
	case p.location != nil && p.matching:
		l.close(p, d, "Alias in a section with a regular expression")
		return
	case p.location != nil:
		own := translate.Alias{Path: arg(p.location, 0), Dir: l.inRoot(arg(d, 0)), Place: line(d)}
		p.scope.aliases = slices.Insert(p.scope.aliases, 0, own)
		return
	case len(d.Args) == 1:
		l.fail(d, d.Pos, "Alias must have two arguments when used globally", "write Alias PATH FOLDER")
		return
	}
	path, dir := arg(d, 0), arg(d, 1)
	if !strings.HasPrefix(path, "/") {
		l.warn(d, at(d, 0), "Alias "+path+" begins without a slash and matches no URL, as in httpd", "write /"+path)
	}
	if strings.HasSuffix(path, "/") != strings.HasSuffix(dir, "/") {
		l.warn(d, at(d, 1), "Alias: only one of the two ends in a slash; httpd then names files wrongly, catflap does not", "end both or neither in a slash")
	}
	p.scope.aliases = append(p.scope.aliases, translate.Alias{Path: path, Dir: l.inRoot(dir), Place: line(d)})
}

func aliasMatch(l *loader, p place, d *httpdconf.Directive) {
	pattern := l.regexp(d, 0, "Regular expression could not be compiled.")
	if pattern == nil {
		return
	}
	p.scope.aliases = append(p.scope.aliases, translate.Alias{Pattern: pattern, Dir: braced(l.inRoot(arg(d, 1))), Place: line(d)})
}

// braced turns $1 into ${1}, as package regexp needs it before letters.
func braced(template string) string { return groups.ReplaceAllString(template, "$${${1}}") }

var groups = regexp.MustCompile(`\$([0-9])`)

// redirectStatus reads the status of a Redirect, as a word or a number.
func redirectStatus(word string) (status int, ok bool) {
	switch strings.ToLower(word) {
	case "permanent":
		return 301, true
	case "temp":
		return 302, true
	case "seeother":
		return 303, true
	case "gone":
		return 410, true
	}
	n, err := strconv.Atoi(word)
	return n, err == nil && n > 0
}

// redirect returns what reads a Redirect of a fixed status, or, for 0, one
// that may be named.
//
// Source: httpd modules/mappers/mod_alias.c, add_redirect_internal.
func redirect(fixed int) func(*loader, place, *httpdconf.Directive) {
	return func(l *loader, p place, d *httpdconf.Directive) {
		args, status := d.Args, fixed
		if fixed == 0 {
			status = 302
			n, named := redirectStatus(args[0].Text)
			switch {
			case named:
				status, args = n, args[1:]
			case len(args) == 3:
				l.fail(d, args[0].Pos, "Redirect: invalid first argument (of three)", "write permanent, temp, seeother, gone or a status")
				return
			}
		}
		if p.in&topLevels == 0 && redirectsSection(args, status) {
			l.close(p, d, strings.TrimSpace(d.Name+" "+d.Raw)+" without a path")
			return
		}
		r, ok := l.redirectOf(d, args, status)
		if !ok {
			return
		}
		if p.in&topLevels == 0 {
			l.warn(d, d.Pos, d.Name+" "+r.Path+" in a section holds for the whole site here", "move it out of the section")
		}
		if i := slices.IndexFunc(p.scope.redirects, func(o translate.Redirect) bool { return o.Path == r.Path }); i >= 0 {
			l.warn(d, args[0].Pos, d.Name+" "+r.Path+" again: the first, in "+p.scope.redirects[i].Place+", counts", "take one of them out")
		}
		p.scope.redirects = append(p.scope.redirects, r)
	}
}

// redirectsSection reports whether a Redirect in a section names no path: it
// is for all that the section covers.
func redirectsSection(args []httpdconf.Arg, status int) bool {
	if status >= 300 && status <= 399 {
		return len(args) < 2
	}
	return len(args) == 0
}

func (l *loader) redirectOf(d *httpdconf.Directive, args []httpdconf.Arg, status int) (translate.Redirect, bool) {
	moves := status >= 300 && status <= 399
	switch {
	case status < 300 && status != 0, status > 999, !moves && len(args) > 1:
		l.fail(d, at(d, 0), "Redirect URL not valid for this status", "only a status from 300 to 399 has a URL")
		return translate.Redirect{}, false
	case len(args) == 0, moves && len(args) < 2:
		l.fail(d, d.Pos, "URL to redirect to is missing", "write "+d.Name+" PATH URL")
		return translate.Redirect{}, false
	}
	r := translate.Redirect{Path: args[0].Text, Status: status, Place: line(d)}
	if !strings.HasPrefix(r.Path, "/") {
		l.warn(d, args[0].Pos, d.Name+" "+r.Path+" begins without a slash and matches no URL, as in httpd", "write /"+r.Path)
	}
	if status > 599 {
		l.warn(d, at(d, 0), "Redirect "+strconv.Itoa(status)+" is no status of HTTP; the answer is 500", "")
		r.Status = 500
	}
	if moves {
		r.To = args[1].Text
		if !strings.HasPrefix(r.To, "/") && !absolute.MatchString(r.To) {
			l.fail(d, args[1].Pos, "Redirect to non-URL", "begin it with a slash, or with http://")
			return r, false
		}
	}
	return r, true
}

// absolute is the beginning of a URL.
var absolute = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:`)
