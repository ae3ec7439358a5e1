package interop

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/ajp/ajptest"
	"github.com/catflap/catflap/interop/peer"
)

// A restriction is a way in which a site keeps clients from something: what
// httpd does not serve, catflap must not serve, and what httpd serves to
// everybody, catflap serves.
type restriction struct {
	rule  string
	conf  string            // in a <VirtualHost>; @ROOT@ is its DocumentRoot
	files map[string]string // below DocumentRoot, beside the usual ones
	ask   string            // targets, or METHOD=target
	// over are the targets of ask that httpd serves and catflap does not,
	// because nobody can tell who may have them.
	over string
}

const password = "AuthType Basic\nAuthName x\nAuthUserFile @ROOT@/../users\n"

var restrictions = []restriction{
	{rule: "valid-user in Location", conf: "<Location /priv>\n" + password + "Require valid-user\n</Location>\n<Location /app/admin>\n" + password + "Require valid-user\n</Location>",
		ask: "/ /priv /priv/ /priv/x.html //priv/x.html /./priv/x.html /pub/../priv/x.html /%70riv/x.html /priv/x.html;y /priv;z/x.html /privy.html /app/x /app/admin /app/admin/x /app//admin/x /app/admin;x/y /app/;x/admin/y /app/administrator"},
	{rule: "user in Directory", conf: "<Directory @ROOT@/priv>\n" + password + "Require user joe\n</Directory>",
		ask: "/ /priv/x.html /priv/sub/y.html /priv/ /pub/x.html /link/x.html /privy.html"},
	{rule: "group in Files", conf: "<Files secret.html>\n" + password + "Require group staff\n</Files>\n<FilesMatch \"\\.bak$\">\nRequire all denied\n</FilesMatch>\nDirectoryIndex secret.html index.html\nErrorDocument 404 /secret.html\n<Directory @ROOT@>\nOptions +MultiViews\n</Directory>",
		ask: "/ /secret.html /secret /pub/ /pub/secret.html /a.html /x.bak /x.bak.html /missing"},
	{rule: "opened again below", conf: "<Location /priv>\n" + password + "Require valid-user\n</Location>\n<Location /priv/sub>\nRequire all granted\n</Location>",
		ask: "/priv/x.html /priv/sub/y.html /priv/sub/ /priv/sub/../x.html"},
	{rule: "any of several", conf: "<Location /priv>\n" + password + "Require valid-user\nRequire ip 127.0.0.1\n</Location>\n<Location /pub>\n" + password + "<RequireAll>\nRequire valid-user\nRequire ip 127.0.0.1\n</RequireAll>\n</Location>",
		ask: "/priv/x.html /pub/x.html"},
	{rule: "Satisfy Any", conf: "<Location /priv>\nOrder deny,allow\nDeny from all\nAllow from 127.0.0.1\n" + password + "Require valid-user\nSatisfy Any\n</Location>\n<Location /pub>\nOrder deny,allow\nDeny from all\nAllow from 10.1.1.1\n" + password + "Require valid-user\nSatisfy Any\n</Location>\n<Location /app>\nOrder allow,deny\nAllow from all\n" + password + "Require valid-user\nSatisfy All\n</Location>",
		ask: "/priv/x.html /pub/x.html /app/x"},
	{rule: "Limit", conf: "<Location /priv>\n<Limit PUT DELETE POST>\n" + password + "Require valid-user\n</Limit>\n</Location>\n<Location /pub>\n<LimitExcept GET HEAD>\nRequire all denied\n</LimitExcept>\n</Location>\n<Location /app>\n<LimitExcept GET POST>\nOrder deny,allow\nDeny from all\n</LimitExcept>\n</Location>",
		ask: "/priv/x.html POST=/priv/x.html HEAD=/priv/x.html /pub/x.html POST=/pub/x.html OPTIONS=/pub/x.html /app/x POST=/app/x PUT=/app/x DELETE=/app/x HEAD=/app/x"},
	{rule: "methods", conf: "<Location /priv>\nAllowMethods GET\n</Location>\n<Location /pub>\nRequire method GET\n</Location>\n<Location /app>\n<RequireAll>\nRequire all granted\nRequire not method DELETE PUT\n</RequireAll>\n</Location>",
		ask: "/priv/x.html POST=/priv/x.html /pub/x.html POST=/pub/x.html HEAD=/pub/x.html /app/x DELETE=/app/x PUT=/app/x POST=/app/x"},
	{rule: "RewriteRule [F]", conf: "RewriteEngine On\nRewriteRule ^/priv - [F]\nRewriteRule \\.bak$ - [F,NC]\nRewriteRule ^/app/admin/ - [R=404,L]\nRewriteRule ^/gone - [G]",
		ask: "/ /priv/x.html /PRIV/x.html /privy.html /x.bak /x.BAK /app/x /app/admin/x /app/admin;x/x /pub/x.html /gone", over: "/app/admin;x/x"},
	{rule: "RewriteRule [F] with !", conf: "RewriteEngine On\nRewriteRule !^/(pub|app)/ - [F]", ask: "/ /priv/x.html /pub/x.html /app/x"},
	{rule: "RewriteRule [F] in Directory", conf: "<Directory @ROOT@>\nRewriteEngine On\nRewriteRule ^priv/ - [F]\n</Directory>\n<Directory @ROOT@/pub>\nRewriteEngine On\nRewriteRule ^x - [F]\n</Directory>",
		ask: "/ /priv/x.html /a.html /pub/x.html /pub/z.html /pub/secret.html"},
	{rule: "RewriteRule [F] by client", conf: "RewriteEngine On\nRewriteCond %{REMOTE_ADDR} !^10\\.\nRewriteRule ^/priv - [F]\nRewriteCond %{REMOTE_ADDR} !^127\\.\nRewriteRule ^/pub - [F]\nRewriteCond %{HTTP_USER_AGENT} ^EvilBot\nRewriteRule .* - [F]",
		ask: "/ /a.html /priv/x.html /pub/x.html /app/x"},
	{rule: "RewriteRule that sends strangers elsewhere", conf: "RewriteEngine On\nRewriteCond %{HTTP_COOKIE} !login=1\nRewriteRule ^/priv /a.html [R,L]\nRewriteCond %{REMOTE_ADDR} !^10\\.\nRewriteRule ^/app/ /a.html [L,PT]\nRewriteCond %{HTTP_HOST} !^x\\.\nRewriteRule ^/never$ http://x.example/ [R]",
		ask: "/ /priv/x.html /app/x /pub/x.html /a.html", over: "/app/x"},
	{rule: "RewriteRule [F] after those that pass", conf: "RewriteEngine On\nRewriteRule ^/(pub|app)/ - [L]\nRewriteCond %{QUERY_STRING} open\nRewriteRule ^/priv/ - [L]\nRewriteRule .* - [F]",
		ask: "/ /priv/x.html /priv/x.html?open /pub/x.html /app/x /app;y/x"},
	{rule: "RewriteRule [F] by conditions", conf: "RewriteEngine On\nRewriteCond %{REQUEST_METHOD} !^(GET|HEAD)$\nRewriteRule ^/app/ - [F]\n" +
		"RewriteCond %{HTTP:X-Asked} =yes [OR]\nRewriteCond %{HTTP_HOST} ^site [NC]\nRewriteCond %{THE_REQUEST} secret\nRewriteRule .* - [F]\n" +
		"RewriteCond %{HTTPS} !=on\nRewriteCond %{SERVER_PROTOCOL} ^HTTP/1\\.1$\nRewriteRule ^/priv/ - [R=404]\nRewriteCond %{DOCUMENT_ROOT}/none.html -f\nRewriteRule .* - [R=503]\n" +
		"RewriteCond %{DOCUMENT_ROOT}%{REQUEST_URI} -d\nRewriteRule ^/pub - [F]\nRewriteCond %{HTTP_REFERER} !^$\nRewriteCond %{HTTP_REFERER} !^http://site\nRewriteRule ^/a - [F]",
		ask: "/ /app/x POST=/app/x DELETE=/app/x /secret.html /a.html?secret /priv/x.html /pub/x.html /pub/ /a.html"},
	{rule: "RewriteRule [F] in two Directories", conf: "<Directory @ROOT@>\nRewriteEngine On\nRewriteRule x\\.html$ - [F]\n</Directory>\n<Directory @ROOT@/pub>\nRewriteEngine On\nRewriteRule ^z - [F]\n</Directory>\n<Directory @ROOT@/up>\nRewriteEngine Off\n</Directory>",
		ask: "/ /priv/x.html /pub/x.html /pub/z.html /up/x.html /pub/deep/x.html"},
	{rule: "RewriteRule [P]", conf: "RewriteEngine On\nRewriteRule ^/priv/(.*) http://127.0.0.1:1/$1 [P]", ask: "/ /priv/x.html /pub/x.html"},
	{rule: "ProxyPass", conf: "ProxyPass /priv/sub !\nProxyPass /priv http://127.0.0.1:1/\nProxyPassMatch ^/(.*\\.php)$ http://127.0.0.1:1/$1\nProxyPass /app/proxied http://127.0.0.1:1/\n<Location /pub/deep>\nProxyPass http://127.0.0.1:1/\n</Location>",
		ask: "/ /priv/x.html /priv/sub/y.html /page.php /pub/x.html /app/x /app/proxied/x /pub/deep/x.html"},
	{rule: ".htaccess that restricts", conf: "<Directory @ROOT@>\nAllowOverride All\n</Directory>\n<Directory @ROOT@/priv/sub>\nAllowOverride None\n</Directory>",
		files: map[string]string{"pub/.htaccess": "Require all denied\n", "up/.htaccess": "Options -Indexes\nErrorDocument 404 /a.html\n", "priv/sub/.htaccess": "Require all denied\n", "up/deep/.htaccess": "AuthType Basic\nAuthName x\nAuthUserFile /x\nRequire valid-user\n", "up/files/.htaccess": "<Files x.html>\nRequire all denied\n</Files>\n"},
		ask:   "/ /a.html /pub/x.html /pub/deep/x.html /priv/x.html /priv/sub/y.html /up/x.html /up/deep/x.html /link/x.html /up/files/x.html /up/files/z.html /up/ /up/missing"},
	{rule: ".htaccess that rewrites", conf: "<Directory @ROOT@>\nAllowOverride All\n</Directory>",
		files: map[string]string{"pub/.htaccess": "RewriteEngine On\nRewriteRule ^deep/ - [F]\nRewriteRule ^z - [F]\n", "pub/deep/.htaccess": "RewriteEngine Off\n", "priv/.htaccess": "RewriteEngine On\nRewriteCond %{REMOTE_ADDR} ^127\nRewriteRule x - [F]\n"},
		ask:   "/ /pub/x.html /pub/z.html /pub/deep/x.html /priv/x.html /priv/sub/y.html"},
	{rule: ".htaccess that says more than it may", conf: "<Directory @ROOT@>\nAllowOverride FileInfo Options=MultiViews\n</Directory>\n<Directory @ROOT@/up>\nAllowOverride Indexes Nonfatal=Override\n</Directory>",
		files: map[string]string{"pub/.htaccess": "Require all granted\n", "priv/.htaccess": "Options Indexes\n", "priv/sub/.htaccess": "Options MultiViews\n", "up/.htaccess": "Require all denied\nDirectoryIndex x.html\n", "up/deep/.htaccess": "Nonsense\n"},
		ask:   "/ /pub/x.html /priv/x.html /priv/sub/y.html /up/x.html /up/ /up/deep/x.html"},
	{rule: ".htaccess that changes answers", conf: "<Directory @ROOT@>\nAllowOverride All\nOptions +Indexes\n</Directory>",
		files: map[string]string{"pub/.htaccess": "Options -Indexes\nErrorDocument 403 /a.html\n", "up/.htaccess": "DirectoryIndex x.html\nRedirect 403 /up/deep\n<FilesMatch ^z>\nOrder deny,allow\nDeny from all\n</FilesMatch>\n"},
		ask:   "/ /pub/ /pub/x.html /priv/ /up/ /up/deep/x.html /up/files/z.html /up/files/x.html /up/files/"},
	{rule: ".htaccess by another name", conf: "AccessFileName .acl\n<Directory @ROOT@>\nAllowOverride AuthConfig Limit\n</Directory>",
		files: map[string]string{"pub/.acl": "Require all denied\n", "priv/.htaccess": "Require all denied\n"}, ask: "/ /pub/x.html /priv/x.html"},
	{rule: "AllowOverrideList", conf: "<Directory @ROOT@>\nAllowOverride None\nAllowOverrideList Require\n</Directory>",
		files: map[string]string{"pub/.htaccess": "Require all denied\n"}, ask: "/ /pub/x.html /priv/x.html"},
	{rule: "handlers", conf: "AddHandler cgi-script .php\n<Directory @ROOT@/priv>\nSetHandler cgi-script\n</Directory>\nScriptAlias /scripts/ @ROOT@/pub/",
		ask: "/ /page.php /page.php.html /priv/x.html /scripts/x.html /pub/x.html"},
	{rule: "VirtualDocumentRoot", conf: "VirtualDocumentRoot @ROOT@/%0", ask: "/ /a.html /priv/x.html /app/x"},
	{rule: "If", conf: "<If \"%{REQUEST_URI} =~ m#^/priv#\">\nRequire all denied\n</If>", ask: "/priv/x.html"},
	{rule: "DirectoryMatch and wildcards", conf: "<DirectoryMatch \"^@ROOT@/(priv|none)$\">\nRequire all denied\n</DirectoryMatch>\n<Directory \"@ROOT@/p*/deep\">\nRequire all denied\n</Directory>\n<Location \"/app/*/admin\">\nRequire valid-user\n" + password + "</Location>",
		ask: "/ /priv/x.html /priv/sub/y.html /pub/x.html /pub/deep/x.html /app/a/admin /app/a/admin/x /app/a/b/admin /app/admin"},
	{rule: "Redirects before access", conf: "<Location /priv>\nRequire all denied\n</Location>\nRedirect 403 /pub\nRedirectMatch 404 \\.bak$\nRedirect /app/old https://www.site.example/",
		ask: "/ /priv/x.html /pub/x.html /x.bak /app/old/x /app/x"},
}

// usual are the files of each site; what they hold tells that they were served.
var usual = []string{"index.html", "a.html", "secret.html", "privy.html", "x.bak", "x.bak.html", "page.php", "page.php.html", "priv/x.html", "priv/sub/y.html", "priv/sub/index.html", "pub/x.html", "pub/z.html",
	"pub/secret.html", "pub/deep/x.html", "up/x.html", "up/deep/x.html", "up/files/x.html", "up/files/z.html"}

// TestRestrictionsHold asks both fronts for the same, as a stranger.
func TestRestrictionsHold(t *testing.T) {
	node := ajptest.NewServer(func(c *ajptest.Call) {
		io.Copy(io.Discard, c)
		c.Answer(200, "served: "+c.Request.URI, "Content-Type", "text/plain")
	})
	t.Cleanup(node.Close)
	dir := peer.Folder(t)
	var site strings.Builder
	site.WriteString(peer.LoadModules(strings.Fields("auth_basic authn_core authn_file authz_user authz_groupfile rewrite proxy proxy_http cgid vhost_alias allowmethods")...))
	site.WriteString("<Directory />\nRequire all denied\n</Directory>\n")
	for i, r := range restrictions {
		root := filepath.Join(dir, fmt.Sprint("site-", i), "root")
		writeSite(t, root, r.files)
		fmt.Fprintf(&site, "<VirtualHost *:@PORT@>\nServerName site-%d.example\nDocumentRoot %s\n<Directory %[2]s>\nOptions FollowSymLinks\nRequire all granted\n</Directory>\nJkMount /app/* w\n%s\n</VirtualHost>\n",
			i, root, strings.ReplaceAll(r.conf, "@ROOT@", root))
	}
	f := front{dir: dir, site: site.String(), workers: fmt.Sprintf("worker.list=w\nworker.w.host=127.0.0.1\nworker.w.port=%d\n", node.Port())}
	answers := map[string]map[string]string{}
	onBothFronts(t, func(t *testing.T, start func(string) *peer.Front) {
		server := start(f.write(t))
		answers[server.Name] = map[string]string{}
		for i, r := range restrictions {
			for _, target := range strings.Fields(r.ask) {
				answers[server.Name][fmt.Sprint(i, " ", target)] = served(t, server.Addr, fmt.Sprintf("site-%d.example", i), target)
			}
		}
	})
	for i, r := range restrictions {
		for _, target := range strings.Fields(r.ask) {
			key := fmt.Sprint(i, " ", target)
			httpd, ours := answers["httpd"][key], answers["catflap"][key]
			accepted := strings.Contains(" "+r.over+" ", " "+target+" ")
			switch {
			case ours != "" && ours != httpd:
				t.Errorf("%s: %s is OPEN: %q, and httpd has %q", r.rule, target, ours, httpd)
			case httpd != ours && !accepted:
				t.Errorf("%s: %s is closed, and httpd serves it to everybody", r.rule, target)
			case httpd == ours && accepted:
				t.Errorf("%s: %s is as in httpd: take it out of over", r.rule, target)
			}
		}
	}
}

// writeSite writes the usual files and more below root.
func writeSite(t *testing.T, root string, more map[string]string) {
	t.Helper()
	all := map[string]string{"../users": "joe:$apr1$x$x\n"}
	for _, name := range usual {
		all[name] = "served: " + name
	}
	for name, text := range more {
		all[name] = text
	}
	for name, text := range all {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("priv", filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
}

// served is what a stranger gets of a site for a target, "" if that is nothing.
func served(t *testing.T, addr, host, target string) string {
	t.Helper()
	method, path, ok := strings.Cut(target, "=")
	if !ok {
		method, path = http.MethodGet, target
	}
	r, err := http.NewRequest(method, "http://"+addr+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.URL.Opaque, r.Host = path, host
	client := http.Client{Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	answer, err := client.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", host, target, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	text := string(body)
	switch {
	case answer.StatusCode == http.StatusOK && (method == http.MethodHead || method == http.MethodOptions):
		return "a head"
	case strings.Contains(text, "<h1>Index of"):
		return "a listing"
	case strings.Contains(text, "served: "):
		return text
	}
	return ""
}
