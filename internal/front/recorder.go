package front

import (
	"io"
	"net/http"
	"time"

	"github.com/catflap/catflap/internal/front/exchange"
)

// A recorder writes to the client and keeps in the Exchange what it wrote.
type recorder struct {
	http.ResponseWriter
	x      *exchange.Exchange
	status int // of the error page that is being made; 0 outside of one
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
	w.x.Response.Status = status
	w.x.Response.Header = w.Header()
	w.x.Response.First = time.Now()
	w.ResponseWriter.WriteHeader(status)
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
