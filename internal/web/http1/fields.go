package http1

import (
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"time"
)

// appendHead appends status line and headers with the empty line.
func (w *response) appendHead(b []byte) []byte {
	minor := len(b) + len("HTTP/1.")
	if b = appendStatus(b, w.status); w.old {
		b[minor] = '0'
	}
	if _, ok := w.header["Date"]; !ok {
		b = append(append(append(b, "Date: "...), dateNow()...), '\r', '\n')
	}
	b = w.appendFields(b, true)
	if w.chunks {
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	}
	switch {
	case w.close:
		b = append(b, "Connection: close\r\n"...)
	case w.c.request.ProtoMinor == 0:
		b = append(b, "Connection: keep-alive\r\n"...)
	}
	return append(b, '\r', '\n')
}

// appendFields appends the headers in the order of their names. Those of
// framing are only there if the response is final.
func (w *response) appendFields(b []byte, final bool) []byte {
	w.keys = w.keys[:0]
	for name := range w.header {
		w.keys = append(w.keys, name)
	}
	slices.Sort(w.keys)
	for _, name := range w.keys {
		switch name {
		case "Connection", "Transfer-Encoding":
			continue
		case "Content-Length":
			if !final || w.status == http.StatusNoContent {
				continue
			}
		}
		if !isToken(name) {
			continue
		}
		for _, value := range w.header[name] {
			b = append(append(append(b, name...), ':', ' '), value...)
			for i := len(b) - len(value); i < len(b); i++ {
				if b[i] == '\r' || b[i] == '\n' || b[i] == 0 { // it would begin another line
					b[i] = ' '
				}
			}
			b = append(b, '\r', '\n')
		}
	}
	return b
}

// appendStatus appends the status line.
func appendStatus(b []byte, status int) []byte {
	if status == http.StatusOK {
		return append(b, "HTTP/1.1 200 OK\r\n"...)
	}
	b = strconv.AppendInt(append(b, "HTTP/1.1 "...), int64(status), 10)
	b = append(b, ' ')
	if text := http.StatusText(status); text != "" {
		b = append(b, text...)
	} else {
		b = strconv.AppendInt(append(b, "status code "...), int64(status), 10)
	}
	return append(b, '\r', '\n')
}

// A date is the value of Date during one second.
type date struct {
	second int64
	text   string
}

var today atomic.Pointer[date]

// dateNow returns the value of Date.
func dateNow() string {
	now := time.Now()
	d := today.Load()
	if d == nil || d.second != now.Unix() {
		d = &date{now.Unix(), now.UTC().Format(http.TimeFormat)}
		today.Store(d)
	}
	return d.text
}
