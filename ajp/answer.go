package ajp

import (
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// An answer is the http.ResponseWriter of one request. The head is put
// together when its status is known, the body in chunks that fill a packet; an
// answer that fits in one leaves in one write, with its length. Its fields are
// guarded by conn.mu.
type answer struct {
	conn   *serverConn
	head   bool // the request is HEAD: nobody wants a body
	header http.Header

	status    int     // 0: not known yet
	message   *output // the Send Headers, until it is queued
	count     int     // headers in it
	tooLarge  *TooLargeError
	declared  int64 // Content-Length; -1: not known
	typed     bool  // there is a Content-Type, or may be none
	committed bool  // the Send Headers is queued
	written   int64 // bytes of the body that the Handler wrote
	chunk     *output
	last      bool        // the connection ends after this answer
	ended     atomic.Bool // nothing can be added any more
}

func newAnswer(c *serverConn, method string) *answer {
	return &answer{conn: c, head: method == http.MethodHead, header: http.Header{}, declared: -1}
}

// errEnded is given to who writes after the Handler has returned.
var errEnded = errors.New("ajp: the answer has ended")

// Header returns the headers, which can be changed until the status is
// written.
func (w *answer) Header() http.Header { return w.header }

// WriteHeader begins the answer. Interim statuses (1xx) cannot be sent by AJP
// and are ignored, but for 101: an upgrade that the web server cannot make
// becomes 500.
func (w *answer) WriteHeader(status int) {
	w.conn.mu.Lock()
	defer w.conn.mu.Unlock()
	if status < 100 || status > 999 {
		panic("ajp: invalid WriteHeader code " + strconv.Itoa(status))
	}
	w.writeHeader(status)
}

func (w *answer) writeHeader(status int) {
	switch {
	case w.status != 0 || w.ended.Load():
		return
	case status == http.StatusSwitchingProtocols:
		status = http.StatusInternalServerError
	case status < 200:
		return
	}
	w.status = status
	w.message = borrow()
	reason := http.StatusText(status)
	b := append(w.message.bytes, 'A', 'B', 0, 0, byte(PrefixSendHeaders))
	b = appendString(binary.BigEndian.AppendUint16(b, uint16(status)), reason)
	w.message.bytes = append(b, 0, 0)
	w.writeHeaders()
}

// countAt returns where the number of headers stands in the message.
func (w *answer) countAt() int { return headLen + 1 + 2 + 2 + len(http.StatusText(w.status)) + 1 }

// writeHeaders adds the Handler's headers, in order of their names.
func (w *answer) writeHeaders() {
	var room [16]string
	names := room[:0]
	for name := range w.header {
		if isToken(name) && !strings.HasPrefix(name, http.TrailerPrefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		values := w.header[name]
		switch name {
		case "Transfer-Encoding", "Trailer": // the web server frames the answer
			continue
		case "Content-Length":
			length, err := strconv.ParseUint(strings.Join(values, ","), 10, 63)
			if err != nil || !w.mayHaveBody() && w.status != http.StatusNotModified {
				continue
			}
			w.declared = int64(length)
		case "Content-Type", "Content-Encoding":
			w.typed = true
		}
		for _, value := range values {
			w.add(name, value)
		}
	}
}

// add adds one header to the message.
func (w *answer) add(name, value string) {
	if len(name) > maxString || len(value) > maxString || len(name) >= codedName && len(name) <= codedEnd {
		w.tooLarge = &TooLargeError{Need: len(name) + len(value), Max: w.conn.conn.max, Largest: name}
		return
	}
	b := w.message.bytes
	if code := responseCode(name); code != 0 {
		b = append(b, 0xa0, code)
	} else {
		b = appendString(b, name)
	}
	w.message.bytes = appendString(b, clean(value))
	w.count++
	if len(w.message.bytes) > w.conn.conn.max && w.tooLarge == nil {
		w.tooLarge = &TooLargeError{Need: len(w.message.bytes), Max: w.conn.conn.max, Largest: largestOf(w.header)}
	}
}

var lineEnds = strings.NewReplacer("\r", " ", "\n", " ", "\x00", " ")

// clean returns value without what would end its line.
func clean(value string) string {
	if isText(value) {
		return textproto.TrimString(value)
	}
	return textproto.TrimString(lineEnds.Replace(value))
}

// largestOf names the header that takes most.
func largestOf(header http.Header) string {
	name, most := "", 0
	for each, values := range header {
		n := 0
		for _, value := range values {
			n += len(each) + len(value)
		}
		if n > most {
			name, most = each, n
		}
	}
	return name
}

// mayHaveBody reports whether an answer with this status has a body.
func (w *answer) mayHaveBody() bool {
	return w.status != http.StatusNoContent && w.status != http.StatusResetContent && w.status != http.StatusNotModified
}

// room is how many bytes of a body go into one chunk.
func (w *answer) room() int { return w.conn.conn.max - headLen - 4 }

// Write adds to the body.
func (w *answer) Write(p []byte) (int, error) {
	w.conn.mu.Lock()
	defer w.conn.mu.Unlock()
	return w.write(p)
}

// WriteString adds to the body.
func (w *answer) WriteString(s string) (int, error) { return w.Write([]byte(s)) }

func (w *answer) write(p []byte) (int, error) {
	w.writeHeader(http.StatusOK)
	switch {
	case w.ended.Load():
		return 0, errEnded
	case !w.mayHaveBody():
		return 0, http.ErrBodyNotAllowed
	case w.declared >= 0 && w.written+int64(len(p)) > w.declared:
		return 0, http.ErrContentLength
	case w.conn.broken:
		return 0, io.ErrClosedPipe
	}
	n := len(p)
	for len(p) > 0 {
		if w.chunk == nil {
			w.chunk = borrow()
		}
		if len(w.chunk.bytes) == w.room() {
			if err := w.sendChunk(); err != nil {
				return n - len(p), err
			}
		}
		some := min(len(p), w.room()-len(w.chunk.bytes))
		w.chunk.bytes = append(w.chunk.bytes, p[:some]...)
		w.written += int64(some)
		p = p[some:]
	}
	return n, nil
}

// ReadFrom adds all of r to the body.
func (w *answer) ReadFrom(r io.Reader) (n int64, err error) {
	buf := borrow()
	defer giveBack(buf)
	for {
		read, err := r.Read(buf.bytes[:cap(buf.bytes)])
		if read > 0 { // r may be the request's body: the lock is not held while it is read
			if _, err := w.Write(buf.bytes[:read]); err != nil {
				return n, err
			}
			n += int64(read)
		}
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// sendChunk queues what is in chunk, after the Send Headers.
func (w *answer) sendChunk() error {
	if err := w.commit(); err != nil {
		return err
	}
	if w.chunk == nil {
		return nil
	}
	data := w.chunk.bytes
	w.chunk.bytes = data[:0]
	if len(data) == 0 || w.head {
		return nil
	}
	b := append(w.conn.conn.queue(), 'A', 'B', 0, 0, byte(PrefixSendBodyChunk), 0, 0)
	binary.BigEndian.PutUint16(b[len(b)-5:], uint16(len(data)+4))
	binary.BigEndian.PutUint16(b[len(b)-2:], uint16(len(data)))
	return w.conn.keep(append(append(b, data...), 0))
}

// commit queues the Send Headers if that was not done. One that does not fit
// in a packet becomes a 500, and the connection ends after it, as in Tomcat.
func (w *answer) commit() error {
	if w.committed {
		return nil
	}
	w.writeHeader(http.StatusOK)
	if !w.typed && w.chunk != nil && len(w.chunk.bytes) > 0 {
		w.add("Content-Type", http.DetectContentType(w.chunk.bytes))
	}
	if err := w.tooLarge; err != nil {
		w.conn.server.settings.log.Error("the headers of an answer are larger than a packet", "err", err, "packetSize", w.conn.conn.max)
		w.startOver(http.StatusInternalServerError)
		w.last = true
		w.end()
		w.ended.Store(true)
		return err
	}
	return w.queueMessage()
}

// queueMessage queues the Send Headers.
func (w *answer) queueMessage() error {
	b := w.message.bytes
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)-headLen))
	binary.BigEndian.PutUint16(b[w.countAt():], uint16(w.count))
	w.committed = true
	err := w.conn.keep(append(w.conn.conn.queue(), b...))
	giveBack(w.message)
	w.message = nil
	return err
}

// startOver drops what was written and answers with a status and a line of
// text. It reports whether that was possible: nothing was sent yet.
func (w *answer) startOver(status int) bool {
	if w.committed {
		return false
	}
	w.release()
	w.status, w.count, w.tooLarge, w.declared, w.typed, w.written = 0, 0, nil, -1, false, 0
	w.header = http.Header{"Content-Type": {"text/plain; charset=utf-8"}, "X-Content-Type-Options": {"nosniff"}}
	w.writeHeader(status)
	w.write([]byte(http.StatusText(status) + "\n"))
	return true
}

// Flush sends what was written on to the client.
func (w *answer) Flush() { w.FlushError() }

// FlushError sends what was written on to the client.
func (w *answer) FlushError() error {
	w.conn.mu.Lock()
	defer w.conn.mu.Unlock()
	if w.ended.Load() {
		return errEnded
	}
	if err := w.sendChunk(); err != nil {
		return err
	}
	b := w.conn.conn.queue()
	if !w.head && w.mayHaveBody() {
		b = AppendPacket(b, SendBodyChunk{})
	}
	return w.conn.flush(b)
}

// finish ends the answer after the Handler has returned, and reports whether
// the connection can carry another request. An answer that is shorter than it
// was declared is broken off, so that it does not look complete.
func (w *answer) finish(b *body) bool {
	if !w.ended.Load() {
		w.end()
	}
	w.ended.Store(true)
	if w.conn.broken {
		return false
	}
	if w.declared > w.written && !w.head && w.mayHaveBody() {
		w.conn.server.settings.log.Error("an answer is shorter than its Content-Length", "content_length", w.declared, "written", w.written)
		w.conn.flush(w.conn.conn.queue())
		return false
	}
	if b.unasked && w.conn.conn.in.empty() { // it may take a while: the client need not wait for it
		w.conn.flush(w.conn.conn.queue())
	}
	if !b.settle() {
		return false
	}
	reuse := !w.last && !w.conn.server.isDraining()
	return w.conn.flush(AppendPacket(w.conn.conn.queue(), EndResponse{Reuse: reuse})) == nil && reuse
}

// end queues what is left. The length of what was not sent before is known.
func (w *answer) end() {
	w.writeHeader(http.StatusOK)
	if !w.committed && w.declared < 0 && w.mayHaveBody() && (!w.head || w.written > 0) {
		w.declared = w.written
		w.add("Content-Length", strconv.FormatInt(w.written, 10))
	}
	w.sendChunk() // its error is kept in conn.broken, or was answered
}

// release gives the buffers back.
func (w *answer) release() {
	if w.message != nil {
		giveBack(w.message)
	}
	if w.chunk != nil {
		giveBack(w.chunk)
	}
	w.message, w.chunk = nil, nil
}

// SetReadDeadline sets until when the body has to come; the zero time is for
// ever. It holds for this request, also for a read that waits.
func (w *answer) SetReadDeadline(t time.Time) error {
	if w.ended.Load() {
		return errEnded
	}
	w.conn.deadline.Store(true)
	return w.conn.conn.SetReadDeadline(t)
}

// SetWriteDeadline sets until when the answer has to be taken. It holds for
// this request.
func (w *answer) SetWriteDeadline(t time.Time) error {
	if w.ended.Load() {
		return errEnded
	}
	w.conn.deadline.Store(true)
	return w.conn.conn.SetWriteDeadline(t)
}

// EnableFullDuplex is how it is anyway: the body can be read after the answer
// has begun.
func (w *answer) EnableFullDuplex() error { return nil }
