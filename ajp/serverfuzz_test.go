package ajp

import (
	"bytes"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"testing"
	"time"
)

// A said is a connection on which everything was said before: what is written
// is kept.
type said struct {
	from   *bytes.Reader
	to     bytes.Buffer
	writes int
}

func (s *said) Read(p []byte) (int, error)       { return s.from.Read(p) }
func (s *said) Write(p []byte) (int, error)      { s.writes++; return s.to.Write(p) }
func (s *said) Close() error                     { return nil }
func (s *said) LocalAddr() net.Addr              { return pipeAddr{} }
func (s *said) RemoteAddr() net.Addr             { return pipeAddr{} }
func (s *said) SetDeadline(time.Time) error      { return nil }
func (s *said) SetReadDeadline(time.Time) error  { return nil }
func (s *said) SetWriteDeadline(time.Time) error { return nil }

// wellFormed says what is wrong with what a container has written, "" if
// nothing is.
func wellFormed(b []byte) string {
	begun := false // the headers were sent
	for len(b) > 0 {
		if len(b) < headLen || b[0] != 'A' || b[1] != 'B' {
			return "no packet"
		}
		length := int(binary.BigEndian.Uint16(b[2:]))
		if len(b) < headLen+length || length == 0 || headLen+length > DefaultMaxPacket {
			return "a packet of the wrong size"
		}
		p := payload{bytes: b[headLen : headLen+length]}
		b = b[headLen+length:]
		var err error
		switch prefix := Prefix(p.byte()); {
		case prefix == PrefixCPong && !begun:
			err = p.done()
		case prefix == PrefixGetBodyChunk:
			err = new(GetBodyChunk).parse(&p)
		case prefix == PrefixSendHeaders && !begun:
			begun = true
			err = new(SendHeaders).parse(&p)
		case prefix == PrefixSendBodyChunk && begun:
			err = new(SendBodyChunk).parse(&p)
		case prefix == PrefixEndResponse && begun:
			begun = false
			err = new(EndResponse).parse(&p)
		default:
			return prefix.String() + " may not come"
		}
		if err != nil {
			return err.Error()
		}
	}
	return ""
}

// FuzzServer: whatever a web server sends, the container ends without a panic,
// and what it says is AJP/1.3.
func FuzzServer(f *testing.F) {
	packet := func(m *ForwardRequest) []byte {
		b, err := m.AppendTo(nil)
		if err != nil {
			f.Fatal(err)
		}
		return append([]byte{0x12, 0x34, byte(len(b) >> 8), byte(len(b))}, b...)
	}
	get, post := ask("GET /a%20b;c?d", none, "X: y"), ask("POST /echo", "Content-Length: 3", "Content-Type: application/x-www-form-urlencoded")
	get.TLS = true
	get.Attributes.SSLCipher, get.Attributes.SSLKeySize, get.Attributes.RemoteUser = "AES128-SHA", 128, "u"
	get.Attributes.Request = []RequestAttribute{{AttrRemotePort, "1"}, {"X_1", "2"}}
	f.Add(append(packet(get), packet(get)...))
	f.Add(append(packet(post), 0x12, 0x34, 0, 5, 0, 3, 'a', 'b', 'c', 0x12, 0x34, 0, 1, 10))
	f.Add(append(packet(ask("PATCH /echo", "Transfer-Encoding: chunked")), 0x12, 0x34, 0, 3, 0, 1, 'a', 0x12, 0x34, 0, 0))
	f.Add([]byte{0x12, 0x34, 0, 1, 10, 0x12, 0x34, 0, 1, 7})
	s := &Server{
		AllowedRequestAttributes: regexp.MustCompile("X_.*"), MaxPostSize: 8, Log: slog.New(slog.DiscardHandler),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if told := FromContext(r.Context()); told == nil || r.URL == nil || r.Header == nil || told.TLS != (r.TLS != nil) {
				panic("a request that is none")
			}
			for name, values := range r.Header {
				w.Header()["X-"+name] = values
			}
			if r.URL.Path == "/echo" {
				io.Copy(w, r.Body)
			}
		}),
	}
	s.start()
	f.Fuzz(func(t *testing.T, b []byte) {
		nc := &said{from: bytes.NewReader(b)}
		newServerConn(s, nc).serve()
		if wrong := wellFormed(nc.to.Bytes()); wrong != "" {
			t.Errorf("said % x: %s", nc.to.Bytes(), wrong)
		}
	})
}
