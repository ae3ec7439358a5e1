package ajp

import (
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/catflap/catflap/internal/certtest"
)

// TestServerTellsAll: whatever the web server says reaches the handler.
func TestServerTellsAll(t *testing.T) {
	chain := certtest.Issue(t, nil, nil, "visitor", nil).CertPEM() + certtest.Issue(t, nil, nil, "issuer", nil).CertPEM()
	var got *http.Request
	c := serve(t, &Server{Secret: "s", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { got = r })})()
	m := ask("GET /a%20b;x=1/c?q=1&r", "X-Two: 1", "x-two: 2", "Cookie: a=b", none)
	m.TLS, m.ServerPort, m.RemoteHost = true, 443, "visitor.example"
	m.Attributes = Attributes{
		Context: "c", ServletPath: "p", RemoteUser: "tom", AuthType: "BASIC", HasQuery: true, Query: "q=1&r", Route: "pj001",
		SSLCert: chain, SSLCipher: "ECDHE-RSA-AES128-GCM-SHA256", SSLSession: "abcd", SSLKeySize: 128, Secret: "s",
		Request: []RequestAttribute{
			{AttrRemotePort, "51000"}, {AttrLocalAddr, "192.0.2.1"}, {AttrSSLProtocol, "TLSv1.2"}, {AttrActivation, "DIS"}, {"CERT_ISSUER", "x"},
		},
	}
	want(t, hear(t, c, m, ""), "headers 200 Content-Length=0", "end true")
	line := fmt.Sprintln(got.Method, got.Proto, got.RequestURI, got.URL.Path, got.URL.RawQuery, got.Host, got.RemoteAddr, got.ContentLength,
		got.Header["X-Two"], got.Header.Get("Cookie"), got.Header.Get("Host"), got.Body == http.NoBody)
	if want := "GET HTTP/1.1 /a%20b;x=1/c?q=1&r /a b;x=1/c q=1&r h.example 192.0.2.9:51000 0 [1 2] a=b  true\n"; line != want {
		t.Errorf("the request is\n%s, want\n%s", line, want)
	}
	if local := got.Context().Value(http.LocalAddrContextKey).(net.Addr).String(); local != "192.0.2.1:443" {
		t.Errorf("the local address is %s", local)
	}
	state := got.TLS
	if state == nil || state.Version != tls.VersionTLS12 || state.CipherSuite != tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 ||
		len(state.PeerCertificates) != 2 || state.PeerCertificates[0].Subject.CommonName != "visitor" {
		t.Errorf("TLS is %+v", state)
	}
	told := FromContext(got.Context())
	a := told.Attributes
	line = fmt.Sprintln(told.RemoteAddr, told.RemoteHost, told.ServerName, told.ServerPort, told.TLS, told.RemotePort(), told.LocalAddr(), told.SSLProtocol(),
		told.Activation(), a.Context, a.ServletPath, a.RemoteUser, a.AuthType, a.Route, a.SSLCipher, a.SSLSession, a.SSLKeySize, a.SSLCert == chain, a.Secret)
	if want := "192.0.2.9 visitor.example named.example 443 true 51000 192.0.2.1 TLSv1.2 DIS c p tom BASIC pj001 ECDHE-RSA-AES128-GCM-SHA256 abcd 128 true \n"; line != want {
		t.Errorf("what it tells is\n%s, want\n%s", line, want)
	}
	if value, ok := a.RequestAttribute("CERT_ISSUER"); value != "x" || !ok {
		t.Errorf("CERT_ISSUER is %q, %v", value, ok)
	}
	if FromContext(t.Context()) != nil {
		t.Error("a context of no request tells something")
	}

	plain := ask("PATCH /", none)
	plain.Headers = plain.Headers[1:] // no Host
	plain.ServerPort = 8080
	plain.Attributes = Attributes{Secret: "s", SSLCert: "nonsense", Request: []RequestAttribute{{AttrRemotePort, "x"}}}
	hear(t, c, plain, "")
	if line := fmt.Sprint(got.Method, " ", got.Host, " ", got.RemoteAddr, " ", got.TLS == nil); line != "PATCH named.example:8080 192.0.2.9:0 true" {
		t.Errorf("with little told: %s", line)
	}
	if local := got.Context().Value(http.LocalAddrContextKey).(net.Addr); local == nil || !strings.HasPrefix(local.String(), "127.0.0.1:") {
		t.Errorf("the local address is %v", local)
	}
	plain.TLS, plain.Attributes.Secret = true, "s"
	hear(t, c, plain, "")
	if got.TLS == nil || got.TLS.PeerCertificates != nil {
		t.Errorf("a certificate that is none: %+v", got.TLS)
	}
}

// TestServerRefuses: what does not reach the handler, and whether the
// connection goes on.
func TestServerRefuses(t *testing.T) {
	with := func(change func(m *ForwardRequest)) *ForwardRequest {
		m := ask("GET /", none)
		m.Attributes.Secret = "s"
		change(m)
		return m
	}
	header := func(name, value string) *ForwardRequest {
		return with(func(m *ForwardRequest) { m.Headers = append(m.Headers, Header{name, value}) })
	}
	attribute := func(name string) *ForwardRequest {
		return with(func(m *ForwardRequest) { m.Attributes.Request = []RequestAttribute{{name, "1"}} })
	}
	uri := func(uri string) *ForwardRequest { return with(func(m *ForwardRequest) { m.URI = uri }) }
	host := func(host string) *ForwardRequest { return with(func(m *ForwardRequest) { m.Headers[0].Value = host }) }
	length := func(length string) *ForwardRequest {
		return with(func(m *ForwardRequest) { m.Headers[1].Value = length })
	}
	const taken, closed, open = "200 true", " false", " true"
	for _, test := range []struct {
		name string
		m    *ForwardRequest
		want string
	}{
		{"as it should be", with(func(*ForwardRequest) {}), taken},
		{"no secret", with(func(m *ForwardRequest) { m.Attributes.Secret = "" }), "403" + closed},
		{"a wrong secret", with(func(m *ForwardRequest) { m.Attributes.Secret = "S" }), "403" + closed},
		{"a secret and more", with(func(m *ForwardRequest) { m.Attributes.Secret = "ss" }), "403" + closed},
		{"no secret, and all else is wrong", with(func(m *ForwardRequest) { m.Attributes.Secret = ""; m.URI = "x"; m.Headers[1].Value = "x" }), "403" + closed},
		{"a known attribute", attribute("jakarta.servlet.request.X509Certificate"), taken},
		{"an attribute of the pattern", attribute("X_1"), taken},
		{"the pattern is for whole names", attribute("aX_1"), "403" + closed},
		{"an alternative of the pattern, and more", attribute("Yx"), "403" + closed},
		{"an attribute with a line end", attribute("Y\n"), "403" + closed},
		{"an attribute of old attacks", attribute("javax.servlet.include.request_uri"), "403" + closed},
		{"case counts", attribute("jk_lb_activation"), "403" + closed},
		{"as many headers as may be", with(func(m *ForwardRequest) { m.Headers = append(m.Headers, make3("A")...) }), taken},
		{"more", with(func(m *ForwardRequest) { m.Headers = append(m.Headers, append(make3("A"), Header{"B", ""})...) }), "500" + closed},
		{"two lengths", header("content-length", "0"), "400" + closed},
		{"a length that is none", length("x"), "400" + closed},
		{"an empty length", length(""), "400" + closed},
		{"a signed length", length("+0"), "400" + closed},
		{"a negative length", length("-1"), "400" + closed},
		{"a length with a blank", length(" 0"), "400" + closed},
		{"a length that nothing has", length("9223372036854775808"), "400" + closed},
		{"length and coding", header("Transfer-Encoding", "chunked"), "400" + closed},
		{"another coding", with(func(m *ForwardRequest) { m.Headers[1] = Header{"Transfer-Encoding", "gzip"} }), "400" + closed},
		{"two hosts", header("host", "h.example"), "400" + closed},
		{"a name with a blank", header("X Y", "1"), "400" + closed},
		{"an empty name", header("", "1"), "400" + closed},
		{"a value with a line end", header("X", "a\nb"), "400" + closed},
		{"a value with a NUL", header("X", "a\x00"), "400" + closed},
		{"a host with a blank", host("a b"), "400" + closed},
		{"a host with a slash", host("a/b"), "400" + closed},
		{"a host with a user", host("u@a"), "400" + closed},
		{"a port that is none", host("a:x"), "400" + closed},
		{"brackets without an address", host("[x]"), "400" + closed},
		{"an open bracket", host("[::1"), "400" + closed},
		{"an address", host("[::1]:80"), taken},
		{"an underscore", host("a_b:80"), taken},
		{"a relative path", uri("x"), "400" + open},
		{"no path", uri(""), "400" + open},
		{"a star", uri("*"), "400" + open},
		{"an encoded slash", uri("/a%2Fb"), "400" + open},
		{"an encoded backslash", uri("/a%5cb"), "400" + open},
		{"a backslash", uri("/a\\b"), "400" + open},
		{"an encoded NUL", uri("/a%00"), "400" + open},
		{"a bad escape", uri("/a%zz"), "400" + open},
		{"a control byte", uri("/a\x01"), "400" + open},
		{"above the root", uri("/a/../../b"), "400" + open},
		{"above the root, encoded", uri("/%2e%2e/b"), "400" + open},
		{"above the root, with parameters", uri("/a/..;x/..;y/b"), "400" + open},
		{"below the root", uri("/a/../b"), taken},
		{"a line end in the query", with(func(m *ForwardRequest) { m.Attributes.Query = "a\nb" }), "400" + open},
		{"a protocol that is none", with(func(m *ForwardRequest) { m.Protocol = "x" }), "400" + open},
		{"a method that is none", with(func(m *ForwardRequest) { m.Method = "A B" }), "400" + open},
	} {
		t.Run(test.name, func(t *testing.T) {
			reached := false
			c := serve(t, &Server{
				Secret: "s", AllowedRequestAttributes: regexp.MustCompile("X_.*|Y"), MaxHeaderCount: 5,
				Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { reached = true }),
			})()
			got := hear(t, c, test.m, "")
			fields := strings.Fields(got[0])
			if line := fields[1] + strings.TrimPrefix(got[len(got)-1], "end"); line != test.want {
				t.Errorf("got %q, want %s", got, test.want)
			}
			if reached != (test.want == taken) {
				t.Errorf("reached the handler: %v", reached)
			}
			again := with(func(*ForwardRequest) {})
			if strings.HasSuffix(test.want, open) {
				want(t, hear(t, c, again, ""), "headers 200 Content-Length=0", "end true")
			} else if m, err := c.Receive(); err != io.EOF {
				t.Errorf("the connection is open: %v, %v", m, err)
			}
		})
	}
}

func make3(name string) []Header { return []Header{{name, "1"}, {name, "2"}, {name, "3"}} }

func TestServerTargets(t *testing.T) {
	var got string
	c := handle(t, func(w http.ResponseWriter, r *http.Request) {
		got = fmt.Sprintf("%s %s %s %q", r.Host, r.URL.Path, r.RequestURI, r.URL.EscapedPath())
	})
	for uri, want := range map[string]string{
		"/":                         `h.example / / "/"`,
		"/a b?c":                    `h.example /a b /a%20b?c "/a%20b"`,
		"/a%3Bb;c":                  `h.example /a;b;c /a%3Bb;c "/a%3Bb;c"`,
		"/%e4?":                     "h.example /\xe4 /%e4? \"/%e4\"",
		"http://o.example:1/x?y":    `o.example:1 /x /x?y "/x"`,
		"HTTPS://o.example":         `o.example / / "/"`,
		"/x?http://o.example/?a=%z": `h.example /x /x?http://o.example/?a=%z "/x"`,
	} {
		hear(t, c, ask("GET "+uri, none), "")
		if got != want {
			t.Errorf("%s is %s, want %s", uri, got, want)
		}
	}
	star := ask("OPTIONS *", none)
	want(t, hear(t, c, star, ""), "headers 200 Allow=GET, HEAD, POST, PUT, DELETE, OPTIONS Content-Length=0", "end true")
}

// A lockedText is what many goroutines write.
type lockedText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestServerExplains: a refusal is told once, with what to do.
func TestServerExplains(t *testing.T) {
	var log lockedText
	s := &Server{Secret: "s", Handler: http.NotFoundHandler(), Log: slog.New(slog.NewTextHandler(&log, nil))}
	dial := serve(t, s)
	for range 3 {
		hear(t, dial(), ask("GET /", none), "")
	}
	s.Close()
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "no secret was sent") || !strings.Contains(got, "level=WARN") {
		t.Errorf("the log is\n%s", got)
	}
}
