package ajp

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// pair returns both sides of a connection on loopback.
func pair(t testing.TB, maxPacket int) (*Conn, net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	web, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	container, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { web.Close(); container.Close() })
	deadline := time.Now().Add(20 * time.Second)
	web.SetDeadline(deadline)
	container.SetDeadline(deadline)
	return NewConn(web, maxPacket), container
}

var get = &ForwardRequest{Method: "GET", Protocol: "HTTP/1.1", URI: "/", Headers: []Header{{"Content-Length", "0"}}}
var post = &ForwardRequest{Method: "POST", Protocol: "HTTP/1.1", URI: "/", Headers: []Header{{"content-length", "3"}}}

// say writes packets as a container does.
func say(t testing.TB, to net.Conn, messages ...interface{ AppendTo([]byte) []byte }) {
	t.Helper()
	var b []byte
	for _, m := range messages {
		b = AppendPacket(b, m)
	}
	if _, err := to.Write(b); err != nil {
		t.Fatal(err)
	}
}

var okHeaders = &SendHeaders{Status: 200, Headers: []Header{{"Content-Type", "text/plain"}, {"X-Own", "v"}}}

func TestExchange(t *testing.T) {
	c, container := pair(t, DefaultMaxPacket)
	for range 3 { // on one connection
		if !c.Reusable() || c.Stale() {
			t.Fatal("an idle connection is not reusable")
		}
		if err := c.SendRequest(get, nil); err != nil {
			t.Fatal(err)
		}
		if c.Reusable() {
			t.Fatal("reusable while a request is under way")
		}
		server := NewContainerConn(container, DefaultMaxPacket)
		if _, err := server.ReadPacket(); err != nil {
			t.Fatal(err)
		}
		say(t, container, SendBodyChunk{}, okHeaders, SendBodyChunk{[]byte("hello")}, SendBodyChunk{}, EndResponse{true})
		var seen []string
		for c.phase != ended {
			m, err := c.Receive()
			if err != nil {
				t.Fatal(err)
			}
			seen = append(seen, m.Prefix.String()+" "+string(m.Chunk))
			if m.Prefix == PrefixSendHeaders {
				if diff := cmp.Diff(okHeaders, &m.Headers); diff != "" {
					t.Error(diff)
				}
			}
			m.Chunk = nil
		}
		if got := strings.Join(seen, ","); got != "Send Body Chunk ,Send Headers ,Send Body Chunk hello,Send Body Chunk ,End Response " {
			t.Errorf("received %s", got)
		}
		if c.in.buf != nil {
			t.Error("an idle connection keeps its buffer")
		}
	}
}

func TestBody(t *testing.T) {
	c, container := pair(t, DefaultMaxPacket)
	server := NewContainerConn(container, DefaultMaxPacket)
	if err := c.SendRequest(post, []byte("ab")); err != nil {
		t.Fatal(err)
	}
	if _, err := server.ReadPacket(); err != nil {
		t.Fatal(err)
	}
	if b, err := server.ReadBody(); string(b) != "ab" || err != nil {
		t.Fatalf("%q, %v", b, err)
	}
	say(t, container, GetBodyChunk{65535})
	if m, err := c.Receive(); err != nil || m.Want != c.MaxBody() {
		t.Fatalf("%+v, %v: a container is never sent more than it takes", m, err)
	}
	if c.Reusable() {
		t.Error("reusable with an open Get Body Chunk")
	}
	if err := c.SendBody([]byte("c")); err != nil {
		t.Fatal(err)
	}
	if b, err := server.ReadBody(); string(b) != "c" || err != nil {
		t.Fatalf("%q, %v", b, err)
	}
	say(t, container, GetBodyChunk{10})
	if _, err := c.Receive(); err != nil {
		t.Fatal(err)
	}
	c.SendEndOfBody()
	if b, err := server.ReadBody(); b != nil || err != nil {
		t.Fatalf("%q, %v", b, err)
	}
	say(t, container, okHeaders, EndResponse{true})
	c.Receive()
	c.Receive()
	if !c.Reusable() {
		t.Error("not reusable after a whole exchange")
	}
}

// TestOwedBody: a request with a body whose first packet was not sent leaves
// the connection out of step.
func TestOwedBody(t *testing.T) {
	c, container := pair(t, DefaultMaxPacket)
	if err := c.SendRequest(post, nil); err != nil {
		t.Fatal(err)
	}
	say(t, container, okHeaders, EndResponse{true})
	c.Receive()
	c.Receive()
	if c.Reusable() || !c.Stale() {
		t.Error("reusable although a body packet is owed")
	}
}

func TestNotReusable(t *testing.T) {
	for name, after := range map[string][]interface{ AppendTo([]byte) []byte }{
		"no reuse":     {okHeaders, EndResponse{false}},
		"unread bytes": {okHeaders, EndResponse{true}, EndResponse{true}},
		"no end":       {okHeaders},
	} {
		c, container := pair(t, DefaultMaxPacket)
		c.SendRequest(get, nil)
		say(t, container, after...)
		for range min(len(after), 2) {
			if _, err := c.Receive(); err != nil {
				t.Fatal(err)
			}
		}
		if c.Reusable() {
			t.Errorf("%s: reusable", name)
		}
	}
}

func TestStale(t *testing.T) {
	for name, spoil := range map[string]func(net.Conn){
		"closed":      func(c net.Conn) { c.Close() },
		"reset":       func(c net.Conn) { c.(*net.TCPConn).SetLinger(0); c.Close() },
		"stray bytes": func(c net.Conn) { c.Write([]byte("AB")) },
	} {
		c, container := pair(t, DefaultMaxPacket)
		if c.Stale() {
			t.Errorf("%s: stale before", name)
		}
		spoil(container)
		for end := time.Now().Add(10 * time.Second); !c.Stale(); {
			if time.Now().After(end) {
				t.Fatalf("%s: not seen", name)
			}
		}
	}
}

func TestOutOfOrder(t *testing.T) {
	type messages = []interface{ AppendTo([]byte) []byte }
	for _, test := range []struct {
		name string
		say  messages
		want string
	}{
		{"body before headers", messages{SendBodyChunk{[]byte("x")}}, "Send Body Chunk at byte 0: comes before Send Headers"},
		{"headers twice", messages{okHeaders, okHeaders}, "Send Headers at byte 0: may not come now"},
		{"after the end", messages{okHeaders, EndResponse{true}, SendBodyChunk{[]byte("x")}}, "may not come now"},
		{"CPong within", messages{CPong{}}, "CPong at byte 0: may not come now"},
		{"unknown", messages{raw{11}}, "message 11 at byte 0: may not come now"},
		{"a request", messages{raw{2, 2}}, "Forward Request at byte 0"},
		{"empty packet", messages{raw{}}, "packet at byte 0: truncated"},
		{"chunk longer than its packet", messages{okHeaders, raw{3, 0, 9, 'x'}}, "Send Body Chunk at byte 3: truncated"},
		{"two questions", messages{GetBodyChunk{1}, GetBodyChunk{1}}, "may not come now"},
	} {
		c, container := pair(t, DefaultMaxPacket)
		c.SendRequest(get, nil)
		say(t, container, test.say...)
		var err error
		for err == nil {
			_, err = c.Receive()
		}
		var wrong *ProtocolError
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
		if c.Reusable() {
			t.Errorf("%s: reusable", test.name)
		}
	}
}

// raw is a payload as it is.
type raw []byte

func (r raw) AppendTo(b []byte) []byte { return append(b, r...) }

func TestEnds(t *testing.T) {
	for name, test := range map[string]struct {
		bytes string
		want  error
	}{
		"between packets": {"", io.EOF},
		"in a head":       {"4142", io.ErrUnexpectedEOF},
		"in a payload":    {"41420005", io.ErrUnexpectedEOF},
	} {
		c, container := pair(t, DefaultMaxPacket)
		c.SendRequest(get, nil)
		container.Write(unhex(t, test.bytes))
		container.(*net.TCPConn).CloseWrite()
		if _, err := c.Receive(); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
	c, container := pair(t, DefaultMaxPacket)
	container.Write([]byte("HTTP/1.1 400 Bad Request\r\n"))
	if _, err := c.Receive(); err == nil || !strings.Contains(err.Error(), "41 42") {
		t.Errorf("an HTTP answer: %v", err)
	}
}

// TestLargePackets: any packet is read, whatever was configured, and a large
// request is refused before anything is sent.
func TestLargePackets(t *testing.T) {
	c, container := pair(t, DefaultMaxPacket)
	big := &ForwardRequest{Method: "GET", Headers: []Header{{"A", "1"}, {"Cookie", strings.Repeat("c", 8192)}}}
	var tooLarge *TooLargeError
	if err := c.SendRequest(big, nil); !errors.As(err, &tooLarge) || tooLarge.Largest != "Cookie" || tooLarge.Max != 8192 {
		t.Fatalf("%v", err)
	}
	if err := c.SendRequest(get, nil); err != nil {
		t.Fatal(err)
	}
	data := bytes.Repeat([]byte("0123456789"), 6553)
	var packets []byte
	for _, m := range []interface{ AppendTo([]byte) []byte }{okHeaders, SendBodyChunk{data}, SendBodyChunk{data[:10]}, SendBodyChunk{data}, EndResponse{true}} {
		packets = AppendPacket(packets, m)
	}
	go container.Write(packets)
	var got []byte
	for {
		m, err := c.Receive()
		if err != nil {
			t.Fatal(err)
		}
		if m.Prefix == PrefixEndResponse {
			break
		}
		if m.Prefix == PrefixSendBodyChunk {
			got = append(got, m.Chunk...)
		}
	}
	if want := append(append(bytes.Clone(data), data[:10]...), data...); !bytes.Equal(got, want) {
		t.Errorf("%d bytes came, want %d", len(got), len(want))
	}
	wide, other := pair(t, MaxMaxPacket)
	go io.Copy(io.Discard, other)
	if err := wide.SendRequest(big, nil); err != nil {
		t.Errorf("with max_packet_size 65536: %v", err)
	}
}

func TestPing(t *testing.T) {
	c, container := pair(t, DefaultMaxPacket)
	go func() {
		b := make([]byte, 5)
		io.ReadFull(container, b)
		if bytes.Equal(b, []byte{0x12, 0x34, 0, 1, 10}) {
			container.Write([]byte{'A', 'B', 0, 1, 9})
		}
	}()
	if err := c.Ping(10 * time.Second); err != nil || !c.Reusable() {
		t.Errorf("%v", err)
	}
	var timeout net.Error
	if err := c.Ping(20 * time.Millisecond); !errors.As(err, &timeout) || !timeout.Timeout() || c.Reusable() {
		t.Errorf("no answer: %v", err)
	}
}

// FuzzContainerPacket: what a container could send, in the middle of a
// request. It never panics, and chunks are never larger than what came.
func FuzzContainerPacket(f *testing.F) {
	f.Add(AppendPacket(AppendPacket(AppendPacket(nil, okHeaders), SendBodyChunk{[]byte("ok")}), EndResponse{true}))
	f.Add(AppendPacket(AppendPacket(nil, SendBodyChunk{}), GetBodyChunk{8186}))
	f.Add(AppendPacket(nil, &SendHeaders{Status: 404, Reason: "Not Found", Headers: []Header{{"Set-Cookie", "a=b"}, {"Set-Cookie", "c=d"}}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := NewConn(&memory{in: bytes.NewReader(b)}, DefaultMaxPacket)
		if err := c.SendRequest(get, nil); err != nil {
			t.Fatal(err)
		}
		total := 0
		for {
			m, err := c.Receive()
			if err != nil {
				break
			}
			switch m.Prefix {
			case PrefixSendHeaders:
				again := m.Headers.AppendTo(nil)
				var back SendHeaders
				if err := back.parse(&payload{bytes: again[1:]}); err != nil {
					t.Fatal(err)
				}
				if len(back.Headers) != len(m.Headers.Headers) || back.Status != m.Headers.Status || back.Reason != m.Headers.Reason {
					t.Fatalf("%+v reads back as %+v", m.Headers, back)
				}
				for i := range back.Headers {
					if !foldEqual(back.Headers[i].Name, m.Headers.Headers[i].Name) || back.Headers[i].Value != m.Headers.Headers[i].Value {
						t.Fatalf("%+v reads back as %+v", m.Headers, back)
					}
				}
			case PrefixSendBodyChunk:
				total += len(m.Chunk)
			case PrefixGetBodyChunk:
				c.SendEndOfBody()
			}
		}
		if total > len(b) {
			t.Fatalf("%d bytes of body from %d bytes", total, len(b))
		}
		if c.Reusable() {
			t.Fatal("reusable after an error")
		}
	})
}

// memory is a connection that reads from memory and writes to nowhere.
type memory struct {
	net.Conn
	in *bytes.Reader
}

func (m *memory) Read(p []byte) (int, error)  { return m.in.Read(p) }
func (m *memory) Write(p []byte) (int, error) { return len(p), nil }
func (m *memory) SetDeadline(time.Time) error { return nil }

func BenchmarkExchange(b *testing.B) {
	c, container := pair(b, DefaultMaxPacket)
	container.SetDeadline(time.Time{})
	c.SetDeadline(time.Time{})
	answer := AppendPacket(AppendPacket(AppendPacket(nil, okHeaders), SendBodyChunk{make([]byte, 1024)}), EndResponse{true})
	go func() {
		server := NewContainerConn(container, DefaultMaxPacket)
		for {
			if _, err := server.ReadPacket(); err != nil {
				return
			}
			container.Write(answer)
		}
	}()
	b.ReportAllocs()
	for b.Loop() {
		if err := c.SendRequest(get, nil); err != nil {
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

func BenchmarkForwardRequest(b *testing.B) {
	m := *get
	m.Headers = []Header{{"Host", "site.example"}, {"User-Agent", "x"}, {"Accept", "*/*"}, {"Cookie", "JSESSIONID=1.a"}, {"X-Own", "y"}}
	buf := make([]byte, 0, 8192)
	b.ReportAllocs()
	for b.Loop() {
		m.AppendTo(buf)
	}
}
