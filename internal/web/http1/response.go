package http1

import (
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"
)

// A response is the http.ResponseWriter of the request that is being answered.
// A short answer leaves in one write.
type response struct {
	c      *connection
	header http.Header
	status int   // 0 until WriteHeader
	length int64 // as declared; -1 if it is not known
	sent   int64 // bytes of the body so far, as given
	begun  bool  // the head is in the buffer, or out
	chunks bool  // the body goes out in chunks
	silent bool  // no body may follow: HEAD, 204, 304
	close  bool  // the connection ends after it
	old    bool  // the status line says HTTP/1.0
	err    error // of the connection; nothing more goes out

	held *[]byte
	buf  []byte // what has not left yet: buf[from:]
	from int
	keys []string
	text []byte // the head
}

const (
	bufferSize = 16 << 10
	// headRoom is left before a body whose length is not known yet.
	headRoom = 1 << 10
	// sendAt is how much is held back at the most: as much as httpd does.
	sendAt = 4 << 10
	// fileCopied is how much of a file is copied behind the head, so that both
	// leave in one write; more goes by sendfile.
	fileCopied = 8 << 10
)

var outputs = sync.Pool{New: func() any { b := make([]byte, bufferSize); return &b }}

// begin makes w the response of a new request.
func (w *response) begin() {
	clear(w.header)
	w.status, w.length, w.sent = 0, -1, 0
	w.begun, w.chunks, w.silent, w.close, w.old, w.err = false, false, false, w.c.request.Close, false, nil
}

// Header implements http.ResponseWriter.
func (w *response) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter. A status below 200 goes out at
// once, with the headers that are set.
func (w *response) WriteHeader(status int) {
	switch {
	case w.status != 0:
		return
	case status >= 100 && status < 200 && status != http.StatusSwitchingProtocols:
		if w.c.request.ProtoMinor >= 1 && w.err == nil {
			w.text = w.appendFields(appendStatus(w.text[:0], status), false)
			w.send(append(w.text, "\r\n"...))
		}
		return
	}
	w.status = status
	if status == http.StatusNotModified {
		delete(w.header, "Content-Type")
	}
	w.silent = w.c.request.Method == http.MethodHead || status == http.StatusNoContent || status == http.StatusNotModified
	if declared, ok := w.header["Content-Length"]; ok && len(declared) > 0 {
		if n, ok := contentLength(declared[0]); ok {
			w.length = n
		} else {
			delete(w.header, "Content-Length")
		}
	}
}

// Write implements http.ResponseWriter.
func (w *response) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	switch {
	case w.err != nil:
		return 0, w.err
	case w.c.request.Method == http.MethodHead:
		w.sent += int64(len(p))
		return len(p), nil
	case w.silent:
		return 0, http.ErrBodyNotAllowed
	case w.length >= 0 && w.sent+int64(len(p)) > w.length:
		return 0, http.ErrContentLength
	}
	w.sent += int64(len(p))
	w.room()
	if !w.begun {
		if w.length < 0 && len(w.buf)+len(p) <= cap(w.buf) {
			w.buf = append(w.buf, p...) // perhaps that is all
			return len(p), nil
		}
		w.start(false)
	}
	w.append(p)
	if len(w.buf)-w.from >= sendAt {
		w.flush()
	}
	if w.err != nil {
		return 0, w.err
	}
	return len(p), nil
}

// room makes sure that there is a buffer.
func (w *response) room() {
	if w.held == nil {
		w.held = outputs.Get().(*[]byte)
		w.buf, w.from = (*w.held)[:headRoom], headRoom
	}
}

// append appends a part of the body, as a chunk if it goes in chunks. Once the
// buffer is full it leaves.
func (w *response) append(p []byte) {
	const frame = 10 // of a chunk that fits the buffer: size, CR LF, CR LF
	for len(p) > 0 && w.err == nil {
		space := cap(w.buf) - len(w.buf)
		switch {
		case w.chunks && space <= frame, space == 0:
			w.flush()
			continue
		case w.chunks:
			n := min(len(p), space-frame)
			w.buf = appendHex(w.buf, n)
			w.buf = append(append(append(w.buf, '\r', '\n'), p[:n]...), '\r', '\n')
			p = p[n:]
		case len(w.buf) == w.from && len(p) >= space:
			w.send(p)
			return
		default:
			n := min(len(p), space)
			w.buf = append(w.buf, p[:n]...)
			p = p[n:]
		}
	}
}

func appendHex(b []byte, n int) []byte { return strconv.AppendInt(b, int64(n), 16) }

// ReadFrom implements io.ReaderFrom: a long file of declared length goes by
// sendfile.
func (w *response) ReadFrom(src io.Reader) (int64, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	limited, ok := src.(*io.LimitedReader)
	var file *os.File
	if ok {
		file, _ = limited.R.(*os.File)
	}
	if file == nil || w.silent || w.length < 0 || limited.N <= fileCopied || limited.N > w.length-w.sent || w.err != nil {
		return io.Copy(writerOnly{w}, src)
	}
	w.room()
	if !w.begun {
		w.start(false)
	}
	if w.flush(); w.err != nil {
		return 0, w.err
	}
	n, err := w.c.conn.ReadFrom(limited)
	w.sent += n
	if err != nil {
		w.err = err
	}
	return n, err
}

type writerOnly struct{ io.Writer }

// FlushError sends what was written so far.
func (w *response) FlushError() error {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	w.room()
	if !w.begun {
		w.start(false)
	}
	w.flush()
	return w.err
}

// Flush implements http.Flusher.
func (w *response) Flush() { w.FlushError() }

// AnswerHTTP10 lets the status line say HTTP/1.0, for clients that know no
// later version. The answer must not have begun.
func (w *response) AnswerHTTP10() { w.old = true }

// SetReadDeadline is for http.ResponseController: of reads of the body.
func (w *response) SetReadDeadline(t time.Time) error { return w.c.conn.SetReadDeadline(t) }

// SetWriteDeadline is for http.ResponseController.
func (w *response) SetWriteDeadline(t time.Time) error { return w.c.conn.SetWriteDeadline(t) }

// EnableFullDuplex is for http.ResponseController: it is always so.
func (w *response) EnableFullDuplex() error { return nil }

// sayContinue tells the client that its body is wanted.
func (w *response) sayContinue() error {
	if w.begun {
		return nil
	}
	w.send([]byte("HTTP/1.1 100 Continue\r\n\r\n"))
	return w.err
}

// start puts the head before what is in the buffer. If that is all of the
// body, its length goes with it.
func (w *response) start(all bool) {
	w.begun = true
	body := w.buf[w.from:]
	r := w.c.request
	switch {
	case w.length >= 0 || w.status == http.StatusNoContent || w.status == http.StatusNotModified:
	case all && (r.Method != http.MethodHead || w.sent > 0):
		w.length = w.sent
		w.header["Content-Length"] = []string{strconv.FormatInt(w.length, 10)}
	case r.Method == http.MethodHead:
	case r.ProtoMinor == 0:
		w.close = true
	default:
		w.chunks = true
	}
	if slices.Contains(w.header["Connection"], "close") || w.c.body.awaited() || w.c.conn.Closing() {
		w.close = true
	}
	w.text = w.appendHead(w.text[:0])
	if w.chunks && len(body) > 0 {
		w.text = append(appendHex(w.text, len(body)), '\r', '\n')
		w.buf = append(w.buf, '\r', '\n')
	}
	if len(w.text) <= w.from {
		w.from -= len(w.text)
		copy(w.buf[w.from:], w.text)
		return
	}
	w.send(w.text)
}

// finish sends the rest.
func (w *response) finish() error {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	w.room()
	if !w.begun {
		w.start(true)
	}
	if w.chunks && !w.silent {
		if cap(w.buf)-len(w.buf) < 5 {
			w.flush()
		}
		w.buf = append(w.buf, "0\r\n\r\n"...)
	}
	w.flush()
	w.giveBack()
	if w.err == nil && !w.silent && w.length >= 0 && w.sent < w.length {
		w.err = io.ErrUnexpectedEOF
	}
	return w.err
}

// abandon breaks the response off: it never looks whole.
func (w *response) abandon() {
	w.giveBack()
	if w.begun {
		w.c.conn.Break()
	}
}

func (w *response) giveBack() {
	if w.held != nil {
		outputs.Put(w.held)
		w.held, w.buf = nil, nil
	}
}

// flush sends the buffer.
func (w *response) flush() {
	if len(w.buf) > w.from {
		w.send(w.buf[w.from:])
	}
	w.buf, w.from = (*w.held)[:0], 0
}

func (w *response) send(p []byte) {
	if w.err == nil {
		_, w.err = w.c.conn.Write(p)
	}
}
