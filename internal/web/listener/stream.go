package listener

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/internal/front/exchange"
)

// A stream is one request of HTTP/2. To its handler it is a connection of its
// own, and the http.ResponseWriter. Times cost it no timer: the clock of the
// Group looks at them.
type stream struct {
	Conn
	w       http.ResponseWriter
	control *http.ResponseController
	body    countedBody
	reading atomic.Int64 // the tick at which a read is ended; 0: none
	writing atomic.Int64 // likewise, of a write
	started bool         // the final status is out
}

// flows are the streams of one connection that are under way.
type flows struct {
	mu  sync.Mutex
	all map[*stream]bool
}

func (f *flows) add(s *stream) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all == nil {
		f.all = map[*stream]bool{}
	}
	f.all[s] = true
}

func (f *flows) remove(s *stream) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.all, s)
}

// tick ends reads and writes whose time is up.
func (f *flows) tick(at int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for s := range f.all {
		s.tick(at)
	}
}

func (f *flows) pending(now int64) []Pending {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []Pending
	for s := range f.all {
		p := Pending{Client: s.Client.Remote, Age: time.Duration(now-s.watch.since.Load()+1) * period}
		p.Method, p.Path, p.Worker = s.Client.Doing()
		p.Path, _, _ = strings.Cut(p.Path, "?")
		all = append(all, p)
	}
	return all
}

var streams = sync.Pool{New: func() any { return &stream{} }}

// serveStream answers one request of HTTP/2.
func (g *Group) serveStream(w http.ResponseWriter, r *http.Request) {
	parent := Of(r)
	s := streams.Get().(*stream)
	s.w, s.control = w, http.NewResponseController(w)
	s.group, s.Policy = g, parent.Policy
	s.Client = exchange.Client{Remote: parent.Client.Remote, Local: parent.Client.Local, TLS: parent.Client.TLS, Watched: true}
	s.SetTimes(time.Minute, 0)
	s.reading.Store(0)
	s.writing.Store(0)
	s.started = false
	s.watch.begin(g.conns.now.Load())
	s.Client.Wire.AddIn(headBytes(r))
	gone := context.AfterFunc(r.Context(), s.Client.Gone)
	r = r.WithContext(context.WithValue(r.Context(), connKey{}, &s.Conn))
	if r.ContentLength != 0 {
		s.body = countedBody{r.Body, &s.Client.Wire}
		r.Body = &s.body
	}
	parent.flows.add(s)
	defer parent.flows.remove(s)
	defer gone()
	g.config.Handler.ServeHTTP(s, r)
	if g.config.Done != nil {
		g.config.Done(&s.Conn)
	}
	parent.flows.remove(s)
	if gone() {
		s.w, s.control, s.body = nil, nil, countedBody{}
		streams.Put(s)
	}
}

// headBytes is how long the head of r is as text: what it took on the wire
// only the connection knows.
func headBytes(r *http.Request) int {
	n := len(r.Method) + len(r.RequestURI) + len(r.Host)
	for name, values := range r.Header {
		for _, value := range values {
			n += len(name) + len(value)
		}
	}
	return n
}

// A countedBody counts what is read of a body.
type countedBody struct {
	io.ReadCloser
	wire *exchange.Wire
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.wire.AddIn(n)
	return n, err
}

// tick ends what takes too long.
func (s *stream) tick(at int64) {
	past := time.Unix(1, 0)
	if until := s.reading.Load(); until > 0 && at >= until && s.reading.CompareAndSwap(until, 0) {
		s.control.SetReadDeadline(past)
	}
	if until := s.writing.Load(); until > 0 && at >= until && s.writing.CompareAndSwap(until, 0) {
		s.control.SetWriteDeadline(past)
	}
}

// after is the tick that comes in d; 0 if d is not positive.
func (s *stream) after(d time.Duration) int64 {
	if d <= 0 {
		return 0
	}
	return s.group.conns.now.Load() + int64((d+period-1)/period) + 1
}

// Header implements http.ResponseWriter.
func (s *stream) Header() http.Header { return s.w.Header() }

// WriteHeader implements http.ResponseWriter. No type is guessed.
func (s *stream) WriteHeader(status int) {
	if h := s.w.Header(); status >= 200 && !s.started {
		s.started = true
		if _, ok := h["Content-Type"]; !ok {
			h["Content-Type"] = nil
		}
		for name, values := range h {
			for _, value := range values {
				s.Client.Wire.AddOut(len(name) + len(value))
			}
		}
	}
	s.w.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (s *stream) Write(p []byte) (int, error) {
	if !s.started {
		s.WriteHeader(http.StatusOK)
	}
	s.writing.Store(s.after(time.Duration(s.timeout.Load())))
	n, err := s.w.Write(p)
	s.writing.Store(0)
	s.Client.Wire.AddOut(n)
	return n, err
}

// ReadFrom implements io.ReaderFrom.
func (s *stream) ReadFrom(r io.Reader) (int64, error) { return copyBuffered(s, r) }

// FlushError is for http.ResponseController.
func (s *stream) FlushError() error {
	if !s.started {
		s.WriteHeader(http.StatusOK)
	}
	s.writing.Store(s.after(time.Duration(s.timeout.Load())))
	err := s.control.Flush()
	s.writing.Store(0)
	return err
}

// Flush implements http.Flusher.
func (s *stream) Flush() { s.FlushError() }

// SetReadDeadline is for http.ResponseController, exact to a period of the
// clock.
func (s *stream) SetReadDeadline(t time.Time) error {
	if t.IsZero() {
		s.reading.Store(0)
		return nil
	}
	s.reading.Store(s.after(max(time.Until(t), 1)))
	return nil
}

// SetWriteDeadline is for http.ResponseController.
func (s *stream) SetWriteDeadline(t time.Time) error { return s.control.SetWriteDeadline(t) }

// EnableFullDuplex is for http.ResponseController: it is always so.
func (s *stream) EnableFullDuplex() error { return nil }
