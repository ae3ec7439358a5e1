package node

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/catflap/catflap/session"
)

// A Request is what a Node knows of a request beyond the http.Request.
type Request struct {
	Host        string // name of the Host that it came to
	ContextPath string // "/shop"; "" is the root context
	Path        string // the whole path, decoded, without path parameters
	// Scheme and Secure are how the client has connected: by TLS here, by TLS to
	// the web server that speaks AJP, or as the Connector says. r.TLS tells only
	// the first two: there is no handshake to tell of in the third.
	Scheme string
	Secure bool
}

type requestKey struct{}

// From returns what the Node knows of the request whose context is ctx, nil if
// it did not come to a Node.
func From(ctx context.Context) *Request {
	if c, ok := ctx.Value(requestKey{}).(*call); ok {
		return &c.request
	}
	return nil
}

// A call is one request on its way, and what its answer has become. It is the
// context of the request, and the ResponseWriter.
type call struct {
	context.Context
	http.ResponseWriter

	request Request
	host    *host // that it came to; nil until it is known
	began   time.Time
	first   time.Time        // when the answer began
	status  int              // 0 until then
	head    bool             // the answer has no body
	sent    int64            // bytes of the body
	session *session.Session // of an application, for access logs; may be nil
}

// Value implements context.Context.
func (c *call) Value(key any) any {
	if key == (requestKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// WriteHeader implements http.ResponseWriter.
func (c *call) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		c.begin(status)
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *call) begin(status int) {
	if c.status == 0 {
		c.status, c.first = status, time.Now()
	}
}

func (c *call) count(n int64) {
	if !c.head {
		c.sent += n
	}
}

// Write implements http.ResponseWriter.
func (c *call) Write(p []byte) (int, error) {
	c.begin(http.StatusOK)
	n, err := c.ResponseWriter.Write(p)
	c.count(int64(n))
	return n, err
}

// WriteString implements io.StringWriter.
func (c *call) WriteString(s string) (int, error) {
	c.begin(http.StatusOK)
	n, err := io.WriteString(c.ResponseWriter, s)
	c.count(int64(n))
	return n, err
}

// ReadFrom implements io.ReaderFrom: files may leave by sendfile.
func (c *call) ReadFrom(r io.Reader) (int64, error) {
	c.begin(http.StatusOK)
	n, err := io.Copy(c.ResponseWriter, r)
	c.count(n)
	return n, err
}

// Flush implements http.Flusher.
func (c *call) Flush() { c.FlushError() }

// FlushError sends what was written so far.
func (c *call) FlushError() error {
	c.begin(http.StatusOK)
	return http.NewResponseController(c.ResponseWriter).Flush()
}

// Hijack implements http.Hijacker, for connectors of HTTP.
func (c *call) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(c.ResponseWriter).Hijack()
	if err == nil {
		c.begin(http.StatusSwitchingProtocols)
		if k, ok := c.Context.Value(keptKey{}).(*kept); ok {
			k.guard.pass()
		}
	}
	return conn, buffered, err
}

// Unwrap gives http.ResponseController the rest.
func (c *call) Unwrap() http.ResponseWriter { return c.ResponseWriter }
