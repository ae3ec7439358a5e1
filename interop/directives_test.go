package interop

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/interop/peer"
)

// A comparison holds both fronts to the same answers for one configuration.
type comparison struct {
	site     string            // as of front
	files    map[string]string // below @DIR@, by name
	requests []request
	// meant names by request id what of the answer differs, and why; an entry
	// that nothing uses fails.
	meant map[string]meant
}

// meant is one difference that is meant.
type meant struct {
	what string // as of difference
	why  string // words of docs/fidelity.md
}

// run sends the requests to httpd and to catflap, and returns the folders of
// both servers, in that order.
func (c comparison) run(t *testing.T) (folders [2]string) {
	t.Helper()
	a, b := nodes(t)
	dir, date := peer.Folder(t), time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, text := range c.files {
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
	f := front{workers: balancerOver(a, b), site: c.site, dir: dir}
	one, two := f.write(t), f.write(t)
	httpd, catflap := peer.StartHTTPD(t, one), peer.StartCatflap(t, catflapBinary(t), two)
	doc, err := os.ReadFile("../docs/fidelity.md")
	if err != nil {
		t.Fatal(err)
	}
	fidelity := strings.Join(strings.Fields(string(doc)), " ")
	used := map[string]bool{}
	for _, r := range c.requests {
		first, err := r.send(httpd.Addr)
		if err != nil {
			t.Fatalf("%s: %v", r.id, err)
		}
		second, err := r.send(catflap.Addr)
		if err != nil {
			t.Fatalf("%s: %v", r.id, err)
		}
		for _, d := range compare(r, first, second, httpd.Addr, catflap.Addr) {
			if m, ok := c.meant[d.id]; ok && m.what == d.what {
				used[d.id] = true
				continue
			}
			t.Errorf("httpd and catflap differ: %v", d)
		}
	}
	for id, m := range c.meant {
		if !used[id] {
			t.Errorf("%s %s does not differ any more", id, m.what)
		}
		if !strings.Contains(fidelity, m.why) {
			t.Errorf("docs/fidelity.md does not say %q", m.why)
		}
	}
	httpd.Stop(t)
	catflap.Stop(t)
	return [2]string{filepath.Dir(filepath.Dir(one)), filepath.Dir(filepath.Dir(two))}
}

// gets returns one GET for each line "TARGET" or "TARGET HEADER: VALUE", of
// which the id is the line.
func gets(lines ...string) []request {
	var all []request
	for _, line := range lines {
		target, header, has := strings.Cut(line, " ")
		var headers []string
		if has {
			headers = strings.Split(header, " | ")
		}
		all = append(all, ask(line, "GET "+target, headers...))
	}
	return all
}

const open = "<Directory \"@DIR@\">\nRequire all granted\nOptions FollowSymLinks\nAllowOverride None\n</Directory>\n"

// TestRedirects: RedirectMatch and AliasMatch at all levels, regular
// expressions with look-around included.
func TestRedirects(t *testing.T) {
	comparison{
		site: open + `
DocumentRoot "@DIR@/www"
JkMount /app/* JVMRoute-pj001
RedirectMatch ^/r/(.*)$ http://x.example/n/$1
RedirectMatch ^/q/(.*)$ http://x.example/n/$1?fix=1
RedirectMatch ^/rel/(.*)$ /n/$1
RedirectMatch 301 ^/p/(.)(.*)$ http://x.example/$2/$1/$0/$9
RedirectMatch gone ^/gone\.html$
RedirectMatch 404 \.git
RedirectMatch 403 ^/app/priv
RedirectMatch ^/frag/(.*)$ http://x.example/n#$1
RedirectMatch ^/esc/(.*)$ "http://x.example/a b/%41/$1"
RedirectMatch ^/dollar$ "http://x.example/\$1"
RedirectMatch ^/app/go/(.*)$ https://x.example/$1
RedirectMatch permanent ^/(?!www|app|am|loc|after|dir|lg|l404)([a-z]+)/not$ http://x.example/$1
RedirectMatch ^/(tw)\1o$ http://x.example/back-reference
Redirect /after http://x.example/one
RedirectMatch ^/after http://x.example/two
AliasMatch ^/am/(.*)\.x$ "@DIR@/else/$1.txt"
AliasMatch ^/amd(.*)$ "@DIR@/www/dir$1"
AliasMatch "^/(?=look)look-(.+)$" "@DIR@/else/$1"
<Location /loc>
Redirect permanent http://x.example/whole
</Location>
<Location /locm>
RedirectMatch ^/locm/(.*)$ http://x.example/m/$1
</Location>
<Location /app/locp>
Redirect 302 /app/locp http://x.example/lp
</Location>
<Location /app/den>
Require all denied
RedirectMatch . http://x.example/den
</Location>
<Directory "@DIR@/www/dir">
Redirect 307 /dir/index.html http://x.example/d
</Directory>
<Location /wholeden>
Redirect http://x.example/whole
Require all denied
</Location>
<Location /matchden>
RedirectMatch . http://x.example/match
Require all denied
</Location>
<Location /lg>
Redirect gone
</Location>
<Location /l404>
Redirect 404
</Location>
<LocationMatch "^/app/(?!open/)">
Require ip 192.0.2.1
</LocationMatch>
<FilesMatch "(?<!public)\.key$">
Require all denied
</FilesMatch>
DirectoryIndex index.html
`,
		files: map[string]string{"www/dir/index.html": "index\n", "else/e.txt": "else\n", "www/my.key": "k\n", "www/public.key": "p\n"},
		requests: gets("/r/a", "/r/a%20b", "/r/a?x=y", "/r/a?", "/q/a?x=y", "/rel/a", "/rel/a?b", "/p/abc", "/gone.html", "/x/.git/y", "/app/priv/x", "/frag/a", "/frag/a?q", "/esc/a%20b", "/dollar",
			"/app/go/there", "/shop/not", "/www/not", "/twtwo", "/twto", "/after/x", "/loc", "/loc/x?y", "/locm/a", "/locm/", "/app/locp/x?y", "/app/den/x", "/dir/index.html", "/dir/", "/lg/x", "/l404",
			"/r/a;b", "/r/%e4", "/r//b", "/am/e.x", "/am/%2e%2e.x", "/am/../e.x", "/amd/index.html", "/amd", "/amd/", "/look-e.txt", "/look-no.txt", "/app/open/x", "/app/shut/x", "/my.key", "/public.key",
			"/wholeden", "/matchden", "/r/a%3fc%25"),
		meant: map[string]meant{
			"/r/a%3fc%25": {"header:location", "What a RedirectMatch takes from the path is escaped whole"},
		},
	}.run(t)
}
