package interop

import (
	"bufio"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/interop/peer"
)

// corpusSite is the configuration that the corpus is about.
const corpusSite = `
DirectoryIndex index.html
<Directory "@DIR@">
    AllowOverride None
    Options FollowSymLinks
    Require all granted
</Directory>
<Directory "@DIR@/site/list">
    Options Indexes
</Directory>
<Directory "@DIR@/site/mv">
    Options MultiViews
</Directory>
<Directory "@DIR@/site/typed">
    AddType application/x-odd .odd
</Directory>
<Directory "@DIR@/site/forced">
    ForceType text/x-forced
</Directory>
<Directory "@DIR@/site/charset">
    AddDefaultCharset utf-8
</Directory>
<Directory "@DIR@/site/noslash">
    DirectorySlash Off
</Directory>
<Directory "@DIR@/site/oldstyle">
    Order allow,deny
    Allow from all
</Directory>
<Directory "@DIR@/site/oldstyle-denied">
    Order deny,allow
    Deny from all
    Allow from 192.0.2.1
</Directory>
<FilesMatch "^\.ht">
    Require all denied
</FilesMatch>
<Files "*.secret">
    Require all denied
</Files>
<Location "/denied">
    Require all denied
</Location>
<Location "/app/denied">
    Require all denied
</Location>
<Location "/local">
    Require ip 127.0.0.0/8
</Location>
<Location "/elsewhere">
    Require ip 192.0.2.0/24
</Location>
<Location "/notlocal">
    <RequireAll>
        Require all granted
        Require not ip 127.0.0.1
    </RequireAll>
</Location>
<Location "/any">
    <RequireAny>
        Require ip 192.0.2.1
        Require local
    </RequireAny>
</Location>
<Location "/all">
    <RequireAll>
        Require ip 192.0.2.1
        Require local
    </RequireAll>
</Location>
<Location "/none">
    <RequireAll>
        Require all granted
        <RequireNone>
            Require local
        </RequireNone>
    </RequireAll>
</Location>
<Location "/limited">
    LimitRequestBody 1000
</Location>

<VirtualHost 127.0.0.1:@PORT@>
    ServerName main.example
    DocumentRoot "@DIR@/site"
    Alias /aliased "@DIR@/elsewhere"
    Alias /onefile "@DIR@/elsewhere/e.txt"
    AliasMatch "^/am/(.*)\.x$" "@DIR@/elsewhere/$1.txt"
    Redirect /old http://other.example/new
    Redirect permanent /perm http://other.example/moved
    Redirect temp /temp http://other.example/t
    Redirect seeother /seeother http://other.example/s
    Redirect gone /gone
    Redirect 307 /code307 http://other.example/k
    Redirect /local-redirect /here
    Redirect /redirected.do /there
    JkMount /app/* JVMRoute-pj001
    JkUnMount /app/static/* JVMRoute-pj001
    JkMount /*.do JVMRoute-pj001
    JkMount /*.jsp JVMRoute-pj001
    JkMount /limited/* JVMRoute-pj001
    JkMount /demo|/* JVMRoute-pj001
    JkMount /exact JVMRoute-pj001
    JkMount /only/*.do JVMRoute-pj001
    JkMount /lb/* lb
    JkMount /dead/* dead
</VirtualHost>
<VirtualHost 127.0.0.1:@PORT@>
    ServerName two.example
    ServerAlias *.two.example
    DocumentRoot "@DIR@/two"
    JkMount /app/* JVMRoute-pj001
</VirtualHost>
<VirtualHost 127.0.0.1:@PORT@>
    ServerName errors.example
    DocumentRoot "@DIR@/site"
    ErrorDocument 404 /errors/404.html
    ErrorDocument 403 "Go away."
    ErrorDocument 410 http://other.example/gone
    ErrorDocument 503 /errors/503.html
    Redirect gone /outside
    JkMount /app/* JVMRoute-pj001
    JkMount /dead/* dead
</VirtualHost>
<VirtualHost 127.0.0.1:@PORT@>
    ServerName index.example
    DocumentRoot "@DIR@/two"
    DirectoryIndex index.do absent.html who.txt
    JkMount /*.do JVMRoute-pj001
</VirtualHost>
`

// corpusFiles are the static files, by name.
func corpusFiles() map[string]string {
	text := strings.Repeat("0123456789", 100)
	files := map[string]string{
		"site/index.html": "<h1>index</h1>\n", "site/a.txt": text, "site/empty.txt": "", "site/page.html": "<h1>page</h1>\n", "site/style.css": "a {}\n",
		"site/unknown.xyz": "?\n", "site/README": "read\n", "site/nodir.bin": "\x00\x01", "site/big.bin": strings.Repeat("big file ", 120000), "site/who.txt": "main\n",
		"site/name with space.txt": "space\n", "site/%.txt": "percent\n", "site/ü.txt": "umlaut\n", "site/.hidden": "hidden\n", "site/.htaccess": "\n", "site/.htpasswd": "\n",
		"site/hidden.secret": "secret\n", "site/multi.tar.txt": "multi\n", "site/unreadable.txt": "not for daemon\n", "site/dir/index.html": "<h1>dir</h1>\n", "site/dir/.htaccess": "\n", "site/sub/x.txt": "x\n",
		"site/list/a.txt": "a\n", "site/list/b b.txt": "b\n", "site/list/c&c.html": "c\n", "site/list/in/x": "x", "site/noindex/x": "x", "site/mv/doc.html": "<p>doc\n",
		"site/mv/lang.html.de": "<p>de\n", "site/mv/lang.html.en": "<p>en\n", "site/typed/x.odd": "odd\n", "site/forced/a.txt": text, "site/charset/a.txt": text, "site/charset/page.html": "<p>\n", "site/noslash/index.html": "<p>noslash\n",
		"site/only/a.txt": "only\n", "site/app/static/a.txt": "static\n", "site/demox": "demox\n", "site/aliasedx": "aliasedx\n", "site/WEB-INF/web.xml": "<web-app/>\n",
		"site/errors/404.html": "<h1>not here</h1>\n", "site/errors/503.html": "<h1>later</h1>\n", "elsewhere/e.txt": "elsewhere\n", "two/who.txt": "two\n", "two/dir/x": "x",
	}
	for _, name := range []string{"denied", "local", "elsewhere", "notlocal", "oldstyle", "oldstyle-denied", "any", "all", "none"} {
		files["site/"+name+"/a.txt"] = name + "\n"
	}
	for _, name := range sectionFiles {
		files["sections/"+name] = name + "\n"
	}
	files["sections/links/owned.txt"] = "owned\n"
	return files
}

// corpusFront is corpusOver for the two Tomcats.
func corpusFront(t *testing.T) front {
	t.Helper()
	a, b := nodes(t)
	return corpusOver(t, endpoint{a.Route, a.AJPAddr}, endpoint{b.Route, b.AJPAddr})
}

// corpusOver writes the corpus's files and returns its configuration.
func corpusOver(t *testing.T, nodes ...endpoint) front {
	t.Helper()
	dir := peer.Folder(t)
	date := time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, text := range corpusFiles() {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, date, date); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range sectionLinks {
		if err := os.Symlink(strings.ReplaceAll(to, "@DIR@", dir), filepath.Join(dir, "sections", link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(filepath.Join(dir, "sections/links/owned.txt"), 1, 1); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("a.txt", filepath.Join(dir, "site/link.txt")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "site/unreadable.txt"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, port, _ := strings.Cut(peer.FreeAddr(t), ":")
	dead := "worker.dead.type=ajp13\nworker.dead.host=127.0.0.1\nworker.dead.port=" + port + "\nworker.dead.retries=1\n"
	return front{workers: strings.Replace(workersOver(nodes...), "worker.list=", "worker.list=dead,", 1) + dead, site: corpusSite + sectionsSite, dir: dir}
}

// run sends the corpus to two servers and returns all differences.
func run(t *testing.T, one, two string) []difference {
	t.Helper()
	only := regexp.MustCompile(os.Getenv("CORPUS"))
	seen := map[string]bool{}
	var all []difference
	for _, r := range corpus() {
		if seen[r.id] {
			t.Errorf("two requests are called %s", r.id)
		}
		seen[r.id] = true
		if !only.MatchString(r.id) {
			continue
		}
		first, err := r.send(one)
		if err != nil {
			t.Fatalf("%s: %v", r.id, err)
		}
		second, err := r.send(two)
		if err != nil {
			t.Fatalf("%s: %v", r.id, err)
		}
		all = append(all, compare(r, first, second, one, two)...)
	}
	t.Logf("%d requests", len(seen))
	return all
}

// TestCorpusIsDeterministic holds httpd against httpd: what differs there
// would say nothing about catflap.
func TestCorpusIsDeterministic(t *testing.T) {
	f := corpusFront(t)
	one, two := peer.StartHTTPD(t, f.write(t)), peer.StartHTTPD(t, f.write(t))
	for _, d := range run(t, one.Addr, two.Addr) {
		t.Errorf("%v", d)
	}
}

// TestCorpus holds catflap against httpd, request by request.
func TestCorpus(t *testing.T) {
	f := corpusFront(t)
	one, two := peer.StartHTTPD(t, f.write(t)), peer.StartCatflap(t, catflapBinary(t), f.write(t))
	known := knownDifferences(t)
	for _, d := range run(t, one.Addr, two.Addr) {
		if !known.allow(d) {
			t.Errorf("httpd and catflap differ: %v", d)
		}
	}
	known.checkUsed(t)
}

// A known is a difference that is meant.
type known struct {
	line     int
	pattern  string // of request ids, as path.Match has them
	what     string // as in difference
	fidelity string // the id of the entry in docs/fidelity.md
	used     bool
}

type allKnown []*known

// mostKnown is how many lines there may be before the comparison says little.
const mostKnown = 30

// knownDifferences reads the list of what is meant to differ: a request id
// pattern, what differs and where docs/fidelity.md tells why, a line each.
func knownDifferences(t *testing.T) allKnown {
	t.Helper()
	doc, err := os.ReadFile("../docs/fidelity.md")
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open("testdata/known-differences.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var all allKnown
	lines := bufio.NewScanner(file)
	for n := 1; lines.Scan(); n++ {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if len(fields) != 3 {
			t.Fatalf("known-differences.txt:%d: want a pattern, what and an id of docs/fidelity.md", n)
		}
		if !regexp.MustCompile(`\b` + regexp.QuoteMeta(fields[2]) + `\b`).Match(doc) {
			t.Errorf("known-differences.txt:%d: docs/fidelity.md has no %s", n, fields[2])
		}
		all = append(all, &known{line: n, pattern: fields[0], what: fields[1], fidelity: fields[2]})
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if len(all) > mostKnown {
		t.Errorf("known-differences.txt has %d entries, more than %d", len(all), mostKnown)
	}
	return all
}

// allow reports whether d is known.
func (all allKnown) allow(d difference) bool {
	for _, k := range all {
		if match, _ := path.Match(k.pattern, d.id); match && k.what == d.what {
			k.used = true
			return true
		}
	}
	return false
}

func (all allKnown) checkUsed(t *testing.T) {
	t.Helper()
	if os.Getenv("CORPUS") != "" {
		return // only a part was sent
	}
	for _, k := range all {
		if !k.used {
			t.Errorf("known-differences.txt:%d: %s", k.line, fmt.Sprintf("%s %s does not differ any more", k.pattern, k.what))
		}
	}
}
