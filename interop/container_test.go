package interop

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/ajp"
	"github.com/catflap/catflap/interop/echo"
	"github.com/catflap/catflap/interop/peer"
)

// startNode starts a node in Go with the test servlet and returns where its AJP
// connector is. server has what the test wants of it; if its Handler is not
// set it becomes the servlet.
func startNode(t *testing.T, route string, server *ajp.Server) endpoint {
	t.Helper()
	if server.Handler == nil {
		server.Handler = newServlet(t, route)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server.Log = slog.New(slog.DiscardHandler)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("node %s: %v", route, err)
		}
	})
	return endpoint{route, listener.Addr().String()}
}

func newServlet(t *testing.T, route string) *echo.Servlet {
	t.Helper()
	servlet, err := echo.New(route)
	if err != nil {
		t.Fatal(err)
	}
	return servlet
}

// framed is a payload as the web server's packet.
func framed(payload []byte) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{0x12, 0x34}, uint16(len(payload))), payload...)
}

// forward is a Forward Request as a packet: GET /x, as change makes it.
func forward(t *testing.T, change func(m *ajp.ForwardRequest)) []byte {
	t.Helper()
	m := &ajp.ForwardRequest{
		Method: "GET", Protocol: "HTTP/1.1", URI: "/x", RemoteAddr: "192.0.2.9", ServerName: "named.example", ServerPort: 8080,
		Headers:    []ajp.Header{{Name: "Host", Value: "h.example"}, {Name: "Content-Length", Value: "0"}},
		Attributes: ajp.Attributes{Secret: "s"},
	}
	if change != nil {
		change(m)
	}
	payload, err := m.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	return framed(payload)
}

// part is a packet with n bytes of a body.
func part(n int) []byte {
	return framed(append(binary.BigEndian.AppendUint16(nil, uint16(n)), strings.Repeat("b", n)...))
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A dialogue is a talk with a container, and what is meant to differ.
type dialogue struct {
	name      string
	connector int      // of connectors
	says      [][]byte // each after the container has given the turn
	ours      string   // how the node in Go begins or ends, if not the same
	why       string   // words of docs/fidelity.md about that
	silent    bool     // somebody says nothing for a while, as is meant
	loose     bool     // whether Tomcat says 400 or 500 depends on what it has read before
}

// connectors are what the dialogues talk to, as Tomcat has them and as an
// ajp.Server.
var connectors = []struct {
	tomcat string
	server func() *ajp.Server
}{
	{`secret="s" allowTrace="true"`, func() *ajp.Server { return &ajp.Server{Secret: "s"} }},
	{`secret="s" packetSize="16384" maxHeaderCount="5"`, func() *ajp.Server { return &ajp.Server{Secret: "s", PacketSize: 16384, MaxHeaderCount: 5} }},
	{`secret="s" allowedRequestAttributesPattern="X_.*|Y"`, func() *ajp.Server {
		return &ajp.Server{Secret: "s", AllowedRequestAttributes: regexp.MustCompile("X_.*|Y")}
	}},
	{`secret="s" connectionTimeout="300" keepAliveTimeout="1200"`, func() *ajp.Server {
		return &ajp.Server{Secret: "s", ConnectionTimeout: 300 * time.Millisecond, KeepAliveTimeout: 1200 * time.Millisecond}
	}},
}

// dialogues are what the container's side is held to.
func dialogues(t *testing.T) []dialogue {
	type request = *ajp.ForwardRequest
	header := func(m request, name, value string) {
		m.Headers = append(m.Headers, ajp.Header{Name: name, Value: value})
	}
	attribute := func(name, value string) func(m request) {
		return func(m request) {
			m.Attributes.Request = append(m.Attributes.Request, ajp.RequestAttribute{Name: name, Value: value})
		}
	}
	length := func(m request, value string) { m.Method, m.Headers[1].Value = "POST", value }
	query := func(text string) func(m request) {
		return func(m request) { m.Attributes.Query, m.Attributes.HasQuery = text, true }
	}
	one := func(name string, change func(m request)) dialogue {
		return dialogue{name: name, says: [][]byte{forward(t, change)}}
	}
	differs := func(d dialogue, ours, why string) dialogue { d.ours, d.why = ours, why; return d }
	at := func(connector int, d dialogue) dialogue { d.connector = connector; return d }
	post := func(name, declared, asks string, says ...[]byte) dialogue {
		d := one(name, func(m request) { length(m, declared); query(asks)(m) })
		d.says[0] = append(d.says[0], says[0]...)
		d.says = append(d.says, says[1:]...)
		return d
	}
	changed := func(name string, change func(b []byte) []byte) dialogue {
		return dialogue{name: name, says: [][]byte{change(forward(t, nil))}}
	}
	end := unhex(t, "12 34 00 00")
	const stricter = "what Tomcat takes on and hands to the application"
	all := []dialogue{
		one("a request", nil),
		{name: "CPing before it", says: [][]byte{unhex(t, "12 34 00 01 0a"), forward(t, nil)}},
		{name: "two at once", says: [][]byte{append(forward(t, nil), forward(t, query("empty=1"))...), nil}},
		one("no secret", func(m request) { m.Attributes.Secret = "" }),
		one("a wrong secret", func(m request) { m.Attributes.Secret = "x" }),
		{name: "no secret, with a body", says: [][]byte{append(forward(t, func(m request) { m.Attributes.Secret = ""; length(m, "5") }), part(5)...)}},
		one("attributes of mod_jk", func(m request) {
			attribute("JK_LB_ACTIVATION", "DIS")(m)
			attribute("AJP_REMOTE_PORT", "no number")(m)
			attribute("AJP_LOCAL_ADDR", "192.0.2.1")(m)
			attribute("AJP_SSL_PROTOCOL", "TLSv1.3")(m)
		}),
		one("an attribute of the pattern", attribute("X_a", "1")),
		at(2, one("an attribute of the pattern, where there is one", attribute("X_a", "1"))),
		at(2, one("one that matches in part", attribute("Yx", "1"))),
		at(2, one("one in other case", attribute("x_a", "1"))),
		one("all that there is", func(m request) {
			m.TLS = true
			m.Attributes = ajp.Attributes{
				Context: "c", ServletPath: "p", RemoteUser: "tom", AuthType: "BASIC", HasQuery: true, Route: "r", SSLCert: "nonsense",
				SSLCipher: "c", SSLSession: "s", SSLKeySize: 128, Secret: "s",
			}
		}),
		changed("method 0", func(b []byte) []byte { b[5] = 0; return b }),
		changed("method 28", func(b []byte) []byte { b[5] = 28; return b }),
		differs(changed("a stored method that is not there", func(b []byte) []byte { b[5] = 0xff; return b }), "500 end reuse=0", stricter),
		one("PATCH", func(m request) { m.Method = "PATCH" }),
		differs(one("a method that is no token", func(m request) { m.Method = "A B" }), "400 end reuse=1", stricter),
		differs(one("CONNECT", func(m request) { m.Method = "CONNECT" }), "", "reach the handler"),
		one("TRACE", func(m request) { m.Method = "TRACE" }),
		changed("an unknown attribute code", func(b []byte) []byte { b[len(b)-1] = 0x0e; return b }),
		changed("truncated", func(b []byte) []byte { b = b[:len(b)-8]; b[3] -= 8; return b }),
		differs(changed("trailing bytes", func(b []byte) []byte { b[3]++; return append(b, 0) }), "500 end reuse=0", stricter),
		{name: "HTTP", says: [][]byte{[]byte("GET / HTTP/1.1\r\n\r\n")}},
		{name: "Shutdown", says: [][]byte{unhex(t, "12 34 00 01 07")}},
		{name: "an unknown message", says: [][]byte{unhex(t, "12 34 00 01 63")}},
		differs(dialogue{name: "an empty packet", says: [][]byte{end}}, "closed", "breaks the protocol"),
		{name: "a packet that is too large", loose: true, says: [][]byte{append(unhex(t, "12 34 1f fd"), make([]byte, 0x1ffd)...)}},
		at(1, dialogue{name: "a packet that is too large there", loose: true, says: [][]byte{append(unhex(t, "12 34 3f fd"), make([]byte, 0x3ffd)...)}}),
		{name: "a Forward Request that is too large", loose: true, says: [][]byte{forward(t, func(m request) { header(m, "X", strings.Repeat("x", 9000)) })}},
		at(1, one("a large one, where it fits", func(m request) { header(m, "X", strings.Repeat("x", 9000)) })),
		at(1, one("as many headers as may be", func(m request) { header(m, "A", "1"); header(m, "B", "1"); header(m, "C", "1") })),
		at(1, one("one more", func(m request) { header(m, "A", "1"); header(m, "B", "1"); header(m, "C", "1"); header(m, "D", "1") })),
		one("two lengths", func(m request) { header(m, "content-length", "0") }),
		differs(one("two hosts", func(m request) { header(m, "Host", "other.example") }), "400 end reuse=0", stricter),
		differs(one("a header that HTTP cannot carry", func(m request) { header(m, "X Y", "a\r\nb") }), "400 end reuse=0", stricter),
		differs(one("no host", func(m request) { m.Headers = m.Headers[1:] }), "headers 200", "the one that the web server names"),
		differs(one("a host with an underscore", func(m request) { m.Headers[0].Value = "a_b" }), "", "with an underscore"),
		one("an address", func(m request) { m.Headers[0].Value = "[::1]:81" }),
		differs(one("a control byte", func(m request) { m.URI = "/a\x01b" }), "400 end reuse=1", stricter),
		differs(one("no UTF-8", func(m request) { m.URI = "/a%e4" }), "", "not UTF-8"),
		differs(one("a protocol that is none", func(m request) { m.Protocol = "x" }), "400 end reuse=1", stricter),
		one("HTTP/2", func(m request) { m.Protocol = "HTTP/2.0" }),
		at(1, one("OPTIONS *", func(m request) { m.Method, m.URI = "OPTIONS", "*" })),
		post("a body", "7", "", part(7)),
		post("a length with zeros", "007", "", part(7)),
		post("a body in two packets", "10000", "", part(8186), part(1814)),
		differs(post("a body that ends early", "10000", "", part(8186), end), "ask 8186 500 end reuse=1", "ever looks whole"),
		differs(post("more than declared", "7", "", part(9)), "closed", "breaks the protocol"),
		differs(post("a part that is shorter than it says", "10", "", framed(unhex(t, "000a 6161"))), "closed", "breaks the protocol"),
		post("nobody reads", "10000", "read=none", part(8186)),
		post("a part is read", "10000", "read=part", part(8186)),
		post("answered first", "10000", "early=1", part(8186), part(1814)),
		{name: "nobody reads, and it comes late", silent: true, says: [][]byte{forward(t, func(m request) { length(m, "10"); query("read=none")(m) }), part(10)}},
		{name: "chunked", says: [][]byte{forward(t, func(m request) {
			m.Method, m.Headers[1] = "POST", ajp.Header{Name: "Transfer-Encoding", Value: "chunked"}
		}), part(7), part(3), end}},
		{name: "an empty part ends it", says: [][]byte{forward(t, func(m request) {
			m.Method, m.Headers[1] = "POST", ajp.Header{Name: "Transfer-Encoding", Value: "chunked"}
		}), part(7), part(0)}},
		{name: "no length", says: [][]byte{forward(t, func(m request) { m.Headers = m.Headers[:1] }), end}},
		one("no length, and nobody reads", func(m request) { m.Headers = m.Headers[:1]; query("read=none")(m) }),
		differs(one("length and coding", func(m request) { header(m, "Transfer-Encoding", "chunked") }), "400 end reuse=0", stricter),
		one("HEAD", func(m request) { m.Method = "HEAD" }),
		one("HEAD of a long answer", func(m request) { m.Method = "HEAD"; query("size=100000")(m) }),
		differs(one("204", query("status=204")), "headers 204 content-type: text/plain;charset=utf-8; x-route: r1 end reuse=1", "no Content-Length"),
		differs(one("205", query("status=205")), "headers 205 content-type: text/plain;charset=utf-8; x-route: r1 end reuse=1", "no Content-Length"),
		one("304", query("status=304")),
		differs(one("304 without a body", query("status=304&empty=1")), "headers 304 x-route: r1 end reuse=1", "no Content-Length"),
		differs(one("a status below 200", query("status=101")), "headers 500", "101 becomes 500"),
		one("999", query("status=999")),
		one("an empty answer", query("empty=1")),
		one("an error", query("error=404")),
		one("an exception", query("status=abc")),
		one("a chunk", query("size=8184&length=1")),
		one("more than a chunk", query("size=8193")),
		one("flushed", query("size=20000&flush=1")),
		one("large headers", query("set=X:"+strings.Repeat("x", 5000)+"&set=Y:"+strings.Repeat("x", 2500))),
		differs(dialogue{name: "too large headers", silent: true, says: [][]byte{forward(t, query("pad=9000"))}}, "500 end reuse=0", "instead of silence"),
		at(1, one("as large, where they fit", query("pad=9000&empty=1"))),
		differs(dialogue{name: "an exception after the answer", silent: true, says: [][]byte{forward(t, query("size=100&length=1&flush=1&throw=1"))}},
			"closed", "says nothing more, and leaves it open"),
		differs(one("an exception after a small answer", query("throw=1")), "500 end reuse=1 CPong", "what was written before it is dropped"),
		differs(one("headers that HTTP cannot carry", query("empty=1&set=X%20Y:1&set=Z:a%0d%0ab")), "headers 200 content-length: 0; x-route: r1; z: a  b end reuse=1", "are left out, line ends"),
		differs(one("headers of framing", query("empty=1&set=Transfer-Encoding:chunked&set=Trailer:X&set=Connection:close&set=Date:x")),
			"headers 200 connection: close; content-length: 0; date: x; x-route: r1 end reuse=1", "Transfer-Encoding and Trailer"),
		differs(one("shorter than declared", query("size=10&set=Content-Length:50")), "headers 200 content-length: 50; content-type: application/octet-stream; x-route: r1 body abcdefghij closed", "ever looks whole"),
		one("a session", query("session=1")),
		one("a session of a context by TLS", func(m request) { m.URI, m.TLS = "/demo/x", true; query("session=1")(m) }),
		one("an unknown session", func(m request) { header(m, "Cookie", "JSESSIONID=0123.r1"); query("session=1")(m) }),
		at(3, dialogue{name: "half of a packet", silent: true, says: [][]byte{unhex(t, "12 34"), nil}}),
		at(3, dialogue{name: "kept alive", silent: true, says: [][]byte{forward(t, nil), nil, nil, nil}}),
	}
	for _, uri := range []string{"/a b", "/a?b#c", "/a%0ab", "/a;x=y/b;jsessionid=ABC.r1", "/a/../b", "//a", "HTTP://other.example:1/y", "http://other.example"} {
		all = append(all, one("target "+uri, func(m request) { m.URI = uri }))
	}
	for _, uri := range []string{"", "x", "*", "/a%2fb", "/a%5cb", `/a\b`, "/a%00b", "/a%zz", "/a/../../b", "/%2e%2e/b", "/a/..;x/..;y/b"} {
		all = append(all, one("bad target "+uri, func(m request) { m.URI = uri }))
	}
	for _, host := range []string{"a b", "a/b", "a:x", "[::1", "u@a"} {
		all = append(all, one("bad host "+host, func(m request) { m.Headers[0].Value = host }))
	}
	for _, value := range []string{"abc", "-1", "", " 0", "99999999999999999999"} {
		all = append(all, one("bad length "+value, func(m request) { m.Headers[1].Value = value }))
	}
	for _, name := range []string{
		"javax.servlet.request.cipher_suite", "javax.servlet.request.key_size", "javax.servlet.request.ssl_session", "javax.servlet.request.X509Certificate",
		"jakarta.servlet.request.cipher_suite", "jakarta.servlet.request.key_size", "jakarta.servlet.request.ssl_session", "jakarta.servlet.request.X509Certificate",
		"jakarta.servlet.request.secure_protocol", "org.apache.tomcat.util.net.secure_protocol_version", "javax.servlet.include.request_uri", "cert_issuer",
		"CERT_ISSUER", "CERT_SUBJECT", "CERT_COOKIE", "HTTPS_SERVER_SUBJECT", "CERT_FLAGS", "HTTPS_SECRETKEYSIZE", "CERT_SERIALNUMBER", "HTTPS_SERVER_ISSUER", "HTTPS_KEYSIZE",
	} {
		all = append(all, one("attribute "+name, attribute(name, "1")))
	}
	return all
}

// hold has a dialogue with the container at addr and returns what it said, and
// at the end whether it still answers CPing.
func (d dialogue) hold(t *testing.T, addr string) string {
	t.Helper()
	k := dialTalk(t, addr)
	if d.silent {
		k.silence = time.Second
	}
	open := true
	for _, bytes := range d.says {
		if open = k.say(bytes); !open {
			break
		}
	}
	if last := k.heard[len(k.heard)-1]; open && strings.HasPrefix(last, "ask") { // Tomcat's servlet reads on to see the end
		k.heard = k.heard[:len(k.heard)-1]
		open = k.say(unhex(t, "12 34 00 00"))
	}
	if last := k.heard[len(k.heard)-1]; open && last != "end reuse=0" { // what comes then is each container's own
		k.say(unhex(t, "12 34 00 01 0a"))
	}
	k.conn.Close()
	if slices.Contains(k.heard, "silent") && !d.silent {
		t.Errorf("%s: silent for %v: %q", d.name, k.silence, k.heard)
	}
	return strings.Join(slices.CompactFunc(k.heard, func(a, b string) bool { return a == "silent" && b == a }), " ")
}

var (
	tomcatPage = regexp.MustCompile(`(?s)headers (\d+)[^\n]*? body <!doctype html><html lang="en"><head><title>HTTP Status.*?</html>`)
	goPage     = regexp.MustCompile(`headers ([45]\d\d) content-length: \d+; content-type: text/plain; charset=utf-8; x-content-type-options: nosniff body [A-Za-z ]+\n`)
)

// withoutPages returns what a container said without the pages that it makes
// itself.
func withoutPages(said string) string {
	return goPage.ReplaceAllString(tomcatPage.ReplaceAllString(said, "$1"), "$1")
}

// TestContainerTalk holds ajp.Server against Tomcat's AJP connector, packet by
// packet.
func TestContainerTalk(t *testing.T) {
	cfg := peer.TomcatConfig{Route: "r1", Classes: classes(t)}
	for _, c := range connectors {
		cfg.More = append(cfg.More, c.tomcat)
	}
	tomcat := peer.StartTomcat(t, cfg)
	var nodes []endpoint
	for _, c := range connectors {
		nodes = append(nodes, startNode(t, "r1", c.server()))
	}
	fidelity := fidelityText(t)
	for _, d := range dialogues(t) {
		want, got := withoutPages(d.hold(t, tomcat.MoreAddr[d.connector])), withoutPages(d.hold(t, nodes[d.connector].addr))
		if d.loose {
			want = strings.Replace(want, "500", "400", 1)
		}
		switch {
		case d.why == "" && got != want:
			t.Errorf("%s:\n   Tomcat %q\n   ours   %q", d.name, want, got)
		case d.why != "" && got == want:
			t.Errorf("%s: does not differ any more", d.name)
		case d.why != "" && !strings.HasPrefix(got, d.ours) && !strings.HasSuffix(got, d.ours):
			t.Errorf("%s:\n   ours is %q\n   and not %q", d.name, got, d.ours)
		case !strings.Contains(fidelity, d.why):
			t.Errorf("docs/fidelity.md does not say %q", d.why)
		}
	}
}

// fidelityText is docs/fidelity.md on one line.
func fidelityText(t *testing.T) string {
	t.Helper()
	doc, err := os.ReadFile("../docs/fidelity.md")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(string(doc)), " ")
}
