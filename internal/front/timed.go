package front

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/catflap/catflap/internal/front/exchange"
)

// A timedReader sets a deadline for each read of a body, and takes it away at
// the end, so that waiting for a slow container is not limited by it.
type timedReader struct {
	io.Reader
	control *http.ResponseController
	timeout time.Duration // of each read; 0 is for ever
	pace    exchange.Pace // of all of them
	waited  time.Duration // for the client, so far: a slow container is not its fault
	came    int64
}

func (t *timedReader) Read(p []byte) (int, error) {
	now := time.Now()
	limit := t.timeout
	if t.pace.First > 0 {
		left := t.pace.Time(t.came) - t.waited
		if left <= 0 {
			return 0, os.ErrDeadlineExceeded
		}
		if limit <= 0 || left < limit {
			limit = left
		}
	}
	t.control.SetReadDeadline(now.Add(limit))
	n, err := t.Reader.Read(p)
	t.control.SetReadDeadline(time.Time{})
	t.came += int64(n)
	t.waited += time.Since(now)
	return n, err
}

// rest is the body of r, from where it was read to.
func (w *recorder) rest(r *http.Request) io.Reader {
	if w.timed.Reader != nil {
		return &w.timed
	}
	return r.Body
}

// told reports whether the client is told what is wrong with its body: it gets
// to read that, and the connection ends in order.
func (w *recorder) told() bool {
	status := w.x.Response.Status
	return (status == http.StatusRequestTimeout || status == http.StatusBadRequest) && w.FlushError() == nil
}

// discard reads the body of a request that nobody wants, before its answer. A
// client that waits with it gets the answer instead.
//
// Source: httpd modules/http/http_filters.c, ap_discard_request_body, as seen
// at work.
func discard(w http.ResponseWriter, x *exchange.Exchange) error {
	if x.Body.Length() == 0 || len(x.Request.Header["Expect"]) > 0 {
		return nil
	}
	_, err := io.Copy(io.Discard, x.Body)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, exchange.ErrBodyTooLarge):
		return &exchange.Refusal{Status: http.StatusRequestEntityTooLarge, Code: "AH01591", Level: "error", Module: "core",
			Log: "Read content length of the request body is larger than the configured limit"}
	}
	if strings.HasPrefix(x.Request.Proto, "HTTP/1") {
		w.Header().Set("Connection", "close")
	}
	x.Response.Close = true
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &exchange.Refusal{Status: http.StatusRequestTimeout, Code: "AH01382", Level: "info", Module: "reqtimeout", Log: "Request body read timeout"}
	}
	return &exchange.Refusal{Status: http.StatusBadRequest, Level: "info", Module: "core", Log: "the request body broke off: " + err.Error()}
}
