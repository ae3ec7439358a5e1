package vhost

import (
	"fmt"
	"strings"
	"testing"

	"github.com/catflap/catflap/internal/front/regex"
	"github.com/catflap/catflap/internal/front/settings"
)

// mark is a layer that shows in the outcome that it was merged, and when.
func mark(name string) *settings.Layer {
	return &settings.Layer{Types: &settings.Types{ByExt: map[string]string{"seen-" + name: name}, Force: name}}
}

// order returns the names of the marks in s, with a + after the one that was
// merged last.
func order(s *settings.Settings, all ...string) string {
	var seen []string
	for _, name := range all {
		if _, ok := s.Types.ByExt["seen-"+name]; ok {
			if s.Types.Force == name {
				name += "+"
			}
			seen = append(seen, name)
		}
	}
	return strings.Join(seen, " ")
}

func TestSettings(t *testing.T) {
	r := NewResolver(Sections{
		Server: []*settings.Layer{mark("main"), mark("host")},
		Of: []Section{
			{Kind: Location, Pattern: "/app", Layer: mark("app")},
			{Kind: Location, Pattern: "/", Layer: mark("all")},
			{Kind: Location, Pattern: "/below/", Layer: mark("below")},
			{Kind: Location, Pattern: "/w*/x", Layer: mark("wild")},
			{Kind: LocationMatch, Regexp: regex.MustCompile(`\.do$`), Layer: mark("do")},
			{Kind: Files, Pattern: "*.txt", Layer: mark("txt")},
			{Kind: DirectoryMatch, Regexp: regex.MustCompile(`/secret`), Layer: mark("secret")},
			{Kind: DirectoryMatch, Regexp: regex.MustCompile(`/end$`), Layer: mark("end")},
			{Kind: Directory, Pattern: "/srv/www/deep", Layer: mark("deep")},
			{Kind: Directory, Pattern: "/srv/www", Layer: mark("www"), Inside: []Section{
				{Kind: Files, Pattern: "in.txt", Layer: mark("inside")},
			}},
			{Kind: Directory, Pattern: "/", Layer: mark("root")},
			{Kind: Directory, Pattern: "/srv/*/pub", Layer: mark("pub")},
		},
	})
	all := []string{"main", "host", "root", "www", "pub", "deep", "secret", "end", "txt", "inside", "app", "all", "below", "wild", "do"}
	for _, test := range []struct {
		rule, url, file, want string
		folder                bool
	}{
		{"server level, then the widest Location", "/x", "", "main host all+", false},
		{"Location in file order, not by length", "/app", "", "main host app all+", false},
		{"Location covers what is below", "/app/x", "", "main host app all+", false},
		{"Location ends at a component", "/apple", "", "main host all+", false},
		{"Location with a slash: only below", "/below", "", "main host all+", false},
		{"Location with a slash: below", "/below/x", "", "main host all below+", false},
		{"Location with *: the whole path", "/wide/x", "", "main host all wild+", false},
		{"Location with *: no deeper", "/wide/x/y", "", "main host all+", false},
		{"LocationMatch", "/a.do", "", "main host all do+", false},
		{"the shortest Directory first", "/d", "/srv/www/deep/a.html", "main host root www deep all+", false},
		{"Directory ends at a component", "/d", "/srv/wwwx/a.html", "main host root all+", false},
		{"Directory with *", "/d", "/srv/any/pub/a.html", "main host root pub all+", false},
		{"Directory * stays within a component", "/d", "/srv/a/b/pub/a.html", "main host root all+", false},
		{"Directory names no file", "/d", "/srv/www/deep", "main host root www all+", false},
		{"Directory names a folder without its slash", "/d", "/srv/www/deep", "main host root www deep all+", true},
		{"Directory names a folder with its slash", "/d/", "/srv/www/deep/", "main host root www deep all+", false},
		{"Directory * names no file", "/d", "/srv/any/pub", "main host root all+", false},
		{"DirectoryMatch ends at the end of the name", "/d", "/srv/www/end/a.html", "main host root www all+", false},
		{"DirectoryMatch ends at the end of a folder's name", "/d", "/srv/www/end", "main host root www end all+", true},
		{"DirectoryMatch does not end before the slash of a folder", "/d/", "/srv/www/end/", "main host root www all+", false},
		{"Files: a folder asked for with its slash has no name", "/d/", "/other/a.txt/", "main host root all+", false},
		{"Files: a folder asked for without its slash has one", "/d", "/other/a.txt", "main host root txt all+", true},
		{"DirectoryMatch on a directory above", "/d", "/srv/www/secret/in/a.html", "main host root www secret all+", false},
		{"Files by base name", "/d", "/other/a.txt", "main host root txt all+", false},
		{"Files inside Directory, after Files", "/d", "/srv/www/in.txt", "main host root www txt inside all+", false},
		{"Files inside another Directory", "/d", "/srv/other/in.txt", "main host root txt all+", false},
	} {
		for range 2 { // merged, then cached
			if got := order(r.Settings(test.url, test.file, test.folder), all...); got != test.want {
				t.Errorf("%s: Settings(%q, %q) merged %q, want %q", test.rule, test.url, test.file, got, test.want)
			}
		}
	}
}

func TestFilesBeforeLocationOverrides(t *testing.T) {
	r := NewResolver(Sections{Of: []Section{
		{Kind: Location, Pattern: "/open", Layer: mark("open")},
		{Kind: Files, Pattern: "x", Layer: mark("closed")},
	}})
	if got := order(r.Settings("/open/x", "/srv/x", false), "closed", "open"); got != "closed open+" {
		t.Errorf("merged %q: a Location must override a Files", got)
	}
}

func TestOutcomesAreShared(t *testing.T) {
	r := NewResolver(Sections{Of: []Section{{Kind: Location, Pattern: "/a", Layer: mark("a")}}})
	if r.Settings("/a/1", "", false) != r.Settings("/a/2", "", false) {
		t.Error("two paths of one set of sections have two outcomes")
	}
	if n := testing.AllocsPerRun(100, func() { r.Settings("/a/1", "", false) }); n > 0 {
		t.Errorf("a known outcome costs %v allocations", n)
	}
}

func TestOutcomesAreBounded(t *testing.T) {
	var of []Section
	for i := range 14 {
		of = append(of, Section{Kind: LocationMatch, Regexp: regex.MustCompile(fmt.Sprintf("%c", 'a'+i)), Layer: mark("x")})
	}
	r := NewResolver(Sections{Of: of})
	for n := range 1 << 14 {
		url := "/"
		for i := range 14 {
			if n&(1<<i) != 0 {
				url += string(rune('a' + i))
			}
		}
		r.Settings(url, "", false)
	}
	if n := len(*r.cached.Load()); n > cacheLimit {
		t.Errorf("%d outcomes are kept, more than %d", n, cacheLimit)
	}
}

// TestUndecided: where a regular expression takes too long, a section that
// restricts is closed, also within another; one that does not is left out.
func TestUndecided(t *testing.T) {
	slow := regex.MustCompile(`(?=a)(a+)+$`)
	denied := &settings.Layer{Require: &settings.Requirement{Kind: settings.RequireDenied}}
	of := func(sections ...Section) *Resolver { return NewResolver(Sections{Of: sections}) }
	path := "/" + strings.Repeat("a", 60) + "!"
	for _, test := range []struct {
		rule   string
		r      *Resolver
		file   string
		closed bool
	}{
		{"LocationMatch", of(Section{Kind: LocationMatch, Regexp: slow, Layer: denied}), "", true},
		{"without a restriction", of(Section{Kind: LocationMatch, Regexp: slow, Layer: mark("x")}), "", false},
		{"DirectoryMatch", of(Section{Kind: DirectoryMatch, Regexp: slow, Layer: denied}), path, true},
		{"Files within DirectoryMatch", of(Section{Kind: DirectoryMatch, Regexp: slow, Layer: mark("x"), Inside: []Section{{Kind: FilesMatch, Regexp: regex.MustCompile("."), Layer: denied}}}), path, true},
		{"other Files within it", of(Section{Kind: DirectoryMatch, Regexp: slow, Layer: mark("x"), Inside: []Section{{Kind: Files, Pattern: "other", Layer: denied}}}), path, false},
		{"FilesMatch within another Directory", of(Section{Kind: Directory, Pattern: "/other", Layer: mark("x"), Inside: []Section{{Kind: FilesMatch, Regexp: slow, Layer: denied}}}), path, false},
	} {
		s := test.r.Settings(path, test.file, false)
		if (s.Closed != nil) != test.closed || len(s.Types.ByExt) > 0 {
			t.Errorf("%s: %+v, want closed %v", test.rule, s, test.closed)
		}
	}
}

// TestMindsFolder: whether a name is a folder has to be looked at only where a
// <Directory> names just that.
func TestMindsFolder(t *testing.T) {
	r := NewResolver(Sections{Of: []Section{
		{Kind: Directory, Pattern: "/", Layer: mark("root")},
		{Kind: Directory, Pattern: "/srv/*/pub", Layer: mark("pub")},
		{Kind: Location, Pattern: "/srv/x", Layer: mark("x")},
	}})
	for name, want := range map[string]bool{"/srv/a/pub": true, "/srv/a/pub/": false, "/srv/a/pub/x": false, "/srv/a": false, "/srv/x": false} {
		if got := r.MindsFolder(name); got != want {
			t.Errorf("MindsFolder(%s) = %v", name, got)
		}
	}
}

// TestOverrides: .htaccess files are looked for where a <Directory> allows
// them; each comes after the sections for its folder, its <Files> after those
// of the configuration.
func TestOverrides(t *testing.T) {
	all, none := settings.Override{Classes: settings.OverrideAll}, settings.Override{}
	index := func(name string) *settings.Layer {
		return &settings.Layer{Index: &settings.IndexChange{Names: []string{name}}}
	}
	allow := func(o settings.Override) *settings.Layer {
		return &settings.Layer{Override: &settings.OverrideChange{Allow: &o}}
	}
	var asked []string
	resolver := NewResolver(Sections{
		Of: []Section{
			{Kind: Directory, Pattern: "/", Layer: allow(none)},
			{Kind: Directory, Pattern: "/w", Layer: allow(all)},
			{Kind: Directory, Pattern: "/w/a/deep", Layer: index("configured")},
			{Kind: Directory, Pattern: "/w/*/none", Layer: allow(none)},
			{Kind: Files, Pattern: "f", Layer: index("files")},
			{Kind: Location, Pattern: "/loc", Layer: index("location")},
		},
		Find: func(folder string, allowed settings.Override) *Override {
			asked = append(asked, folder)
			switch folder {
			case "/w/a":
				return NewOverride(Section{Kind: Directory, Pattern: folder, Layer: index("a"), Inside: []Section{{Kind: Files, Pattern: "f", Layer: index("inner")}}})
			case "/w/a/deep", "/w/a/none":
				return NewOverride(Section{Kind: Directory, Pattern: folder, Layer: index(folder)})
			}
			return nil
		},
	})
	for _, test := range []struct {
		url, file string
		folder    bool
		want      string
		asked     string
	}{
		{"/x", "/w/x", false, "index.html", "/w"},
		{"/x", "/other/x", false, "index.html", ""},
		{"/x", "/w/a/x", false, "a", "/w /w/a"},
		{"/x", "/w/a/deep/x", false, "/w/a/deep", "/w /w/a /w/a/deep"},
		{"/x", "/w/a/deep/", false, "/w/a/deep", "/w /w/a /w/a/deep"},
		{"/x", "/w/a/deep", true, "/w/a/deep", "/w /w/a /w/a/deep"},
		{"/x", "/w/a/deep", false, "a", "/w /w/a"},
		{"/x", "/w/a/none/x", false, "a", "/w /w/a"},
		{"/x", "/w/a/f", false, "inner", "/w /w/a"},
		{"/x", "/w/b/f", false, "files", "/w /w/b"},
		{"/loc/x", "/w/a/f", false, "location", "/w /w/a"},
		{"/loc", "", false, "location", ""},
	} {
		asked = nil
		s := resolver.Settings(test.url, test.file, test.folder)
		if got := strings.Join(asked, " "); s.Index.Names[0] != test.want || got != test.asked {
			t.Errorf("%s: %v, asked for %q; want %s, %q", test.file, s.Index.Names, got, test.want, test.asked)
		}
	}
	if n := len(resolver.Sections("/x", "/w/a/f", false)); n != 5 {
		t.Errorf("%d sections, want 5", n)
	}
}
