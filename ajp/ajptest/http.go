package ajptest

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strconv"
)

// NewHTTPServer starts a container that answers by an http.Handler. The body
// is read as the handler reads it; the answer is queued, and sent when the
// handler flushes or returns.
func NewHTTPServer(handler http.Handler) *Server {
	return NewServer(func(c *Call) { Serve(c, handler) })
}

// Serve answers c by handler.
func Serve(c *Call, handler http.Handler) {
	r, err := request(c)
	if err != nil {
		c.Headers(400)
		c.End(false)
		return
	}
	w := &responder{c: c, header: http.Header{}}
	handler.ServeHTTP(w, r)
	w.WriteHeader(http.StatusOK)
	w.send()
	c.End(true)
}

// request returns what c asks as an http.Request.
func request(c *Call) (*http.Request, error) {
	uri := c.Request.URI
	if c.Request.Attributes.HasQuery {
		uri += "?" + c.Request.Attributes.Query
	}
	u, err := url.ParseRequestURI(uri)
	if err != nil {
		return nil, err
	}
	r := &http.Request{
		Method: c.Request.Method, URL: u, RequestURI: uri, Proto: c.Request.Protocol, ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: io.NopCloser(c), ContentLength: c.left, Host: c.Request.ServerName,
		RemoteAddr: c.Request.RemoteAddr,
	}
	for _, h := range c.Request.Headers {
		r.Header.Add(h.Name, h.Value)
	}
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
	}
	return r, nil
}

// A responder turns what a handler writes into packets.
type responder struct {
	c      *Call
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *responder) Header() http.Header { return w.header }

func (w *responder) WriteHeader(status int) {
	if w.status != 0 {
		return
	}
	w.status = status
	var pairs []string
	for name, values := range w.header {
		for _, value := range values {
			pairs = append(pairs, name, value)
		}
	}
	w.c.Headers(status, pairs...)
}

func (w *responder) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}

// Flush sends what the handler wrote so far on to the client.
func (w *responder) Flush() {
	w.WriteHeader(http.StatusOK)
	w.send()
	w.c.FlushClient()
}

func (w *responder) send() {
	if w.c.Request.Method != http.MethodHead {
		w.c.Body(w.body.String())
	}
	w.body.Reset()
}

// Sized sets Content-Length for a body of n bytes.
func Sized(w http.ResponseWriter, n int) { w.Header().Set("Content-Length", strconv.Itoa(n)) }
