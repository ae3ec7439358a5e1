package ajp

import (
	"io"
	"net/http"
)

// A body is the body of a request, read packet by packet as the Handler asks
// for it. Only the first packet of a body with a declared length comes
// unasked. Its fields are guarded by conn.mu.
type body struct {
	conn    *serverConn
	left    int64  // of the declared length that did not come yet; -1: none was declared
	unasked bool   // the first packet is on its way
	data    []byte // of the last packet, not read yet; valid until the next
	over    bool   // the web server has no more
	most    int64  // that may still be read; -1 is no limit
	err     error  // of an earlier read
	closed  bool
}

// Read gives what is there of the last packet, else asks for another one. A
// body that breaks off gives io.ErrUnexpectedEOF, one that is longer than
// MaxPostSize an *http.MaxBytesError.
func (b *body) Read(p []byte) (int, error) {
	b.conn.mu.Lock()
	defer b.conn.mu.Unlock()
	switch {
	case b.closed:
		return 0, http.ErrBodyReadAfterClose
	case b.err != nil:
		return 0, b.err
	case len(p) == 0:
		return 0, nil
	}
	n, err := b.read(p)
	if err != nil && n == 0 {
		b.err = err
		return 0, err
	}
	return n, nil
}

func (b *body) read(p []byte) (int, error) {
	limit := b.conn.server.settings.post
	if b.most >= 0 && b.left > b.most {
		return 0, &http.MaxBytesError{Limit: limit}
	}
	for len(b.data) == 0 {
		if b.over && b.left > 0 {
			return 0, io.ErrUnexpectedEOF
		}
		if b.over || b.left == 0 {
			return 0, io.EOF
		}
		if err := b.next(); err != nil {
			return 0, err
		}
	}
	data := b.data
	if b.most >= 0 {
		data = data[:min(int64(len(data)), b.most)]
		if len(data) == 0 {
			return 0, &http.MaxBytesError{Limit: limit}
		}
		b.most -= int64(min(len(p), len(data)))
	}
	n := copy(p, data)
	b.data = b.data[n:]
	return n, nil
}

// next takes the next packet.
func (b *body) next() error {
	c := b.conn
	if c.broken {
		return io.ErrUnexpectedEOF
	}
	if !b.unasked {
		ask := GetBodyChunk{Length: uint16(c.conn.max - headLen - 2)}
		if err := c.flush(AppendPacket(c.conn.queue(), ask)); err != nil {
			return err
		}
	}
	return b.take()
}

// take reads the packet that is on its way.
func (b *body) take() error {
	c := b.conn
	b.unasked = false
	if c.server.ConnectionTimeout > 0 && !c.deadline.Load() {
		c.readDeadline()
	}
	data, err := c.conn.ReadBody()
	if err == nil && b.left >= 0 && int64(len(data)) > b.left {
		err = &ProtocolError{"request body", 0, "is longer than its Content-Length"}
	}
	if err != nil {
		c.broken = true
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	if len(data) == 0 {
		b.over = true
	} else if b.left > 0 {
		b.left -= int64(len(data))
	}
	b.data = data
	return nil
}

// settle takes the packet that nobody read, so that the connection is in step,
// and reports whether it is. What else is left of the body never comes: nobody
// asks for it.
func (b *body) settle() bool {
	if b.unasked && !b.conn.broken {
		b.take()
	}
	b.data = nil
	return !b.conn.broken
}

// Close ends the reading.
func (b *body) Close() error {
	b.conn.mu.Lock()
	defer b.conn.mu.Unlock()
	b.closed = true
	return nil
}
