package node

import (
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// say answers with a word and the path that the application sees.
func say(word string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "%s %s", word, r.URL.Path) })
}

// site is a node with files, contexts of folders, applications and hosts.
func site(t *testing.T) *running {
	base := t.TempDir()
	for name, text := range map[string]string{
		"webapps/ROOT/index.html": "root", "webapps/ROOT/a b.txt": "blank", "webapps/ROOT/page.jsp": "<% source %>", "webapps/ROOT/X.JSP": "<% source %>",
		"webapps/ROOT/WEB-INF/web.xml": "secret", "webapps/ROOT/sub/META-INF/m": "secret", "webapps/ROOT/sub/x.css": "0123456789", "webapps/ROOT/empty/x": "x",
		"webapps/docs#v1/index.html": "docs", "webapps/docs##1/index.html": "one", "webapps/docs##2/index.html": "two", "webapps/app.war": "PK", "secret.txt": "outside",
		"elsewhere/index.htm": "elsewhere", "other/ROOT/index.html": "other",
	} {
		write(t, filepath.Join(base, name), text)
	}
	os.Symlink("../../secret.txt", filepath.Join(base, "webapps/ROOT/out.txt"))
	os.Symlink("sub/x.css", filepath.Join(base, "webapps/ROOT/in.css"))
	os.Symlink("WEB-INF", filepath.Join(base, "webapps/ROOT/link"))
	os.Symlink("page.jsp", filepath.Join(base, "webapps/ROOT/page.txt"))
	os.Symlink("../WEB-INF/web.xml", filepath.Join(base, "webapps/ROOT/empty/index.html"))
	cfg := httpNode(
		Host{Name: "main.example", Aliases: []string{"*.main.example"}, Contexts: []Context{
			{Path: "/else", DocBase: "../elsewhere", Filters: []AddressFilter{{AllowNets: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}}},
			{Path: "/far", DocBase: "../elsewhere", Filters: []AddressFilter{{AllowNets: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, Status: 404}}},
			{Path: "/login", DocBase: "../elsewhere", Guarded: "a security-constraint"},
			{Path: "/gone", DocBase: "nowhere"}, {Path: "/closed", DocBase: "../elsewhere", Refuse: "a RemoteAddrValve"},
		}},
		Host{Name: "Other.example", AppBase: "other"}, Host{Name: "new.example", AppBase: "new/apps"},
	)
	cfg.Base = base
	return start(t, cfg, App{Path: "/shop", Handler: say("shop")}, App{Path: "/shop/deep", Handler: say("deep")}, App{Path: "/all", Host: "other.example", Handler: say("other")})
}

func TestWhoAnswers(t *testing.T) {
	r := site(t)
	for _, test := range []struct {
		host, path string
		status     int
		want       string // the body, of 302 the Location
	}{
		{"main.example", "/", 200, "root"}, {"main.example", "/index.html", 200, "root"}, {"", "/a%20b.txt", 200, "blank"}, {"", "/none", 404, ""},
		{"main.example", "/sub", 302, "/sub/"}, {"main.example", "/sub?q=1", 302, "/sub/?q=1"}, {"main.example", "/sub/", 404, ""}, {"", "/sub/x.css", 200, "0123456789"},
		{"", "/sub/x.css/", 404, ""}, {"", "/in.css", 200, "0123456789"}, {"", "/out.txt", 404, ""},
		{"", "/link/web.xml", 404, ""}, {"", "/link/", 404, ""}, {"", "/page.txt", 404, ""}, {"", "/empty/", 404, ""},
		{"", "/docs", 302, "/docs/"}, {"", "/docs/", 200, "two"}, {"", "/docs/v1/", 200, "docs"}, {"", "/docs/v1", 302, "/docs/v1/"},
		{"", "/else/", 200, "elsewhere"}, {"", "/else", 302, "/else/"}, {"", "/gone/", 404, ""}, {"", "/closed/", 403, ""}, {"", "/far/", 404, ""}, {"", "/login/", 403, ""}, {"", "/app/", 404, ""},
		{"", "/page.jsp", 404, ""}, {"", "/page.jsp/", 404, ""}, {"", "/page%2ejsp", 404, ""}, {"", "/page.jsp;x=1", 404, ""}, {"", "/X.JSP", 404, ""}, {"", "/page.jsp.", 404, ""},
		{"", "/WEB-INF/web.xml", 404, ""}, {"", "/web-inf/web.xml", 404, ""}, {"", "/WEB-INF", 404, ""}, {"", "/%57EB-INF/web.xml", 404, ""}, {"", "/WEB-INF;x/web.xml", 404, ""},
		{"", "//WEB-INF//web.xml", 404, ""}, {"", "/sub/../WEB-INF/web.xml", 404, ""}, {"", "/sub/META-INF/m", 404, ""}, {"", "/./WEB-INF/web.xml", 404, ""},
		{"", "/../secret.txt", 400, ""}, {"", "/%2e%2e/secret.txt", 400, ""}, {"", "/sub/..;/..;/secret.txt", 400, ""}, {"", "/sub/..;x=1/index.html", 400, ""},
		{"", "/a%2fb", 400, ""}, {"", "/a%5cb", 400, ""}, {"", "/a%00", 400, ""}, {"", "/sub/../../../secret.txt", 400, ""},
		{"", "/shop", 200, "shop /shop"}, {"", "/shop/", 200, "shop /shop/"}, {"", "/shop/a;v=1/b", 200, "shop /shop/a;v=1/b"}, {"", "/shop/x/../y//z/.", 200, "shop /shop/y/z/"},
		{"", "/shopx", 404, ""}, {"", "/shop/deep/x", 200, "deep /shop/deep/x"}, {"", "/shop/deeper", 200, "shop /shop/deeper"}, {"", "/shop/../docs/", 200, "two"},
		{"", "/shop;x=1/deep", 200, "deep /shop;x=1/deep"}, {"", "/shop/ä%C3%A4", 200, "shop /shop/ää"},
		{"other.example", "/", 200, "other"}, {"OTHER.EXAMPLE:8080", "/", 200, "other"}, {"other.example", "/all", 200, "other /all"}, {"main.example", "/all", 404, ""},
		{"a.main.example", "/", 200, "root"}, {"unknown.example", "/", 200, "root"}, {"new.example", "/", 404, ""},
	} {
		var header []string
		if test.host != "" {
			header = []string{"Host: " + test.host}
		}
		a, body := r.get(t, test.path, header...)
		if a.StatusCode == 302 {
			body = a.Header.Get("Location")
		}
		if a.StatusCode != test.status || test.want != "" && body != test.want {
			t.Errorf("%s %s: %d %q, want %d %q", test.host, test.path, a.StatusCode, body, test.status, test.want)
		}
		if strings.Contains(body, "secret") || strings.Contains(body, "source") || strings.Contains(body, "outside") {
			t.Errorf("%s gives away %q", test.path, body)
		}
	}
	if log := r.log.String(); strings.Count(log, "pages that only Java can run") != 1 || strings.Count(log, "a WAR file is Java") != 1 || strings.Count(log, "it was made") != 1 || !strings.Contains(log, "new/apps") {
		t.Errorf("log:\n%s", log)
	}
}

func TestMethods(t *testing.T) {
	r := site(t)
	for _, test := range []struct {
		method, path string
		header       string
		status       int
		body         string
	}{
		{"HEAD", "/sub/x.css", "", 200, ""}, {"POST", "/sub/x.css", "", 200, "0123456789"}, {"PUT", "/sub/x.css", "", 405, "-"}, {"DELETE", "/sub/x.css", "", 405, "-"},
		{"PROPFIND", "/sub/x.css", "", 501, "-"}, {"OPTIONS", "/sub/x.css", "", 200, ""}, {"TRACE", "/shop", "", 405, "-"}, {"OPTIONS", "*", "", 200, ""}, {"PATCH", "/shop", "", 200, "shop /shop"},
		{"GET", "/sub/x.css", "Range: bytes=2-4", 206, "234"}, {"GET", "/sub/x.css", "Range: bytes=20-", 416, "-"}, {"GET", "/sub/x.css", "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT", 304, ""},
		{"GET", "/sub/x.css", `If-None-Match: *`, 304, ""},
		{"HEAD", "/sub/x.css", "Range: bytes=2-4", 200, ""}, {"GET", "/sub/x.css", "Range: lines=2-4", 200, "0123456789"},
	} {
		a, body := r.do(t, test.method, test.path, test.header)
		if a.StatusCode != test.status || test.body != "-" && body != test.body {
			t.Errorf("%s %s %s: %d %q", test.method, test.path, test.header, a.StatusCode, body)
		}
		if (test.status == 405 || test.method == "OPTIONS") && a.Header.Get("Allow") == "" {
			t.Errorf("%s %s: no Allow", test.method, test.path)
		}
	}
	a, _ := r.get(t, "/sub/x.css")
	if a.Header.Get("Content-Type") != "text/css" || !strings.HasPrefix(a.Header.Get("ETag"), `W/"10-`) || a.Header.Get("Last-Modified") == "" {
		t.Errorf("headers of a file: %v", a.Header)
	}
	if a, _ := r.get(t, "/sub/x.css", "If-None-Match: "+a.Header.Get("ETag")); a.StatusCode != 304 {
		t.Errorf("If-None-Match: %d", a.StatusCode)
	}
}

// FuzzResolve: what a path leads to has no dot segments, no empty ones but the
// last, and leads to itself.
func FuzzResolve(f *testing.F) {
	for _, path := range []string{"/", "/a/../b", "/%2e%2e/x", "/a;x/..;/b", "//a//", "/a/./", "/;jsessionid=1", "/a%2fb", "/%zz"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		got, ok := resolve(path)
		if !ok {
			return
		}
		segments := strings.Split(got.path, "/")
		if segments[0] != "" || len(segments) < 2 {
			t.Fatalf("%q leads to %q", path, got.path)
		}
		for i, segment := range segments[1:] {
			if segment == "." || segment == ".." || segment == "" && i != len(segments)-2 {
				t.Fatalf("%q leads to %q", path, got.path)
			}
		}
		if again, ok := resolve(got.escaped); !ok || again != got {
			t.Fatalf("%q leads to %+v, and that to %+v, %v", path, got, again, ok)
		}
	})
}
