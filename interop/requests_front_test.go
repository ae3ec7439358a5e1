package interop

import (
	"fmt"
	"strings"
)

// written is when all files of the corpus were.
const written = "Tue, 02 Jan 2024 03:04:05 GMT"

func files() []request {
	all := each("file", "/page.html", "/style.css", "/unknown.xyz", "/big.bin", "/list/", "/list", "/list/?C=S;O=D", "/list/b%20b.txt", "/noindex/",
		"/aliased/e.txt", "/aliased/", "/aliased", "/aliasedx", "/aliased/absent", "/am/e.x", "/am/absent.x", "/mv/doc", "/mv/doc.html", "/mv/absent", "/typed/x.odd", "/forced/a.txt",
		"/charset/a.txt", "/charset/page.html", "/multi.tar.txt", "/noslash", "/noslash/", "/onefile", "/onefile/more")
	return append(all,
		ask("file-language", "GET /mv/lang", "Accept-Language: de"),
		ask("file-accept", "GET /page.html", "Accept: image/png"),
		request{id: "file-vhost-error", head: head("GET /absent", "Host: errors.example")},
		request{id: "file-vhost-error-head", head: head("HEAD /absent", "Host: errors.example")},
		request{id: "file-vhost-error-post", head: head("POST /absent", "Host: errors.example", "Content-Length: 0")},
		request{id: "file-vhost-error-text", head: head("GET /denied/x", "Host: errors.example")},
		request{id: "file-vhost-error-outside", head: head("GET /outside/x", "Host: errors.example")},
		request{id: "file-vhost-error-node", head: head("GET /app/x?error=404", "Host: errors.example")},
		request{id: "file-vhost-error-node-dead", head: head("GET /dead/x", "Host: errors.example")},
		request{id: "file-vhost-error-page", head: head("GET /errors/404.html", "Host: errors.example")},
		request{id: "file-vhost-index-node", head: head("GET /", "Host: index.example")},
		request{id: "file-vhost-index-dir", head: head("GET /dir/", "Host: index.example")},
		request{id: "file-vhost-index-query", head: head("GET /?a=b", "Host: index.example")},
	)
}

// conditional asks for a file of a known date.
func conditional() []request {
	const before, after = "Mon, 01 Jan 2024 00:00:00 GMT", "Wed, 03 Jan 2024 00:00:00 GMT"
	var all []request
	for i, lines := range [][]string{
		{"If-Modified-Since: " + written}, {"If-Modified-Since: " + before}, {"If-Modified-Since: " + after}, {"If-Modified-Since: nonsense"}, {"If-Modified-Since: Tuesday, 02-Jan-24 03:04:05 GMT"},
		{"If-Modified-Since: Tue Jan  2 03:04:05 2024"}, {"If-Unmodified-Since: " + written}, {"If-Unmodified-Since: " + before}, {"If-Unmodified-Since: " + after}, {"If-None-Match: *"},
		{"If-None-Match: \"absent\""}, {"If-None-Match: \"absent\"", "If-Modified-Since: " + written}, {"If-Match: *"}, {"If-Match: \"absent\""}, {"If-Match: \"absent\"", "If-Unmodified-Since: " + after},
		{"If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT"}, {"If-None-Match: W/\"absent\", *"}, {"If-Range: \"absent\"", "Range: bytes=0-9"}, {"If-Range: " + written, "Range: bytes=0-9"}, {"If-Range: " + before, "Range: bytes=0-9"},
		{"If-None-Match: *", "Range: bytes=0-9"}, {"If-Modified-Since: " + written, "Range: bytes=0-9"},
	} {
		all = append(all, ask(fmt.Sprintf("conditional-%02d", i+1), "GET /a.txt", lines...))
	}
	for _, method := range []string{"HEAD", "POST"} {
		all = append(all, ask("conditional-"+method, method+" /a.txt", "If-Modified-Since: "+written, "Content-Length: 0"),
			ask("conditional-none-"+method, method+" /a.txt", "If-None-Match: *", "Content-Length: 0"))
	}
	return append(all, ask("conditional-absent", "GET /absent", "If-None-Match: *"), ask("conditional-index", "GET /", "If-Modified-Since: "+written),
		ask("conditional-listing", "GET /list/", "If-Modified-Since: "+written), ask("conditional-node", "GET /app/x?set=ETag:%22x%22", "If-None-Match: \"x\""))
}

// ranges are of a file of 1000 bytes.
func ranges() []request {
	var all []request
	for i, value := range []string{
		"bytes=0-0", "bytes=0-99", "bytes=10-", "bytes=-10", "bytes=-0", "bytes=-2000", "bytes=999-", "bytes=1000-", "bytes=990-2000", "bytes=5-4", "bytes=0-0,10-19", "bytes=0-99,50-149",
		"bytes=0-9,2000-", "bytes=", "bytes=x", "bytes 0-9", "lines=0-9", "bytes=0-9, 20-29 ,40-49", "bytes=0-999", "bytes=0-", "bytes=-1,0-0", "bytes=0-0,1-1,2-2,3-3", "Bytes=0-9", "bytes=+1-2",
	} {
		all = append(all, ask(fmt.Sprintf("range-%02d", i+1), "GET /a.txt", "Range: "+value))
	}
	return append(all, ask("range-head", "HEAD /a.txt", "Range: bytes=0-9"), ask("range-empty-file", "GET /empty.txt", "Range: bytes=0-9"),
		ask("range-big", "GET /big.bin", "Range: bytes=500000-"), ask("range-listing", "GET /list/", "Range: bytes=0-9"), ask("range-post", "POST /a.txt", "Range: bytes=0-9", "Content-Length: 0"))
}

func redirects() []request {
	all := each("redirect", "/old", "/old/", "/old/x/y", "/old?q", "/old/x?q=1", "/oldx", "/perm", "/perm/a%20b", "/temp/x", "/seeother/x", "/gone", "/gone/x",
		"/local-redirect/x", "/code307/x", "/old/%e4", "/old/a;b", "/old//x", "/old/../old/x", "/dir?a=b", "/redirected.do")
	return append(all, ask("redirect-post", "POST /old/x", "Content-Length: 0"), ask("redirect-head", "HEAD /old/x"),
		request{id: "redirect-host-port", head: head("GET /dir", "Host: main.example:8080")},
		request{id: "redirect-local-host-port", head: head("GET /local-redirect/x", "Host: main.example:8080")},
		request{id: "redirect-http10", head: "GET /dir HTTP/1.0\r\n\r\n"})
}

func refused() []request {
	all := each("refused", "/denied/x", "/denied/", "/denied", "/denied/x.do", "/hidden.secret", "/app/hidden.secret", "/local/a.txt", "/elsewhere/a.txt", "/notlocal/a.txt", "/oldstyle/a.txt", "/oldstyle-denied/a.txt",
		"/.htpasswd", "/dir/.htaccess", "/app/denied", "/app/denied/x", "/any/a.txt", "/all/a.txt", "/none/a.txt", "/app/WEB-INF/web.xml", "/demo/WEB-INF/web.xml", "/WEB-INF/web.xml", "/app/META-INF/x", "/unreadable.txt")
	return append(all, ask("refused-post", "POST /denied/x", "Content-Length: 0"), ask("refused-limit", "GET /any/absent"), ask("refused-head", "HEAD /denied/x"))
}

// hosts choose the site.
func hosts() []request {
	var all []request
	for i, host := range []string{
		"main.example", "MAIN.example", "main.example.", "main.example:80", "main.example:9999", "two.example", "TWO.EXAMPLE", "www.two.example", "a.b.two.example", "two.example.", "two.example:1", "unknown.example", "127.0.0.1", "",
		"[::1]", "two.example:", "x y", "two.example/", "-two.example", "two_example", "two..example", "user@two.example", "\xe4.example", "errors.example", "index.example",
	} {
		line := strings.TrimRight("Host: "+host, " ")
		all = append(all, request{id: fmt.Sprintf("host-file-%02d", i+1), head: head("GET /who.txt", line)},
			request{id: fmt.Sprintf("host-node-%02d", i+1), head: head("GET /app/x", line)})
	}
	return append(all,
		request{id: "host-none", head: head("GET /who.txt")},
		request{id: "host-none-http10", head: head("GET /who.txt HTTP/1.0")},
		request{id: "host-none-http10-node", head: head("GET /app/x HTTP/1.0")},
		request{id: "host-twice", head: head("GET /who.txt", "Host: main.example", "Host: two.example")},
		request{id: "host-same-twice", head: head("GET /who.txt", "Host: two.example", "Host: two.example")},
	)
}

// sticky goes to the balancer with a session somewhere.
func sticky() []request {
	var all []request
	for i, cookie := range []string{
		"JSESSIONID=x.JVMRoute-pj001", "JSESSIONID=x.JVMRoute-pj002", "a=b; JSESSIONID=x.JVMRoute-pj002", "JSESSIONID=x.JVMRoute-pj002; a=b", "JSESSIONID=x.y.JVMRoute-pj002",
		"JSESSIONID=\"x.JVMRoute-pj002\"", "JSESSIONID=x.JVMRoute-pj002; JSESSIONID=x.JVMRoute-pj001", "JSESSIONID=x.JVMRoute-pj002;a=b", "a=b,JSESSIONID=x.JVMRoute-pj002",
		"JSESSIONID=x.absent; JSESSIONID=x.JVMRoute-pj002",
	} {
		for n := range 2 {
			all = append(all, ask(fmt.Sprintf("sticky-cookie-%02d-%d", i+1, n+1), "GET /lb/x", "Cookie: "+cookie))
		}
	}
	for i, target := range []string{"/lb/x;jsessionid=a.JVMRoute-pj001", "/lb/x;jsessionid=a.JVMRoute-pj002", "/lb/x;jsessionid=a.JVMRoute-pj002?q", "/lb/x;a=b;jsessionid=a.JVMRoute-pj002", "/lb/x;jsessionid=a.JVMRoute-pj002;c=d"} {
		for n := range 2 {
			all = append(all, ask(fmt.Sprintf("sticky-path-%02d-%d", i+1, n+1), "GET "+target))
		}
	}
	return append(all, ask("sticky-both", "GET /lb/x;jsessionid=a.JVMRoute-pj001", "Cookie: JSESSIONID=x.JVMRoute-pj002"),
		ask("sticky-session", "GET /lb/x?session=1", "Cookie: JSESSIONID=x.JVMRoute-pj002"))
}

// malformed is what no server should take, or what it may repair.
func malformed() []request {
	raw := []string{
		"GET  /a.txt HTTP/1.1\r\nHost: main.example\r\n\r\n", "GET /a.txt  HTTP/1.1\r\nHost: main.example\r\n\r\n", "GET /a.txt HTTP/1.1 \r\nHost: main.example\r\n\r\n",
		"GET /a.txt HTTP/1.2\r\nHost: main.example\r\n\r\n", "GET /a.txt http/1.1\r\nHost: main.example\r\n\r\n",
		"GET a.txt HTTP/1.1\r\nHost: main.example\r\n\r\n",
		"GET /a.txt HTTP/1.1\r\nHost : main.example\r\n\r\n", "GET /a.txt HTTP/1.1\r\n Host: main.example\r\n\r\n", "GET /a.txt HTTP/1.1\r\nHost: main.example\r\nno colon\r\n\r\n", "GET /a.txt HTTP/1.1\r\nHost: main.example\r\n: empty\r\n\r\n",
		"GET /a.txt HTTP/1.1\r\nHost: main.example\r\nX y: z\r\n\r\n", "GET /a.txt HTTP/1.1\r\nHost: main.example\r\nX-Nul: a\x00b\r\n\r\n", "GET /a.txt HTTP/1.1\r\nHost: main.example\r\nX-Cr: a\rb\r\n\r\n", "G=T /a.txt HTTP/1.1\r\nHost: main.example\r\n\r\n",
		"GET /\x01 HTTP/1.1\r\nHost: main.example\r\n\r\n", "GET /a.txt HTTP/1.1\r\nHost: main.example\r\nX-Bell: \x07\r\n\r\n", "POST /app/x HTTP/1.1\r\nHost: main.example\r\nContent-Length: -1\r\n\r\n", "POST /app/x HTTP/1.1\r\nHost: main.example\r\nContent-Length: x\r\n\r\n",
		"POST /app/x HTTP/1.1\r\nHost: main.example\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", "POST /app/x HTTP/1.1\r\nHost: main.example\r\nContent-Length: +3\r\n\r\nabc",
		"POST /app/x HTTP/1.1\r\nHost: main.example\r\nContent-Length: 3, 3\r\n\r\nabc",

		"POST /app/x HTTP/1.1\r\nHost: main.example\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n\r\n", "POST /app/x HTTP/1.1\r\nHost: main.example\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", "POST /app/x HTTP/1.1\r\nHost: main.example\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n\r\n",
		"POST /app/x HTTP/1.0\r\nHost: main.example\r\n\r\n", "POST /app/x HTTP/1.1\r\nHost: main.example\r\n\r\n", "GET /" + strings.Repeat("x", 8300) + " HTTP/1.1\r\nHost: main.example\r\n\r\n",
		"GET /a.txt HTTP/1.1\r\nHost: main.example\r\nX-Long: " + strings.Repeat("x", 8300) + "\r\n\r\n", "GET /a.txt HTTP/1.1\r\nHost: main.example\r\nExpect: something\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", "nonsense\r\n\r\n", "GET\r\n\r\n", " GET /a.txt HTTP/1.1\r\nHost: main.example\r\n\r\n",
		"GET /a.txt HTTP/1.1 x\r\nHost: main.example\r\n\r\n", "GET /a.txt HTTP/11\r\nHost: main.example\r\n\r\n", "GET\t/a.txt\tHTTP/1.1\r\nHost: main.example\r\n\r\n",
	}
	// What the two readers of HTTP judge differently.
	judged := []string{
		"GET /a.txt\r\n\r\n",
		"GET /a.txt HTTP/2.0\r\nHost: main.example\r\n\r\n",
		"GET /a.txt HTTP/0.9\r\nHost: main.example\r\n\r\n",
		"GET /a.txt HTTP/1.1\nHost: main.example\n\n",
		"\r\nGET /a.txt HTTP/1.1\r\nHost: main.example\r\n\r\n",
		"\r\n\r\n\r\nGET /a.txt HTTP/1.1\r\nHost: main.example\r\n\r\n",
		"POST /app/x HTTP/1.1\r\nHost: main.example\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
		"POST /app/x HTTP/1.1\r\nHost: main.example\r\nTransfer-Encoding: gzip\r\n\r\n",
		"POST /app/x HTTP/1.1\r\nHost: main.example\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"POST /app/x HTTP/1.1\r\nHost: main.example\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"GET /app/x HTTP/1.1\r\nHost: main.example\r\nTransfer-Encoding: identity\r\n\r\n",
	}
	// What both take, though the framing goes no further.
	framed := []string{
		"POST /app/x HTTP/1.1\r\nHost: main.example\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"POST /app/x HTTP/1.1\r\nHost: main.example\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n",
		"POST /app/x HTTP/1.0\r\nHost: main.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	}
	var all []request
	for i, text := range raw {
		all = append(all, request{id: fmt.Sprintf("malformed-%02d", i+1), head: text})
	}
	for i, text := range judged {
		all = append(all, request{id: fmt.Sprintf("judged-%02d", i+1), head: text})
	}
	for i, text := range framed {
		all = append(all, request{id: fmt.Sprintf("hop-framed-%02d", i+1), head: text})
	}
	return all
}

// behaviour is what a client does with its connection.
func behaviour() []request {
	pair := func(id, one, two string, lines ...string) request {
		lines = append([]string{mainHost}, lines...)
		return request{id: id, head: head(one, lines...) + head(two, lines...), answers: 2}
	}
	cut := ask("behaviour-body-cut", "POST /app/x", "Content-Length: 1000")
	cut.size, cut.halves = 500, true
	cutChunked := request{id: "behaviour-chunked-cut", head: head("POST /app/x", mainHost, "Transfer-Encoding: chunked") + "1000\r\nabc", halves: true}
	slow := ask("behaviour-slow-node", "GET /app/x?size=2000000&length=1")
	slow.slow = true
	slowFile := ask("behaviour-slow-file", "GET /big.bin")
	slowFile.slow = true
	gone := ask("behaviour-gone-node", "GET /app/x?size=5000000&length=1")
	gone.leaves = 1000
	goneFile := ask("behaviour-gone-file", "GET /big.bin")
	goneFile.leaves = 1000
	half := ask("behaviour-half-closed", "GET /app/x?sleep=50")
	half.halves = true
	return []request{
		cut, cutChunked, slow, slowFile, gone, goneFile, half,
		ask("behaviour-after-gone", "GET /app/x"),
		pair("behaviour-two-files", "GET /a.txt", "GET /page.html"), pair("behaviour-two-node", "GET /app/x", "GET /app/y"),
		pair("behaviour-file-node", "GET /a.txt", "GET /app/x?size=100000"), pair("behaviour-head-get", "HEAD /a.txt", "GET /a.txt"),
		pair("behaviour-error-get", "GET /absent", "GET /a.txt"), pair("behaviour-5xx-node", "GET /app/x?error=500", "GET /a.txt"),
		pair("behaviour-5xx-dead", "GET /dead/x", "GET /a.txt"), pair("behaviour-304-get", "GET /a.txt", "GET /app/x", "If-Modified-Since: "+written),
		pair("behaviour-close-get", "GET /a.txt", "GET /a.txt", "Connection: close"), pair("behaviour-http10-get", "GET /a.txt HTTP/1.0", "GET /a.txt"),
		pair("behaviour-unread-body", "POST /app/x?read=none", "GET /a.txt", "Content-Length: 0"), pair("behaviour-204-get", "GET /app/x?status=204&size=0", "GET /a.txt"),
		{id: "behaviour-post-post", head: head("POST /app/x", mainHost, "Content-Length: 5") + "hello" + head("POST /app/x", mainHost, "Content-Length: 5") + "again", answers: 2},
		{id: "behaviour-file-post", head: head("POST /a.txt", mainHost, "Content-Length: 5") + "hello" + head("GET /a.txt", mainHost), answers: 2},
		{id: "behaviour-partial-head", head: "GET /a.txt HTTP/1.1\r\nHost: main", halves: true},
		{id: "behaviour-nothing", head: "", halves: true},
	}
}
