package static

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/settings"
	"github.com/catflap/catflap/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

var modified = time.Date(2026, 11, 24, 10, 39, 51, 123456000, time.UTC)

// site makes a document root with files, links that stay and links that leave,
// and returns it.
func site(t testing.TB) string {
	t.Helper()
	top := t.TempDir()
	root := filepath.Join(top, "htdocs")
	for name, text := range map[string]string{
		"htdocs/index.html": "<p>index", "htdocs/a.txt": "0123456789", "htdocs/x.html.bak": "b", "htdocs/noext": "n",
		"htdocs/sub/in.css": "c", "htdocs/sub/deep/f.js": "j", "htdocs/empty/.keep": "", "htdocs/WEB-INF/web.xml": "SECRET", "htdocs/sub/meta-inf/m": "SECRET",
		"htdocs/.htaccess": "SECRET", "htdocs/sub/.htpasswd": "SECRET", "htdocs/page.html": "html page", "htdocs/page.txt": "text page, longer",
		"htdocs/page.zzz": "unknown", "htdocs/.dot.html": "dot", "htdocs/.txt": "t", "htdocs/..a.txt": "t", "htdocs/page.jsp": "SECRET <%", "htdocs/a b<c>.txt": "odd", "secret.txt": "SECRET", "htdocs/pic.PNG": "p",
	} {
		file := filepath.Join(top, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		os.Chtimes(file, modified, modified)
	}
	for link, to := range map[string]string{"in.txt": "a.txt", "out.txt": "../secret.txt", "abs.txt": filepath.Join(top, "secret.txt"), "outdir": "..", "loop": "loop", "lsub": "sub",
		"absin.txt": filepath.Join(root, "a.txt"), "abssub": filepath.Join(root, "sub"), "sub/back.txt": "../../htdocs/a.txt", "chain": "absin.txt", "nowhere": "none"} {
		if err := os.Symlink(to, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

var types = TypeMap{"html": "text/html", "txt": "text/plain", "css": "text/css", "js": "application/javascript", "png": "image/png"}

// ask is an Exchange for path below root.
func ask(root, method, path string, change func(*settings.Settings)) *exchange.Exchange {
	s := settings.Default()
	if change != nil {
		change(s)
	}
	path, query, asked := strings.Cut(path, "?")
	return &exchange.Exchange{
		Settings: s, Client: &exchange.Client{}, Site: &exchange.Site{Name: "site.example", Port: 80},
		Request: exchange.Request{Method: method, Path: exchange.Path{Decoded: path, Mount: path, Encoded: exchange.EscapePath(path)},
			Query: query, Asked: asked, Host: "site.example", Port: 8080, Header: http.Header{}},
		Target: exchange.Target{Root: root, File: strings.TrimPrefix(path, "/")},
	}
}

// serve answers x and returns the answer, and the status of a refusal.
func serve(t testing.TB, f *Files, x *exchange.Exchange, headers ...string) (*httptest.ResponseRecorder, error) {
	t.Helper()
	r := httptest.NewRequest(x.Request.Method, "/", nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
		x.Request.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	err := f.Serve(rec, r, x)
	if variants, ok := errors.AsType[*Variants](err); ok {
		name, refusal := f.Choose(rec, x, variants.All)
		if err = refusal; err == nil {
			err = chosen(name)
		}
	}
	if listing, ok := errors.AsType[*Listing](err); ok {
		f.List(rec, x, listing.Entries)
		err = nil
	}
	return rec, err
}

// A chosen is the variant that an answer goes on with.
type chosen string

func (c chosen) Error() string { return string(c) }

func statusOf(rec *httptest.ResponseRecorder, err error) int {
	if refusal, ok := errors.AsType[*exchange.Refusal](err); ok {
		return refusal.Status
	}
	return rec.Code
}

func TestServe(t *testing.T) {
	root := site(t)
	f := New(Config{Types: types})
	defer f.Close()
	indexes := func(s *settings.Settings) { s.Options |= settings.Indexes }
	noLinks := func(s *settings.Settings) { s.Options = 0 }
	owner := func(s *settings.Settings) { s.Options = settings.SymLinksIfOwnerMatch }
	both := func(s *settings.Settings) { s.Options = settings.FollowSymLinks | settings.SymLinksIfOwnerMatch }
	ownedBy(t, root, "other.txt")
	for _, test := range []struct {
		rule, method, path string
		change             func(*settings.Settings)
		status             int
		body               string
	}{
		{"a file", "GET", "/a.txt", nil, 200, "0123456789"},
		{"HEAD", "HEAD", "/a.txt", nil, 200, ""},
		{"POST is answered like GET", "POST", "/a.txt", nil, 200, "0123456789"},
		{"PUT", "PUT", "/a.txt", nil, 405, ""},
		{"PUT of a folder without its slash", "PUT", "/sub?q", nil, 301, ""},
		{"below a file that is an Alias", "GET", "/a.txt/more", nil, 404, ""},
		{"DELETE of what is not there", "DELETE", "/none", nil, 405, ""},
		{"TRACE", "TRACE", "/a.txt", nil, 405, ""},
		{"an unknown method", "BREW", "/a.txt", nil, 501, ""},
		{"methods are case-sensitive", "get", "/a.txt", nil, 501, ""},
		{"missing", "GET", "/none", nil, 404, ""},
		{"below a file", "GET", "/a.txt/more", nil, 404, ""},
		{"a file with a slash", "GET", "/a.txt/", nil, 404, ""},
		{"a name that is too long", "GET", "/" + strings.Repeat("x", 4000), nil, 404, ""},
		{"a folder without its slash", "GET", "/sub?q", nil, 301, ""},
		{"a folder without a listing", "GET", "/sub/", nil, 403, ""},
		{"a folder with one", "GET", "/sub/", indexes, 200, "in.css"},
		{"WEB-INF", "GET", "/WEB-INF/web.xml", nil, 404, ""},
		{"WEB-INF in any case", "GET", "/web-inf/web.xml", nil, 404, ""},
		{"META-INF, deeper", "GET", "/sub/meta-inf/m", nil, 404, ""},
		{".htaccess", "GET", "/.htaccess", nil, 403, ""},
		{".htpasswd, deeper", "GET", "/sub/.htpasswd", nil, 403, ""},
		{"a link within", "GET", "/in.txt", nil, 200, "0123456789"},
		{"a linked folder", "GET", "/lsub/in.css", nil, 200, "c"},
		{"a link out", "GET", "/out.txt", nil, 403, ""},
		{"an absolute link out", "GET", "/abs.txt", nil, 403, ""},
		{"through a folder out", "GET", "/outdir/secret.txt", nil, 403, ""},
		{"a link to itself", "GET", "/loop", nil, 403, ""},
		{"dots", "GET", "/../secret.txt", nil, 404, ""},
		{"links not followed", "GET", "/in.txt", noLinks, 403, ""},
		{"linked folders neither", "GET", "/lsub/in.css", noLinks, 403, ""},
		{"but files", "GET", "/sub/in.css", noLinks, 200, "c"},
		{"links of the same owner", "GET", "/in.txt", owner, 200, "0123456789"},
		{"absolute links of the same owner", "GET", "/chain", owner, 200, "0123456789"},
		{"links of another owner", "GET", "/lother", owner, otherOwner, ""},
		{"SymLinksIfOwnerMatch counts beside FollowSymLinks", "GET", "/lother", both, otherOwner, ""},
		{"links of another owner that are followed", "GET", "/lother", nil, 200, "other"},
		{"an absolute link within", "GET", "/absin.txt", nil, 200, "0123456789"},
		{"an absolute link to a folder within", "GET", "/abssub/deep/f.js", nil, 200, "j"},
		{"a link that climbs out and comes back", "GET", "/sub/back.txt", nil, 200, "0123456789"},
		{"through an absolute link, and back", "GET", "/abssub/back.txt", nil, 200, "0123456789"},
		{"a link to a link", "GET", "/chain", nil, 200, "0123456789"},
		{"an absolute link is a link", "GET", "/absin.txt", noLinks, 403, ""},
		{"a link to nothing", "GET", "/nowhere", nil, 403, ""},
		{"POST of a folder", "POST", "/sub/", indexes, 404, ""},
	} {
		rec, err := serve(t, f, ask(root, test.method, test.path, test.change))
		if got := statusOf(rec, err); got != test.status || test.body != "" && !strings.Contains(rec.Body.String(), test.body) || strings.Contains(rec.Body.String(), "SECRET") {
			t.Errorf("%s: %s %s is %d %q, %v; want %d", test.rule, test.method, test.path, got, rec.Body, err, test.status)
		}
		if test.status == 301 && rec.Header().Get("Location") != "http://site.example:8080/sub/?q" {
			t.Errorf("Location: %s", rec.Header().Get("Location"))
		}
	}
}

// otherOwner is what a link of another owner than its target's answers: only
// root can make one, and for others it is one of the same owner.
var otherOwner = map[bool]int{true: 403, false: 200}[os.Getuid() == 0]

// ownedBy makes a file of another owner and a link to it.
func ownedBy(t *testing.T, root, name string) {
	t.Helper()
	file := filepath.Join(root, name)
	if err := os.WriteFile(file, []byte("other"), 0o644); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		if err := os.Chown(file, 1, 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(name, filepath.Join(root, "lother")); err != nil {
		t.Fatal(err)
	}
}

// TestHeaders are what httpd 2.4 sends for a file of that size and time.
func TestHeaders(t *testing.T) {
	root := site(t)
	f := New(Config{Types: types})
	defer f.Close()
	rec, err := serve(t, f, ask(root, "GET", "/a.txt", nil))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Etag": `"a-6443d2c5adf00"`, "Last-Modified": "Tue, 24 Nov 2026 10:39:51 GMT", "Accept-Ranges": "bytes", "Content-Length": "10", "Content-Type": "text/plain",
	} {
		if got := rec.Header().Get(name); name != "Etag" && got != want || name == "Etag" && !strings.HasPrefix(got, `"a-`) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	etag := rec.Header().Get("Etag")
	for _, test := range []struct {
		rule, name, value string
		status            int
		body              string
	}{
		{"not changed by date", "If-Modified-Since", "Tue, 24 Nov 2026 10:39:51 GMT", 304, ""},
		{"changed by date", "If-Modified-Since", "Tue, 24 Nov 2026 10:39:50 GMT", 200, "0123456789"},
		{"not changed by tag", "If-None-Match", etag, 304, ""},
		{"a date with the length of old clients", "If-Modified-Since", "Tue, 24 Nov 2026 10:39:51 GMT; length=10", 304, ""},
		{"a date with another zone and day", "If-Modified-Since", "Fri, 24 Nov 2026 10:39:51 +0000", 304, ""},
		{"a date with one digit", "If-Modified-Since", "Sun, 1 Nov 2026 10:39:51 GMT", 200, "0123456789"},
		{"no date", "If-Modified-Since", "24 Nov 2026", 200, "0123456789"},
		{"any tag", "If-None-Match", "*", 304, ""},
		{"another tag", "If-None-Match", `"x"`, 200, "0123456789"},
		{"wanted tag", "If-Match", etag, 200, "0123456789"},
		{"wanted tag, another", "If-Match", `"x"`, 412, ""},
		{"unmodified", "If-Unmodified-Since", "Tue, 24 Nov 2026 10:39:50 GMT", 412, ""},
		{"a range", "Range", "bytes=2-4", 206, "234"},
		{"from the end", "Range", "bytes=-3", 206, "789"},
		{"outside", "Range", "bytes=20-", 416, ""},
		{"several", "Range", "bytes=0-1,5-6", 206, "multipart"},
		{"too many", "Range", "bytes=" + strings.Repeat("0-0,", 200) + "0-0", 200, "0123456789"},
		{"a comma at the end", "Range", "bytes=2-4,", 206, "234"},
		{"two commas", "Range", "bytes=2-3,,4-4", 206, "234"},
		{"a comma at the beginning", "Range", "bytes=,2-4", 200, "0123456789"},
		{"nonsense", "Range", "lines=1", 200, "0123456789"},
		{"a blank", "Range", "bytes=0-1, 5-6", 200, "0123456789"},
		{"backwards", "Range", "bytes=5-4", 200, "0123456789"},
		{"nothing from the end", "Range", "bytes=-0", 200, "0123456789"},
		{"in any case", "Range", "Bytes=0-1", 206, "01"},
		{"adjoining ones are one", "Range", "bytes=0-1,2-3", 206, "0123"},
		{"a date in the future", "If-Modified-Since", "Tue, 24 Nov 2099 11:39:51 GMT", 200, "0123456789"},
		{"a star among tags", "If-None-Match", `W/"absent", *`, 200, "0123456789"},
		{"an old tag for ranges", "If-Range", `"x"`, 200, "0123456789"},
	} {
		rec, err := serve(t, f, ask(root, "GET", "/a.txt", nil), test.name, test.value)
		got := statusOf(rec, err)
		if test.rule == "several" && strings.HasPrefix(rec.Header().Get("Content-Type"), "multipart/byteranges") {
			test.body = "56"
		}
		if got != test.status || !strings.Contains(rec.Body.String(), test.body) || got == 304 && rec.Body.Len() > 0 {
			t.Errorf("%s: %s: %s is %d %q, want %d", test.rule, test.name, test.value, got, rec.Body, test.status)
		}
	}
	x := ask(root, "GET", "/a.txt", nil)
	x.Request.Header["Range"] = []string{"bytes=0-1", "bytes=3-4"}
	if rec, err := serve(t, f, x); err != nil || rec.Code != 200 {
		t.Errorf("two Range lines: %d %v", rec.Code, err)
	}
	rec, err = serve(t, f, ask(root, "OPTIONS", "/a.txt", nil))
	if err != nil || rec.Header().Get("Allow") != "GET,POST,OPTIONS,HEAD" || rec.Code != 200 {
		t.Errorf("OPTIONS: %v %v", rec.Header(), err)
	}
}

func TestMediaTypes(t *testing.T) {
	root := site(t)
	f := New(Config{Types: types})
	defer f.Close()
	for _, test := range []struct {
		path   string
		change func(*settings.Types)
		want   string
	}{
		{"/a.txt", nil, "text/plain"}, {"/x.html.bak", nil, "text/html"}, {"/noext", nil, ""}, {"/pic.PNG", nil, "image/png"}, {"/.txt", nil, ""}, {"/..a.txt", nil, "text/plain"},
		{"/x.html.bak", func(s *settings.Types) { s.ByExt = map[string]string{"bak": "x/bak"} }, "x/bak"},
		{"/a.txt", func(s *settings.Types) { s.Force = "x/all" }, "x/all"},
		{"/a.txt", func(s *settings.Types) { s.Charset = "UTF-8" }, "text/plain; charset=utf-8"},
		{"/sub/in.css", func(s *settings.Types) { s.Charset = "UTF-8" }, "text/css"},
	} {
		rec, err := serve(t, f, ask(root, "GET", test.path, func(s *settings.Settings) {
			if test.change != nil {
				test.change(&s.Types)
			}
		}))
		if got := rec.Header().Get("Content-Type"); got != test.want || err != nil {
			t.Errorf("%s: %q, want %q; %v", test.path, got, test.want, err)
		}
	}
}

func TestListing(t *testing.T) {
	root := site(t)
	f := New(Config{Types: types})
	defer f.Close()
	x := ask(root, "GET", "/", func(s *settings.Settings) { s.Options |= settings.Indexes })
	rec, err := serve(t, f, x)
	if err != nil {
		t.Fatal(err)
	}
	page := rec.Body.String()
	for _, want := range []string{"<title>Index of /</title>", `<li><a href="a.txt"> a.txt</a></li>`, `<a href="sub/"> sub/</a>`, `<a href="abssub/"> abssub/</a>`, `<a href="in.txt"> in.txt</a>`, `<a href="a%20b%3cc%3e.txt"> a b&lt;c&gt;.txt</a>`} {
		if !strings.Contains(page, want) {
			t.Errorf("the listing lacks %s:\n%s", want, page)
		}
	}
	for _, hidden := range []string{".htaccess", "WEB-INF", "Parent", "out", `"abs.txt`, "loop", "nowhere"} {
		if strings.Contains(page, hidden) {
			t.Errorf("the listing shows %s", hidden)
		}
	}
	rec, _ = serve(t, f, ask(root, "GET", "/", func(s *settings.Settings) { s.Options = settings.Indexes }))
	if page := rec.Body.String(); strings.Contains(page, "in.txt") || !strings.Contains(page, "a.txt") {
		t.Errorf("links that may not be followed are listed:\n%s", page)
	}
	rec, _ = serve(t, f, ask(root, "GET", "/sub/deep/", func(s *settings.Settings) { s.Options |= settings.Indexes }))
	if !strings.Contains(rec.Body.String(), `<a href="/sub/"> Parent Directory</a>`) || !strings.Contains(rec.Body.String(), "Index of /sub/deep<") {
		t.Errorf("%s", rec.Body)
	}
}

func TestMultiViews(t *testing.T) {
	root := site(t)
	f := New(Config{Types: types})
	defer f.Close()
	views := func(s *settings.Settings) { s.Options |= settings.MultiViews }
	for _, test := range []struct{ accept, want string }{
		{"", "page.html"}, {"text/plain", "page.txt"}, {"text/plain;q=0.5, text/html;q=0.4", "page.txt"}, {"text/*", "page.html"}, {"image/png", "406"}, {"*/*;q=0.1, text/plain;q=0", "page.html"},
	} {
		x := ask(root, "GET", "/page", views)
		var headers []string
		if test.accept != "" {
			headers = []string{"Accept", test.accept}
		}
		rec, err := serve(t, f, x, headers...)
		got := ""
		if name, ok := errors.AsType[chosen](err); ok {
			got = string(name)
		} else if statusOf(rec, err) == 406 {
			got = "406"
		}
		if got != test.want || rec.Header().Get("Vary") != "negotiate,accept" {
			t.Errorf("Accept %q chooses %q, want %q; %v", test.accept, got, test.want, rec.Header())
		}
	}
	if rec, err := serve(t, f, ask(root, "POST", "/page", views)); err == nil || rec.Header().Get("Content-Location") != "" {
		t.Errorf("POST: %v %v", rec.Header(), err)
	}
	for _, path := range []string{"/pa", "/none", "/web-inf", "/page/", "/.dot"} {
		if rec, err := serve(t, f, ask(root, "GET", path, views)); statusOf(rec, err) != 404 {
			t.Errorf("%s: %v", path, err)
		}
	}
	if rec, err := serve(t, f, ask(root, "GET", "/page", nil)); statusOf(rec, err) != 404 {
		t.Errorf("without MultiViews: %v", err)
	}
}

func TestKind(t *testing.T) {
	root := site(t)
	f := New(Config{})
	defer f.Close()
	for path, want := range map[string]Kind{"/": KindDirectory, "/sub": KindDirectory, "/sub/": KindDirectory, "/a.txt": KindFile, "/a.txt/": KindMissing, "/none": KindMissing, "/WEB-INF/": KindMissing} {
		if got, err := f.Kind(ask(root, "GET", path, nil)); got != want || err != nil {
			t.Errorf("%s: %v, %v, want %v", path, got, err, want)
		}
	}
	if _, err := f.Kind(ask(root, "GET", "/out.txt", nil)); err == nil {
		t.Error("a link out is no refusal")
	}
}

// TestMovedRoot: a site that is deployed by moving a link is served from its
// new place within the time that a folder is taken for what it was.
func TestMovedRoot(t *testing.T) {
	top := t.TempDir()
	for _, name := range []string{"one", "two"} {
		os.Mkdir(filepath.Join(top, name), 0o755)
		os.WriteFile(filepath.Join(top, name, "f"), []byte(name), 0o644)
	}
	link := filepath.Join(top, "current")
	os.Symlink("one", link)
	f := New(Config{})
	defer f.Close()
	if rec, err := serve(t, f, ask(link, "GET", "/f", nil)); rec.Body.String() != "one" {
		t.Fatalf("%q, %v", rec.Body, err)
	}
	os.Remove(link)
	os.Symlink("two", link)
	found, _ := f.roots.table.Load(link)
	found.(*root).checked.Store(0)
	if rec, err := serve(t, f, ask(link, "GET", "/f", nil)); rec.Body.String() != "two" {
		t.Errorf("%q, %v", rec.Body, err)
	}
}

func TestParseTypes(t *testing.T) {
	got, err := ParseTypes(strings.NewReader("# comment\ntext/html html HTM # more\n\nimage/png\t.png\n"))
	if err != nil || got["htm"] != "text/html" || got["png"] != "image/png" || len(got) != 3 {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"html text/html", "a/b x\nnonsense y", "a/b " + strings.Repeat("x", 9000)} {
		if _, err := ParseTypes(strings.NewReader(bad)); err == nil || !strings.Contains(err.Error(), "line ") {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
}

// FuzzServe: whatever the path, nothing outside of the root, and nothing that
// is hidden within, comes out.
func FuzzServe(f *testing.F) {
	root := site(f)
	files := New(Config{Types: types})
	f.Cleanup(files.Close)
	for _, seed := range []string{"/a.txt", "/../secret.txt", "/sub/../../secret.txt", "/outdir/secret.txt", "/WEB-INF/web.xml", "/lsub/../a.txt", "/.htaccess", "/page", "//abs.txt", "/sub/./.htpasswd", "/page.jsp\x00.html"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		x := ask(root, "GET", path, func(s *settings.Settings) { s.Options |= settings.MultiViews | settings.Indexes })
		x.Target.File = strings.TrimPrefix(path, "/")
		rec, _ := serve(t, files, x)
		if strings.Contains(rec.Body.String(), "SECRET") && x.Target.File != "page.jsp" && !strings.HasSuffix(filepath.Clean("/"+x.Target.File), "/page.jsp") {
			t.Fatalf("%q gives %q", path, rec.Body)
		}
	})
}

func FuzzParseTypes(f *testing.F) {
	f.Add("text/html html\n# x\n")
	f.Fuzz(func(t *testing.T, text string) {
		types, err := ParseTypes(strings.NewReader(text))
		for ext, mediaType := range types {
			if err != nil || ext != strings.ToLower(ext) || !strings.Contains(mediaType, "/") {
				t.Fatalf("%q: %q, %v", ext, mediaType, err)
			}
		}
	})
}
