package http1

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/catflap/catflap/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// A socket is a TCP connection as Serve needs it. Phases set deadlines, so
// that a test can make them short.
type socket struct {
	*net.TCPConn
	raw     bool
	limits  map[Phase]time.Duration
	closing atomic.Bool
	files   atomic.Int64 // bytes that went by ReadFrom
}

func (s *socket) RawConn() syscall.RawConn {
	if !s.raw {
		return nil
	}
	raw, _ := s.SyscallConn()
	return raw
}
func (s *socket) Received(int)  {}
func (s *socket) Waiting() bool { return false }
func (s *socket) Enter(p Phase) {
	limit, ok := s.limits[p]
	if !ok {
		limit = 20 * time.Second
	}
	s.SetReadDeadline(time.Now().Add(limit))
}
func (s *socket) Closing() bool { return s.closing.Load() }
func (s *socket) Break()        { s.SetLinger(0); s.Close() }
func (s *socket) ReadFrom(r io.Reader) (int64, error) {
	n, err := s.TCPConn.ReadFrom(r)
	s.files.Add(n)
	return n, err
}

// connect serves one connection and returns the client's end of it.
func connect(t *testing.T, s *Server, change func(*socket)) (*net.TCPConn, *socket) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	conn := &socket{TCPConn: c.(*net.TCPConn), raw: true, limits: map[Phase]time.Duration{}}
	if change != nil {
		change(conn)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); s.Serve(context.Background(), conn) }()
	t.Cleanup(func() { client.Close(); <-ended })
	client.SetDeadline(time.Now().Add(20 * time.Second))
	return client.(*net.TCPConn), conn
}

// talk sends text and returns all that comes until the server ends it.
func talk(t *testing.T, s *Server, text string) string {
	t.Helper()
	client, _ := connect(t, s, nil)
	go func() {
		io.WriteString(client, text)
		client.CloseWrite()
	}()
	answer, err := io.ReadAll(client)
	if err != nil {
		t.Errorf("%q: %v after %q", text[:min(len(text), 60)], err, answer[:min(len(answer), 200)])
	}
	return string(answer)
}

// undated takes Date out of an answer.
func undated(answer string) string {
	var lines []string
	for line := range strings.SplitSeq(answer, "\r\n") {
		if !strings.HasPrefix(line, "Date: ") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\r\n")
}

// echo tells what came.
var echo = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s|%s|%s|%s|%v|%d|%s|%v", r.Method, r.RequestURI, r.URL.Path, r.Host, r.Header, r.ContentLength, body, err)
})

func TestRequests(t *testing.T) {
	refuse := func(w http.ResponseWriter, r *http.Request, f *Fault) {
		w.WriteHeader(f.Status)
		fmt.Fprintf(w, "%s|%s|%s", r.Method, r.RequestURI, f.Reason)
	}
	s := &Server{Handler: echo, Refuse: refuse, MaxHead: func() int { return 8000 }}
	for _, test := range []struct{ rule, request, want string }{
		{"a request", "GET /a%20b?c HTTP/1.1\r\nHost: x\r\nX-A:  1 \r\nConnection: close\r\n\r\n", "200 GET|/a%20b?c|/a b|x|map[Connection:[close] X-A:[1]]|0||<nil>"},
		{"bad escapes are for the handler", "GET /%zz HTTP/1.0\r\n\r\n", "200 GET|/%zz|/%zz||map[]|0||<nil>"},
		{"a header twice", "GET / HTTP/1.0\r\nA: 1\r\nB: 2\r\na: 3\r\n\r\n", "200 GET|/|/||map[A:[1 3] B:[2]]|0||<nil>"},
		{"a header that begins in its second line", "GET / HTTP/1.0\r\nA:\r\n 1\r\n\r\n", "200 GET|/|/||map[A:[1]]|0||<nil>"},
		{"a header with an empty line in it", "GET / HTTP/1.0\r\nA: 1\r\n \r\n 2\r\n\r\n", "400 GET|/|a header goes on in another line"},
		{"a folded Host", "GET / HTTP/1.1\r\nHost:\r\n a\r\n\r\n", "400 GET|/|a header goes on in another line"},
		{"a folded Content-Length", "POST / HTTP/1.1\r\nHost: a\r\ncontent-length: 1\r\n 2\r\n\r\n", "400 POST|/|a header goes on in another line"},
		{"a folded header", "GET / HTTP/1.0\r\nA: 1\r\n  2 \r\n\t3\r\n\r\n", "200 GET|/|/||map[A:[1 2 3]]|0||<nil>"},
		{"empty lines before", "\r\n\r\nGET / HTTP/1.0\r\n\r\n", "200 GET|/|/||map[]|0||<nil>"},
		{"an absolute target", "GET http://b.example/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "200 GET|http://b.example/x|/x|b.example|map[Connection:[close]]|0||<nil>"},
		{"any star", "OPTIONS * HTTP/1.0\r\n\r\n", "200 OPTIONS|*|*||map[]|0||<nil>"},
		{"a body with its length", "POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabcdef", "200 POST|/|/||map[Content-Length:[3]]|3|abc|<nil>"},
		{"a body in chunks", "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: Chunked\r\n\r\n3;a=b\r\nabc\r\n00A \r\n0123456789\r\n0\r\nT: 1\r\n\r\n", "200 POST|/|/|x|map[Connection:[close]]|-1|abc0123456789|<nil>"},
		{"a body cut short", "POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\na", "200 POST|/|/||map[Content-Length:[3]]|3|a|unexpected EOF"},
		{"a chunk without its end", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", "200 POST|/|/||map[]|-1|abc|http: the body is not chunked as it should be"},
		{"a chunk's line without digits", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "200 POST|/|/||map[]|-1||http: the body is not chunked as it should be"},
		{"a chunk's line with LF alone", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n", "200 POST|/|/||map[]|-1||http: the body is not chunked as it should be"},
		{"too large a chunk", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", "200 POST|/|/||map[]|-1||http: the body is not chunked as it should be"},

		{"no version", "GET /\r\n\r\n", "505 |GET /|the request line has no version: HTTP/0.9 is not spoken here"},
		{"version 2", "GET / HTTP/2.0\r\n\r\n", "505 |GET / HTTP/2.0|HTTP/2.0 is not spoken here"},
		{"a preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400 |PRI * HTTP/2.0|the request line does not end with a version of HTTP/1"},
		{"nonsense", "nonsense\r\n\r\n", "400 |nonsense|the request line does not begin with a method"},
		{"two blanks", "GET  / HTTP/1.1\r\n\r\n", "400 |GET  / HTTP/1.1|the request line does not end with a version of HTTP/1"},
		{"a control in the URL", "GET /\x01 HTTP/1.1\r\n\r\n", "400 |GET /\x01 HTTP/1.1|the request line has bytes that no URL has"},
		{"no slash", "GET a HTTP/1.1\r\nHost: x\r\n\r\n", "400 GET|a|the request line has no valid URL"},
		{"LF alone", "GET / HTTP/1.1\nHost: x\n\n", "400 |GET / HTTP/1.1|a line of the request ends with LF alone, not CR LF"},
		{"LF alone in a header", "GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n", "400 |GET / HTTP/1.1|a line of the request ends with LF alone, not CR LF"},
		{"CR within", "GET / HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n", "400 GET|/|a header has a byte that none may have"},
		{"NUL within", "GET / HTTP/1.1\r\nHost: x\r\nA: b\x00c\r\n\r\n", "400 GET|/|a header has a byte that none may have"},
		{"a blank before the colon", "GET / HTTP/1.1\r\nHost : x\r\n\r\n", "400 GET|/|a header line is not a name and a colon"},
		{"a blank before the first header", "GET / HTTP/1.1\r\n Host: x\r\n\r\n", "400 GET|/|a header line is not a name and a colon"},
		{"no host", "GET / HTTP/1.1\r\n\r\n", "400 GET|/|the request has no Host header"},
		{"two hosts", "GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", "400 GET|/|the request has several Host headers"},
		{"two lengths", "POST / HTTP/1.0\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "400 POST|/|the request has several Content-Length headers"},
		{"a list of lengths", "POST / HTTP/1.0\r\nContent-Length: 3, 3\r\n\r\nabc", "400 POST|/|the Content-Length is not a number"},
		{"a signed length", "POST / HTTP/1.0\r\nContent-Length: +3\r\n\r\nabc", "400 POST|/|the Content-Length is not a number"},
		{"a length that overflows", "POST / HTTP/1.0\r\nContent-Length: 99999999999999999999\r\n\r\nabc", "400 POST|/|the Content-Length is not a number"},
		{"length and chunks", "POST / HTTP/1.0\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400 POST|/|the request has a Content-Length beside Transfer-Encoding"},
		{"another coding", "POST / HTTP/1.0\r\nTransfer-Encoding: gzip\r\n\r\n", "400 POST|/|the request has a Transfer-Encoding other than chunked"},
		{"chunks twice", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "501 POST|/|the request has another Transfer-Encoding before chunked"},
		{"identity", "POST / HTTP/1.0\r\nTransfer-Encoding: identity\r\n\r\n", "400 POST|/|the request has a Transfer-Encoding other than chunked"},
		{"xchunked", "POST / HTTP/1.0\r\nTransfer-Encoding: xchunked\r\n\r\n", "501 POST|/|the request has another Transfer-Encoding before chunked"},
		{"other expectations", "POST / HTTP/1.0\r\nExpect: more\r\n\r\n", "417 POST|/|the request expects something other than 100-continue"},
		{"a line too long", "GET /" + strings.Repeat("x", 9000), "414 |"},
		{"a head too long", "GET / HTTP/1.1\r\nA: " + strings.Repeat("x", 9000), "400 |GET / HTTP/1.1|the headers of the request are too long"},
		{"empty lines only", strings.Repeat("\r\n", 20), "400 ||empty lines instead of a request"},
	} {
		got := talk(t, s, test.request)
		status, body, _ := strings.Cut(strings.TrimPrefix(got, "HTTP/1.1 "), "\r\n\r\n")
		if short := status[:min(4, len(status))] + body; short != test.want && !(strings.HasSuffix(test.want, "|") && strings.HasPrefix(short, test.want)) {
			t.Errorf("%s: got %q, want %q", test.rule, short, test.want)
		}
	}
}

func TestResponses(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", 4096) // 64 KiB
	for _, test := range []struct {
		rule, request string
		answer        func(w http.ResponseWriter)
		want          string
	}{
		{"a short one has its length", "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", func(w http.ResponseWriter) { io.WriteString(w, "hello") },
			"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"},
		{"headers by name, none guessed", "GET / HTTP/1.0\r\n\r\n", func(w http.ResponseWriter) {
			h := w.Header()
			h.Set("X-B", "2")
			h.Add("X-A", "1")
			h.Add("X-A", "evil\r\nSet-Cookie: a")
			h["bad name"] = []string{"x"}
			w.WriteHeader(299)
		}, "HTTP/1.1 299 status code 299\r\nContent-Length: 0\r\nX-A: 1\r\nX-A: evil  Set-Cookie: a\r\nX-B: 2\r\nConnection: close\r\n\r\n"},
		{"kept for HTTP/1.0 if it asks", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n", func(w http.ResponseWriter) { io.WriteString(w, "a") },
			"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\naHTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\na"},
		{"HEAD has no body", "HEAD / HTTP/1.0\r\n\r\n", func(w http.ResponseWriter) { io.WriteString(w, "hello") },
			"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n"},
		{"204 has neither body nor length", "GET / HTTP/1.0\r\n\r\n", func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "5")
			w.WriteHeader(204)
			if _, err := io.WriteString(w, "hello"); !errors.Is(err, http.ErrBodyNotAllowed) {
				t.Errorf("204 took a body: %v", err)
			}
		}, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"},
		{"a flushed one goes in chunks", "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", func(w http.ResponseWriter) {
			io.WriteString(w, "hello")
			w.(http.Flusher).Flush()
			io.WriteString(w, " there")
		}, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nhello\r\n6\r\n there\r\n0\r\n\r\n"},
		{"for HTTP/1.0 up to the end", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", func(w http.ResponseWriter) {
			io.WriteString(w, "hello")
			w.(http.Flusher).Flush()
			io.WriteString(w, " there")
		}, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello there"},
		{"no more than was declared", "GET / HTTP/1.0\r\n\r\n", func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "5")
			io.WriteString(w, "hello")
			if _, err := io.WriteString(w, "x"); !errors.Is(err, http.ErrContentLength) {
				t.Errorf("more than declared: %v", err)
			}
		}, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"},
		{"hints go before", "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", func(w http.ResponseWriter) {
			w.Header().Set("Link", "</a.css>")
			w.WriteHeader(103)
			w.WriteHeader(200)
		}, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\nLink: </a.css>\r\nConnection: close\r\n\r\n"},
		{"a long one of known length", "GET / HTTP/1.0\r\n\r\n", func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "65536")
			io.WriteString(w, long[:100])
			io.WriteString(w, long[100:])
		}, "HTTP/1.1 200 OK\r\nContent-Length: 65536\r\nConnection: close\r\n\r\n" + long},
		{"a large head", "GET / HTTP/1.0\r\n\r\n", func(w http.ResponseWriter) {
			w.Header().Set("X-Large", long[:30000])
			io.WriteString(w, "hello")
		}, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Large: " + long[:30000] + "\r\nConnection: close\r\n\r\nhello"},
	} {
		s := &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { test.answer(w) })}
		if got := undated(talk(t, s, test.request)); got != test.want {
			t.Errorf("%s:\n got %.600q\nwant %.600q", test.rule, got, test.want)
		}
	}
}

// TestBodiesComeWhole: whatever the parts in which a handler writes, a client
// that knows HTTP reads the same bytes.
func TestBodiesComeWhole(t *testing.T) {
	for _, part := range []int{1, 100, 4095, 4096, 8184, 15350, 15360, 16384, 16385, 70000} {
		for _, declared := range []bool{false, true} {
			want := make([]byte, max(part*3+7, 40000))
			for i := range want {
				want[i] = byte(i * 31)
			}
			s := &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if declared {
					w.Header().Set("Content-Length", fmt.Sprint(len(want)))
				}
				for rest := want; len(rest) > 0; rest = rest[min(part, len(rest)):] {
					w.Write(rest[:min(part, len(rest))])
				}
			})}
			client, _ := connect(t, s, nil)
			reader := bufio.NewReader(client)
			for range 2 { // and the connection stays good
				io.WriteString(client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
				response, err := http.ReadResponse(reader, nil)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := io.ReadAll(response.Body); err != nil || !bytes.Equal(got, want) {
					t.Errorf("parts of %d, declared %v: %d bytes, %v", part, declared, len(got), err)
				}
			}
			client.Close()
		}
	}
}

func TestPipeline(t *testing.T) {
	var all strings.Builder
	for i := range 50 {
		fmt.Fprintf(&all, "POST /%d HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nX-Pad: %s\r\n\r\nabc", i, strings.Repeat("p", i*37))
	}
	all.WriteString("GET /end HTTP/1.0\r\n\r\n")
	got := talk(t, &Server{Handler: echo}, all.String())
	at := 0
	for i := range 50 {
		next := strings.Index(got[at:], fmt.Sprintf("POST|/%d|", i))
		if next < 0 {
			t.Fatalf("no answer to request %d in order", i)
		}
		at += next
	}
	if !strings.Contains(got[at:], "GET|/end|") {
		t.Error("no answer to the last request")
	}
}

func TestContinue(t *testing.T) {
	for _, test := range []struct {
		rule    string
		handler http.HandlerFunc
		want    string
	}{
		{"asked for when it is read", echo, "HTTP/1.1 100 Continue\r\n\r\n"},
		{"not asked for if nobody reads it", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(403) }, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"},
	} {
		client, _ := connect(t, &Server{Handler: test.handler}, nil)
		io.WriteString(client, "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
		buf := make([]byte, 1000)
		n, err := client.Read(buf)
		if got := undated(string(buf[:n])); err != nil || got != test.want {
			t.Errorf("%s: %q, %v", test.rule, got, err)
		}
		if n == len(test.want) && strings.Contains(test.want, "100") {
			io.WriteString(client, "abc")
			if n, err = client.Read(buf); err != nil || !strings.HasSuffix(string(buf[:n]), "|3|abc|<nil>") {
				t.Errorf("%s: then %q, %v", test.rule, buf[:n], err)
			}
		}
		client.Close()
	}
}

// TestBrokenOff: an answer that is broken off never looks whole.
func TestBrokenOff(t *testing.T) {
	for _, version := range []string{"1.0", "1.1"} {
		for _, declared := range []string{"", "10000"} {
			s := &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if declared != "" {
					w.Header().Set("Content-Length", declared)
				}
				w.Write(make([]byte, 5000))
				w.(http.Flusher).Flush()
				panic(http.ErrAbortHandler)
			})}
			client, _ := connect(t, s, nil)
			io.WriteString(client, "GET / HTTP/"+version+"\r\nHost: x\r\n\r\n")
			response, err := http.ReadResponse(bufio.NewReader(client), nil)
			if err == nil {
				_, err = io.ReadAll(response.Body)
			}
			if err == nil {
				t.Errorf("HTTP/%s, length %q: the answer looks whole", version, declared)
			}
			client.Close()
		}
	}
}

func TestShortAnswerIsBrokenOff(t *testing.T) {
	got := talk(t, &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "10")
		io.WriteString(w, "hello")
	})}, "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n")
	if strings.Count(got, "HTTP/1.1 200") != 1 {
		t.Errorf("another answer followed a short one: %q", got)
	}
}

// TestUnreadBody: a client that still sends gets its answer all the same, and
// what it sends is not taken for a request.
func TestUnreadBody(t *testing.T) {
	s := &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "enough") })}
	got := talk(t, s, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n"+strings.Repeat("GET / HTTP/1.0\r\n\r\n", 10000))
	if strings.Count(got, "HTTP/1.1") != 1 || !strings.HasSuffix(got, "enough") {
		t.Errorf("got %.300q", got)
	}
}

func TestTimes(t *testing.T) {
	s := &Server{Handler: echo}
	for _, test := range []struct {
		rule, sent string
		phase      Phase
		want       string
	}{
		{"nothing comes", "", Idle, ""},
		{"half a head comes", "GET / HT", Head, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"},
		{"no next request comes", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", Idle, "HTTP/1.1 200 OK\r\nContent-Length: 26\r\n\r\nGET|/|/|x|map[]|0||<nil>"},
	} {
		for _, raw := range []bool{true, false} {
			client, _ := connect(t, s, func(c *socket) { c.raw, c.limits[test.phase] = raw, 50*time.Millisecond })
			io.WriteString(client, test.sent)
			answer, err := io.ReadAll(client)
			if got := undated(string(answer)); err != nil || !strings.HasPrefix(got, test.want[:min(len(test.want), 30)]) || test.want == "" && got != "" {
				t.Errorf("%s, raw %v: %q, %v", test.rule, raw, got, err)
			}
			client.Close()
		}
	}
}

// TestClosing: a request that came before the end is still answered, and says
// that it is the last.
func TestClosing(t *testing.T) {
	client, conn := connect(t, &Server{Handler: echo}, func(c *socket) { c.closing.Store(false) })
	reader := bufio.NewReader(client)
	io.WriteString(client, "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n")
	if response, err := http.ReadResponse(reader, nil); err != nil || response.Close {
		t.Fatalf("%v, %v", response, err)
	} else {
		io.Copy(io.Discard, response.Body)
	}
	conn.closing.Store(true)
	io.WriteString(client, "GET /2 HTTP/1.1\r\nHost: x\r\n\r\n")
	response, err := http.ReadResponse(reader, nil)
	if err != nil || !response.Close {
		t.Fatalf("%v, %v", response, err)
	}
	if _, err := io.ReadAll(response.Body); err != nil {
		t.Error(err)
	}
	if _, err := reader.ReadByte(); err != io.EOF {
		t.Errorf("the connection goes on: %v", err)
	}
}

func TestFiles(t *testing.T) {
	for _, size := range []int{0, 100, fileCopied, fileCopied + 1, 300000} {
		name := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(name, bytes.Repeat([]byte("f"), size), 0o644); err != nil {
			t.Fatal(err)
		}
		s := &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			file, err := os.Open(name)
			if err != nil {
				t.Error(err)
				return
			}
			defer file.Close()
			w.Header().Set("Content-Length", fmt.Sprint(size))
			if n, err := w.(io.ReaderFrom).ReadFrom(&io.LimitedReader{R: file, N: int64(size)}); err != nil || n != int64(size) {
				t.Errorf("%d of %d bytes: %v", n, size, err)
			}
		})}
		client, conn := connect(t, s, nil)
		io.WriteString(client, "GET / HTTP/1.0\r\n\r\n")
		answer, err := io.ReadAll(client)
		if _, body, _ := strings.Cut(string(answer), "\r\n\r\n"); err != nil || strings.Count(body, "f") != size || len(body) != size {
			t.Errorf("%d bytes: %d came, %v", size, len(body), err)
		}
		if by := conn.files.Load(); (by > 0) != (size > fileCopied) {
			t.Errorf("%d bytes: %d went by sendfile", size, by)
		}
	}
}

func TestPanicEndsOnlyItsConnection(t *testing.T) {
	got := talk(t, &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { panic("defect") })}, "GET / HTTP/1.0\r\n\r\n")
	if got != "" {
		t.Errorf("got %q", got)
	}
}

// FuzzServe: whatever a client sends, Serve ends, answers only with whole
// responses, and never reads a body beyond its end.
func FuzzServe(f *testing.F) {
	for _, seed := range []string{
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET /2 HTTP/1.0\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\nGET / HTTP/1.0\r\n\r\n",
		"\r\nGET http://x/ HTTP/1.1\r\nHost: y\r\nA: b\r\n c\r\nExpect: 100-continue\r\n\r\n", "HEAD /x HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", "\x16\x03\x01", "GET /\n\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		server, client := net.Pipe()
		s := &Server{Handler: echo, MaxHead: func() int { return 16 << 10 }}
		ended := make(chan struct{})
		go func() { defer close(ended); s.Serve(context.Background(), piped{server}) }()
		go func() {
			client.Write(sent)
			client.SetReadDeadline(time.Now().Add(10 * time.Second))
			server.SetReadDeadline(time.Unix(1, 0))
		}()
		reader := bufio.NewReader(client)
		for {
			if _, err := reader.Peek(1); err != nil {
				break
			}
			response, err := http.ReadResponse(reader, nil)
			if err != nil {
				t.Fatalf("not a response: %v", err)
			}
			if response.StatusCode == 100 {
				continue
			}
			if bytes.HasPrefix(sent, []byte("HEAD")) || bytes.Contains(sent, []byte("\nHEAD")) {
				break // which of them is one is not known here
			}
			if _, err := io.Copy(io.Discard, response.Body); err != nil {
				t.Fatalf("not a whole response: %v", err)
			}
		}
		client.Close()
		<-ended
	})
}

// piped is one end of a pipe as Serve needs it.
type piped struct{ net.Conn }

func (p piped) RawConn() syscall.RawConn            { return nil }
func (p piped) Received(int)                        {}
func (p piped) Waiting() bool                       { return false }
func (p piped) Enter(Phase)                         {}
func (p piped) Closing() bool                       { return false }
func (p piped) CloseWrite() error                   { return errors.ErrUnsupported }
func (p piped) Break()                              { p.Close() }
func (p piped) ReadFrom(r io.Reader) (int64, error) { return io.Copy(p.Conn, r) }
