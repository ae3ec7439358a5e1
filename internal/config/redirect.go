package config

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/regex"
	"github.com/catflap/catflap/internal/front/settings"
	"github.com/catflap/catflap/internal/front/translate"
)

// redirectRows are the directives that lead a path elsewhere.
var redirectRows = []row{
	{"Alias", topLevels | inLocation, oneOrTwo, "a fakename and a realname, or a realname in a Location", alias, "A folder or file for a URL path.", "front/translate TestTranslate"},
	{"AliasMatch", topLevels, two, "a regular expression and a filename", aliasMatch, "The same, by a regular expression.", "front/translate TestTranslate"},
	{"Redirect", anywhere, oneToThree, "an optional status, then document to be redirected and destination URL", redirect(0), "Another URL for a path and what is below it, or a status.", "front/translate TestTranslate"},
	{"RedirectMatch", anywhere, twoOrThree, "an optional status, then a regular expression and destination URL", redirectMatch, "Another URL for paths that a regular expression matches, with $1, or a status.", "front/translate TestRedirectMatch"},
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

// aliasMatch reads AliasMatch. What comes before the first $1 names the folder
// that no path leads out of.
func aliasMatch(l *loader, p place, d *httpdconf.Directive) {
	pattern := l.regexp(d, 0, "Regular expression could not be compiled.")
	if pattern == nil {
		return
	}
	a := translate.Alias{Pattern: pattern, Place: line(d)}
	template := regex.ParseTemplate(arg(d, 1))
	fixed, whole := template.Literal()
	if !whole {
		folder := fixed[:strings.LastIndexByte(fixed, '/')+1]
		fixed, a.Below = folder, template.From(len(folder))
	}
	a.Dir = l.inRoot(fixed)
	p.scope.aliases = append(p.scope.aliases, a)
}

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
		args, status, ok := d.Args, fixed, true
		if fixed == 0 {
			if args, status, ok = l.statusFirst(d); !ok {
				return
			}
		}
		if p.in&topLevels == 0 && redirectsSection(args, status) {
			args = append([]httpdconf.Arg{{}}, args...) // no path: all of it
		}
		r, ok := l.redirectOf(d, args, status)
		if !ok {
			return
		}
		r.First = r.Path == "" && p.location != nil
		all := redirectsOf(p)
		if i := slices.IndexFunc(*all, func(o settings.Redirect) bool { return o.Path == r.Path && o.Pattern == nil }); i >= 0 {
			pos := d.Pos
			if r.Path != "" {
				pos = args[0].Pos
			}
			l.warn(d, pos, strings.TrimSpace(d.Name+" "+r.Path)+" again: the first, in "+(*all)[i].Place+", counts", "take one of them out")
		}
		*all = append(*all, r)
	}
}

// statusFirst reads the status with which d may begin, 302 if it does not, and
// returns the arguments behind it.
func (l *loader) statusFirst(d *httpdconf.Directive) (args []httpdconf.Arg, status int, ok bool) {
	n, named := redirectStatus(d.Args[0].Text)
	switch {
	case named:
		return d.Args[1:], n, true
	case len(d.Args) == 3:
		l.fail(d, d.Args[0].Pos, "Redirect: invalid first argument (of three)", "write permanent, temp, seeother, gone or a status")
		return nil, 0, false
	}
	return d.Args, http.StatusFound, true
}

// redirectsOf returns the redirects of a place: those of a section hold for
// what it covers.
func redirectsOf(p place) *[]settings.Redirect {
	if p.in&topLevels == 0 {
		return &p.layer.Redirects
	}
	return &p.scope.redirects
}

// redirectMatch reads RedirectMatch.
func redirectMatch(l *loader, p place, d *httpdconf.Directive) {
	args, status, ok := l.statusFirst(d)
	if !ok {
		return
	}
	r, ok := l.redirectOf(d, args, status)
	if !ok {
		return
	}
	if r.Pattern = l.regexp(d, len(d.Args)-len(args), "Regular expression could not be compiled."); r.Pattern == nil {
		return
	}
	if r.Path = ""; r.To != "" {
		r.Match, r.To = regex.ParseTemplate(escaped(r.To)), ""
	}
	all := redirectsOf(p)
	*all = append(*all, r)
}

// escaped escapes the path of a URL that may hold $1 and backslashes, as httpd
// does with what a RedirectMatch leads to.
func escaped(to string) string {
	path := 0
	if i := strings.Index(to, "://"); i >= 0 {
		path = i + 3
	}
	slash := strings.IndexAny(to[path:], "/?#")
	if slash < 0 {
		return to
	}
	path += slash
	end := len(to)
	if i := strings.IndexAny(to[path:], "?#"); i >= 0 {
		end = path + i
	}
	parts := strings.Split(to[path:end], `\`)
	for i := range parts {
		parts[i] = exchange.EscapePath(parts[i])
	}
	return to[:path] + strings.Join(parts, `\`) + to[end:]
}

// redirectsSection reports whether a Redirect in a section names no path: it
// is for all that the section covers.
func redirectsSection(args []httpdconf.Arg, status int) bool {
	if status >= 300 && status <= 399 {
		return len(args) < 2
	}
	return len(args) == 0
}

func (l *loader) redirectOf(d *httpdconf.Directive, args []httpdconf.Arg, status int) (settings.Redirect, bool) {
	moves := status >= 300 && status <= 399
	switch {
	case status < 300 && status != 0, status > 999, !moves && len(args) > 1:
		l.fail(d, at(d, 0), "Redirect URL not valid for this status", "only a status from 300 to 399 has a URL")
		return settings.Redirect{}, false
	case len(args) == 0, moves && len(args) < 2:
		l.fail(d, d.Pos, "URL to redirect to is missing", "write "+d.Name+" PATH URL")
		return settings.Redirect{}, false
	}
	r := settings.Redirect{Path: args[0].Text, Status: status, Place: line(d)}
	if !strings.HasPrefix(r.Path, "/") && r.Path != "" && !strings.EqualFold(d.Name, "RedirectMatch") {
		l.warn(d, args[0].Pos, d.Name+" "+r.Path+" begins without a slash and matches no URL, as in httpd", "write /"+r.Path)
	}
	if status > 599 {
		l.warn(d, at(d, 0), "Redirect "+strconv.Itoa(status)+" is no status of HTTP; the answer is 500", "")
		r.Status = 500
	}
	if moves {
		r.To = args[1].Text
		if !strings.HasPrefix(r.To, "/") && !absolute.MatchString(r.To) && !strings.EqualFold(d.Name, "RedirectMatch") {
			l.fail(d, args[1].Pos, "Redirect to non-URL", "begin it with a slash, or with http://")
			return r, false
		}
	}
	return r, true
}

// absolute is the beginning of a URL.
var absolute = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:`)
