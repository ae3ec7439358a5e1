package interop

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/catflap/catflap/interop/peer"
)

// TestCanonicalNames: UseCanonicalName and UseCanonicalPhysicalPort in
// redirects, logs and to containers.
func TestCanonicalNames(t *testing.T) {
	var site strings.Builder
	site.WriteString(open + "DocumentRoot \"@DIR@/www\"\nLogFormat \"%v %V %p %{canonical}p %U\" names\nCustomLog logs/names names\n")
	var requests []request
	for i, host := range []struct{ name, extra string }{
		{"off.example:81", "UseCanonicalName Off"}, {"on.example:81", "UseCanonicalName On"}, {"onp.example:81", "UseCanonicalName On\nUseCanonicalPhysicalPort On"},
		{"onnp.example", "UseCanonicalName On\nUseCanonicalPhysicalPort On"}, {"onn.example", "UseCanonicalName On"}, {"offp.example:81", "UseCanonicalName Off\nUseCanonicalPhysicalPort On"},
		{"offn.example", "UseCanonicalPhysicalPort On"}, {"dns.example", "UseCanonicalName DNS"}, {"https://scheme.example", "UseCanonicalName On"}, {"https://schemeport.example:444", "UseCanonicalName On"},
		{"canon.example:83", "<Location /dir>\nUseCanonicalName On\n</Location>\n<Location /app>\nUseCanonicalName On\n</Location>"},
	} {
		alias := fmt.Sprintf("alias%d.example", i)
		fmt.Fprintf(&site, "<VirtualHost 127.0.0.1:@PORT@>\nServerName %s\nServerAlias %s\nJkMount /app/* JVMRoute-pj001\nRedirect /r /target\n%s\n</VirtualHost>\n", host.name, alias, host.extra)
		for _, asked := range []string{alias, alias + ":99"} {
			for _, path := range []string{"/dir", "/r/x", "/app/x"} {
				requests = append(requests, request{id: asked + path + " of " + host.name, head: head("GET "+path, "Host: "+asked)})
			}
		}
	}
	for _, path := range []string{"/dir", "/r/x", "/app/x"} {
		requests = append(requests, request{id: "no host " + path, head: head("GET " + path + " HTTP/1.0")})
	}
	folders := comparison{site: site.String(), files: map[string]string{"www/dir/x": "x"}, requests: requests}.run(t)
	sameLog(t, folders, "names", "")
}

// signature is the last line of a page, without the product.
var signature = regexp.MustCompile(`(?:<hr>|</ul>)\n<address>\S.*? Server at (.*) Port (\d+)</address>\n</body></html>\n$`)

// TestSignatures: ServerSignature on error pages and listings.
func TestSignatures(t *testing.T) {
	onBothFronts(t, func(t *testing.T, start func(conf string) *peer.Front) {
		f := front{dir: peer.Folder(t), workers: "worker.list=\n", site: open + `
DocumentRoot "@DIR@"
Options +Indexes
<Directory "@DIR@">
Options +Indexes
</Directory>
ServerAdmin admin@x.example
ServerSignature On
<Location /plain>
ServerSignature Off
</Location>
<Location /mail>
ServerSignature EMail
</Location>
<Location /own>
UseCanonicalName On
</Location>
<VirtualHost 127.0.0.1:@PORT@>
ServerName named.example:88
</VirtualHost>
<VirtualHost 127.0.0.1:@PORT@>
ServerName nobody.example
ServerSignature email
</VirtualHost>
`}
		front := start(f.write(t))
		_, port, _ := strings.Cut(front.Addr, ":")
		v := newVisitor(t, front.Addr)
		for _, test := range []struct{ host, path, want string }{
			{"named.example", "/none", "named.example 88"}, {"other.example:99", "/none", "other.example 99"}, {"named.example", "/", "named.example 88"}, {"named.example", "/plain/none", ""},
			{"named.example", "/mail/none", `<a href="mailto:admin@x.example">named.example</a> 88`}, {"other.example:99", "/own/none", "named.example 88"}, {"nobody.example", "/none", `<a href="mailto:admin@x.example">nobody.example</a> 80`},
			{"named.example:" + port, "/none", "named.example " + port},
		} {
			p := v.get(test.host, test.path)
			got := ""
			if found := signature.FindStringSubmatch(p.body); found != nil {
				got = found[1] + " " + found[2]
			}
			if got != test.want {
				t.Errorf("%s%s: %d, signature %q, want %q\n%s", test.host, test.path, p.status, got, test.want, p.body)
			}
		}
	})
}

// TestTrace: TRACE where the file allows it and where not.
func TestTrace(t *testing.T) {
	body := func(id, host, line, text string) request {
		return request{id: id + " " + host, head: head("TRACE "+line, "Host: "+host, fmt.Sprintf("Content-Length: %d", len(text))) + text}
	}
	var requests []request
	for _, host := range []string{"on.example", "off.example", "extended.example"} {
		for _, target := range []string{"/a.txt", "/app/x", "/none", "/old/x", "/a.txt?q=1"} {
			requests = append(requests, request{id: host + target, head: head("TRACE "+target, "Host: "+host, "Cookie: c=d", "Accept: x")})
		}
		requests = append(requests, body("body", host, "/a.txt", "hello"), body("body for a node", host, "/app/x", "hello"),
			request{id: "options " + host, head: head("OPTIONS /a.txt", "Host: "+host)}, request{id: "delete " + host, head: head("DELETE /a.txt", "Host: "+host)},
			request{id: "HTTP/1.0 " + host, head: head("TRACE /a.txt HTTP/1.0", "Host: "+host)})
	}
	requests = append(requests, body("long body", "extended.example", "/a.txt", strings.Repeat("x", 70000)),
		request{id: "chunked", head: head("TRACE /a.txt", "Host: extended.example", "Transfer-Encoding: chunked") + "5\r\nhello\r\n0\r\n\r\n"})
	comparison{
		site: open + `
DocumentRoot "@DIR@/www"
Header set X-Success yes
Header always set X-Always yes
RequestHeader set X-Request yes
<VirtualHost 127.0.0.1:@PORT@>
ServerName on.example
TraceEnable On
JkMount /app/* JVMRoute-pj001
Redirect /old http://x.example
</VirtualHost>
<VirtualHost 127.0.0.1:@PORT@>
ServerName off.example
TraceEnable off
JkMount /app/* JVMRoute-pj001
</VirtualHost>
<VirtualHost 127.0.0.1:@PORT@>
ServerName extended.example
TraceEnable Extended
JkMount /app/* JVMRoute-pj001
</VirtualHost>
`,
		files: map[string]string{"www/a.txt": "a\n"}, requests: requests, sorted: true,
		meant: map[string]meant{
			"*off.example*": {"header:allow", "TRACE is refused with 405"},
			"chunked":       {"body", "without its Transfer-Encoding"},
		},
	}.run(t)
}

// sortedLines is a body whose lines may come in any order and case.
func sortedLines(r response) response {
	lines := strings.Split(strings.ToLower(string(r.body)), "\r\n")
	slices.Sort(lines)
	r.body = []byte(strings.Join(lines, "\r\n"))
	return r
}

// TestEncodedSlashes: %2F in the paths of files and mounts.
func TestEncodedSlashes(t *testing.T) {
	var site strings.Builder
	site.WriteString(open + "DocumentRoot \"@DIR@/www\"\n<Location /app/secret>\nRequire all denied\n</Location>\n<Location /dir>\nRequire all denied\n</Location>\nAllowEncodedSlashes On\n")
	var requests []request
	for _, host := range []struct{ name, lines string }{
		{"silent", ""}, {"off", "AllowEncodedSlashes Off"}, {"on", "AllowEncodedSlashes On"}, {"kept", "AllowEncodedSlashes NoDecode"},
		{"onraw", "AllowEncodedSlashes On\nJkOptions +ForwardURICompatUnparsed"}, {"raw", "AllowEncodedSlashes NoDecode\nJkOptions +ForwardURICompatUnparsed"},
	} {
		fmt.Fprintf(&site, "<VirtualHost 127.0.0.1:@PORT@>\nServerName %s.example\nJkMount /app/* JVMRoute-pj001\nJkMount /*.do JVMRoute-pj001\n%s\n</VirtualHost>\n", host.name, host.lines)
		for _, path := range []string{"/sub%2fx.txt", "/sub%2Fx.txt", "/%2e%2e%2fa.txt", "/sub/..%2fa.txt", "/sub%2f..%2fa.txt", "/dir%2findex.html", "/app/a%2fb", "/app/secret%2fx", "/app/x%2f..%2fsecret/y", "/app/x%2f%2fy", "/x%2fy.do", "/app/%252f"} {
			requests = append(requests, request{id: host.name + path, head: head("GET "+path, "Host: "+host.name+".example")})
		}
	}
	comparison{
		site: site.String(), files: map[string]string{"www/sub/x.txt": "x", "www/a.txt": "a", "www/dir/index.html": "i"}, requests: requests,
		meant: map[string]meant{
			"*/%2e%2e%2fa.txt":          {"status", "climbs above the root by encoded slashes"},
			"raw/app/secret%2fx":        {"status", "is judged with its slashes"},
			"raw/app/x%2f..%2fsecret/y": {"status", "is judged with its slashes"},
		},
	}.run(t)
}
