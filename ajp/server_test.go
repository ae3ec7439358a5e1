package ajp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// serve starts a Server and returns how to connect to it.
func serve(t testing.TB, s *Server) (dial func() *Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	s.start()
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	return func() *Conn {
		nc, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		nc.SetDeadline(time.Now().Add(20 * time.Second))
		t.Cleanup(func() { nc.Close() })
		return NewConn(nc, s.settings.packetSize)
	}
}

// handle is serve with a handler and defaults.
func handle(t testing.TB, h http.HandlerFunc) *Conn { return serve(t, &Server{Handler: h})() }

// hear asks by m and returns what the container says until it is the web
// server's turn: what it says is named, data is joined.
func hear(t testing.TB, c *Conn, m *ForwardRequest, body string) []string {
	t.Helper()
	if err := c.SendRequest(m, []byte(body)); err != nil {
		t.Fatal(err)
	}
	return listen(c)
}

func listen(c *Conn) (heard []string) {
	data := ""
	note := func(what string) {
		if data != "" {
			heard = append(heard, fmt.Sprintf("%q", data))
		}
		heard, data = append(heard, what), ""
	}
	for {
		m, err := c.Receive()
		switch {
		case err != nil:
			note(err.Error())
			return heard
		case m.Prefix == PrefixSendHeaders:
			line := fmt.Sprint("headers ", m.Headers.Status)
			for _, h := range m.Headers.Headers {
				line += fmt.Sprintf(" %s=%s", h.Name, h.Value)
			}
			note(line)
		case m.Prefix == PrefixSendBodyChunk && len(m.Chunk) > 0:
			data += string(m.Chunk)
		case m.Prefix == PrefixSendBodyChunk:
			note("flush")
		case m.Prefix == PrefixGetBodyChunk:
			note(fmt.Sprint("ask ", m.Want))
			return heard
		default:
			note(fmt.Sprint("end ", m.Reuse))
			return heard
		}
	}
}

// ask is a request with "Name: value" headers.
func ask(line string, headers ...string) *ForwardRequest {
	method, uri, _ := strings.Cut(line, " ")
	m := &ForwardRequest{Method: method, Protocol: "HTTP/1.1", URI: uri, RemoteAddr: "192.0.2.9", ServerName: "named.example", ServerPort: 80}
	m.URI, m.Attributes.Query, m.Attributes.HasQuery = strings.Cut(uri, "?")
	m.Headers = append(m.Headers, Header{"Host", "h.example"})
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		m.Headers = append(m.Headers, Header{name, value})
	}
	return m
}

func want(t testing.TB, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

const none = "Content-Length: 0"

func TestServerAnswers(t *testing.T) {
	const kind = "Content-Type=text/plain; charset=utf-8"
	long := strings.Repeat("0123456789", 1000)
	for _, test := range []struct {
		name    string
		handler http.HandlerFunc
		method  string
		want    []string
	}{
		{"nothing written", func(w http.ResponseWriter, r *http.Request) {}, "GET", []string{"headers 200 Content-Length=0", "end true"}},
		{"a small answer has its length and type", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") }, "GET",
			[]string{"headers 200 Content-Length=5 " + kind, `"hello"`, "end true"}},
		{"a long one has no length", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, long) }, "GET",
			[]string{"headers 200 " + kind, fmt.Sprintf("%q", long), "end true"}},
		{"one that fills a chunk has one", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, long[:8184]) }, "GET",
			[]string{"headers 200 Content-Length=8184 " + kind, fmt.Sprintf("%q", long[:8184]), "end true"}},
		{"headers in order, repeated ones too", func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Set-Cookie"] = []string{"a=b", "c=d"}
			w.Header().Set("Content-Type", "image/png")
			w.Header().Set("Allow", "GET")
			w.WriteHeader(405)
			w.Header().Set("Too-Late", "1")
			w.WriteHeader(200)
		}, "GET", []string{"headers 405 Allow=GET Content-Type=image/png Set-Cookie=a=b Set-Cookie=c=d Content-Length=0", "end true"}},
		{"headers that HTTP cannot carry", func(w http.ResponseWriter, r *http.Request) {
			w.Header()["X Y"] = []string{"1"}
			w.Header().Set("X-Line", "a\r\nSet-Cookie: evil=1\x00")
			w.Header().Set("Transfer-Encoding", "chunked")
			w.Header().Set("Trailer", "X-T")
			w.Header().Set(http.TrailerPrefix+"X-T", "1")
		}, "GET", []string{"headers 200 X-Line=a  Set-Cookie: evil=1 Content-Length=0", "end true"}},
		{"flush", func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			io.WriteString(w, "one")
			http.NewResponseController(w).Flush()
			io.WriteString(w, "two")
		}, "GET", []string{"headers 200", "flush", `"one"`, "flush", `"two"`, "end true"}},
		{"HEAD has the length of what it leaves out", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") }, "HEAD",
			[]string{"headers 200 Content-Length=5 " + kind, "end true"}},
		{"HEAD of a long one", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, long); w.(http.Flusher).Flush() }, "HEAD",
			[]string{"headers 200 " + kind, "end true"}},
		{"HEAD with a declared length", func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Content-Length", "77") }, "HEAD",
			[]string{"headers 200 Content-Length=77", "end true"}},
		{"204", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "5")
			w.WriteHeader(204)
			if _, err := io.WriteString(w, "hello"); err != http.ErrBodyNotAllowed {
				t.Errorf("a body of 204: %v", err)
			}
			w.(http.Flusher).Flush()
		}, "GET", []string{"headers 204", "end true"}},
		{"304 keeps a declared length", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "5")
			w.Header().Set("ETag", `"x"`)
			w.WriteHeader(304)
		}, "GET", []string{`headers 304 Content-Length=5 Etag="x"`, "end true"}},
		{"interim answers are left out", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(100)
			w.WriteHeader(103)
			w.WriteHeader(202)
		}, "GET", []string{"headers 202 Content-Length=0", "end true"}},
		{"an upgrade cannot be", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(101) }, "GET",
			[]string{"headers 500 Content-Length=0", "end true"}},
		{"more than declared is cut", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "3")
			io.WriteString(w, "abc")
			if _, err := io.WriteString(w, "d"); err != http.ErrContentLength {
				t.Errorf("more than declared: %v", err)
			}
		}, "GET", []string{"headers 200 Content-Length=3 " + kind, `"abc"`, "end true"}},
		{"less than declared is broken off", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "5")
			io.WriteString(w, "abc")
		}, "GET", []string{"headers 200 Content-Length=5 " + kind, `"abc"`, "EOF"}},
		{"a length that is none", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "x")
			io.WriteString(w, "abc")
		}, "GET",
			[]string{"headers 200 " + kind + " Content-Length=3", `"abc"`, "end true"}},
		{"a panic is a 500", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "half"); panic("bug") }, "GET",
			[]string{"headers 500 " + kind + " X-Content-Type-Options=nosniff Content-Length=22", `"Internal Server Error\n"`, "end true"}},
		{"a panic too late breaks off", func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "half")
			w.(http.Flusher).Flush()
			panic("bug")
		}, "GET", []string{"headers 200 " + kind, `"half"`, "flush", "EOF"}},
		{"a meant abort says nothing", func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }, "GET", []string{"EOF"}},
		{"headers that fill a packet", func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X", long[:8000]) }, "GET",
			[]string{"headers 200 X=" + long[:8000] + " Content-Length=0", "end true"}},
		{"headers that fill more", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X", long[:8000])
			w.Header().Set("Y", long[:200])
			if _, err := io.WriteString(w, long); err == nil {
				t.Error("nobody told the handler")
			}
		}, "GET", []string{"headers 500 " + kind + " X-Content-Type-Options=nosniff Content-Length=22", `"Internal Server Error\n"`, "end false"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := handle(t, test.handler)
			got := hear(t, c, ask(test.method+" /", none), "")
			for i, line := range got { // the order of Content-Length is not the point
				got[i] = sortLength(line)
			}
			for i, line := range test.want {
				test.want[i] = sortLength(line)
			}
			want(t, got, test.want...)
			if test.want[len(test.want)-1] == "end true" {
				if got := hear(t, c, ask(test.method+" /", none), ""); len(got) != len(test.want) {
					t.Errorf("again on the same connection: %q", got)
				}
			}
		})
	}
}

// TestServerWrites: a small answer leaves in one write, a large one in few.
func TestServerWrites(t *testing.T) {
	size := 0
	s := &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for range size / 100 {
			io.WriteString(w, strings.Repeat("x", 100))
		}
	})}
	s.start()
	request, err := ask("GET /", none).AppendTo([]byte{0x12, 0x34, 0, 0})
	if err != nil {
		t.Fatal(err)
	}
	request[3] = byte(len(request) - headLen)
	for bytesOfBody, writes := range map[int]int{0: 1, 100: 1, 8100: 1, 24000: 1, 1000000: 32} {
		size = bytesOfBody
		nc := &said{from: bytes.NewReader(request)}
		newServerConn(s, nc).serve()
		if nc.writes != writes {
			t.Errorf("%d bytes left in %d writes, want %d", size, nc.writes, writes)
		}
		if wrong := wellFormed(nc.to.Bytes()); wrong != "" {
			t.Error(wrong)
		}
	}
}

// sortLength puts Content-Length first.
func sortLength(line string) string {
	before, after, ok := strings.Cut(line, " Content-Length=")
	if !ok || !strings.HasPrefix(line, "headers") {
		return line
	}
	length, rest, more := strings.Cut(after, " ")
	status, others, _ := strings.Cut(strings.TrimPrefix(before, "headers "), " ")
	if more {
		rest = " " + rest
	}
	if others != "" {
		others = " " + others
	}
	return "headers " + status + " Content-Length=" + length + others + rest
}

// BenchmarkServer is one small request and answer on a kept connection, the
// web server's side included.
func BenchmarkServer(b *testing.B) {
	c := handle(b, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, "hello")
	})
	c.SetDeadline(time.Time{})
	m := ask("GET /page?a=b", "User-Agent: x", "Accept: */*", "Cookie: JSESSIONID=x", none)
	b.ReportAllocs()
	for b.Loop() {
		if err := c.SendRequest(m, nil); err != nil {
			b.Fatal(err)
		}
		for {
			m, err := c.Receive()
			if err != nil {
				b.Fatal(err)
			}
			if m.Prefix == PrefixEndResponse {
				break
			}
		}
	}
}
