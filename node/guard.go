package node

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/internal/web/http1"
)

// A guard is a connection of HTTP/1.1 as net/http gets it. It judges the head
// of each request before net/http sees a byte of it, by the rules of the web
// server in front: what two servers could read in two ways is refused. It knows
// where each request ends, so that net/http never reads on into the next one.
type guard struct {
	net.Conn               // the socket, or TLS on it
	most     int           // bytes of a head
	timeout  time.Duration // of a head, from its first byte on; 0 is none

	// Of the one goroutine that reads.
	in      []byte        // came, and is not handed over
	ready   int           // how much of in may be handed over
	short   bool          // none of in may be, before more has come
	left    int64         // of a body of declared length
	chunks  *http1.Chunks // of a body of chunks; nil is none
	heads   int           // requests so far
	instead []byte        // is handed over for a head that was refused
	err     error         // comes after what is ready
	one     [1]byte

	refused atomic.Pointer[refusal]
	passing atomic.Bool // an application has taken the connection: it is not HTTP any more

	mu     sync.Mutex
	change sync.Cond // of asked and closed
	deadlines
	closed bool
}

// A refusal is a request whose head was refused.
type refusal struct {
	http1.Verdict
	number int // which request of the connection it is
}

// substitute is the head that net/http gets for one that was refused.
const substitute = "GET / HTTP/1.1\r\nHost: refused\r\nConnection: close\r\n\r\n"

func newGuard(c net.Conn, most int, timeout time.Duration) *guard {
	g := &guard{Conn: c, most: most, timeout: timeout}
	g.change.L = &g.mu
	return g
}

// between reports whether the next byte is that of another request.
func (g *guard) between() bool { return g.left == 0 && g.chunks == nil }

// Read implements net.Conn. It hands over parts of one request at a time.
func (g *guard) Read(p []byte) (int, error) {
	for len(p) > 0 {
		switch {
		case g.passing.Load():
			if len(g.in) == 0 {
				return g.read(p)
			}
			return g.hand(p, len(g.in)), nil
		case len(g.instead) > 0:
			n := copy(p, g.instead)
			g.instead = g.instead[n:]
			return n, nil
		case g.refused.Load() != nil:
			return 0, g.discard()
		case g.ready > 0:
			n := g.hand(p, g.ready)
			g.ready -= n
			return n, nil
		case g.err != nil:
			return 0, g.err
		case len(p) == 1 && g.between(): // net/http only looks whether the client is there
			return 0, g.attend()
		}
		n, err := g.advance(p)
		if n > 0 || err != nil {
			return n, err
		}
	}
	return 0, nil
}

// hand hands over from in.
func (g *guard) hand(p []byte, most int) int {
	n := copy(p, g.in[:most])
	if g.in = g.in[n:]; len(g.in) == 0 {
		g.in = nil
	}
	return n
}

// advance finds what may be handed over. What it can it reads into p, and
// returns how much of that it is.
func (g *guard) advance(p []byte) (int, error) {
	if len(g.in) == 0 {
		if g.left > 0 {
			p = p[:min(int64(len(p)), g.left)]
		}
		n, err := g.read(p)
		if n == 0 {
			return 0, err
		}
		n = copy(p, g.begin(p[:n]))
		some := g.frame(p[:n])
		g.in, g.short = slices.Clone(p[some:n]), some == 0
		return some, nil
	}
	if g.short {
		g.in = slices.Grow(g.in, 1024)
		n, err := g.read(g.in[len(g.in):min(cap(g.in), len(g.in)+4096)])
		if n == 0 {
			return 0, err
		}
		g.in = g.in[:len(g.in)+n]
	}
	g.in = g.begin(g.in)
	g.ready = g.frame(g.in)
	g.short = g.ready == 0
	return 0, nil
}

// begin takes away empty lines before a request.
func (g *guard) begin(b []byte) []byte {
	for g.between() && len(b) > 1 && b[0] == '\r' && b[1] == '\n' {
		b = b[2:]
	}
	return b
}

// frame returns how much of b is the request that it begins with, or goes on
// with; 0 if that cannot be told yet, or if it is refused.
func (g *guard) frame(b []byte) (n int) {
	for n < len(b) {
		switch {
		case g.left > 0:
			some := min(int64(len(b)-n), g.left)
			n, g.left = n+int(some), g.left-some
		case g.chunks != nil:
			some, whole, err := g.chunks.Take(b[n:])
			n += some
			if g.err = err; err != nil {
				return n
			}
			if whole {
				g.chunks = nil
			}
		default:
			if n = g.head(b); n == 0 {
				return 0
			}
		}
		if g.between() {
			return n
		}
	}
	return n
}

// head judges the head that b begins with.
func (g *guard) head(b []byte) int {
	v, n := http1.Judge(b)
	switch foreign := foreign(b[0]); {
	case foreign != nil:
		v.Fault = foreign
	case v.Fault != nil:
	case n == 0 && len(b) <= g.most:
	case n == 0, n > g.most:
		if line, _, whole := bytes.Cut(b, []byte("\r\n")); n == 0 && whole {
			v, _ = http1.Judge(append(slices.Clone(line), "\r\n\r\n"...)) // for the log
		}
		v.Fault = &http1.Fault{Status: http.StatusRequestHeaderFieldsTooLarge, Reason: "its head is too long"}
	case !isHost(v.Host):
		v.Fault = &http1.Fault{Status: http.StatusBadRequest, Reason: "its Host is none"}
	case v.Length < 0 && v.Proto == "HTTP/1.0": // net/http does not look at it there
		v.Fault = &http1.Fault{Status: http.StatusBadRequest, Reason: "HTTP/1.0 has no Transfer-Encoding"}
	}
	switch {
	case v.Fault != nil:
		g.heads++
		g.instead = []byte(substitute)
		g.refused.Store(&refusal{v, g.heads})
		g.calm()
		return 0
	case n == 0:
		g.hurry()
		return 0
	}
	g.calm()
	g.heads++
	if g.left = max(0, v.Length); v.Length < 0 {
		g.chunks = new(http1.Chunks)
	}
	return n
}

// What a client speaks that was led to the wrong port, by its first byte.
var (
	spokenAJP = &http1.Fault{Status: http.StatusBadRequest, Reason: "it is AJP, and this port speaks HTTP"}
	spokenTLS = &http1.Fault{Status: http.StatusBadRequest, Reason: "it is TLS, and this port speaks HTTP in clear"}
	noHTTP    = &http1.Fault{Status: http.StatusBadRequest, Reason: "it is not HTTP"}
)

// foreign tells what does not begin as a request does; nil is nothing.
func foreign(first byte) *http1.Fault {
	switch {
	case first == 0x12:
		return spokenAJP
	case first == 0x16:
		return spokenTLS
	case first < ' ' && first != '\r' && first != '\n' || first >= 0x7f:
		return noHTTP
	}
	return nil
}

// attend waits until the client has gone, or net/http wants to read on. What
// comes of another request meanwhile is kept.
func (g *guard) attend() error {
	if len(g.in) == 0 {
		n, err := g.read(g.one[:])
		if n == 0 {
			return err
		}
		g.in, g.short = append(g.in, g.one[0]), false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for !g.closed && !past(g.asked) {
		g.change.Wait()
	}
	return os.ErrDeadlineExceeded
}

// past reports whether a deadline is over; the zero one never is.
func past(t time.Time) bool { return !t.IsZero() && !t.After(time.Now()) }

// discarded is how much is read from a client whose request was refused:
// closing at once would take the answer from it.
const discarded = 1 << 20

func (g *guard) discard() error {
	var b [4096]byte
	for read := 0; read < discarded; {
		n, err := g.read(b[:])
		if read += n; err != nil {
			return err
		}
	}
	return io.EOF
}

// pass lets everything through from now on.
func (g *guard) pass() { g.passing.Store(true) }

// hurry gives the head that is coming in its time.
func (g *guard) hurry() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.timeout > 0 && g.until.IsZero() && !past(g.asked) {
		g.until = time.Now().Add(g.timeout)
	}
}

// calm lets net/http's deadline hold again.
func (g *guard) calm() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.until = time.Time{}
}

// SetDeadline implements net.Conn.
func (g *guard) SetDeadline(t time.Time) error {
	return errors.Join(g.SetReadDeadline(t), g.Conn.SetWriteDeadline(t))
}

// Close implements net.Conn.
func (g *guard) Close() error {
	g.mu.Lock()
	g.closed = true
	g.change.Broadcast()
	g.mu.Unlock()
	return g.Conn.Close()
}

// CloseWrite tells the client that nothing more comes.
func (g *guard) CloseWrite() error {
	if c, ok := g.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return errors.ErrUnsupported
}

// ReadFrom implements io.ReaderFrom: in clear files leave by sendfile.
func (g *guard) ReadFrom(r io.Reader) (int64, error) {
	if to, ok := g.Conn.(io.ReaderFrom); ok {
		return to.ReadFrom(r)
	}
	return io.Copy(struct{ io.Writer }{g.Conn}, r)
}

// A secureGuard is one on TLS.
type secureGuard struct {
	*guard
	tls *tls.Conn
	log *slog.Logger
}

// ConnectionState shakes hands, if that was not done, and tells what came of
// it: net/http asks before the first request.
func (g *secureGuard) ConnectionState() tls.ConnectionState {
	if g.timeout > 0 {
		g.tls.SetDeadline(time.Now().Add(g.timeout))
		defer g.tls.SetDeadline(time.Time{})
	}
	err := g.tls.HandshakeContext(context.Background())
	if err != nil {
		g.log.Debug("a handshake of TLS failed", "client", g.RemoteAddr().String(), "err", err)
	}
	g.forget()
	if clear, ok := errors.AsType[tls.RecordHeaderError](err); ok && clear.Conn != nil && clear.RecordHeader[0] >= 'A' && clear.RecordHeader[0] <= 'Z' {
		io.WriteString(clear.Conn, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\nThis port speaks TLS: ask for https.\n")
	}
	return g.tls.ConnectionState()
}
