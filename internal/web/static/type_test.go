package static

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/catflap/catflap/internal/front/settings"
)

// named makes a document root with a file for each name, which holds the name.
func named(t *testing.T, names ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(root, name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// TestNames: what the extensions of a name tell, as seen of httpd.
func TestNames(t *testing.T) {
	f := New(Config{Types: TypeMap{"html": "text/html", "txt": "text/plain", "es": "application/ecmascript", "tar": "application/x-tar", "js": "text/javascript"}})
	defer f.Close()
	base := func(s *settings.Types) {
		s.ByExt = map[string]string{"gz": "application/x-gzip", "es": ""}
		s.Encodings = map[string]string{"gz": "x-gzip", "br": "br"}
		s.Languages = map[string]string{"es": "es", "en": "en", "fr": "fr"}
		s.Charsets = map[string]string{"utf8": "utf-8", "latin1": "iso-8859-1"}
	}
	for _, test := range []struct {
		name                      string
		change                    func(*settings.Types)
		mediaType, lang, encoding string
	}{
		{"a.html.es", nil, "text/html", "es", ""},
		{"a.es", nil, "", "es", ""},
		{"a.HTML.EN.fr", nil, "text/html", "en,fr", ""},
		{"a.txt.utf8", nil, "text/plain; charset=utf-8", "", ""},
		{"a.html.latin1.utf8", nil, "text/html; charset=utf-8", "", ""},
		{"a.tar.gz", nil, "application/x-gzip", "", "x-gzip"},
		{"a.gz.tar", nil, "application/x-tar", "", "x-gzip"},
		{"a.js.br.gz", nil, "application/x-gzip", "", "br, x-gzip"},
		{".txt", nil, "", "", ""},
		{".x.html", nil, "text/html", "", ""},
		{"a..html", nil, "text/html", "", ""},
		{"plain.en", nil, "", "en", ""},
		{"a.utf8", nil, "", "", ""},
		{"a.html", func(s *settings.Types) { s.Language = "de"; s.Charset = "UTF-8" }, "text/html; charset=utf-8", "de", ""},
		{"a.html.en.latin1", func(s *settings.Types) { s.Language = "de"; s.Charset = "UTF-8" }, "text/html; charset=iso-8859-1", "en", ""},
		{"a.html.en.gz.utf8", func(s *settings.Types) { s.Force = "x/forced" }, "x/forced", "en", "x-gzip"},
		{"a.html.gz", func(s *settings.Types) { s.Encodings["gz"], s.ByExt["gz"] = "", "" }, "text/html", "", ""},
	} {
		rec, err := serve(t, f, ask(named(t, test.name), "GET", "/"+test.name, func(s *settings.Settings) {
			base(&s.Types)
			if test.change != nil {
				test.change(&s.Types)
			}
		}))
		h := rec.Header()
		if err != nil || h.Get("Content-Type") != test.mediaType || h.Get("Content-Language") != test.lang || h.Get("Content-Encoding") != test.encoding {
			t.Errorf("%s: %q, %q, %q; %v", test.name, h.Get("Content-Type"), h.Get("Content-Language"), h.Get("Content-Encoding"), err)
		}
	}
}

// TestNamesOfOthers: an answer that is not the file has none of its headers.
func TestNamesOfOthers(t *testing.T) {
	f := New(Config{})
	defer f.Close()
	for _, headers := range [][]string{{"If-None-Match", "*"}, {"If-Match", `"x"`}, {"Range", "bytes=100-"}} {
		rec, _ := serve(t, f, ask(named(t, "a.en.gz"), "GET", "/a.en.gz", func(s *settings.Settings) {
			s.Types.Languages, s.Types.Encodings = map[string]string{"en": "en"}, map[string]string{"gz": "x-gzip"}
		}), headers...)
		for _, name := range []string{"Content-Type", "Content-Language", "Content-Encoding"} {
			if got := rec.Header().Get(name); got != "" {
				t.Errorf("%v: %s: %s", headers, name, got)
			}
		}
	}
}

// TestLanguages: MultiViews chooses by language, as seen of httpd.
func TestLanguages(t *testing.T) {
	f := New(Config{Types: TypeMap{"html": "text/html", "txt": "text/plain"}})
	defer f.Close()
	root := named(t, "p.html.en-longer.en", "p.html.de", "p.html.fr", "q.html", "q.html.de", "r.html.en", "r.txt.de", "u.html.pt-br", "u.html.en")
	first := settings.Priority{Order: []string{"fr", "en", "de"}}
	fallback := settings.Priority{Order: []string{"fr", "en", "de"}, Prefer: true, Fallback: true, Forced: true}
	none := settings.Priority{Order: []string{"fr", "en", "de"}, Forced: true}
	for _, test := range []struct {
		path, accept string
		priority     settings.Priority
		want         string // "" is 406
	}{
		{"/p", "", settings.Priority{}, "p.html.de"}, {"/p", "en-us", settings.Priority{}, "p.html.en-longer.en"}, {"/p", "fr, de;q=0.5", settings.Priority{}, "p.html.fr"},
		{"/p", "es", settings.Priority{}, ""}, {"/p", "es, *;q=0.1", settings.Priority{}, "p.html.de"},
		{"/p", "", first, "p.html.fr"}, {"/p", "de", first, "p.html.de"}, {"/p", "es", first, ""}, {"/p", "de;q=0.5, en;q=0.5", first, "p.html.en-longer.en"},
		{"/p", "es", fallback, "p.html.fr"}, {"/p", "", none, "p.html.de"}, {"/p", "de;q=0.5, fr;q=0.5", none, "p.html.de"},
		{"/q", "en", settings.Priority{}, "q.html"}, {"/q", "de", settings.Priority{}, "q.html.de"}, {"/r", "de", settings.Priority{}, "r.txt.de"}, {"/r", "en", settings.Priority{}, "r.html.en"},
		{"/u", "pt", settings.Priority{}, "u.html.pt-br"}, {"/u", "pt-BR", settings.Priority{}, "u.html.pt-br"}, {"/u", "de", settings.Priority{}, ""},
	} {
		x := ask(root, "GET", test.path, func(s *settings.Settings) {
			s.Options |= settings.MultiViews
			s.Types.Languages = map[string]string{"en": "en", "en-longer": "en", "de": "de", "fr": "fr", "pt-br": "pt-br"}
			s.Types.Priority = test.priority
		})
		var headers []string
		if test.accept != "" {
			headers = []string{"Accept-Language", test.accept}
		}
		rec, err := serve(t, f, x, headers...)
		if got := rec.Header().Get("Content-Location"); got != test.want || test.want == "" && statusOf(rec, err) != http.StatusNotAcceptable {
			t.Errorf("%s for %q: %q, want %q; %v", test.path, test.accept, got, test.want, err)
		}
	}
}
