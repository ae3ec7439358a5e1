package static

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
)

// A span is a range of a file, both ends within it.
type span struct{ first, last int64 }

func (s span) length() int64 { return s.last - s.first + 1 }

// Bounds of ranges, httpd's MaxRanges, MaxRangeOverlaps and MaxRangeReversals.
const (
	maxRanges    = 200
	maxOverlaps  = 20
	maxReversals = 20
)

// parseRanges reads Range for a file of size bytes. No spans and satisfiable
// means that the whole file is sent: the header says nothing that is
// understood, or too much. Spans that touch are merged.
//
// Source: httpd modules/http/byterange_filter.c, ap_set_byterange, as seen at
// work.
func parseRanges(header string, size int64) (spans []span, satisfiable bool) {
	const unit = "bytes="
	if size == 0 || len(header) < len(unit) || !strings.EqualFold(header[:len(unit)], unit) || strings.Count(header, ",") >= maxRanges {
		return nil, true
	}
	var sum int64
	overlaps, reversals, outside := 0, 0, false
	for i, part := range strings.Split(header[len(unit):], ",") {
		if part == "" && i > 0 {
			continue
		}
		s, ok := parseSpan(part, size)
		if !ok {
			return nil, true
		}
		if s.first >= size {
			outside = true
			continue
		}
		sum += s.length()
		if n := len(spans); n > 0 && touching(spans[n-1], s) {
			overlaps++
			if s.first < spans[n-1].first {
				reversals++
			}
			spans[n-1] = span{min(spans[n-1].first, s.first), max(spans[n-1].last, s.last)}
			continue
		}
		spans = append(spans, s)
	}
	switch {
	case len(spans) == 0:
		return nil, !outside
	case sum > size || overlaps > maxOverlaps || reversals > maxReversals:
		return nil, true
	}
	return spans, true
}

// touching reports whether two spans overlap or adjoin.
func touching(a, b span) bool { return b.first <= a.last+1 && b.last >= a.first-1 }

// parseSpan reads one range: digits only.
func parseSpan(part string, size int64) (span, bool) {
	first, last, ok := strings.Cut(part, "-")
	if !ok {
		return span{}, false
	}
	if first == "" {
		n, ok := digits(last)
		if !ok || n == 0 {
			return span{}, false
		}
		return span{max(0, size-n), size - 1}, true
	}
	from, ok := digits(first)
	if !ok {
		return span{}, false
	}
	if last == "" {
		return span{from, size - 1}, true
	}
	to, ok := digits(last)
	if !ok || to < from {
		return span{}, false
	}
	return span{from, min(to, size-1)}, true
}

func digits(s string) (int64, bool) {
	if s == "" || s[0] < '0' || s[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// sendSpans answers with spans of a file: one as it is, several as multipart.
func sendSpans(w http.ResponseWriter, file *os.File, size int64, spans []span, head bool) error {
	h := w.Header()
	if len(spans) == 1 {
		s := spans[0]
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", s.first, s.last, size))
		h.Set("Content-Length", strconv.FormatInt(s.length(), 10))
		w.WriteHeader(http.StatusPartialContent)
		if head {
			return nil
		}
		return sendSpan(w, file, s)
	}
	boundary := newBoundary()
	mediaType := ""
	if of := h.Get("Content-Type"); of != "" {
		mediaType = "Content-type: " + of + "\r\n"
	}
	heads, length := make([]string, len(spans)), int64(len(boundary)+8)
	for i, s := range spans {
		heads[i] = fmt.Sprintf("\r\n--%s\r\n%sContent-range: bytes %d-%d/%d\r\n\r\n", boundary, mediaType, s.first, s.last, size)
		length += int64(len(heads[i])) + s.length()
	}
	h.Set("Content-Type", "multipart/byteranges; boundary="+boundary)
	h.Set("Content-Length", strconv.FormatInt(length, 10))
	w.WriteHeader(http.StatusPartialContent)
	if head {
		return nil
	}
	for i, s := range spans {
		if _, err := io.WriteString(w, heads[i]); err != nil {
			return err
		}
		if err := sendSpan(w, file, s); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, "\r\n--"+boundary+"--\r\n")
	return err
}

func newBoundary() string {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// sendSpan sends a part of a file, by sendfile where w allows it.
func sendSpan(w io.Writer, file *os.File, s span) error {
	if _, err := file.Seek(s.first, io.SeekStart); err != nil {
		return err
	}
	n, err := io.Copy(w, &io.LimitedReader{R: file, N: s.length()})
	if err == nil && n < s.length() {
		err = io.ErrUnexpectedEOF // the file has shrunk
	}
	return err
}
