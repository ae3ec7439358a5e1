package node

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/catflap/catflap/internal/certtest"
	"github.com/catflap/catflap/session"
)

// dial connects to r, in clear or by TLS.
func (r *running) dial(t *testing.T, secure bool) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", r.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	if secure {
		c = tls.Client(c, &tls.Config{InsecureSkipVerify: true})
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}

// talk sends text and returns all that comes until the node ends the
// connection.
func (r *running) talk(t *testing.T, secure bool, text string) string {
	t.Helper()
	c := r.dial(t, secure)
	defer c.Close()
	go io.WriteString(c, text)
	all, _ := io.ReadAll(c)
	return string(all)
}

// TestSmuggling: what two servers could read in two ways is one request, or
// refused, in clear and by TLS; what follows what was refused is none.
func TestSmuggling(t *testing.T) {
	dir := t.TempDir()
	pair := certtest.Issue(t, nil, nil, "localhost", nil)
	write(t, filepath.Join(dir, "both.pem"), pair.KeyPEM(t)+pair.CertPEM())
	const next, last = "GET /next HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n", "Connection: close\r\n"
	tests := []struct{ what, request, want string }{
		{"a body of declared length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" + next, "200 POST / abc <nil>, 200 GET /next  <nil>"},
		{"a body of chunks", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: 1\r\n\r\n" + next, "200 POST / abc <nil>, 200 GET /next  <nil>"},
		{"empty lines before", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n\r\n" + next, "200 GET /  <nil>, 200 GET /next  <nil>"},
		{"a Content-Length beside Transfer-Encoding", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + next, "400"},
		{"Transfer-Encoding in HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + next, "400"},
		{"the same Content-Length twice", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n" + next, "400"},
		{"lines that end with LF", "GET / HTTP/1.1\nHost: a\n\n" + next, "400"},
		{"one line that ends with LF", "GET / HTTP/1.1\r\nHost: a\r\nX: y\nContent-Length: 9\r\n\r\n" + next, "400"},
		{"a Host in another line", "GET / HTTP/1.1\r\nHost:\r\n a\r\n\r\n" + next, "400"},
		{"a Transfer-Encoding in another line", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + next, "400"},
		{"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + next, "400"},
		{"a blank before the colon", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length : 9\r\n\r\n" + next, "400"},
		{"a trailer that ends with LF", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nT: 1\n\n" + next, "200 POST /  http: unexpected EOF reading trailer"},
		{"a chunk that ends with LF", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\n0\r\n\r\n" + next, "200 POST / a http: the body is not chunked as it should be"},
		{"a chunk longer than it says", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n" + next, "200 POST / a http: the body is not chunked as it should be"},
		{"HTTP/0.9", "GET /\r\n\r\n" + next, "505"},
		{"a refused one after a good one", "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\nHost: a\n\n" + next, "200 GET /  <nil>, 400"},
		{"a long head", "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 8192) + "\r\n\r\n" + next, "431"},
		{"a head that just fits", "GET / HTTP/1.1\r\nHost: a\r\n" + last + "X: " + strings.Repeat("x", 8192-len("GET / HTTP/1.1\r\nHost: a\r\n"+last+"X: \r\n\r\n")) + "\r\n\r\n", "200 GET /  <nil>"},
		{"a whole URL without a path", "GET http://a?b HTTP/1.1\r\nHost: a\r\n" + last + "\r\n", "200 GET /  <nil>"},
		{"a URL of something else", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n" + last + "\r\n", "400"},
		{"a Host that is none", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n" + next, "400"},
		{"a tunnel", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n" + last + "\r\n", "400"},
	}
	for _, secure := range []bool{false, true} {
		cfg := httpNode(Host{Name: "localhost", NoDeploy: true, AccessLogs: []AccessLog{{Pattern: "%r %s"}}})
		cfg.Base = dir
		c := &cfg.Services[0].Connectors[0]
		c.ConnectionTimeout = 10 * time.Second
		if secure {
			c.TLS = &TLS{CertificateFile: "both.pem"}
		}
		r := start(t, cfg, App{Path: "/", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			fmt.Fprintf(w, "%s %s %s %v", r.Method, r.URL.Path, body, err)
		})})
		for _, test := range tests {
			var answers []string
			in := bufio.NewReader(strings.NewReader(r.talk(t, secure, test.request)))
			for {
				a, err := http.ReadResponse(in, nil)
				if err != nil {
					break
				}
				body, _ := io.ReadAll(a.Body)
				if a.StatusCode != 200 {
					body = nil
				}
				answers = append(answers, strings.TrimSuffix(fmt.Sprintf("%d %s", a.StatusCode, body), " "))
			}
			if got := strings.Join(answers, ", "); got != test.want {
				t.Errorf("TLS %v: %s: %q, want %q", secure, test.what, got, test.want)
			}
		}
		r.stop()
	}
	log, err := os.ReadFile(filepath.Join(dir, "logs/access_log"))
	if err != nil || !strings.Contains(string(log), "- GET / - 505\n") || !strings.Contains(string(log), "GET / HTTP/1.1 431\n") {
		t.Errorf("%v, log:\n%s", err, log)
	}
}

// TestHostNames: what a header Host may be.
func TestHostNames(t *testing.T) {
	for header, want := range map[string]bool{
		"": true, "a": true, "a.b-c_d": true, "a:80": true, "a:": true, "1.2.3.4:8080": true, "[::1]": true, "[::1]:80": true, "a%41": true,
		"a:x": false, "[::1": false, "[::1]x": false, "[1.2.3.4]": false, "[::1]:x": false, "a/b": false, "a@b": false, "a b": false, `a">`: false, "a:80:80": false, "\xe4": false, "a\\b": false, "::1": false,
	} {
		if isHost(header) != want {
			t.Errorf("%q: %v", header, !want)
		}
	}
}

// TestWrongPort: who speaks AJP or TLS to a connector of HTTP is told at once,
// and so is the log.
func TestWrongPort(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"\x12\x34\x00\x20\x02\x02", "it is AJP"}, {"\x16\x03\x01\x02\x00\x01", "it is TLS"}, {"\x00\x01", ""},
	} {
		r := start(t, httpNode())
		for range 2 {
			if got := r.talk(t, false, test.text); !strings.HasPrefix(got, "HTTP/1.1 400 ") {
				t.Errorf("%q: %q", test.text, got)
			}
		}
		r.stop()
		if n := strings.Count(r.log.String(), "level=WARN"); (n == 1) != (test.want != "") || !strings.Contains(r.log.String(), test.want) {
			t.Errorf("%q: log:\n%s", test.text, r.log)
		}
	}
}

// TestSlowClients: who sends half a head, or no body, or takes no answer, keeps
// a connection for connectionTimeout; what an application does meanwhile is not
// broken off.
func TestSlowClients(t *testing.T) {
	cfg := httpNode()
	c := &cfg.Services[0].Connectors[0]
	c.ConnectionTimeout, c.KeepAliveTimeout = 500*time.Millisecond, -1
	ended := make(chan error, 10)
	r := start(t, cfg, App{Path: "/", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/long":
			select {
			case <-time.After(1200 * time.Millisecond):
			case <-r.Context().Done():
			}
			io.WriteString(w, fmt.Sprint("long ", r.Context().Err()))
		case "/endless":
			for {
				if _, err := w.Write(make([]byte, 1<<20)); err != nil {
					ended <- err
					return
				}
			}
		}
		io.WriteString(w, "answer")
	})})
	const get = " HTTP/1.1\r\nHost: a\r\n\r\n"
	for _, test := range []struct{ what, text, want string }{
		{"half a head on a new connection", "GET / HTTP/1.1\r\nHo", ""},
		{"half a head on a kept one", "GET /" + get + "GET / HTTP/1.1\r\nHo", "answer"},
		{"a body that does not come", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc", "answer"},
		{"half a head behind a long request", "GET /long" + get + "GET / HTTP/1.1\r\nHo", "long <nil>answer"},
	} {
		began := time.Now()
		got := r.talk(t, false, test.text)
		if _, body, _ := strings.Cut(got, "\r\n\r\n"); body != test.want || time.Since(began) > 10*time.Second {
			t.Errorf("%s: %q after %v", test.what, got, time.Since(began))
		}
	}
	conn := r.dial(t, false)
	io.WriteString(conn, "GET /"+get+"GET /endless"+get)
	select {
	case <-ended: // its second request, too, is not written for ever
	case <-time.After(20 * time.Second):
		t.Error("nobody takes it, and it is written for ever")
	}
}

// TestHijack: an application behind sessions may take the connection, with what
// came already, which is not judged any more.
func TestHijack(t *testing.T) {
	r := start(t, httpNode(), App{Path: "/", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, in, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		if session.From(r.Context()).Create() == nil {
			t.Error("a cookie for an answer that is out")
		}
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\n\r\n")
		io.CopyN(conn, in, 12)
	})})
	for _, late := range []bool{false, true} {
		conn := r.dial(t, false)
		io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n\n\x00early")
		if late {
			time.Sleep(20 * time.Millisecond) // mostly the connection is taken by then
		}
		io.WriteString(conn, "\nlate")
		if got, err := io.ReadAll(conn); string(got) != "HTTP/1.1 101 Switching Protocols\r\n\r\n\n\x00early\nlate" {
			t.Errorf("%q, %v", got, err)
		}
	}
}

// A script is a connection on which text comes in parts.
type script struct {
	net.Conn
	text []byte
	part int
}

func (s *script) Read(p []byte) (int, error) {
	if len(s.text) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.text[:min(len(s.text), s.part)])
	s.text = s.text[n:]
	return n, nil
}
func (*script) SetReadDeadline(time.Time) error { return nil }

// FuzzGuard: whatever comes in whatever parts, what is handed over is what came,
// without empty lines between requests, up to what is refused.
func FuzzGuard(f *testing.F) {
	f.Add([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\nPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\nHost: a\n\n"), 7, 50)
	f.Add([]byte("\r\nPOST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nT: u\r\n\r\nGET / HTTP/1.0\r\n\r\n"), 3, 4096)
	f.Add([]byte("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n"), 1000, 2)
	f.Fuzz(func(t *testing.T, text []byte, part, size int) {
		read := func(part, size int) (all []byte, refused bool) {
			g := newGuard(&script{text: bytes.Clone(text), part: part}, 300, 0)
			for p := make([]byte, size); ; {
				n, err := g.Read(p)
				if all = append(all, p[:n]...); err != nil {
					return all, g.refused.Load() != nil
				}
			}
		}
		whole, refused := read(len(text)+1, 8192)
		if again, alike := read(max(1, part), 2+max(0, size)%8192); !bytes.Equal(whole, again) || refused != alike {
			t.Errorf("%q in one, %q in parts", whole, again)
		}
		whole, substituted := bytes.CutSuffix(whole, []byte(substitute))
		if !substituted && refused {
			t.Errorf("%q: refused, and nothing in its place", whole)
		}
		rest := text
		for len(whole) > 0 {
			if len(rest) == 0 {
				t.Fatalf("%q was not sent", whole)
			}
			if rest[0] != whole[0] {
				if !bytes.HasPrefix(rest, []byte("\r\n")) {
					t.Fatalf("%q of %q", whole, rest)
				}
				rest = rest[2:]
				continue
			}
			rest, whole = rest[1:], whole[1:]
		}
	})
}

// A refusing is a listener that accepts nothing.
type refusing struct {
	net.Listener
	err error
}

func (r refusing) Accept() (net.Conn, error) { return nil, r.err }

// TestStumble: that connections cannot be accepted is told, and not each time.
func TestStumble(t *testing.T) {
	log := &lines{}
	n := &Node{log: slog.New(slog.NewTextHandler(log, nil))}
	s := n.newConnector(&Connector{Port: 1}, nil).server.(*httpServer)
	for _, err := range []error{net.ErrClosed, &net.OpError{Op: "accept", Err: syscall.EMFILE}, &net.OpError{Op: "accept", Err: syscall.EMFILE}} {
		if _, got := (&guarded{refusing{err: err}, s}).Accept(); got != err {
			t.Errorf("%v", got)
		}
	}
	if text := log.String(); strings.Count(text, "level=ERROR") != 1 || !strings.Contains(text, "too many open files") {
		t.Errorf("log:\n%s", text)
	}
}
