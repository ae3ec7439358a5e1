package http1

import (
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

// An input is what the client sent and nobody has taken yet. Its buffer is
// only there while there is something in it.
type input struct {
	conn Conn
	raw  syscall.RawConn
	max  int // of the buffer
	held *[]byte
	buf  []byte
	r, w int // what is in it: buf[r:w]

	one  [1]byte
	once func(fd uintptr) bool // reads into a fresh buffer, for raw
	err  error                 // of once
}

var inputs = sync.Pool{New: func() any { b := make([]byte, 4<<10); return &b }}

func (in *input) init(conn Conn, most int) {
	if most <= 0 {
		most = defaultHead
	}
	in.conn, in.raw, in.max = conn, conn.RawConn(), most
	in.once = in.readOnce
}

func (in *input) empty() bool { return in.r == in.w }

// take makes sure that there is a buffer.
func (in *input) take() {
	if in.buf == nil {
		in.held = inputs.Get().(*[]byte)
		in.buf = *in.held
		in.r, in.w = 0, 0
	}
}

// giveBack gives the buffer back. What is in it is lost.
func (in *input) giveBack() {
	if in.held != nil {
		inputs.Put(in.held) // a larger one that grew out of it is garbage
	}
	in.held, in.buf, in.r, in.w = nil, nil, 0, 0
}

// first waits for the first byte of a request. While it waits there is no
// buffer.
func (in *input) first() error {
	if !in.empty() {
		copy(in.buf, in.buf[in.r:in.w])
		in.r, in.w = 0, in.w-in.r
		return nil
	}
	in.giveBack()
	if in.raw == nil {
		return in.firstByte()
	}
	err := os.ErrDeadlineExceeded
	if !in.conn.Closing() {
		err = in.raw.Read(in.once)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) { // a request that came just now is still answered
		in.err = os.ErrDeadlineExceeded
		if err = in.raw.Control(func(fd uintptr) { in.once(fd) }); err == nil && in.err == nil {
			in.conn.Enter(Idle) // takes the deadline away
		}
	}
	if err == nil {
		err = in.err
	}
	return err
}

// firstByte is first for a connection that cannot be read directly: it waits
// for one byte only, so that there is no buffer meanwhile either.
func (in *input) firstByte() error {
	err := os.ErrDeadlineExceeded
	n := 0
	if !in.conn.Closing() {
		n, err = in.conn.Read(in.one[:])
	}
	if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && in.conn.Waiting() { // a request that came just now is still answered
		in.conn.SetReadDeadline(time.Now().Add(lastByte))
		n, err = in.conn.Read(in.one[:])
	}
	if n == 0 {
		if err == nil {
			err = io.ErrNoProgress
		}
		return err
	}
	in.take()
	in.buf[0], in.w = in.one[0], 1
	return nil
}

// lastByte is how long what a client has sent already may take to make sense.
const lastByte = 200 * time.Millisecond

// readOnce reads what is there. It reports whether there was something, or the
// end.
func (in *input) readOnce(fd uintptr) bool {
	in.take()
	for {
		n, err := syscall.Read(int(fd), in.buf)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			in.giveBack()
			return false
		case err != nil:
			in.err = os.NewSyscallError("read", err)
		case n == 0:
			in.err = io.EOF
		default:
			in.w, in.err = n, nil
			in.conn.Received(n)
		}
		return true
	}
}

var errHeadTooLong = errors.New("the head of the request is too long")

// more reads more behind what is there, which keeps its place.
func (in *input) more() error {
	if in.w == len(in.buf) {
		if len(in.buf) >= in.max {
			return errHeadTooLong
		}
		larger := make([]byte, min(2*len(in.buf), in.max))
		copy(larger, in.buf[:in.w])
		in.buf = larger
	}
	n, err := in.conn.Read(in.buf[in.w:])
	in.w += n
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// space is a buffer whose content is not needed any more.
func (in *input) space() []byte {
	in.r, in.w = 0, 0
	return in.buf
}

// Read takes what is there, else reads from the connection.
func (in *input) Read(p []byte) (int, error) {
	if in.empty() {
		return in.conn.Read(p)
	}
	n := copy(p, in.buf[in.r:in.w])
	in.r += n
	return n, nil
}

// line takes one line, without its CR LF; longer than most, or with a bare LF,
// it is an error. The bytes are valid until the next call.
func (in *input) line(most int) ([]byte, error) {
	in.take()
	if in.empty() {
		in.r, in.w = 0, 0
	}
	for scan := in.r; ; {
		for ; scan < in.w; scan++ {
			if in.buf[scan] != '\n' {
				continue
			}
			line := in.buf[in.r:scan]
			in.r = scan + 1
			if len(line) == 0 || line[len(line)-1] != '\r' || len(line) > most {
				return nil, errBadChunk
			}
			return line[:len(line)-1], nil
		}
		if in.w-in.r > most {
			return nil, errBadChunk
		}
		if in.w == len(in.buf) && in.r > 0 {
			copy(in.buf, in.buf[in.r:in.w])
			scan -= in.r
			in.r, in.w = 0, in.w-in.r
		}
		if err := in.more(); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
}
