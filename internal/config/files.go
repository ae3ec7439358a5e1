package config

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/front/settings"
	"github.com/catflap/catflap/internal/mistake"
)

// fileRows are the directives about the front's own files.
var fileRows = []row{
	{"DocumentRoot", topLevels, one, "Root directory of the document tree", documentRoot, "The folder of the site's files.", "front/translate TestTranslate"},
	{"DirectoryIndex", anywhere, anyNumber, "", directoryIndex, "What a folder's URL shows; also a name that is only mounted.", "front TestIndex"},
	{"DirectorySlash", anywhere, flag, "", directorySlash, "Whether /folder is sent to /folder/.", "front/settings TestWith"},
	{"Options", anywhere, anyNumber, "", options, "Indexes, FollowSymLinks, SymLinksIfOwnerMatch, MultiViews; the others are known and have no effect.", "front/settings TestWith"},
	{"AllowOverride", inSection, anyNumber, "", allowOverride, "What the .htaccess files of folders may say. They are read when a file below is asked for, as httpd does.", "front/vhost TestOverrides"},
	{"AllowOverrideList", inSection, anyNumber, "", allowOverrideList, "Further directives that they may hold.", "TestGolden/htaccess"},
	{"AccessFileName", topLevels, some, "Name(s) of per-directory config files (default: .htaccess)", accessFileName, "What these files are called.", "TestGolden/htaccess"},
	{"ErrorDocument", anywhere, two, "Change responses for HTTP errors", errorDocument, "The page for an error.", "front/module/errordoc TestErrorDocument"},
	{"TypesConfig", topLevels, one, "the MIME types config file", typesConfig, "The file of media types by extension.", "web/static TestParseTypes"},
	{"AddType", anywhere, twoOrMore, "a mime type followed by one or more file extensions", addType, "The media type of extensions.", "web/static TestMediaTypes"},
	{"ForceType", anywhere, one, "a mime type that overrides other configured type", forceType, "The media type of all files.", "web/static TestMediaTypes"},
	{"AddDefaultCharset", anywhere, one, "The name of the default charset to add to any Content-Type without one or 'Off' to disable", addDefaultCharset, "The charset of text without one.", "web/static TestMediaTypes"},
	{"LimitRequestBody", anywhere, one, "Limit (in bytes) on maximum size of request message body", limitBody, "The largest body of a request, in bytes; more is 413.", "front/exchange TestBodyEnds"},
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

// options reads Options.
//
// Source: httpd server/core.c, set_options.
func options(l *loader, p place, d *httpdconf.Directive) {
	if len(d.Args) == 0 {
		l.warn(d, d.Pos, "Options without a name changes nothing", "write Options None if that is meant")
		return
	}
	if p.layer.Options == nil {
		p.layer.Options = &settings.OptionsChange{}
	}
	c := p.layer.Options
	signed := strings.HasPrefix(arg(d, 0), "+") || strings.HasPrefix(arg(d, 0), "-")
	var plain settings.Options
	for i, a := range d.Args {
		name := strings.TrimLeft(a.Text, "+-")
		hasSign := name != a.Text
		o, ok := optionNames[strings.ToLower(name)]
		switch all := strings.EqualFold(name, "all"); {
		case hasSign != signed:
			l.fail(d, at(d, i), "Either all Options must start with + or -, or no Option may.", "without a sign they take the place of the inherited ones")
			return
		case !ok:
			l.fail(d, at(d, i), "Illegal option "+name, near(name, []string{"Indexes", "FollowSymLinks", "SymLinksIfOwnerMatch", "MultiViews", "Includes", "IncludesNOEXEC", "ExecCGI", "All", "None"}))
			return
		case hasSign && (all || o == 0):
			l.fail(d, at(d, i), "You may not use 'Options +"+name+"' or 'Options -"+name+"'.", "write Options "+name)
			return
		case all && i > 0:
			l.fail(d, at(d, i), "'Options All' must be the first option given.", "")
			return
		case a.Text[0] == '+':
			c.Set, c.Clear = c.Set|o, c.Clear&^o
		case a.Text[0] == '-':
			c.Set, c.Clear = c.Set&^o, c.Clear|o
		default:
			plain |= o
		}
	}
	if !signed {
		*c = settings.OptionsChange{Replace: true, Set: plain}
	}
}

func near(word string, names []string) string {
	if found := mistake.Nearest(word, names); len(found) > 0 {
		return `did you mean "` + strings.Join(found, `" or "`) + `"?`
	}
	return ""
}

// errorDocument reads ErrorDocument.
//
// Source: httpd server/core.c, set_error_document.
func errorDocument(l *loader, p place, d *httpdconf.Directive) {
	code, err := strconv.Atoi(arg(d, 0))
	if err != nil || http.StatusText(code) == "" || code == http.StatusTooEarly {
		l.fail(d, at(d, 0), "Unsupported HTTP response code "+arg(d, 0), "")
		return
	}
	if code < 400 {
		l.warn(d, at(d, 0), "ErrorDocument "+arg(d, 0)+": that is no error, and the line has no effect, as in httpd", "take it out")
		return
	}
	target := arg(d, 1)
	var doc settings.ErrorDoc
	switch {
	case strings.EqualFold(target, "default"):
	case strings.Contains(target, " "): // as httpd: what has a blank is text
		doc.Text = strings.TrimPrefix(target, `"`)
	case strings.HasPrefix(target, "/") && strings.HasSuffix(target, ".var"):
		l.unsupported(d, at(d, 1), "ErrorDocument "+d.Raw+": type maps are not read; the built-in page is shown", "")
	case strings.HasPrefix(target, "/"):
		doc.Path = target
	case absolute.MatchString(target) && strings.Contains(target, "://"):
		doc.URL = target
	default:
		doc.Text = strings.TrimPrefix(target, `"`)
	}
	if code == http.StatusUnauthorized && doc.URL != "" {
		l.say(d, at(d, 1), mistake.Warning, "cannot use a full URL in a 401 ErrorDocument directive --- ignoring!", "name a local path", "AH00113")
		return
	}
	if p.layer.ErrorDocs == nil {
		p.layer.ErrorDocs = settings.ErrorDocs{}
	}
	p.layer.ErrorDocs[code] = doc
}

func typesConfig(l *loader, p place, d *httpdconf.Directive) {
	if p.in == inVHost {
		l.warn(d, d.Pos, "TypesConfig in a <VirtualHost> has no effect, as in httpd", "move it out of the section")
		return
	}
	l.types, l.typesAt = l.inRoot(arg(d, 0)), d
}

// typesOf returns the Types of a layer, made if it has none.
func typesOf(layer *settings.Layer) *settings.Types {
	if layer.Types == nil {
		layer.Types = &settings.Types{}
	}
	return layer.Types
}

// addType reads AddType. The types by which PHP and the like were found of old
// are no types: their files would be shown as they are.
func addType(l *loader, p place, d *httpdconf.Directive) {
	if isProgram(arg(d, 0)) {
		l.closes(d, at(d, 0), "any file with "+extensionsOf(d, 1), "AddType "+d.Raw+": catflap runs no programs; so these files answer 403 and are not shown as they are", "")
		l.closeFiles(p, d, d.Args[1:])
		return
	}
	t := typesOf(p.layer)
	if t.ByExt == nil {
		t.ByExt = map[string]string{}
	}
	for _, a := range d.Args[1:] {
		t.ByExt[strings.ToLower(strings.TrimPrefix(a.Text, "."))] = strings.ToLower(arg(d, 0))
	}
}

// isProgram reports whether a media type stands for a handler.
func isProgram(mediaType string) bool {
	low := strings.ToLower(mediaType)
	return strings.HasPrefix(low, "application/x-httpd-") && !strings.HasSuffix(low, "-source")
}

func forceType(l *loader, p place, d *httpdconf.Directive) {
	if isProgram(arg(d, 0)) {
		setHandler(l, p, d)
		return
	}
	typesOf(p.layer).Force = arg(d, 0)
}

func addDefaultCharset(_ *loader, p place, d *httpdconf.Directive) {
	charset := arg(d, 0)
	if strings.EqualFold(charset, "on") {
		charset = "iso-8859-1"
	}
	typesOf(p.layer).Charset = charset
}

func limitBody(l *loader, p place, d *httpdconf.Directive) {
	n, err := strconv.ParseInt(arg(d, 0), 10, 64)
	if err != nil || n < 0 {
		l.fail(d, at(d, 0), "LimitRequestBody requires a non-negative integer.", "")
		return
	}
	p.layer.BodyLimit = &n
}
