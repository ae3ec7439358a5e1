package config

import (
	"strings"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/front/settings"
)

// mimeRows are the directives about what the extensions of a file tell beside
// its type.
var mimeRows = []row{
	{"AddCharset", anywhere, twoOrMore, "a charset (e.g., iso-2022-jp), followed by one or more file extensions", byExtension(charsetsOf), "The charset of extensions.", "web/static TestNames"},
	{"AddLanguage", anywhere, twoOrMore, "a language (e.g., fr), followed by one or more file extensions", byExtension(languagesOf), "The language of extensions.", "web/static TestNames"},
	{"AddEncoding", anywhere, twoOrMore, "an encoding (e.g., gzip), followed by one or more file extensions", byExtension(encodingsOf), "The encoding of extensions.", "web/static TestNames"},
	{"DefaultLanguage", anywhere, one, "language to use for documents with no other language file extension", defaultLanguage, "The language of files without one.", "web/static TestNames"},
	{"RemoveType", anywhere, some, "one or more file extensions", takenFrom(typesByExt), "Extensions that tell no type, also if TypesConfig has one.", "web/static TestNames"},
	{"RemoveCharset", anywhere, some, "one or more file extensions", takenFrom(charsetsOf), "Extensions that tell no charset.", "web/static TestNames"},
	{"RemoveLanguage", anywhere, some, "one or more file extensions", takenFrom(languagesOf), "Extensions that tell no language.", "web/static TestNames"},
	{"RemoveEncoding", anywhere, some, "one or more file extensions", takenFrom(encodingsOf), "Extensions that tell no encoding.", "web/static TestNames"},
	{"LanguagePriority", anywhere, some, "space-delimited list of MIME language abbreviations", languagePriority, "Which language MultiViews prefers of several that do.", "web/static TestLanguages"},
	{"ForceLanguagePriority", anywhere, some, "Force LanguagePriority elections, either None, or Fallback and/or Prefer", forceLanguagePriority, "Whether it prefers, and falls back if none does.", "web/static TestLanguages"},
}

func typesByExt(t *settings.Types) *map[string]string  { return &t.ByExt }
func charsetsOf(t *settings.Types) *map[string]string  { return &t.Charsets }
func languagesOf(t *settings.Types) *map[string]string { return &t.Languages }
func encodingsOf(t *settings.Types) *map[string]string { return &t.Encodings }

// put sets what extensions tell.
func put(m *map[string]string, extensions []httpdconf.Arg, value string) {
	if *m == nil {
		*m = map[string]string{}
	}
	for _, a := range extensions {
		(*m)[strings.ToLower(strings.TrimPrefix(a.Text, "."))] = value
	}
}

// byExtension returns what reads a value and its extensions.
//
// Source: httpd modules/http/mod_mime.c, add_extension_info: values in lower
// case.
func byExtension(of func(*settings.Types) *map[string]string) func(*loader, place, *httpdconf.Directive) {
	return func(_ *loader, p place, d *httpdconf.Directive) {
		put(of(typesOf(p.layer)), d.Args[1:], strings.ToLower(arg(d, 0)))
	}
}

// takenFrom returns what reads extensions that tell nothing.
func takenFrom(of func(*settings.Types) *map[string]string) func(*loader, place, *httpdconf.Directive) {
	return func(_ *loader, p place, d *httpdconf.Directive) { put(of(typesOf(p.layer)), d.Args, "") }
}

func defaultLanguage(_ *loader, p place, d *httpdconf.Directive) {
	typesOf(p.layer).Language = arg(d, 0)
}

func languagePriority(_ *loader, p place, d *httpdconf.Directive) {
	t := typesOf(p.layer)
	for _, a := range d.Args {
		t.Priority.Order = append(t.Priority.Order, strings.ToLower(a.Text))
	}
}

// forceLanguagePriority reads ForceLanguagePriority.
//
// Source: httpd modules/mappers/mod_negotiation.c, set_force_priority.
func forceLanguagePriority(l *loader, p place, d *httpdconf.Directive) {
	t := typesOf(p.layer)
	t.Priority.Forced = true
	for i, a := range d.Args {
		switch strings.ToLower(a.Text) {
		case "none":
			if t.Priority.Prefer || t.Priority.Fallback {
				l.fail(d, at(d, i), "Cannot combine ForceLanguagePriority options None and Prefer or Fallback", "")
			}
		case "prefer":
			t.Priority.Prefer = true
		case "fallback":
			t.Priority.Fallback = true
		default:
			l.fail(d, at(d, i), "Invalid ForceLanguagePriority option "+a.Text, near(a.Text, []string{"None", "Prefer", "Fallback"}))
		}
	}
}
