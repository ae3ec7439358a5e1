package interop

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/interop/peer"
)

// A comparison holds both fronts to the same answers for one configuration.
type comparison struct {
	site     string            // as of front
	files    map[string]string // below @DIR@, by name
	dead     bool              // there is a worker "dead", where nobody listens
	sorted   bool              // lines of bodies may come in any order, and in any case of letters
	requests []request
	// meant names by request id, or by *PART* of it, what of the answer differs,
	// and why; an entry that nothing uses fails.
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
	if c.dead {
		_, port, _ := strings.Cut(peer.FreeAddr(t), ":")
		f.workers = strings.Replace(f.workers, "worker.list=", "worker.list=dead,", 1) + "worker.dead.type=ajp13\nworker.dead.host=127.0.0.1\nworker.dead.port=" + port + "\nworker.dead.retries=1\n"
	}
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
		if c.sorted {
			for i := range first {
				first[i] = sortedLines(first[i])
			}
			for i := range second {
				second[i] = sortedLines(second[i])
			}
		}
		for _, d := range compare(r, first, second, httpd.Addr, catflap.Addr) {
			if id, ok := c.known(d); ok {
				used[id] = true
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

// known finds the entry of meant for d.
func (c comparison) known(d difference) (id string, ok bool) {
	for id, m := range c.meant {
		same := id == d.id || strings.HasPrefix(id, "*") && strings.Contains(d.id, strings.Trim(id, "*"))
		if same && m.what == d.what {
			return id, true
		}
	}
	return "", false
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

// sameLog holds a log that both servers wrote against each other, but for lines
// that hold skip, if it is not empty. httpd writes a line after its answer, so
// that two may change places.
func sameLog(t *testing.T, folders [2]string, name, skip string) {
	t.Helper()
	var logs [2][]string
	for i, folder := range folders {
		text, err := os.ReadFile(filepath.Join(folder, "logs", name))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if skip == "" || !strings.Contains(line, skip) {
				logs[i] = append(logs[i], line)
			}
		}
		slices.Sort(logs[i])
	}
	if len(logs[0]) == 0 {
		t.Errorf("httpd wrote nothing into %s", name)
	}
	if !slices.Equal(logs[0], logs[1]) {
		t.Errorf("%s\nhttpd:   %q\ncatflap: %q", name, without(logs[0], logs[1]), without(logs[1], logs[0]))
	}
}

// TestEnvironment: variables of the server, of hosts and of sections, and what
// is done with them: logs, mounts, access, attributes, connections.
func TestEnvironment(t *testing.T) {
	t.Setenv("PASSED", "from outside")
	folders := comparison{
		site: open + `
DocumentRoot "@DIR@/www"
LogFormat "%v %m %U %>s a=%{a}e b=%{b}e c=%{c}e d=%{d}e e=%{e}e f=%{f}e g=%{g}e h=%{h}e P=%{PASSED}e R=%{REDIRECT_a}e" env
CustomLog logs/env env
CustomLog logs/bad env env=bad
CustomLog logs/notbad env env=!bad
SetEnvIf Request_URI "\.txt$" a=main
SetEnvIf Request_URI "^/app" b=one
SetEnvIf Request_URI "^/app/(.*)$" c=$1-$0-$2-$$
SetEnvIf b "one" d=fromb
SetEnvIf X-Bar "abc" g=plain:$0
SetEnvIfNoCase X-Baz "(ABC)" g=nocase:$1
SetEnvIf Remote_Addr "^127" remote
SetEnvIf Remote_Host "(.*)" f=$1
SetEnvIf Server_Addr "(.*)" e=$1
SetEnvIf Request_Method "^(G)(E)T" f=$f$2:$1
SetEnvIf Request_Protocol "(.*)" e=$1
SetEnvIf ^X-F.*o$ "v(.)" f=$1
SetEnvIf x-foo "^$" g=noheader
BrowserMatchNoCase mozilla g=moz !a
BrowserMatch Mozilla b=exact
SetEnvIf nosuchvariable "^$" d=empty
SetEnvIf X-Bad . bad
SetEnvIf X-Good . good=
SetEnvIf Request_URI ^/nope bad
SetEnvIf Request_URI /app/off no-jk
SetEnvIf X-Down . downgrade-1.0
SetEnvIf X-Force . force-response-1.0
SetEnvIf X-NoKeep . nokeepalive
SetEnvIf User-Agent "(?<!not-)robot" g=robot
SetEnv late main
SetEnv sgood 1
PassEnv PASSED
JkEnvVar a
JkEnvVar b dflt
JkEnvVar c
JkEnvVar late
JkEnvVar REMOTE_USER none
JkEnvVar none ""
JkMount /app/* JVMRoute-pj001
ErrorDocument 404 /404.html
<Location /app/loc>
SetEnvIf Request_URI .* b=fromloc !a
SetEnv c location
UnsetEnv late
</Location>
<Location /app/fixed>
SetEnv no-jk 1
</Location>
<Location /app/fixed/un>
UnsetEnv no-jk
</Location>
<Location /app/judged>
SetEnvIf Request_URI . no-jk
</Location>
<Location /app/user>
SetEnv JK_REMOTE_ADDR 192.0.2.7
SetEnv JK_REMOTE_USER joe
SetEnv JK_AUTH_TYPE Basic
</Location>
<Location /kept>
SetEnv nokeepalive 1
</Location>
<Directory "@DIR@/www/dir">
SetEnvIf Request_URI "(.*)" d=dir:$1
SetEnv h fromdir
</Directory>
<Files index.html>
SetEnvIf Request_URI "(.*)" c=files:$1
</Files>
<Location /renv>
Require env good
</Location>
<Location /renvs>
Require env sgood
</Location>
<Location /rempty>
Require env
</Location>
<Location /rtwo>
Require env nosuch bad
</Location>
<Location /rnot>
<RequireAll>
Require all granted
Require not env bad
</RequireAll>
</Location>
<Location /allow>
Order deny,allow
Deny from all
Allow from env=good
</Location>
<Location /deny>
Order allow,deny
Allow from all
Deny from env=bad
</Location>
<Location /allown>
Order deny,allow
Deny from all
Allow from env=!bad
</Location>
DirectoryIndex index.html
<VirtualHost 127.0.0.1:@PORT@>
ServerName main.example
JkMount /app/* JVMRoute-pj001
SetEnvIf a main b=vhost
SetEnv late vhost
UnsetEnv PASSED
JkEnvVar a defa
JkEnvVar d defd
</VirtualHost>
`,
		files: map[string]string{"www/a.txt": "a\n", "www/404.html": "none\n", "www/dir/index.html": "i\n", "www/kept/x": "k\n", "www/app/fixed/x": "file\n", "www/app/off": "file\n",
			"www/renv/x": "x", "www/renvs/x": "x", "www/rempty/x": "x", "www/rtwo/x": "x", "www/rnot/x": "x", "www/allow/x": "x", "www/deny/x": "x", "www/allown/x": "x"},
		requests: slices.Concat(
			gets("/a.txt", "/app/x.txt?attribute=a&attribute=b&attribute=c&attribute=d&attribute=late&attribute=REMOTE_USER&attribute=none", "/app/q", "/app/off", "/app/loc?attribute=a&attribute=b&attribute=late", "/app/loc/x.txt",
				"/dir/", "/dir/index.html", "/nope.txt", "/app/fixed/x", "/app/fixed/un", "/app/judged/x", "/app/user", "//app/x", "/a.txt X-Bar: xabcx", "/a.txt X-Baz: xAbCx", "/a.txt X-Foo: v1",
				"/a.txt User-Agent: MOZILLA/5", "/a.txt User-Agent: Mozilla/5", "/a.txt User-Agent: a robot", "/a.txt User-Agent: not-robot", "/a.txt X-Bad: 1", "/a.txt X-Good: 1"),
			withEach([]string{"/renv/x", "/renvs/x", "/rempty/x", "/rtwo/x", "/rnot/x", "/allow/x", "/deny/x", "/allown/x"}, "", " X-Good: 1", " X-Bad: 1"),
			kept("/a.txt", "X-Down: 1", "X-Force: 1", "X-Down: 1 | X-Force: 1", "X-NoKeep: 1", "X-Down: 1 | Connection: keep-alive"),
			kept("/kept/x", "X-Other: 1"), kept("/app/x?size=10", "X-Down: 1"),
		),
	}.run(t)
	sameLog(t, folders, "env", "")
	sameLog(t, folders, "bad", "")
	sameLog(t, folders, "notbad", "")
}

// withEach is every target with every header.
func withEach(targets []string, headers ...string) []request {
	var lines []string
	for _, target := range targets {
		for _, header := range headers {
			lines = append(lines, target+header)
		}
	}
	return gets(lines...)
}

// kept asks twice on one connection, in both versions of HTTP/1, so that one
// sees whether it stays.
func kept(target string, headers ...string) []request {
	var all []request
	for _, line := range headers {
		for _, version := range []string{"1.0", "1.1"} {
			lines := append([]string{mainHost}, strings.Split(line, " | ")...)
			first := head("GET "+target+" HTTP/"+version, lines...)
			all = append(all, request{id: "twice HTTP/" + version + " " + target + " " + line, head: first + head("GET /a.txt", mainHost), answers: 2})
		}
	}
	return all
}

// TestHeaders: what Header and RequestHeader do, at all levels, to answers of
// files, of nodes, to errors and redirects.
func TestHeaders(t *testing.T) {
	folders := comparison{
		site: open + `
DocumentRoot "@DIR@/www"
LogFormat "%U %>s i=%{X-In}i u=%{User-Agent}i h=%{Host}i n=%{nn}n o=%{X-S}o t=%{Content-Type}o c=%{Set-Cookie}o" headers
CustomLog logs/headers headers env=!unlogged
SetEnvIf Request_URI ^/dir$|%2F unlogged
SetEnvIf If-Match . unlogged
SetEnvIf Range 200 unlogged
TraceEnable off
SetEnv VV "v v"
SetEnvIf X-Early "(.*)" early=$1
Header set X-S set1
Header append X-S app
Header merge X-S set1
Header merge X-S more
Header merge X-S "\"quoted, app\""
Header add X-S added
Header setifempty X-S no
Header setifempty X-E yes
Header always set X-A alw
Header set X-A onsucc
Header always add X-A alw2
Header set X-Fmt "%{VV}e|%{nope}e|%%|%{SSL_PROTOCOL}s|\\x|a\tb"
Header echo ^X-Ec
Header edit Content-Type plain pl
Header edit* X-S "(a)(.)" "<$2$1&\\>"
Header edit X-Many o 0
Header edit X-Many "^(?!first)" "not-first:"
Header edit* X-Many e "[%{VV}e]"
Header note X-S nn
Header unset X-Gone
Header set Server mine
Header set Date never
Header always unset X-Route2
Header edit Location other edited
Header always edit Location other alwedited
Header set X-Cond yes env=VV
Header set X-Cond2 yes env=!VV
Header set X-Cond3 yes env=nope
Header set X-Early-Seen "%{early}e" env=early
RequestHeader set X-Early cameearly early
RequestHeader set X-In one
RequestHeader append X-In two
RequestHeader edit X-In one "ONE"
RequestHeader unset User-Agent
RequestHeader set X-E "%{VV}e"
RequestHeader set X-Cond yes env=VV
RequestHeader set X-Cond2 yes env=!VV
RequestHeader add X-Once a
RequestHeader merge X-Merged b
RequestHeader merge X-Merged b
RequestHeader merge X-Merged c
RequestHeader setifempty X-Empty filled
RequestHeader edit* Cookie "([a-z])=" "$1$1="
Redirect /old http://other.example/new
ErrorDocument 404 /404.html
ErrorDocument 410 "gone, as a text"
ErrorDocument 403 http://other.example/403
JkMount /app/* JVMRoute-pj001
JkMount /dead/* dead
RedirectMatch gone ^/gone
<Location /app>
Header set X-Level location
Header append X-S location
RequestHeader set X-Level location
</Location>
<Location /app/deep>
Header set X-Level deep
RequestHeader unset X-In
Header unset X-A
Header always set X-Always deep
Header unset Content-Type
</Location>
<Location /app/host>
RequestHeader set Host changed.example
</Location>
<Location /app/type>
Header set Content-Type text/x-other
</Location>
<Location /app/alwaystype>
Header always set Content-Type text/x-always
</Location>
<Location /denied>
Require all denied
Header always set X-Level denied
Header set X-Level-Success denied
</Location>
<Location /app/unauthorised>
Header always unset WWW-Authenticate
</Location>
<Directory "@DIR@/www">
Header set X-Dir www
</Directory>
<Directory "@DIR@/www/dir">
Header append X-Dir dir
</Directory>
<Files "*.html">
Header append X-Dir files
Header always set X-File yes
</Files>
DirectoryIndex index.html
<VirtualHost 127.0.0.1:@PORT@>
ServerName other.example
JkMount /app/* JVMRoute-pj001
</VirtualHost>
<VirtualHost 127.0.0.1:@PORT@>
ServerName main.example
JkMount /app/* JVMRoute-pj001
JkMount /dead/* dead
Redirect /old http://other.example/new
Header append X-S host
Header set X-Host main
</VirtualHost>
`,
		dead:  true,
		files: map[string]string{"www/a.txt": strings.Repeat("0123456789", 10), "www/404.html": "none\n", "www/dir/index.html": "i\n", "www/denied/x": "x"},
		requests: slices.Concat(
			gets("/a.txt", "/a.txt X-Echo: e1 | X-Ech2: e2 | X-Echo: e3", "/app/x?set=X-Gone:1&set=X-S:tom&set=Location:http://other/", "/app/x?status=500&set=X-S:tom", "/app/x?status=302&set=Location:http://other/",
				"/app/x?set=X-Many:first&set=X-Many:second&set=X-Many:third", "/app/x Cookie: a=1; b=2 | X-Empty: full | User-Agent: me", "/app/x X-Empty: ", "/app/deep/x", "/app/deep/x?error=404", "/app/host", "/app/type", "/app/alwaystype",
				"/dead/x", "/old/x", "/nope", "/gone", "/dir", "/dir/", "/dir/index.html", "/denied/x", "/%zz", "/a%2Fb", "/a.txt If-None-Match: *", "/a.txt If-Match: \"x\"", "/a.txt Range: bytes=0-1", "/a.txt Range: bytes=200-",
				"/app/x?status=304", "/app/x?status=204", "/app/x?error=401&set=WWW-Authenticate:Basic", "/app/unauthorised?status=401&set=WWW-Authenticate:Basic", "/app/x?set=Set-Cookie:a=b&set=Set-Cookie:c=d"),
			[]request{ask("DELETE", "DELETE /a.txt"), ask("OPTIONS", "OPTIONS /a.txt"), ask("HEAD", "HEAD /a.txt"), ask("HEAD node", "HEAD /app/x"), {id: "HTTP/1.0", head: head("GET /a.txt HTTP/1.0")},
				{id: "nonsense", head: "nonsense\r\n\r\n"}, {id: "no host", head: head("GET /a.txt HTTP/1.1")}, {id: "long", head: head("GET /a.txt", mainHost, "X-Long: "+strings.Repeat("x", 9000))}},
		),
		meant: map[string]meant{
			"/a.txt If-Match: \"x\"": {"header:content-type", "The page of a 412 says that it is HTML"},
		},
	}.run(t)
	sameLog(t, folders, "headers", " 400 ") // of requests that were not read %U is httpd's own
}

// TestPipedLogs: the lines that programs get, in all forms of a piped log.
func TestPipedLogs(t *testing.T) {
	folders := comparison{
		site: open + `
DocumentRoot "@DIR@/www"
LogFormat "%m %U %>s" short
SetEnvIf Request_URI wanted wanted
CustomLog "|/usr/bin/rotatelogs @TOP@/logs/rotated.%m 86400" short
CustomLog "||/usr/bin/tee -a '@TOP@/logs/tee'" short env=wanted
CustomLog "|$while read line; do echo \"$line\"; done >>@TOP@/logs/shell" short env=!wanted
TransferLog "|/usr/bin/tee -a @TOP@/logs/transfer"
ErrorLog "|/usr/bin/tee -a @TOP@/logs/piped_error"
JkLogFile "|/usr/bin/tee -a @TOP@/logs/piped_jk"
JkRequestLogFormat "%m %U %s %w"
JkLogStampFormat "["
JkMount /app/* JVMRoute-pj001
<Location /denied>
Require all denied
</Location>
<VirtualHost 127.0.0.1:@PORT@>
ServerName main.example
JkMount /app/* JVMRoute-pj001
</VirtualHost>
`,
		files:    map[string]string{"www/a.txt": "a\n", "www/wanted": "w\n", "www/denied/x": "x"},
		requests: gets("/a.txt", "/wanted", "/app/x", "/none", "/denied/x", "/app/wanted"),
	}.run(t)
	month := time.Now().Format("rotated.01")
	for _, name := range []string{month, "tee", "shell"} {
		sameLog(t, folders, name, "")
	}
	for _, folder := range folders {
		for name, want := range map[string]string{"piped_error": "AH01630: client denied by server configuration: ", "piped_jk": "GET /app/x 200 JVMRoute-pj001", "transfer": `"GET /wanted HTTP/1.1" 200 2`} {
			text, err := os.ReadFile(filepath.Join(folder, "logs", name))
			if err != nil || !strings.Contains(string(text), want) {
				t.Errorf("%s: %v, lacks %q:\n%s", name, err, want, text)
			}
		}
	}
}
