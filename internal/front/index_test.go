package front

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catflap/catflap/internal/front/settings"
	"github.com/catflap/catflap/internal/front/translate"
	"github.com/catflap/catflap/internal/front/vhost"
	"github.com/catflap/catflap/internal/web/static"
)

// TestIndexNames: each name of a DirectoryIndex is judged like a request of
// its own. What httpd with mod_jk does with the same is in interop.
func TestIndexNames(t *testing.T) {
	denied := &settings.Requirement{Kind: settings.RequireDenied}
	f := start(t, echo, func(c *Config) {
		htdocs := c.Sites[0].Translate.DocumentRoot
		for _, name := range []string{"plain/b.html", "two/a.html", "two/b.html", "none/x", "inner/in/x", "both/b.html"} {
			os.MkdirAll(filepath.Join(htdocs, filepath.Dir(name)), 0o755)
			os.WriteFile(filepath.Join(htdocs, name), []byte(name), 0o644)
		}
		c.Sites[0].Translate.Redirects = []settings.Redirect{{Path: "/none/gone.html", To: "http://other.example/", Status: 302}}
		index := func(folder string, names ...string) vhost.Section {
			return vhost.Section{Kind: vhost.Directory, Pattern: filepath.Join(htdocs, folder), Layer: &settings.Layer{Index: &settings.IndexChange{Names: names}}}
		}
		c.Sites[0].Sections.Of = append(c.Sites[0].Sections.Of,
			index("plain", "a.html", "b.html"), index("two", "a.html", "b.html"), index("none", "a.html", "c.do", "gone.html"),
			index("inner", "in"), index("both", "secret.do", "b.html"), index("only", "secret.do", "c.do"),
			vhost.Section{Kind: vhost.Files, Pattern: "a.html", Layer: &settings.Layer{Require: denied}},
			vhost.Section{Kind: vhost.Location, Pattern: "/both/secret.do", Layer: &settings.Layer{Require: denied}},
			vhost.Section{Kind: vhost.Location, Pattern: "/only/secret.do", Layer: &settings.Layer{Require: denied}})
	})
	for _, test := range []struct{ rule, request, status, body string }{
		{"a name that may not be seen is passed over for a file", "GET /two/", "200", "two/b.html"},
		{"even if there is no such file", "GET /plain/", "200", "plain/b.html"},
		{"a mounted one, too", "GET /both/", "200", "both/b.html"},
		{"but not for the folder's own path", "GET /only/", "403", "403"},
		{"a redirect wins", "GET /none/", "302", "http://other.example/"},
		{"a folder without its slash is sent to the one with it", "GET /inner/", "301", "/inner/in/"},
		{"a mounted name takes every method", "PUT /sub/", "200", "node PUT /sub/index.do "},
		{"a file does not", "PUT /two/", "405", "405"},
	} {
		status, _, body := f.ask(t, test.request+" HTTP/1.1\r\nHost: site.example\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
		if !strings.HasPrefix(status, test.status) || !strings.Contains(body, test.body) {
			t.Errorf("%s: %s is %s %q, want %s with %q", test.rule, test.request, status, body, test.status, test.body)
		}
	}
}

// TestVariants: MultiViews passes over what its client may not have, and
// chooses for a DirectoryIndex, too.
func TestVariants(t *testing.T) {
	f := start(t, echo, func(c *Config) {
		htdocs := c.Sites[0].Translate.DocumentRoot
		for _, name := range []string{"mv/page.html", "mv/page.txt", "mv/closed.html", "mv/node.do.html", "mv/in/home.html"} {
			os.MkdirAll(filepath.Join(htdocs, filepath.Dir(name)), 0o755)
			os.WriteFile(filepath.Join(htdocs, name), []byte(name), 0o644)
		}
		c.Types = static.TypeMap{"html": "text/html", "txt": "text/plain"}
		c.Sites[0].Sections.Of = append(c.Sites[0].Sections.Of,
			vhost.Section{Kind: vhost.Directory, Pattern: filepath.Join(htdocs, "mv"), Layer: &settings.Layer{
				Options: &settings.OptionsChange{Set: settings.MultiViews}, Index: &settings.IndexChange{Names: []string{"absent", "home"}}}},
			vhost.Section{Kind: vhost.Files, Pattern: "page.html", Layer: &settings.Layer{Require: &settings.Requirement{Kind: settings.RequireDenied}}},
			vhost.Section{Kind: vhost.Files, Pattern: "closed.html", Layer: &settings.Layer{Require: &settings.Requirement{Kind: settings.RequireDenied}}})
	})
	for _, test := range []struct{ rule, path, status, body, location string }{
		{"the one that may be had", "/mv/page", "200", "mv/page.txt", "page.txt"},
		{"none may be had", "/mv/closed", "404", "sorry", ""},
		{"a DirectoryIndex", "/mv/in/", "200", "mv/in/home.html", "home.html"},
		{"a DirectoryIndex without a variant", "/mv/", "403", "403", ""},
	} {
		status, head, body := f.get(t, test.path)
		if !strings.HasPrefix(status, test.status) || !strings.Contains(body, test.body) || test.location != "" && !strings.Contains(head, "Content-Location: "+test.location+"\r\n") ||
			test.location == "" && strings.Contains(head, "Content-Location") {
			t.Errorf("%s: %s is %s %q\n%s", test.rule, test.path, status, body, head)
		}
	}
}

// TestListingShowsWhatMayBeSeen: a listing does not tell of names that access
// control refuses.
func TestListingShowsWhatMayBeSeen(t *testing.T) {
	denied := &settings.Layer{Require: &settings.Requirement{Kind: settings.RequireDenied}}
	f := start(t, echo, func(c *Config) {
		htdocs := c.Sites[0].Translate.DocumentRoot
		for _, name := range []string{"list/open.txt", "list/hidden.txt", "list/sub/x", "list/closed/x", "list/by-url.txt"} {
			os.MkdirAll(filepath.Join(htdocs, filepath.Dir(name)), 0o755)
			os.WriteFile(filepath.Join(htdocs, name), []byte(name), 0o644)
		}
		c.Sites[0].Sections.Of = append(c.Sites[0].Sections.Of,
			vhost.Section{Kind: vhost.Directory, Pattern: filepath.Join(htdocs, "list"), Layer: &settings.Layer{Options: &settings.OptionsChange{Set: settings.Indexes}, Index: &settings.IndexChange{Names: []string{}}}},
			vhost.Section{Kind: vhost.Directory, Pattern: filepath.Join(htdocs, "list/closed"), Layer: denied},
			vhost.Section{Kind: vhost.Files, Pattern: "hidden.txt", Layer: denied},
			vhost.Section{Kind: vhost.Location, Pattern: "/list/by-url.txt", Layer: denied})
	})
	_, _, body := f.get(t, "/list/")
	for name, want := range map[string]bool{"open.txt": true, "sub/": true, "hidden.txt": false, "closed/": false, "by-url.txt": false} {
		if got := strings.Contains(body, `href="`+name+`"`); got != want {
			t.Errorf("%s is listed: %v", name, got)
		}
	}
}

// TestDirectoryNamesFolders: a <Directory> holds for a folder asked for with
// or without its slash, and not for a file of that name.
func TestDirectoryNamesFolders(t *testing.T) {
	f := start(t, echo, func(c *Config) {
		denied := &settings.Layer{Require: &settings.Requirement{Kind: settings.RequireDenied}}
		c.Sites[0].Sections.Of = append(c.Sites[0].Sections.Of,
			vhost.Section{Kind: vhost.Directory, Pattern: c.Sites[0].Translate.DocumentRoot + "/*", Layer: denied})
		c.Sites[0].Translate.Aliases = []translate.Alias{{Path: "/also", Dir: filepath.Join(c.Sites[0].Translate.DocumentRoot, "sub")}}
	})
	for path, want := range map[string]string{"/a.html": "200", "/sub": "403", "/sub/": "403", "/sub/index.do": "200", "/sub/x": "403", "/also": "403", "/": "200"} {
		if status, _, _ := f.get(t, path); !strings.HasPrefix(status, want) {
			t.Errorf("%s: %s, want %s", path, status, want)
		}
	}
}
