package canonical

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

func raw(port, target string) (int, string) {
	c, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		return 0, err.Error()
	}
	defer c.Close()
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x.example\r\nConnection: close\r\n\r\n", target)
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return -1, err.Error()
	}
	b, _ := io.ReadAll(r.Body)
	s := string(b)
	if !strings.HasPrefix(s, "uri=") {
		s = "-"
	}
	return r.StatusCode, s
}

func TestPeers(t *testing.T) {
	for _, target := range []string{
		"/app/x", "/app//x", "/app/./x", "/app/a/../x", "/app/..", "/app/../app/x", "/..", "/app/../../x", "//app/x", "/app/%2e%2e/app/x", "/app/%2e/x", "/app/.%2e/app/x",
		"/app/x;a=1", "/app;v=1/x", "/app;v=1/../app/x", "/app/..;/app/x", "/app/..;x/app/x", "/app/.;/x", "/app/.;x/y", "/app/%2e%2e;/app/x", "/app/%2e%2e%3b/app/x", "/app/..%3bx/app/x", "/app/..%3b/app/x", "/app/.%3bx/y",
		"/app/x%3by", "/app%3bx/y", "/app/x;y%3bz", "/app/x;y%2fz", "/app/x;%2e%2e/y", "/app/;x/y", "/app/;/y", "/;/app/x", "/;x/app/x", "/app/x/;", "/app/x;/", "/app;/", "/app;",
		"/app/x%2fy", "/app/x%5cy", "/app/x\\y", "/app/..\\x", "/app/..%5cx", "/app/%5c..%5cx", "/app/x%00", "/app/%zz", "/app/%", "/app/%4", "/app/%u0041",
		"/app/x%20y", "/app/x%09y", "/app/x%0ay", "/app/x%0d%0ay", "/app/x%7f", "/app/x%01", "/app/\x01x", "/app/x\x7f", "/app/x\ty", "/app/\xc3\xa9", "/app/%c3%a9", "/app/\xff", "/app/%ff", "/app/%c0%ae%c0%ae/x",
		"/app/%3f", "/app/%23x", "/app/x#frag", "/app/#/../x", "/app/%25", "/app/%252e%252e/x", "/app/%2541", "/app/x?y#z", "/app/a%26b=c,d@e:f!g'h(i)j*k~l$m-n_o.p+q", "/app/<>\"{}|^`[]", "/app/%3c%3e%22%7b%7d%7c%5e%60%5b%5d",
		"http://x.example/app/x", "http://x.example", "http://x.example?q", "http://other.example/app/x", "HTTP://X.example/app/x", "http://x.example/app/../app/x", "ftp://x.example/app/x", "http:/app/x", "http:///app/x", "x:y", "app/x", "*", "", "?a", "http://x.example#f", "http://user@x.example/app/x",
		"/app/x.do;jsessionid=AB.n1", "/x.do;jsessionid=AB.n1", "/d/;x/f.do", "/app/...", "/app/.../x", "/app/x/.", "/app/x/..", "/app/x/./", "/app/x/%2e", "/app/x/..;", "/app/x/.;", "/app;a/;b/;c/x", "/app/x;a;b;c", "/app/x;;", "/app/..x", "/app/.x", "/app/ x",
		"/app/a;b/../x", "/app/a;b/..;c/x", "/app/;/../x", "/app/;a/../x", "/;a/../app/x", "/;/../app/x", "/a;/..;/..;/app/x",
	} {
		p, err := Parse(target)
		status, body := raw("18472", target)
		ours := fmt.Sprint("E=", p.Encoded, " M=", p.Mount)
		if err != nil {
			ours = err.Error()[:3]
		}
		direct := ""
		flag := ""
		if err == nil {
			s, b := raw("18478", p.Encoded)
			direct = fmt.Sprint(s, " ", b)
			if !strings.Contains(b, "pi="+p.Mount+" ") && !strings.Contains(b, "sp="+p.Mount+" ") {
				flag += " TOMCAT!"
			}
			if status != 200 && !(status == 404 && strings.Contains(body, "-") && !strings.HasPrefix(p.Mount, "/app")) {
				flag += " HTTPD!"
			}
			if status == 200 && !strings.HasPrefix(body, "uri="+p.Encoded+" ") && body != "-" {
				flag += " URI!"
			}
		} else if fmt.Sprint(status) != ours {
			flag += " STATUS!"
		}
		t.Logf("%q\n   ours %q\n  httpd %d %q\n tomcat %q %s", target, ours, status, body, direct, flag)
	}
}
