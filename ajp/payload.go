package ajp

// A payload is read from front to back. Its first error sticks, and everything
// read after it is zero, so that a message checks once, at the end.
type payload struct {
	message string
	bytes   []byte
	whole   string // bytes once more, if what is read may share one string
	at      int
	err     error
}

func (p *payload) fail(text string) {
	if p.err == nil {
		p.err = &ProtocolError{p.message, p.at, text}
	}
}

// take returns the next n bytes, nil if there are fewer.
func (p *payload) take(n int) []byte {
	if p.err != nil {
		return nil
	}
	if len(p.bytes)-p.at < n {
		p.fail("truncated")
		return nil
	}
	taken := p.bytes[p.at : p.at+n : p.at+n]
	p.at += n
	return taken
}

func (p *payload) byte() byte {
	if b := p.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (p *payload) bool() bool { return p.byte() != 0 }

func (p *payload) uint16() uint16 {
	if b := p.take(2); b != nil {
		return uint16(b[0])<<8 | uint16(b[1])
	}
	return 0
}

// string returns the bytes of a string, and whether it is one: a null string
// is none.
func (p *payload) string() (text []byte, ok bool) { return p.stringOf(p.uint16()) }

// stringOf returns the rest of a string whose length was read.
func (p *payload) stringOf(length uint16) (text []byte, ok bool) {
	if length == 0xffff || p.err != nil {
		return nil, false
	}
	text = p.take(int(length))
	if end := p.take(1); end != nil && end[0] != 0 {
		p.at--
		p.fail("a string that does not end in NUL")
	}
	return text, p.err == nil
}

// text is a string that null leaves empty.
func (p *payload) text() string {
	b, _ := p.string()
	return p.textOf(b)
}

// textOf returns a copy of b, which was read just now, with its NUL.
func (p *payload) textOf(b []byte) string {
	if p.whole == "" {
		return string(b)
	}
	if len(b) == 0 {
		return ""
	}
	return p.whole[p.at-1-len(b) : p.at-1]
}

// rest returns how many bytes are left.
func (p *payload) rest() int { return len(p.bytes) - p.at }

// done returns the first error, or one if bytes are left.
func (p *payload) done() error {
	if p.err == nil && p.rest() > 0 {
		p.fail("trailing bytes")
	}
	return p.err
}
