package exchange

import (
	"errors"
	"io"
)

var (
	// ErrBodyTooLarge is what Read returns once a body is larger than its limit.
	ErrBodyTooLarge = errors.New("request body larger than LimitRequestBody")
	// ErrBodyMalformed is what is below the error of Read if the client is
	// there, but its chunks are not as HTTP wants them.
	ErrBodyMalformed = errors.New("the body is not chunked as it should be")
	// ErrNotReplayable is what Rewind returns once more was read than is kept.
	ErrNotReplayable = errors.New("more of the request body was read than is kept for a repeat")
)

// BodyKept is how much of a body is kept for a repeat, in bytes.
const BodyKept = 64 << 10

// A Body is the body of a request: bounded, and readable again from the start
// as long as no more than BodyKept bytes were read. It is read by one
// goroutine at a time.
type Body struct {
	source io.Reader
	length int64 // declared; -1 if unknown
	limit  int64 // 0 is unlimited
	kept   []byte
	offset int   // position within kept; below its length while repeating
	read   int64 // taken from source
	lost   bool  // source gave more than is kept
	err    error // the end of source, io.EOF or worse
}

// NewBody returns the body that source holds. length is what the client
// declared, -1 if it declared none (chunked), 0 if there is no body. limit is
// LimitRequestBody, 0 for none.
func NewBody(source io.Reader, length, limit int64) *Body {
	return &Body{source: source, length: length, limit: limit}
}

// Reset makes b the body that source holds, without limit, as NewBody does.
func (b *Body) Reset(source io.Reader, length int64) {
	*b = Body{source: source, length: length, kept: b.kept[:0]}
	if cap(b.kept) > BodyKept/4 {
		b.kept = nil
	}
}

// Limited returns b with another limit. b must not have been read, and is not
// used again.
func (b *Body) Limited(limit int64) *Body {
	b.limit = limit
	return b
}

// Length returns the declared length in bytes, -1 if it is not known.
func (b *Body) Length() int64 { return b.length }

// Taken returns how many bytes the client has sent so far.
func (b *Body) Taken() int64 { return b.read }

// Err returns what ended reading from the client, nil if nothing has yet or
// the body came whole. ErrBodyTooLarge, or an error of the client's side.
func (b *Body) Err() error {
	if b.err == io.EOF {
		return nil
	}
	return b.err
}

// Whole reports whether all of the body was read from the client.
func (b *Body) Whole() bool {
	return b.length == 0 || b.err == io.EOF || b.length > 0 && b.read == b.length
}

// Read reads from the client, or first what is kept after a Rewind. A body
// shorter than its declared length ends with io.ErrUnexpectedEOF.
func (b *Body) Read(p []byte) (int, error) {
	if b.offset < len(b.kept) {
		n := copy(p, b.kept[b.offset:])
		b.offset += n
		return n, nil
	}
	if b.length == 0 {
		return 0, io.EOF
	}
	if b.err != nil {
		return 0, b.err
	}
	if b.limit > 0 && b.length > b.limit {
		b.err = ErrBodyTooLarge
		return 0, b.err
	}
	n, err := b.source.Read(p)
	return b.took(p[:n], err)
}

// took accounts for what source gave.
func (b *Body) took(p []byte, err error) (int, error) {
	b.read += int64(len(p))
	if b.limit > 0 && b.read > b.limit {
		b.err = ErrBodyTooLarge
		return 0, b.err
	}
	if !b.lost && len(b.kept)+len(p) <= BodyKept {
		b.kept = append(b.kept, p...)
		b.offset = len(b.kept)
	} else if len(p) > 0 {
		b.lost, b.kept, b.offset = true, nil, 0
	}
	if err == io.EOF && b.length > 0 && b.read < b.length {
		err = io.ErrUnexpectedEOF
	}
	b.err = err
	return len(p), err
}

// Rewind starts again from the first byte, or returns ErrNotReplayable, or
// the error that the client's side had.
func (b *Body) Rewind() error {
	if b.lost {
		return ErrNotReplayable
	}
	if err := b.Err(); err != nil {
		return err
	}
	b.offset = 0
	return nil
}

// Replayable reports whether Rewind would work.
func (b *Body) Replayable() bool { return !b.lost && b.Err() == nil }
