package interop

import (
	"fmt"
	"strings"
)

// corpus is every request that both fronts get. What is asked of the node is
// below /app/ (one worker), /lb/ (the balancer) and /dead/ (nobody there).
func corpus() []request {
	var all []request
	for _, family := range [][]request{
		paths(), methods(), headers(), bodies(), fromNode(), files(), conditional(), ranges(),
		redirects(), refused(), hosts(), sticky(), sections(), malformed(), behaviour(),
	} {
		all = append(all, family...)
	}
	return all
}

const mainHost = "Host: main.example"

// ask is a request with a header block; the lines follow "Host".
func ask(id, line string, lines ...string) request {
	return request{id: id, head: head(line, append([]string{mainHost}, lines...)...)}
}

// head is a request line and headers as bytes.
func head(line string, lines ...string) string {
	if !strings.Contains(line, " HTTP/") {
		line += " HTTP/1.1"
	}
	return line + "\r\n" + strings.Join(append(lines, "", ""), "\r\n")
}

// each is one GET for each target; ids are numbered.
func each(family string, targets ...string) []request {
	var all []request
	for i, target := range targets {
		all = append(all, ask(fmt.Sprintf("%s-%02d", family, i+1), "GET "+target))
	}
	return all
}

// paths are how a URL may be written, for files and for mounts.
func paths() []request {
	all := each("path-file",
		"/", "/index.html", "/a.txt", "/a.txt?x=y", "/absent", "/absent/", "/a.txt/more", "/empty.txt", "/sub", "/sub/",
		"/dir", "/dir/", "/dir?x=y", "/dir//", "//a.txt", "/./a.txt", "/dir/../a.txt", "/../a.txt", "/dir/../../a.txt", "/dir/./index.html",
		"/%61.txt", "/a%2etxt", "/a%2Etxt", "/name%20with%20space.txt", "/name+with+space.txt", "/%25.txt", "/%.txt", "/%zz", "/%00", "/a.txt%00",
		"/dir%2findex.html", "/dir%2Findex.html", "/dir%5cindex.html", "/dir\\index.html", "/%e4.txt", "/%c3%bc.txt", "/.htaccess", "/.hidden", "/dir/.", "/dir/..",
		"/%2e%2e/a.txt", "/dir/%2e%2e/a.txt", "/a.txt#part", "/a.txt;x=1", "/A.TXT", "/link.txt", "/nodir.bin", "/README", "/dir/INDEX.html", "/a.txt?",
	)
	all = append(all, each("path-node",
		"/app/", "/app/x", "/app", "/app/x?a=b&c=d", "/app/x?", "/app/x??", "/app/x?a=%20%zz", "/app//x", "/app/./x", "/app/y/../x",
		"/app/../app/x", "/app/%78", "/app/a%20b", "/app/a+b", "/app/a%2fb", "/app/a%2Fb", "/app/a%5cb", "/app/a%25b", "/app/%e4", "/app/%c3%bc",
		"/app/x;a=b", "/app/x;a=b/y;c=d?e", "/app;a=b/x", "/app/x%3Ba=b", "/app/%3f", "/app/x%23y", "/app/'\"", "/app/<x>", "/app/{x}|y", "/app/x%0ay",
		"/app/%2e%2e/a.txt", "/app/..%2fa.txt", "/app/x/.", "/app/x/..", "/app/...", "/app/~x!$&'()*,=:@", "/%61pp/x", "/APP/x", "/x.do", "/dir/x.do",
		"/x.do/y", "/x.do;jsessionid=1", "/x.jsp?y", "/.do", "/xdo", "/demo", "/demo/", "/demo/x", "/demox", "/app/static/a.txt",
		"/app/static/x.do", "/only/a.txt", "/only/x.do", "/exact", "/exact/", "/exact/x", "/app/"+strings.Repeat("x", 3000), "/app/x?"+strings.Repeat("q", 3000),
		"/aliased/x.do", "/denied/x.do",
	)...)
	for i, uri := range []string{"http://main.example/a.txt", "http://main.example/app/x", "http://two.example/app/x", "HTTP://MAIN.EXAMPLE/app/x?a", "http://main.example", "https://main.example/app/x", "http://main.example:81/app/x", "ftp://main.example/a.txt"} {
		all = append(all, ask(fmt.Sprintf("path-absolute-%02d", i+1), "GET "+uri))
	}
	return all
}

func methods() []request {
	var all []request
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "PROPFIND", "SEARCH", "REPORT", "MKCOL", "LOCK", "get", "FOO"} {
		for _, target := range []string{"/a.txt", "/app/x", "/absent", "/dir"} {
			name := strings.ReplaceAll(strings.Trim(target, "/"), "/", "-")
			lines := []string{}
			if method == "POST" || method == "PUT" || method == "PATCH" {
				lines = append(lines, "Content-Length: 0")
			}
			all = append(all, ask("method-"+method+"-"+name, method+" "+target, lines...))
		}
	}
	return append(all,
		ask("method-OPTIONS-star", "OPTIONS *"), ask("method-CONNECT", "CONNECT main.example:80"), ask("method-CONNECT-path", "CONNECT /app/x"),
		ask("method-HEAD-size", "HEAD /app/x?size=100000&length=1"), ask("method-HEAD-chunked", "HEAD /app/x?size=100000"),
		ask("method-HEAD-error", "HEAD /app/x?error=404"), ask("method-HEAD-dead", "HEAD /dead/x"),
		ask("method-TRACE-body", "TRACE /a.txt", "X-Mine: 1", "Cookie: a=b"))
}

// headers are what a node sees of them.
func headers() []request {
	sets := [][]string{
		{"Accept: */*"}, {"Accept: text/html", "Accept: text/plain"}, {"accept-LANGUAGE: de, en;q=0.5"}, {"X-Empty:"}, {"X-Spaces:   a  b   "}, {"X-Tab:\ta\tb\t"},
		{"X-One: 1", "X-Two: 2", "x-one: 3"}, {"Cookie: a=b; c=d"}, {"Cookie: a=b", "Cookie: c=d"}, {"Cookie: $Version=1; a=\"b c\""},
		{"Authorization: Basic dXNlcjpwYXNz"}, {"Authorization: Bearer abc"}, {"User-Agent: catflap test (x; y)"}, {"Referer: http://other.example/"},
		{"X-Forwarded-For: 192.0.2.1"}, {"X-Forwarded-Proto: https"}, {"Forwarded: for=192.0.2.1"}, {"Via: 1.1 somebody"}, {"Proxy: http://evil.example/"},
		{"Pragma: no-cache", "Cache-Control: no-cache"}, {"If-Modified-Since: Tue, 02 Jan 2024 03:04:05 GMT"}, {"Range: bytes=0-1"}, {"X-Latin: \xe4\xf6\xfc"}, {"X-Utf: ä"},
		{"X_Under: score"}, {"X.Dot: 1"}, {"X-Quote: \"a, b\""}, {"Content-Type: text/plain"}, {"X-Long: " + strings.Repeat("v", 7000)}, {"X-Long: " + strings.Repeat("v", 8100)},
		{"Accept-Encoding: gzip"}, {"Expect: 100-continue"}, {"Date: Tue, 02 Jan 2024 03:04:05 GMT"}, {"X-Folded: a\r\n b"}, {"Max-Forwards: 1"},
		{"AJP_REMOTE_USER: x", "Remote-User: y"}, {"Content-Length: 0"}, {"Origin: http://other.example"},
	}
	// These are about the client's connection.
	hops := [][]string{
		{"Connection: close"}, {"Connection: keep-alive", "Keep-Alive: 300"}, {"Connection: X-Hop", "X-Hop: 1"}, {"TE: trailers"}, {"Upgrade: websocket", "Connection: Upgrade"},
		{"Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"}, {"Proxy-Connection: keep-alive"},
	}
	var all []request
	for i, lines := range hops {
		all = append(all, ask(fmt.Sprintf("hop-%02d", i+1), "GET /app/x", lines...))
	}
	for i, lines := range sets {
		all = append(all, ask(fmt.Sprintf("header-%02d", i+1), "GET /app/x", lines...))
	}
	var many []string
	for i := range 90 {
		many = append(many, fmt.Sprintf("X-Many-%02d: %d", i, i))
	}
	all = append(all, ask("header-many", "GET /app/x", many...))
	return append(all, ask("header-too-many", "GET /app/x", append(many, many...)...))
}

// bodies go to the node, which tells their length and digest.
func bodies() []request {
	var all []request
	for _, size := range []int{0, 1, 100, 8184, 8185, 8186, 8192, 16370, 65536, 1 << 20, 20 << 20} {
		r := ask(fmt.Sprintf("body-length-%d", size), "POST /app/x", fmt.Sprintf("Content-Length: %d", size))
		r.size = size
		all = append(all, r)
		r = ask(fmt.Sprintf("body-chunked-%d", size), "POST /app/x", "Transfer-Encoding: chunked")
		if size == 0 {
			r.head += "0\r\n\r\n"
		} else {
			r.size, r.chunks = size, max(1, min(size, 5000))
		}
		all = append(all, r)
	}
	for _, how := range []string{"read=none", "read=part", "early=1", "early=1&read=none", "status=413&read=none"} {
		for _, size := range []int{100, 100000} {
			r := ask(fmt.Sprintf("body-%s-%d", strings.NewReplacer("=", "", "&", "-").Replace(how), size), "POST /app/x?"+how, fmt.Sprintf("Content-Length: %d", size))
			r.size = size
			all = append(all, r)
		}
	}
	for _, target := range []string{"/app/x", "/a.txt", "/absent", "/app/x?read=none", "/dead/x"} {
		r := ask("body-expect"+strings.NewReplacer("/", "-", "?", "-", "=", "-").Replace(target), "POST "+target, "Expect: 100-continue", "Content-Length: 1000")
		r.size, r.expects = 1000, true
		all = append(all, r)
	}
	for _, method := range []string{"PUT", "DELETE", "GET", "PATCH", "HEAD"} {
		r := ask("body-of-"+method, method+" /app/x", "Content-Length: 300")
		r.size = 300
		all = append(all, r)
	}
	static := ask("body-to-file", "POST /a.txt", "Content-Length: 100000")
	static.size = 100000
	limited := ask("body-limited", "POST /limited/x", "Content-Length: 100000")
	limited.size = 100000
	limitedChunked := ask("body-limited-chunked", "POST /limited/x", "Transfer-Encoding: chunked")
	limitedChunked.size, limitedChunked.chunks = 100000, 4096
	return append(all, static, limited, limitedChunked,
		request{id: "body-form", head: head("POST /app/x", mainHost, "Content-Type: application/x-www-form-urlencoded", "Content-Length: 7") + "a=b&c=d"},
		request{id: "body-chunked-trailers", head: head("POST /app/x", mainHost, "Transfer-Encoding: chunked", "Trailer: X-T") + "5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n"},
		request{id: "body-chunked-extension", head: head("POST /app/x", mainHost, "Transfer-Encoding: chunked") + "5;a=b\r\nhello\r\n0\r\n\r\n"},
	)
}

// fromNode are answers of the node: status codes, headers, framing.
func fromNode() []request {
	var all []request
	for _, status := range []int{200, 201, 202, 203, 204, 205, 206, 207, 299, 300, 301, 302, 303, 304, 307, 308, 400, 401, 402, 403, 404, 405, 409, 410, 418, 422, 429, 451, 499, 500, 501, 502, 503, 504, 599} {
		all = append(all, ask(fmt.Sprintf("node-status-%d", status), fmt.Sprintf("GET /app/x?status=%d", status)))
	}
	for _, status := range []int{400, 401, 403, 404, 500, 503} {
		all = append(all, ask(fmt.Sprintf("node-error-%d", status), fmt.Sprintf("GET /app/x?error=%d", status)))
	}
	for i, query := range []string{
		"set=X-A:1&set=X-A:2", "set=Set-Cookie:a=b&set=Set-Cookie:c=d", "set=Content-Type:text/html", "set=Content-Type:text/html;charset=utf-8", "set=Location:/there&status=302",
		"set=Location:http://main.example/there&status=302", "set=Cache-Control:no-store", "set=Connection:close", "set=Server:mine", "set=Date:x", "set=X-Empty:", "set=Last-Modified:Tue, 02 Jan 2024 03:04:05 GMT",
		"set=ETag:%22x%22", "set=Transfer-Encoding:chunked", "set=Keep-Alive:timeout=5", "set=WWW-Authenticate:Basic realm=x&status=401", "set=Content-Encoding:gzip", "set=Content-Language:de", "set=Vary:Accept", "set=Status:404 x", "set=X-Latin:%E4",
		"size=0", "size=0&length=1", "size=1", "size=100000", "size=100000&length=1", "size=100000&flush=1", "size=8184&length=1", "size=8185", "size=5000000", "size=5000000&length=1", "empty=1", "empty=1&status=404", "session=1", "size=100000&length=1&flush=1", "status=204&size=0", "status=304&set=ETag:x&empty=1",
	} {
		all = append(all, ask(fmt.Sprintf("node-answer-%02d", i+1), "GET /app/x?"+strings.ReplaceAll(query, " ", "%20")))
	}
	for i, target := range []string{"/app/x", "/app/x?size=100000", "/app/x?size=100000&length=1", "/a.txt", "/absent"} {
		all = append(all, request{id: fmt.Sprintf("node-http10-%d", i+1), head: head("GET "+target+" HTTP/1.0", mainHost)},
			request{id: fmt.Sprintf("hop-http10-%d", i+1), head: head("GET "+target+" HTTP/1.0", mainHost, "Connection: keep-alive")})
	}
	return all
}
