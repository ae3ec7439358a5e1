package http1

import (
	"bytes"
	"net/http"
	"sync"
)

// A Verdict is what Judge finds of the head of a request. Method, Target and
// Proto are there as far as they could be read; Target is the whole line if
// that could not be taken apart.
type Verdict struct {
	Method, Target, Proto string
	Host                  string // as a whole URL or the header has it
	Length                int64  // of the body; less than 0 is chunks
	Fault                 *Fault // why it is refused, nil if it is not
}

// judges are connections without a client.
var judges = sync.Pool{New: func() any {
	c := &connection{request: new(http.Request)}
	c.head.fields = http.Header{}
	c.body.c = c
	return c
}}

// Judge reads the head of the request that b begins with, by the rules of
// Serve, for somebody else who answers it. n is how long it is, with the empty
// line that ends it; 0 if b has not all of it and nothing is wrong so far.
func Judge(b []byte) (v Verdict, n int) {
	c := judges.Get().(*connection)
	defer judges.Put(c)
	n, fault := c.head.divide(b)
	if n == 0 && fault == nil {
		return Verdict{}, 0
	}
	if fault == nil {
		fault = c.understand(string(b[:n]))
	} else {
		c.reset()
		if len(c.head.lines) > 0 {
			c.requestLine(string(b[c.head.lines[0].from:c.head.lines[0].to]))
		}
	}
	r := c.request
	v = Verdict{r.Method, r.RequestURI, r.Proto, r.Host, r.ContentLength, fault}
	c.reset()
	return v, n
}

// divide notes the lines of a head, and returns how long it is; 0 if its end is
// not there.
func (h *head) divide(b []byte) (n int, fault *Fault) {
	h.lines = h.lines[:0]
	for begin := 0; ; {
		length := bytes.IndexByte(b[begin:], '\n')
		if length < 0 {
			return 0, nil
		}
		end := begin + length
		switch {
		case end == begin || b[end-1] != '\r':
			if len(h.lines) == 0 {
				h.lines = append(h.lines, span{begin, end})
			}
			return 0, errBareLF
		case end-1 > begin:
			h.lines = append(h.lines, span{begin, end - 1})
		case len(h.lines) == 0:
			return 0, &Fault{http.StatusBadRequest, "empty lines instead of a request"}
		default:
			return end + 1, nil
		}
		begin = end + 1
	}
}

// A Chunks finds where a body of chunks ends, for somebody else who reads it.
// Its zero value begins one.
type Chunks struct {
	at       chunkPart
	left     int64 // of the chunk
	line     []byte
	trailers int // bytes of them
}

type chunkPart int

const (
	chunkSizeLine chunkPart = iota
	chunkBytes
	chunkEnd
	trailerLines
)

// Take looks at the next bytes. It returns how many of them are the body's, and
// whether it ends with them. The error is that of what comes then.
func (c *Chunks) Take(b []byte) (n int, whole bool, err error) {
	for n < len(b) {
		if c.at == chunkBytes {
			some := min(int64(len(b)-n), c.left)
			n, c.left = n+int(some), c.left-some
			if c.left == 0 {
				c.at = chunkEnd
			}
			continue
		}
		part := b[n:]
		end := bytes.IndexByte(part, '\n')
		if end >= 0 {
			part = part[:end+1]
		}
		if len(c.line)+len(part) > chunkLine+2 {
			return n, false, errBadChunk
		}
		c.line = append(c.line, part...)
		if end >= 0 {
			if whole, ok := c.take(c.line); !ok {
				return n, false, errBadChunk
			} else if whole {
				return n + len(part), true, nil
			}
			c.line = c.line[:0]
		}
		n += len(part)
	}
	return n, false, nil
}

// take takes a line with its end. It reports whether the body ends with it.
func (c *Chunks) take(line []byte) (whole, ok bool) {
	line, ok = bytes.CutSuffix(line, []byte("\r\n"))
	if !ok {
		return false, false
	}
	switch c.at {
	case chunkSizeLine:
		if c.left, ok = chunkSize(line); !ok {
			return false, false
		}
		if c.at = chunkBytes; c.left == 0 {
			c.at = trailerLines
		}
	case chunkEnd:
		c.at = chunkSizeLine
		return false, len(line) == 0
	case trailerLines:
		c.trailers += len(line)
		return len(line) == 0, c.trailers <= trailerSize
	}
	return false, true
}
