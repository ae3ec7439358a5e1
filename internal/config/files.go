package config

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/config/mistake"
	"github.com/catflap/catflap/internal/front/settings"
	"github.com/catflap/catflap/internal/front/translate"
)

// fileRows are the directives about the front's own files.
var fileRows = []row{
	{"DocumentRoot", topLevels, 1, 1, "one argument, Root directory of the document tree", documentRoot, "The folder of the site's files.", "TestTranslate"},
	{"DirectoryIndex", anywhere, 1, -1, "", directoryIndex, "What a folder's URL shows; also a name that is only mounted.", "TestIndex"},
	{"DirectorySlash", anywhere, 1, 1, "", directorySlash, "Whether /folder is sent to /folder/.", "TestWith"},
	{"Options", anywhere, 1, -1, "", options, "Indexes, FollowSymLinks, SymLinksIfOwnerMatch, MultiViews.", "TestWith"},
	{"AllowOverride", inDirectory, 1, -1, "", allowOverride, "None; what allows .htaccess is told.", "TestGolden"},
	{"ErrorDocument", anywhere, 2, 2, "two arguments, Change responses for HTTP errors", errorDocument, "The page for an error.", "TestErrorDocument"},
	{"TypesConfig", inServer, 1, 1, "one argument, the MIME types config file", typesConfig, "The file of media types by extension.", "TestParseTypes"},
	{"AddType", anywhere, 2, -1, "", addType, "The media type of extensions.", "TestMediaTypes"},
	{"ForceType", inSection, 1, 1, "one argument, a media type", forceType, "The media type of all files.", "TestMediaTypes"},
	{"AddDefaultCharset", anywhere, 1, 1, "one argument, The name of the default charset to add to any Content-Type without one or 'Off' to disable", addDefaultCharset, "The charset of text without one.", "TestMediaTypes"},
	{"Alias", topLevels, 2, 2, "two arguments, a fakename and a realname", alias, "A folder or file for a URL path.", "TestTranslate"},
	{"AliasMatch", topLevels, 2, 2, "two arguments, a regular expression and a filename", aliasMatch, "The same, by a regular expression.", "TestTranslate"},
	{"Redirect", topLevels, 1, 3, "", redirect(0), "Another URL for a path.", "TestTranslate"},
	{"RedirectPermanent", topLevels, 2, 2, "two arguments, a document to be redirected, then the destination URL", redirect(301), "Redirect permanent.", "TestTranslate"},
	{"RedirectTemp", topLevels, 2, 2, "two arguments, a document to be redirected, then the destination URL", redirect(302), "Redirect temp.", "TestTranslate"},
	{"LimitRequestBody", anywhere, 1, 1, "one argument, Limit (in bytes) on maximum size of request message body", limitBody, "The largest body of a request, in bytes.", "TestBodyEnds"},
}

func documentRoot(l *loader, p place, d *httpdconf.Directive) {
	p.scope.docRoot, p.scope.docRootAt = l.inRoot(arg(d, 0)), d
}

func directoryIndex(l *loader, p place, d *httpdconf.Directive) {
	if p.layer.Index == nil {
		p.layer.Index = &settings.IndexChange{}
	}
	if len(d.Args) == 1 && strings.EqualFold(arg(d, 0), "disabled") {
		p.layer.Index.Names = []string{}
		return
	}
	for _, a := range d.Args {
		p.layer.Index.Names = append(p.layer.Index.Names, a.Text)
	}
}

func directorySlash(l *loader, p place, d *httpdconf.Directive) {
	if on, ok := l.flag(d); ok {
		if p.layer.Index == nil {
			p.layer.Index = &settings.IndexChange{}
		}
		p.layer.Index.Slash = &on
	}
}

var optionNames = map[string]settings.Options{
	"indexes": settings.Indexes, "followsymlinks": settings.FollowSymLinks, "symlinksifownermatch": settings.SymLinksIfOwnerMatch,
	"multiviews": settings.MultiViews, "includes": settings.Includes, "includesnoexec": settings.IncludesNoExec, "execcgi": settings.ExecCGI,
	"all": settings.AllOptions, "none": 0,
}

func options(l *loader, p place, d *httpdconf.Directive) {
	if p.layer.Options == nil {
		p.layer.Options = &settings.OptionsChange{}
	}
	c := p.layer.Options
	signed := strings.ContainsAny(arg(d, 0)[:min(1, len(arg(d, 0)))], "+-")
	var plain settings.Options
	for i, a := range d.Args {
		sign, name := "", a.Text
		if strings.HasPrefix(name, "+") || strings.HasPrefix(name, "-") {
			sign, name = name[:1], name[1:]
		}
		if (sign != "") != signed {
			l.fail(d, at(d, i), "Either all Options must start with + or -, or no Option may.", "")
			return
		}
		o, ok := optionNames[strings.ToLower(name)]
		if !ok {
			l.fail(d, at(d, i), "Illegal option "+a.Text, near(name, []string{"Indexes", "FollowSymLinks", "SymLinksIfOwnerMatch", "MultiViews", "Includes", "IncludesNOEXEC", "ExecCGI", "All", "None"}))
			return
		}
		switch sign {
		case "+":
			c.Set, c.Clear = c.Set|o, c.Clear&^o
		case "-":
			c.Set, c.Clear = c.Set&^o, c.Clear|o
		default:
			plain |= o
		}
	}
	if !signed {
		*c = settings.OptionsChange{Replace: true, Set: plain}
	} else if c.Replace {
		c.Set &^= c.Clear
	}
}

func near(word string, names []string) string {
	if found := mistake.Nearest(word, names); len(found) > 0 {
		return "did you mean " + strings.Join(found, " or ") + "?"
	}
	return ""
}

func allowOverride(l *loader, _ place, d *httpdconf.Directive) {
	if len(d.Args) == 1 && strings.EqualFold(arg(d, 0), "none") {
		return
	}
	l.say(d, at(d, 0), severityUnsupported, "AllowOverride "+d.Raw+": catflap does not read .htaccess files yet; what they set or restrict below this folder has no effect",
		"move what they hold into the <Directory>, and write AllowOverride None", "")
}

func errorDocument(l *loader, p place, d *httpdconf.Directive) {
	code, err := strconv.Atoi(arg(d, 0))
	if err != nil || code < 400 || code > 599 {
		l.fail(d, at(d, 0), "Unsupported HTTP response code "+arg(d, 0), "")
		return
	}
	target := arg(d, 1)
	var doc settings.ErrorDoc
	switch {
	case strings.EqualFold(target, "default"):
	case strings.Contains(target, "://") && !strings.ContainsAny(target, " \t"):
		doc.URL = target
	case strings.HasPrefix(target, "/"):
		doc.Path = target
	default:
		doc.Text = strings.TrimPrefix(target, `"`)
	}
	if code == 401 && doc.URL != "" {
		l.warn(d, at(d, 1), "cannot use a full URL in a 401 ErrorDocument directive --- ignoring!", "name a local path")
		return
	}
	if p.layer.ErrorDocs == nil {
		p.layer.ErrorDocs = settings.ErrorDocs{}
	}
	p.layer.ErrorDocs[code] = doc
}

func typesConfig(l *loader, _ place, d *httpdconf.Directive) {
	l.types, l.typesAt = l.inRoot(arg(d, 0)), d
}

// typesOf returns the Types of a layer, made if it has none.
func typesOf(layer *settings.Layer) *settings.Types {
	if layer.Types == nil {
		layer.Types = &settings.Types{}
	}
	return layer.Types
}

func addType(_ *loader, p place, d *httpdconf.Directive) {
	t := typesOf(p.layer)
	if t.ByExt == nil {
		t.ByExt = map[string]string{}
	}
	for _, a := range d.Args[1:] {
		t.ByExt[strings.ToLower(strings.TrimPrefix(a.Text, "."))] = strings.ToLower(arg(d, 0))
	}
}

func forceType(_ *loader, p place, d *httpdconf.Directive) { typesOf(p.layer).Force = arg(d, 0) }

func addDefaultCharset(_ *loader, p place, d *httpdconf.Directive) {
	charset := arg(d, 0)
	if strings.EqualFold(charset, "on") {
		charset = "iso-8859-1"
	}
	typesOf(p.layer).Charset = charset
}

func alias(l *loader, p place, d *httpdconf.Directive) {
	if !strings.HasPrefix(arg(d, 0), "/") {
		l.fail(d, at(d, 0), "Alias "+arg(d, 0)+": a URL path begins with a slash", "")
		return
	}
	dir := arg(d, 1)
	if strings.HasSuffix(arg(d, 0), "/") != strings.HasSuffix(dir, "/") {
		l.warn(d, at(d, 1), "Alias: only one of the two ends in a slash; httpd then names files wrongly, catflap does not", "end both or neither in a slash")
	}
	p.scope.aliases = append(p.scope.aliases, translate.Alias{Path: arg(d, 0), Dir: l.inRoot(dir), Place: line(d)})
}

func aliasMatch(l *loader, p place, d *httpdconf.Directive) {
	pattern := l.regexp(d, 0)
	if pattern == nil {
		return
	}
	p.scope.aliases = append(p.scope.aliases, translate.Alias{Pattern: pattern, Dir: braced(l.inRoot(arg(d, 1))), Place: line(d)})
}

// braced turns $1 into ${1}, as package regexp needs it before letters.
func braced(template string) string { return groups.ReplaceAllString(template, "$${${1}}") }

var groups = regexp.MustCompile(`\$([0-9])`)

var redirectNames = map[string]int{"permanent": 301, "temp": 302, "seeother": 303, "gone": 410}

// redirect returns what reads a Redirect of a fixed status, or, for 0, one
// that may be named.
func redirect(fixed int) func(*loader, place, *httpdconf.Directive) {
	return func(l *loader, p place, d *httpdconf.Directive) {
		args, status := d.Args, fixed
		if fixed == 0 {
			status = 302
			if n, ok := redirectNames[strings.ToLower(args[0].Text)]; ok {
				status, args = n, args[1:]
			} else if n, err := strconv.Atoi(args[0].Text); err == nil {
				status, args = n, args[1:]
			}
		}
		if len(args) == 0 || !strings.HasPrefix(args[0].Text, "/") {
			l.fail(d, d.Pos, d.Name+" takes two or three arguments: an optional status, a path that begins with a slash, and a URL", "")
			return
		}
		r := translate.Redirect{Path: args[0].Text, Status: status, Place: line(d)}
		moves := status >= 300 && status < 400
		switch {
		case status < 300 || status > 599:
			l.fail(d, at(d, 0), "Redirect URL not valid for this status", "")
			return
		case moves != (len(args) == 2):
			l.fail(d, d.Pos, "Redirect URL not valid for this status", "only a status from 300 to 399 has a URL, and needs one")
			return
		case moves:
			r.To = args[1].Text
			if !strings.HasPrefix(r.To, "/") && !strings.Contains(r.To, ":") {
				l.fail(d, args[1].Pos, "Redirect to non-URL", "begin it with a slash, or with http://")
				return
			}
		}
		if i := slices.IndexFunc(p.scope.redirects, func(o translate.Redirect) bool { return o.Path == r.Path }); i >= 0 {
			l.warn(d, args[0].Pos, d.Name+" "+r.Path+" again: the first, in "+p.scope.redirects[i].Place+", counts", "take one of them out")
		}
		p.scope.redirects = append(p.scope.redirects, r)
	}
}

func limitBody(l *loader, p place, d *httpdconf.Directive) {
	n, err := strconv.ParseInt(arg(d, 0), 10, 64)
	if err != nil || n < 0 {
		l.fail(d, at(d, 0), "LimitRequestBody requires a non-negative integer.", "")
		return
	}
	p.layer.BodyLimit = &n
}
