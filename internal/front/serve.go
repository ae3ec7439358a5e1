package front

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/catflap/catflap/internal/front/canonical"
	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/forward"
	"github.com/catflap/catflap/internal/front/module/env"
	"github.com/catflap/catflap/internal/front/module/errordoc"
	"github.com/catflap/catflap/internal/web/listener"
)

// ServeHTTP takes one request through the line that runs now.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn := listener.Of(r)
	l := s.enterLine()
	defer s.leaveLine(l)
	waited, err := s.gate.enter(r.Context())
	if err != nil {
		panic(http.ErrAbortHandler) // the client went while it waited
	}
	defer s.gate.leave()
	if waited {
		s.full(l)
	}
	conn.Client.Requests++
	name, port := hostOf(r.Host)
	site := l.sites[l.hosts.Select(conn.Client.Local, name)]
	room := roomOf(conn)
	conn.Client.Begin(r.Method, r.RequestURI)
	x := room.begin(r, conn, site, name, port)
	site.serve(&room.recorder, w, r, conn, x)
}

// A room holds what one request of a connection needs and the next can use
// again: at most one is under way.
type room struct {
	exchange exchange.Exchange
	recorder recorder
	attempts [4]exchange.Attempt
	notes    [4]exchange.Var
	env      [8]exchange.Var
	body     exchange.Body
}

// roomOf returns the room of a connection.
func roomOf(conn *listener.Conn) *room {
	m, ok := conn.Room.(*room)
	if !ok {
		m = &room{}
		conn.Room = m
	}
	return m
}

// finished is called when a response has left: what waited for that is
// written, and nothing of the line that answered is held on to, which may be
// an old one.
func finished(conn *listener.Conn) {
	conn.Client.Flush()
	if m, ok := conn.Room.(*room); ok {
		m.exchange, m.recorder = exchange.Exchange{}, recorder{}
	}
}

// begin begins the record of r.
func (m *room) begin(r *http.Request, conn *listener.Conn, s *site, host string, port int) *exchange.Exchange {
	x := &m.exchange
	*x = exchange.Exchange{
		Began:  time.Now(),
		Client: &conn.Client,
		Site:   s.exchange,
		Request: exchange.Request{
			Method: r.Method, Proto: r.Proto, Target: r.RequestURI,
			Query: r.URL.RawQuery, Asked: r.URL.ForceQuery || r.URL.RawQuery != "",
			HostHeader: r.Host, Host: host, Port: port, Header: r.Header,
		},
		Settings: s.resolver.Settings("/", "", false),
		Attempts: m.attempts[:0],
		Notes:    m.notes[:0],
		Env:      m.env[:0],
		Body:     &m.body,
	}
	if !strings.HasPrefix(r.RequestURI, "/") && r.URL.Host != "" {
		x.Request.HostHeader = strings.ToLower(r.Host) // of an absolute target
	}
	return x
}

// serve answers one request of s and writes its log lines.
func (s *site) serve(rec *recorder, w http.ResponseWriter, r *http.Request, conn *listener.Conn, x *exchange.Exchange) {
	*rec = recorder{ResponseWriter: w, r: r, x: x}
	keepAlive := s.limits.KeepAlive
	conn.SetTimes(s.limits.Timeout, keepAlive.Timeout)
	w.Header()["Server"] = s.server
	if r.ProtoMajor == 1 && (keepAlive.Off || keepAlive.MaxRequests > 0 && conn.Client.Requests >= keepAlive.MaxRequests) {
		w.Header().Set("Connection", "close")
		x.Response.Close = true
	}
	if r.ContentLength != 0 && r.ProtoMajor == 1 {
		http.NewResponseController(w).EnableFullDuplex()
	}
	abort := s.attempt(rec, r, conn, x)
	if !abort && r.ProtoMajor == 1 { // a stream ends without the rest
		abort = !s.drain(rec, r, x)
	}
	x.Response.Aborted = x.Response.Aborted || abort
	x.Response.Close = x.Response.Close || r.Close
	s.record(conn, x)
	if abort {
		panic(http.ErrAbortHandler)
	}
}

// attempt answers x, with an error page if that is what it comes to. It
// reports whether the client's connection must be broken off.
func (s *site) attempt(w *recorder, r *http.Request, conn *listener.Conn, x *exchange.Exchange) (abort bool) {
	defer func() {
		if fault := recover(); fault != nil {
			abort = s.panicked(w, r, x, fault)
		}
	}()
	x.Body.Reset(s.timed(w, r), r.ContentLength)
	if refusal := s.limits.check(x); refusal != nil {
		return s.refuse(w, r, x, refusal)
	}
	if refusal := checkHost(r); refusal != nil {
		return s.refuse(w, r, x, refusal)
	}
	if refusal := checkPath(r); refusal != nil {
		return s.refuse(w, r, x, refusal)
	}
	if refusal := s.admit(conn, r, x); refusal != nil {
		return s.refuse(w, r, x, refusal)
	}
	if err := s.enter(x, x.Request.Target); err != nil {
		return s.refuse(w, r, x, err)
	}
	if x.Request.Path.Decoded == "*" && r.Method != http.MethodOptions {
		return s.refuse(w, r, x, &exchange.Refusal{Status: http.StatusBadRequest, Code: "AH10244", Log: "invalid URI path (*)", Level: "error", Module: "core"})
	}
	if r.Method == http.MethodConnect { // of a path, which is none of its targets
		return s.refuse(w, r, x, &exchange.Refusal{Status: http.StatusBadRequest, Log: "CONNECT to a path: " + x.Request.Target, Level: "error", Module: "core"})
	}
	if r.Method == http.MethodTrace && s.exchange.Trace == exchange.TraceOff { // it would show headers to scripts
		w.Header().Set("Allow", "GET,POST,OPTIONS,HEAD")
		return s.refuse(w, r, x, &exchange.Refusal{Status: http.StatusMethodNotAllowed})
	}
	return s.refuse(w, r, x, s.answer(w, r, x))
}

// timed returns the body of r; its client may be silent for Timeout, and has
// to keep its Pace.
func (s *site) timed(w *recorder, r *http.Request) io.Reader {
	if r.ContentLength == 0 || s.limits.Timeout <= 0 && s.limits.Body.First == 0 {
		return r.Body
	}
	w.timed = timedReader{Reader: r.Body, control: http.NewResponseController(w.ResponseWriter), timeout: s.limits.Timeout, pace: s.limits.Body}
	return &w.timed
}

// refuse makes the error page for err, if it is one that the client can still
// get. It reports whether the client's connection must be broken off.
func (s *site) refuse(w *recorder, r *http.Request, x *exchange.Exchange, err error) (abort bool) {
	if err == nil {
		return false
	}
	status := http.StatusInternalServerError
	if failure, ok := errors.AsType[*exchange.Error](err); ok {
		if status = forward.Status(failure); status == 0 || x.Response.Status != 0 {
			return true
		}
		if failure.Cause == exchange.CauseTooLarge && r.ProtoMajor == 1 {
			w.Header().Set("Connection", "close")
			x.Response.Close = true
		}
	} else if refusal, ok := errors.AsType[*exchange.Refusal](err); ok {
		status, x.Response.Reason = refusal.Status, refusal.Reason
		s.logRefusal(r.Context(), x, refusal)
		if x.Response.Status != 0 {
			return true
		}
	} else {
		s.log.LogAttrs(r.Context(), slog.LevelError, "request failed", clientOf(x), slog.Any("err", err))
	}
	if err := s.page(w, r, x, status); err != nil {
		return true
	}
	return false
}

// page answers with status: by the site's ErrorDocument or the built-in page.
func (s *site) page(w *recorder, r *http.Request, x *exchange.Exchange, status int) error {
	if doc := x.Settings.ErrorDocs[status]; doc.Path != "" && x.Response.Original == 0 {
		if err := s.redirectInside(w, r, x, status, doc.Path); err == nil || x.Response.Status != 0 {
			return err
		}
		return w.makeUp(r, errordoc.Page{Status: status, Failed: true})
	}
	return w.makeUp(r, errordoc.Page{Status: status, Inner: x.Response.Original != 0})
}

// redirectInside answers with what is at path, which keeps status if it is a
// file of the front, and decides on its own status if it is mounted.
func (s *site) redirectInside(w *recorder, r *http.Request, x *exchange.Exchange, status int, path string) error {
	path, query, asked := strings.Cut(path, "?")
	found, err := canonical.Parse(path)
	if err != nil {
		return err
	}
	x.Response.Original, x.Response.Final = status, found.Decoded+"?"+query
	env.Redirected(x, strconv.Itoa(status), x.Request.Path.Decoded)
	original, body := x.Request, x.Body
	x.Request.Path, x.Request.Query, x.Request.Asked = found, query, asked
	x.Request.Method = http.MethodGet
	if original.Method == http.MethodHead {
		x.Request.Method = http.MethodHead
	}
	x.Body = exchange.NewBody(http.NoBody, 0, 0)
	again := r.Clone(r.Context())
	again.Method = x.Request.Method
	for _, name := range [...]string{"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range", "Range"} {
		again.Header.Del(name)
	}
	x.Request.Header = again.Header
	w.status = status
	env.Judge(x, s.envIf)
	err = s.answer(w, again, x)
	x.Request, x.Body, w.status = original, body, 0
	return err
}

// panicked answers for a defect of ours: one log line, and 500 if the client
// has nothing yet.
func (s *site) panicked(w *recorder, r *http.Request, x *exchange.Exchange, fault any) (abort bool) {
	if fault == http.ErrAbortHandler {
		return true
	}
	s.log.LogAttrs(r.Context(), slog.LevelError, "panic in a request: this is a defect, please report it", clientOf(x),
		slog.String("request", x.Request.Method+" "+x.Request.Path.Mount), slog.String("fault", fmt.Sprint(fault)),
		slog.String("stack", string(debug.Stack())))
	if x.Response.Status != 0 {
		return true
	}
	return w.makeUp(r, errordoc.Page{Status: http.StatusInternalServerError}) != nil
}

// drained is how much of a body that nobody wanted is read, so that the client
// sees the answer instead of a reset.
const drained = 64 << 20

// drain reads what is left of the request's body. It reports whether the
// connection is still good.
func (s *site) drain(w *recorder, r *http.Request, x *exchange.Exchange) bool {
	if x.Body == nil || x.Body.Length() == 0 || x.Body.Whole() {
		return true
	}
	if err := x.Body.Err(); err != nil && !errors.Is(err, exchange.ErrBodyTooLarge) {
		return w.told()
	}
	if x.Body.Taken() == 0 && r.Header.Get("Expect") != "" {
		return true // it waits for 100 (Continue) and gets the answer instead
	}
	if w.FlushError() != nil {
		return false
	}
	n, err := io.CopyN(io.Discard, w.rest(r), drained)
	return err == io.EOF || n == drained
}

// record writes the lines of x to the access logs of s.
func (s *site) record(conn *listener.Conn, x *exchange.Exchange) {
	ended := time.Now()
	for i := range s.written {
		s.written[i].write(conn, x, ended)
	}
}

// logRefusal writes the line of a refusal to the site's ErrorLog.
func (s *site) logRefusal(ctx context.Context, x *exchange.Exchange, refusal *exchange.Refusal) {
	if refusal.Log == "" {
		return
	}
	level := levelOf(refusal.Level)
	if !s.log.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{clientOf(x), slog.String("module", refusal.Module)}
	if refusal.Code != "" {
		attrs = append(attrs, slog.String("code", refusal.Code))
	}
	s.log.LogAttrs(ctx, level, refusal.Log, attrs...)
}

func clientOf(x *exchange.Exchange) slog.Attr {
	return slog.String("client", x.Client.Remote.String())
}
