package http1

import (
	"fmt"
	"io"

	"github.com/catflap/catflap/internal/front/exchange"
)

var errBadChunk = fmt.Errorf("http: %w", exchange.ErrBodyMalformed)

const (
	chunkLine   = 4 << 10  // the most bytes of a chunk's first line
	trailerSize = 16 << 10 // the most bytes of all trailers
)

// A body is the body of the request that is being answered. It is the Body of
// its http.Request.
type body struct {
	c       *connection
	left    int64 // of the length, or of the chunk
	chunked bool
	begun   bool // the first chunk's line was read
	expects bool // the client waits for 100 (Continue)
	err     error
}

// begin makes b a body of n bytes, of chunks if n is negative.
func (b *body) begin(n int64, expects bool) {
	*b = body{c: b.c, left: n, chunked: n < 0, expects: expects && n != 0}
	if n <= 0 {
		b.left = 0
	}
	if n == 0 {
		b.err = io.EOF
	}
}

// whole reports whether all of it was read.
func (b *body) whole() bool { return b.err == io.EOF }

// awaited reports whether the client waits with it, and will not send it
// unless it is asked for.
func (b *body) awaited() bool { return b.expects && b.err == nil }

// Close implements io.Closer; what is left is for the connection.
func (b *body) Close() error { return nil }

// Read reads from the client. A body that ends early is io.ErrUnexpectedEOF.
func (b *body) Read(p []byte) (int, error) {
	if b.err != nil || len(p) == 0 {
		return 0, b.err
	}
	if b.expects {
		b.expects = false
		if b.err = b.c.out.sayContinue(); b.err != nil {
			return 0, b.err
		}
	}
	if b.chunked && b.left == 0 {
		if b.err = b.chunk(); b.err != nil {
			return 0, b.err
		}
	}
	n, err := b.c.in.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	switch {
	case n == 0 && err == io.EOF:
		err = io.ErrUnexpectedEOF
	case n > 0:
		err = nil
	}
	if err == nil && b.left == 0 && !b.chunked {
		err = io.EOF
	}
	b.err = err
	return n, err
}

// chunk reads up to the next chunk's bytes; after the last one it is io.EOF.
//
//	*( size [";" extension] CRLF bytes CRLF ) "0" CRLF *trailer CRLF
//
// Source: RFC 9112, 7.1.
func (b *body) chunk() error {
	if b.begun {
		if line, err := b.c.in.line(2); err != nil || len(line) > 0 {
			return errOr(err, errBadChunk)
		}
	}
	b.begun = true
	line, err := b.c.in.line(chunkLine)
	if err != nil {
		return err
	}
	size, ok := chunkSize(line)
	if !ok {
		return errBadChunk
	}
	b.left = size
	if size > 0 {
		return nil
	}
	for read := 0; ; {
		line, err := b.c.in.line(trailerSize - read)
		if err != nil {
			return err
		}
		if len(line) == 0 {
			return io.EOF
		}
		read += len(line) + 2
	}
}

func errOr(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// chunkSize reads the line before a chunk. Extensions are passed over.
func chunkSize(line []byte) (size int64, ok bool) {
	digits := 0
	for ; digits < len(line); digits++ {
		d := hex(line[digits])
		if d < 0 {
			break
		}
		if digits >= 15 {
			return 0, false
		}
		size = size<<4 | int64(d)
	}
	if digits == 0 {
		return 0, false
	}
	rest := line[digits:]
	for len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t') {
		rest = rest[1:]
	}
	if len(rest) > 0 && rest[0] != ';' {
		return 0, false
	}
	for _, c := range rest {
		if c < ' ' && c != '\t' || c == 0x7f {
			return 0, false
		}
	}
	return size, true
}

func hex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
