// Package echo is the test servlet in Go: what comes in are requests that
// passed an ajp.Server, what goes out is what interop/testdata/webapp answers
// to them in a Tomcat.
package echo

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/catflap/catflap/ajp"
	"github.com/catflap/catflap/session"
)

// A Servlet is the test servlet on one node. Many goroutines may use it.
type Servlet struct {
	contexts map[string]http.Handler // by context path

	mu    sync.Mutex
	count map[string]int // executions by id
}

// New returns the servlet as it is deployed: as the root context and as /demo,
// each with sessions of its own, on the node with this route.
func New(route string) (*Servlet, error) {
	s := &Servlet{contexts: map[string]http.Handler{}, count: map[string]int{}}
	for _, contextPath := range []string{"", "/demo"} {
		manager := session.NewMemory(session.MemoryConfig{Route: route})
		h, err := session.Handler(session.Config{ContextPath: contextPath}, manager, deployed{s, route, contextPath})
		if err != nil {
			return nil, err
		}
		s.contexts[contextPath] = h
	}
	return s, nil
}

// Deployed returns the servlet as one context of a node with this route, which
// gives it its sessions.
func Deployed(route, contextPath string) http.Handler {
	return deployed{&Servlet{count: map[string]int{}}, route, contextPath}
}

// ServeHTTP finds the context of r.
func (s *Servlet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	clean := path.Clean(withoutParameters(r.URL.EscapedPath()))
	if clean == "/demo" || strings.HasPrefix(clean, "/demo/") {
		s.contexts["/demo"].ServeHTTP(w, r)
		return
	}
	s.contexts[""].ServeHTTP(w, r)
}

// Executions returns how often the servlet was run for each id.
func (s *Servlet) Executions() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.count)
}

func (s *Servlet) executed(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count[id]++
}

// withoutParameters returns an encoded path decoded, without its parameters.
func withoutParameters(encoded string) string {
	segments := strings.Split(encoded, "/")
	for i, segment := range segments {
		name, _, _ := strings.Cut(segment, ";")
		segments[i], _ = url.PathUnescape(name) // the server has seen that it can be
	}
	return strings.Join(segments, "/")
}

// A deployed is the Servlet in one context.
type deployed struct {
	*Servlet
	route, contextPath string
}

// ServeHTTP answers as the parameters of the query say; see Echo.java.
func (s deployed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	below := strings.ToUpper(strings.TrimPrefix(path.Clean(withoutParameters(r.URL.EscapedPath())), s.contextPath))
	if first, _, _ := strings.Cut(strings.TrimPrefix(below, "/"), "/"); first == "WEB-INF" || first == "META-INF" {
		errorPage(w, http.StatusNotFound) // nobody gets at these in a Tomcat
		return
	}
	ask := parse(r.URL.RawQuery)
	if ask.has("id") {
		s.executed(ask.one("id"))
	}
	milliseconds, _ := strconv.Atoi(ask.one("sleep"))
	time.Sleep(time.Duration(milliseconds) * time.Millisecond)
	for _, header := range ask["set"] {
		name, value, _ := strings.Cut(header, ":")
		if !utf8.ValidString(value) { // Java makes characters of it that no header has: Tomcat leaves it out
			continue
		}
		w.Header().Add(name, value)
	}
	w.Header().Set("X-Route", s.route)
	if ask.has("pad") {
		n, _ := strconv.Atoi(ask.one("pad"))
		w.Header().Set("X-Pad", strings.Repeat("p", n))
	}
	text := ""
	early := ask.has("early")
	if !early {
		text = read(r.Body, ask.one("read"))
	}
	text += s.describe(r, ask.has("session"))
	if code := ask.one("error"); ask.has("error") {
		status, _ := strconv.Atoi(cmp.Or(code, "500"))
		errorPage(w, status)
		return
	}
	status, err := strconv.Atoi(cmp.Or(ask.one("status"), "200"))
	if err != nil {
		panic(err)
	}
	switch {
	case ask.has("empty"):
		w.WriteHeader(status)
		return
	case ask.has("size"):
		bulk(w, status, ask)
	default:
		if w.Header().Get("Content-Type") == "" {
			w.Header().Set("Content-Type", "text/plain;charset=utf-8")
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(text)))
		w.WriteHeader(status)
		io.WriteString(w, text)
	}
	if ask.has("throw") {
		panic("as asked")
	}
	if early {
		http.NewResponseController(w).Flush()
		read(r.Body, ask.one("read"))
	}
}

// errorPage is what the container makes of an error.
func errorPage(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html;charset=utf-8")
	w.Header().Set("Content-Language", "en")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<!doctype html><html lang=\"en\"><head><title>HTTP Status %d</title></head></html>", status)
}

// parameters are those of a query.
type parameters map[string][]string

func parse(query string) parameters {
	ask := parameters{}
	for pair := range strings.SplitSeq(query, "&") {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			continue
		}
		if decoded, err := url.QueryUnescape(value); err == nil {
			ask[name] = append(ask[name], decoded)
		}
	}
	return ask
}

func (ask parameters) has(name string) bool { return ask[name] != nil }

func (ask parameters) one(name string) string {
	if len(ask[name]) == 0 {
		return ""
	}
	return ask[name][0]
}

// read reads a body as the parameter says, and tells what it was.
func read(body io.Reader, how string) string {
	if how == "none" {
		return ""
	}
	digest := sha256.New()
	var length int64
	var err error
	if how == "part" {
		part := make([]byte, 10)
		n, _ := io.ReadFull(body, part) // fewer are what they are
		digest.Write(part[:n])
		length = int64(n)
	} else if length, err = io.Copy(digest, body); err != nil {
		panic(err)
	}
	return fmt.Sprintf("body.length=%d\nbody.sha256=%x\n", length, digest.Sum(nil))
}

// describe tells what came.
func (s deployed) describe(r *http.Request, counts bool) string {
	told := ajp.FromContext(r.Context())
	own := session.From(r.Context())
	var text strings.Builder
	line := func(name string, value any) { fmt.Fprintf(&text, "%s=%v\n", name, value) }
	orNull := func(value string, ok bool) string {
		if !ok {
			return "null"
		}
		return value
	}
	below := strings.TrimPrefix(path.Clean(withoutParameters(r.URL.EscapedPath())), s.contextPath)
	if raw := withoutParameters(r.URL.EscapedPath()); below != "" && below != "/" && (strings.HasSuffix(raw, "/") || strings.HasSuffix(raw, "/.") || strings.HasSuffix(raw, "/..")) {
		below += "/"
	} else if below == "" && strings.HasSuffix(raw, "/") {
		below = "/"
	}
	line("method", r.Method)
	line("protocol", r.Proto)
	uri := told.URI
	if !strings.HasPrefix(uri, "/") { // an absolute one
		uri = r.URL.EscapedPath()
	}
	line("uri", uri)
	line("contextPath", s.contextPath)
	line("pathInfo", orNull(strings.ToValidUTF8(below, "\ufffd"), below != ""))
	line("query", orNull(told.Attributes.Query, told.Attributes.HasQuery))
	line("remoteAddr", told.RemoteAddr)
	line("remoteUser", "null") // as with tomcatAuthentication
	line("authType", "null")
	name, port := serverOf(r)
	line("serverName", name)
	line("serverPort", port)
	line("scheme", map[bool]string{false: "http", true: "https"}[told.TLS])
	line("secure", told.TLS)
	line("contentLength", r.ContentLength)
	line("route", s.route)
	line("requestedSession", orNull(own.Requested(), own.Requested() != ""))
	if counts {
		count, _ := own.Get("count")
		n, _ := count.(int32)
		if err := own.Set("count", n+1); err != nil {
			panic(err)
		}
		line("session.new", own.IsNew())
		line("session.count", n+1)
	}
	headers := map[string][]string{"host": {r.Host}}
	if r.TransferEncoding != nil {
		headers["transfer-encoding"] = r.TransferEncoding
	}
	for name, values := range r.Header {
		headers[strings.ToLower(name)] = values
	}
	for _, name := range slices.Sorted(keys(headers)) {
		for _, value := range headers[name] {
			line("header."+name, latin(value))
		}
	}
	return text.String()
}

func keys(m map[string][]string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for key := range m {
			if !yield(key) {
				return
			}
		}
	}
}

// latin is a header's value as Java reads it, byte by byte, in UTF-8.
func latin(value string) string {
	var text strings.Builder
	for i := range len(value) {
		text.WriteRune(rune(value[i]))
	}
	return text.String()
}

// serverOf splits the host that was asked for.
func serverOf(r *http.Request) (name, port string) {
	name, port = r.Host, "80"
	if r.TLS != nil {
		port = "443"
	}
	if colon := strings.LastIndexByte(r.Host, ':'); colon >= 0 && !strings.HasSuffix(r.Host, "]") {
		name, port = r.Host[:colon], cmp.Or(r.Host[colon+1:], port)
	}
	return name, port
}

// bulk answers many bytes.
func bulk(w http.ResponseWriter, status int, ask parameters) {
	left, _ := strconv.Atoi(ask.one("size"))
	flush := func() {}
	if ask.has("flush") {
		flush = func() { http.NewResponseController(w).Flush() }
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/octet-stream")
	}
	if ask.has("length") {
		w.Header().Set("Content-Length", strconv.Itoa(left))
	}
	block := make([]byte, 8192)
	for i := range block {
		block[i] = byte('a' + i%26)
	}
	w.WriteHeader(status)
	flush()
	for left > 0 {
		n := min(left, len(block))
		if _, err := w.Write(block[:n]); err != nil {
			return
		}
		left -= n
		flush()
	}
	if !ask.has("length") {
		http.NewResponseController(w).Flush()
	}
}
