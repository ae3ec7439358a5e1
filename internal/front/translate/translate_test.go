package translate

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/mount"
	"github.com/catflap/catflap/internal/front/regex"
	"github.com/catflap/catflap/internal/front/settings"
)

func exchangeFor(path, query string) *exchange.Exchange {
	return &exchange.Exchange{
		Client: &exchange.Client{},
		Site:   &exchange.Site{Name: "site.example", Port: 80},
		Request: exchange.Request{
			Path: exchange.Path{Decoded: path, Mount: path, Encoded: path}, Host: "asked.example", Port: 8080,
			Query: query, Asked: query != "",
		},
	}
}

func TestTranslate(t *testing.T) {
	dir := t.TempDir()
	single := filepath.Join(dir, "one.txt")
	if err := os.WriteFile(single, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	translator := New(Config{
		DocumentRoot: "/srv/www",
		Redirects: []settings.Redirect{
			{Path: "/old", Status: 301, To: "http://new.example/n"},
			{Path: "/here", Status: 302, To: "/there"},
			{Path: "/q", Status: 302, To: "/there?own=1"},
			{Path: "/gone", Status: 410},
			{Path: "/app/old", Status: 302, To: "/x"},
		},
		Mounts: mount.New([]mount.Rule{
			{Rule: exchange.Rule{Pattern: "/app/*", Worker: "w"}, Source: mount.JkMount},
			{Rule: exchange.Rule{Pattern: "/pics/*.do", Worker: "w"}, Source: mount.JkMount},
		}),
		Aliases: []Alias{
			{Path: "/pics", Dir: "/data/pictures"},
			{Path: "/slash/", Dir: "/data/slash/"},
			{Path: "/one", Dir: single},
			{Path: "/tmp", Dir: dir},
			{Pattern: regex.MustCompile(`^/u/([^/]+)/(.*)`), Dir: dir, Below: regex.ParseTemplate("$1/.$2")},
			{Pattern: regex.MustCompile(`^/first/.*`), Dir: single},
		},
	})
	static := func(root, file string) exchange.Target {
		return exchange.Target{Kind: exchange.TargetStatic, Root: root, File: file}
	}
	respond := func(status int, location string) exchange.Target {
		return exchange.Target{Kind: exchange.TargetRespond, Status: status, Location: location}
	}
	for _, test := range []struct {
		rule, path, query string
		want              exchange.Target
	}{
		{"a file", "/a/b.html", "", static("/srv/www", "a/b.html")},
		{"the root", "/", "", static("/srv/www", "")},
		{"Redirect", "/old", "", respond(301, "http://new.example/n")},
		{"Redirect keeps the rest and the query", "/old/a b", "x=1", respond(301, "http://new.example/n/a%20b?x=1")},
		{"Redirect ends at a component", "/older", "", static("/srv/www", "older")},
		{"Redirect to a path: as the client asked", "/here", "", respond(302, "http://asked.example:8080/there")},
		{"Redirect with a query of its own", "/q", "x=1", respond(302, "http://asked.example:8080/there?own=1")},
		{"Redirect without a target", "/gone/x", "", respond(410, "")},
		{"Redirect before a mount", "/app/old", "", respond(302, "http://asked.example:8080/x")},
		{"Alias", "/pics/a.png", "", static("/data/pictures", "a.png")},
		{"Alias ends at a component", "/picsx", "", static("/srv/www", "picsx")},
		{"Alias with a slash covers what is below", "/slash/a", "", static("/data/slash/", "a")},
		{"Alias with a slash: not itself", "/slash", "", static("/srv/www", "slash")},
		{"Alias of a file", "/one", "", static(dir, "one.txt")},
		{"Alias of a directory", "/tmp", "", static(dir, "")},
		{"AliasMatch stays in the folder before $1", "/u/joe/x/y", "", static(dir, "joe/.x/y")},
		{"AliasMatch without $1", "/first/x", "", static(dir, "one.txt")},
	} {
		if got := translator.Translate(exchangeFor(test.path, test.query)); got != test.want {
			t.Errorf("%s: %s is %+v, want %+v", test.rule, test.path, got, test.want)
		}
	}
	for _, path := range []string{"/app/x", "/pics/a.do"} {
		if got := translator.Translate(exchangeFor(path, "")); got.Kind != exchange.TargetForward || got.Rule.Worker != "w" {
			t.Errorf("a mount beats an Alias: %s is %+v", path, got)
		}
	}
}

func TestNotMounted(t *testing.T) {
	translator := New(Config{DocumentRoot: "/srv", Mounts: mount.New([]mount.Rule{
		{Rule: exchange.Rule{Pattern: "/*", Worker: "w"}, Source: mount.JkMount},
	})})
	x := exchangeFor("/a", "")
	x.Env.Set("no-jk", "")
	if got := translator.Translate(x); got.Kind != exchange.TargetStatic {
		t.Errorf("with no-jk: %+v", got)
	}
	x = exchangeFor(`/a\b`, "")
	x.Site = &exchange.Site{Forward: exchange.Forwarding{RejectUnsafe: true}}
	if got := translator.Translate(x); got.Kind != exchange.TargetStatic {
		t.Errorf("RejectUnsafeURI: %+v", got)
	}
}

// TestRedirectMatch: what httpd's Location was for the same lines, but that
// nothing of the path can begin a query or a header.
func TestRedirectMatch(t *testing.T) {
	match := func(pattern string, status int, to string) settings.Redirect {
		r := settings.Redirect{Pattern: regex.MustCompile(pattern), Status: status}
		if to != "" {
			r.Match = regex.ParseTemplate(to)
		}
		return r
	}
	all := []settings.Redirect{
		match(`^/r/(.*)$`, 302, "http://x.example/n/$1"),
		match(`^/q/(.*)$`, 302, "http://x.example/n/$1?fix=1"),
		match(`^/rel/(.*)$`, 302, "/n/$1"),
		match(`^/p/(.)(.*)$`, 301, "http://x.example/$2/$1/$0/$9"),
		match(`\.git`, 404, ""),
		{Path: "/after", Status: 302, To: "http://x.example/one"},
		match(`^/after`, 302, "http://x.example/two"),
		match(`^/slow/(?=a)(a+)+$`, 302, "http://x.example/"),
	}
	for _, test := range []struct {
		rule, path, query string
		status            int
		location          string
	}{
		{"a group", "/r/a", "", 302, "http://x.example/n/a"},
		{"the query goes with it", "/r/a", "x=y", 302, "http://x.example/n/a?x=y"},
		{"a query of its own", "/q/a", "x=y", 302, "http://x.example/n/a?fix=1"},
		{"a path: as the client asked", "/rel/a", "", 302, "http://asked.example:8080/n/a"},
		{"several groups", "/p/abc", "", 301, "http://x.example/bc/a//p/abc/"},
		{"a status", "/x/.git/y", "", 404, ""},
		{"in the order of the file", "/after/x", "", 302, "http://x.example/one/x"},
		{"what a path holds is escaped", "/r/a b?c%\r\nX: y", "", 302, "http://x.example/n/a%20b%3fc%25%0d%0aX:%20y"},
		{"no match", "/other", "", 0, ""},
		{"nobody can tell in time", "/slow/" + strings.Repeat("a", 60) + "!", "", 403, ""},
	} {
		target, _ := Redirect(exchangeFor(test.path, test.query), all)
		if target.Status != test.status || target.Location != test.location {
			t.Errorf("%s: %s is %d %s, want %d %s", test.rule, test.path, target.Status, target.Location, test.status, test.location)
		}
	}
	whole := []settings.Redirect{{Status: 301, To: "http://x.example/whole"}}
	if target, ok := Redirect(exchangeFor("/loc/x", "y"), whole); !ok || target.Location != "http://x.example/whole?y" {
		t.Errorf("without a path: %+v", target)
	}
}

// TestStripSession: what mod_jk made of the same paths.
func TestStripSession(t *testing.T) {
	translator := New(Config{DocumentRoot: "/srv", StripSession: ";jsessionid", Mounts: mount.New([]mount.Rule{
		{Rule: exchange.Rule{Pattern: "/app/*", Worker: "w"}, Source: mount.JkMount},
	})})
	for path, want := range map[string]string{
		"/a.txt;jsessionid=1": "/a.txt", "/a.txt;jsessionid": "/a.txt", "/a;x=1;jsessionid=2": "/a;x=1", "/a;jsessionid=2;x=1": "/a;x=1", "/d;jsessionid=1/i": "/d/i",
		"/a;JSESSIONID=1": "/a;JSESSIONID=1", "/a": "/a", "/app/a;jsessionid=1": "/app/a;jsessionid=1",
	} {
		x := exchangeFor(path, "")
		x.Request.Path.Mount, _, _ = strings.Cut(path, ";")
		target := translator.Translate(x)
		if got := x.Request.Path.Decoded; got != want || x.Request.Path.Encoded != want || target.Kind == exchange.TargetStatic && "/"+target.File != want {
			t.Errorf("%s is %s, %+v, want %s", path, got, target, want)
		}
	}
}
