package front

import (
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/module/errordoc"
	"github.com/catflap/catflap/internal/front/module/headers"
)

// A recorder writes to the client and keeps in the Exchange what it wrote.
type recorder struct {
	http.ResponseWriter
	r      *http.Request
	x      *exchange.Exchange
	status int  // of the error page that is being made; 0 outside of one
	made   bool // what is written is a page that the front made up
	bare   bool // Header is not for what is written
	timed  timedReader
}

func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader sends status, or, for a static error page, that of the error.
func (w *recorder) WriteHeader(status int) {
	if status >= 100 && status < 200 {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	if w.x.Response.Status != 0 {
		return
	}
	if w.status != 0 && status == http.StatusOK {
		status = w.status
	}
	if len(w.x.Env) > 0 {
		w.obey()
	}
	if s := w.x.Settings; s.Headers != nil && !w.bare {
		headers.Response(w.x, w.Header(), s.Headers, w.made)
	}
	w.x.Response.Status = status
	w.x.Response.Header = w.Header()
	w.x.Response.First = time.Now()
	w.ResponseWriter.WriteHeader(status)
}

// obey does what the environment says about the connection.
//
// Source: httpd modules/http/http_filters.c, basic_http_header_check;
// http_protocol.c, ap_set_keepalive, as seen at work.
func (w *recorder) obey() {
	if w.r == nil || w.r.ProtoMajor != 1 {
		return
	}
	closes := false
	for _, v := range w.x.Env {
		switch v.Name {
		case "nokeepalive":
			closes = true
		case "downgrade-1.0": // as if the client had asked so
			w.r.ProtoMinor = 0
			closes = closes || !keeps(w.r)
		}
	}
	if _, force := w.x.Env.Get("force-response-1.0"); force && w.r.ProtoMinor == 0 {
		closes = true
		if old, ok := w.ResponseWriter.(interface{ AnswerHTTP10() }); ok {
			old.AnswerHTTP10()
		}
	}
	if closes {
		w.Header().Set("Connection", "close")
		w.x.Response.Close = true
	}
}

// keeps reports whether a client of HTTP/1.0 asks to keep its connection.
func keeps(r *http.Request) bool {
	for _, value := range r.Header["Connection"] {
		for option := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(option), "keep-alive") {
				return true
			}
		}
	}
	return false
}

func (w *recorder) Write(p []byte) (int, error) {
	if w.x.Response.Status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	n, err := w.ResponseWriter.Write(p)
	w.sent(int64(n))
	return n, err
}

// ReadFrom keeps the way open for sendfile.
func (w *recorder) ReadFrom(src io.Reader) (int64, error) {
	if w.x.Response.Status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	n, err := io.Copy(w.ResponseWriter, src)
	w.sent(n)
	return n, err
}

// FlushError passes a flush on.
func (w *recorder) FlushError() error {
	if w.x.Response.Status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

func (w *recorder) sent(n int64) {
	if w.x.Request.Method != http.MethodHead {
		w.x.Response.Bytes += n
	}
}

// makeUp writes a page that the front makes up. To httpd that of a 412 is none.
func (w *recorder) makeUp(r *http.Request, p errordoc.Page) error {
	w.made = p.Status != http.StatusPreconditionFailed
	return errordoc.Write(w, r, w.x, p)
}
