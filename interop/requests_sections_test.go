package interop

import "strings"

// sectionsSite is a virtual host about sections, the names of a
// DirectoryIndex, listings, symlinks and error pages.
const sectionsSite = `
<VirtualHost 127.0.0.1:@PORT@>
    ServerName sections.example
    DocumentRoot "@DIR@/sections"
    Redirect /index/redirect/old.html http://other.example/
    JkMount /*.do JVMRoute-pj001
    JkMount /node/* JVMRoute-pj001
    ErrorDocument 410 /moved
    Redirect gone /away
    Redirect /moved http://other.example/
    <Directory "@DIR@/sections/match">
        Options Indexes
    </Directory>
    <DirectoryMatch "/match/end$">
        Require all denied
    </DirectoryMatch>
    <DirectoryMatch "/match/slash/$">
        Require all denied
    </DirectoryMatch>
    <Directory ~ "/match/any">
        Require all denied
    </Directory>
    <Directory "@DIR@/sections//match/./twice">
        Require all denied
    </Directory>
    <Directory "@DIR@/sections/match/up/../back">
        Require all denied
    </Directory>
    <Directory "@DIR@/sections/match/file.txt">
        Require all denied
    </Directory>
    <Directory "@DIR@/sections/match/s*">
        ForceType text/x-s
    </Directory>
    <Files "named">
        Require all denied
    </Files>
    <Location "/match/url.txt">
        Require all denied
    </Location>
    <Location "/order">
        Require all denied
    </Location>
    <Location "/order/open">
        Require all granted
    </Location>
    <Directory "@DIR@/sections/order/open/closed">
        Require all denied
    </Directory>
    <Location "/order">
        Order deny,allow
        Deny from 192.0.2.1
    </Location>
    <Directory "@DIR@/sections/index">
        Options Indexes
        DirectoryIndex refused.html first.html second.html
    </Directory>
    <FilesMatch "^refused\.">
        Require all denied
    </FilesMatch>
    <Directory "@DIR@/sections/index/node">
        DirectoryIndex absent.do
    </Directory>
    <Directory "@DIR@/sections/index/both">
        DirectoryIndex refused.html absent.do
    </Directory>
    <Directory "@DIR@/sections/index/local">
        DirectoryIndex absent.html local.do
    </Directory>
    <Directory "@DIR@/sections/index/redirect">
        DirectoryIndex absent.html old.html
    </Directory>
    <Directory "@DIR@/sections/index/folder">
        DirectoryIndex inner absent.html
    </Directory>
    <Directory "@DIR@/sections/index/off">
        DirectoryIndex disabled
    </Directory>
    <Directory "@DIR@/sections/index/variants">
        Options MultiViews
        DirectoryIndex refused home
    </Directory>
    <Files "home.html">
        Require all denied
    </Files>
    <Directory "@DIR@/sections/links">
        Options Indexes FollowSymLinks
    </Directory>
    <Directory "@DIR@/sections/links/none">
        Options Indexes
    </Directory>
    <Directory "@DIR@/sections/links/owner">
        Options Indexes FollowSymLinks SymLinksIfOwnerMatch
    </Directory>
</VirtualHost>
`

// sectionFiles are the files of it.
var sectionFiles = []string{
	"match/end/a.txt", "match/slash/a.txt", "match/any/a.txt", "match/anything.txt", "match/twice/a.txt", "match/up/a.txt", "match/back/a.txt", "match/file.txt", "match/some.txt", "match/sub/a.txt",
	"match/named/a.txt", "match/named.txt", "match/url.txt", "order/a.txt", "order/open/a.txt", "order/open/closed/a.txt",
	"index/second.html", "index/two/refused.html", "index/two/second.html", "index/none/a.txt", "index/node/a.txt", "index/both/a.txt", "index/local/local.do", "index/redirect/a.txt", "index/folder/inner/second.html", "index/off/first.html", "index/variants/home.html", "index/variants/home.txt", "index/variants/refused.html", "index/variants/.txt",
	"links/a.txt", "links/folder/a.txt", "links/none/a.txt", "links/owner/a.txt",
}

// sectionLinks are the symlinks of it, and what they lead to; @DIR@ is the
// corpus's folder.
var sectionLinks = map[string]string{
	"links/in.txt": "a.txt", "links/absolute.txt": "@DIR@/sections/links/a.txt", "links/in": "folder", "links/back": "@DIR@/sections/links/folder", "links/nowhere": "nothing",
	"links/none/in.txt": "a.txt", "links/none/folder": "../folder", "links/owner/mine.txt": "a.txt", "links/owner/other.txt": "../owned.txt",
}

func sections() []request {
	var all []request
	add := func(method string, targets ...string) {
		for _, target := range targets {
			name := strings.NewReplacer("/", ".", "?", "q", "*", "star").Replace(target)
			all = append(all, request{id: "section-" + method + name, head: head(method+" "+target, "Host: sections.example", "Content-Length: 0")})
		}
	}
	add("GET", "/match/", "/match/end", "/match/end/", "/match/end/a.txt", "/match/slash", "/match/slash/", "/match/slash/a.txt", "/match/any/", "/match/any/a.txt", "/match/anything.txt",
		"/match/twice", "/match/twice/a.txt", "/match/back/", "/match/back/a.txt", "/match/up/a.txt", "/match/file.txt", "/match/some.txt", "/match/sub/a.txt", "/match/sub",
		"/match/named", "/match/named/", "/match/named/a.txt", "/match/named.txt", "/match/url.txt", "/match/url.txt/", "/order/", "/order/a.txt", "/order/open/a.txt", "/order/open/closed/a.txt", "/order/x.do", "/order/open/x.do",
		"/index/", "/index/two/", "/index/none/", "/index/node/", "/index/both/", "/index/local/", "/index/redirect/", "/index/folder/", "/index/off/", "/index/node", "/index/node/?q", "/index/variants/", "/index/variants/home", "/index/variants/refused", "/index/variants/.txt",
		"/links/", "/links/in.txt", "/links/absolute.txt", "/links/in/", "/links/in/a.txt", "/links/back/a.txt", "/links/nowhere", "/links/none/", "/links/none/in.txt", "/links/none/folder/a.txt", "/links/none/a.txt", "/links/owner/", "/links/owner/mine.txt", "/links/owner/other.txt",
		"/away", "*")
	add("POST", "/index/off/", "/index/node/", "/index/local/")
	add("PUT", "/index/node/", "/index/local/", "/index/two/")
	add("DELETE", "/index/node/")
	add("OPTIONS", "/index/node/", "/index/two/")
	return all
}
