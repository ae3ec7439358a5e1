// Package probe talks AJP/1.3 to one container by hand. What comes in is where
// it is and what it wants, what goes out is an answer, or what is wrong in
// words, with what to do.
//
// It is for people who look for a fault: nothing is pooled or repeated, and no
// state of a running server changes.
package probe

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"github.com/catflap/catflap/ajp"
)

// A Container is what to talk to. A zero field means its default.
type Container struct {
	Address string        // host:port; required
	Secret  string        // secret; empty sends none
	Packet  int           // max_packet_size; default 8192
	Source  string        // source: the local address
	Connect time.Duration // how long a connection may take; default 5 s
	Pong    time.Duration // how long CPONG may take; default 2 s
	Reply   time.Duration // how long an answer to a request may take; default 10 s

	// Dial opens the connection; default: the system's way.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// filled returns c with its defaults.
func (c Container) filled() Container {
	if c.Packet == 0 {
		c.Packet = ajp.DefaultMaxPacket
	}
	if c.Connect <= 0 {
		c.Connect = 5 * time.Second
	}
	if c.Pong <= 0 {
		c.Pong = 2 * time.Second
	}
	if c.Reply <= 0 {
		c.Reply = 10 * time.Second
	}
	if c.Dial == nil {
		d := net.Dialer{}
		if ip := net.ParseIP(c.Source); ip != nil {
			d.LocalAddr = &net.TCPAddr{IP: ip}
		}
		c.Dial = d.DialContext
	}
	return c
}

// A Pulse is the sign of life of a container.
type Pulse struct {
	Pong  time.Duration // from CPING to CPONG
	Reply time.Duration // from a request to the end of its answer
}

// Ping asks for CPONG, and whether requests are taken: with this secret, and
// in packets of this size. The request is OPTIONS *, which no application of a
// Tomcat sees. The error is a *Trouble.
func Ping(ctx context.Context, c Container) (Pulse, error) {
	c = c.filled()
	var p Pulse
	line, err := c.open(ctx)
	if err != nil {
		return p, err
	}
	defer line.conn.Close()
	if p.Pong, err = line.ping(); err != nil {
		return p, err
	}
	began := time.Now()
	answer, err := line.ask(ctx, request("OPTIONS", "*", c, 0), io.Discard)
	switch {
	case err != nil:
		return p, err
	case answer.Status == http.StatusForbidden:
		return p, &Trouble{Kind: secretKind(c), container: c}
	}
	p.Reply = time.Since(began)
	if c.Packet > ajp.DefaultMaxPacket {
		return p, c.fits(ctx)
	}
	return p, nil
}

// fits asks in a packet that is as large as c allows. A Tomcat with a smaller
// packetSize answers 400 and closes, others may just close.
func (c Container) fits(ctx context.Context) error {
	line, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer line.conn.Close()
	answer, err := line.ask(ctx, request("OPTIONS", "*", c, c.Packet), io.Discard)
	trouble, broke := errors.AsType[*Trouble](err)
	switch {
	case broke:
		return &Trouble{Kind: PacketTooSmall, container: c, Err: trouble.Err}
	case err == nil && answer.Status >= 400 && !answer.Reuse:
		return &Trouble{Kind: PacketTooSmall, container: c}
	}
	return err
}

// A line is a connection to a container.
type line struct {
	container Container
	conn      *ajp.Conn
	heard     *head
	begin     func(*Answer) error // called once, when the head of an answer is whole; nil is nothing
}

// open connects.
func (c Container) open(ctx context.Context) (*line, error) {
	dialing, cancel := context.WithTimeout(ctx, c.Connect)
	defer cancel()
	nc, err := c.Dial(dialing, "tcp", c.Address)
	if err != nil {
		return nil, &Trouble{Kind: dialKind(err), container: c, Err: err}
	}
	h := &head{Conn: nc}
	return &line{container: c, conn: ajp.NewConn(h, c.Packet), heard: h}, nil
}

// dialKind tells why a connection could not be opened.
func dialKind(err error) Kind {
	var name *net.DNSError
	var address *net.AddrError
	var timeout net.Error
	switch {
	case errors.As(err, &name):
		return UnknownName
	case errors.As(err, &address):
		return BadAddress
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return Forbidden
	case errors.Is(err, syscall.ECONNREFUSED):
		return Refused
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return Unreachable
	case errors.Is(err, syscall.ETIMEDOUT), errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return ConnectTimeout
	}
	return Broken
}

// ping sends CPING and returns how long CPONG took.
func (l *line) ping() (time.Duration, error) {
	began := time.Now()
	if err := l.conn.Ping(l.container.Pong); err != nil {
		return 0, l.trouble(err, Silent)
	}
	return time.Since(began), nil
}

// trouble says what err means; silent is what it means if nothing came in time.
func (l *line) trouble(err error, silent Kind) error {
	t := &Trouble{Kind: Broken, container: l.container, Err: err, Heard: l.heard.bytes}
	var timeout net.Error
	var protocol *ajp.ProtocolError
	switch {
	case len(t.Heard) > 0 && !bytes.HasPrefix([]byte("AB"), t.Heard[:min(2, len(t.Heard))]):
		t.Kind = NotAJP
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, os.ErrDeadlineExceeded):
		t.Kind = silent
	case errors.As(err, &protocol):
		t.Kind = Broken
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		t.Kind = Closed
	}
	return t
}

// A head is a connection of which the first bytes that came are kept.
type head struct {
	net.Conn
	bytes []byte
}

// headBytes is how much of what came first is kept.
const headBytes = 64

func (h *head) Read(p []byte) (int, error) {
	n, err := h.Conn.Read(p)
	if left := headBytes - len(h.bytes); left > 0 {
		h.bytes = append(h.bytes, p[:min(n, left)]...)
	}
	return n, err
}

// An Answer is what a container answered.
type Answer struct {
	Status  int
	Reason  string
	Headers []ajp.Header
	Reuse   bool  // the container keeps the connection
	Bytes   int64 // of the body
}

// Get asks for target, a path with an optional query, as a client of host
// would, and writes the body to w; before it, and if there is none at the
// end, head is called. Whether the container takes requests at all is asked
// first. The error is a *Trouble, or one of head and w.
func Get(ctx context.Context, c Container, host, target string, head func(*Answer) error, w io.Writer) error {
	if _, err := Ping(ctx, c); err != nil {
		return err
	}
	c = c.filled()
	line, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer line.conn.Close()
	r := request("GET", target, c, 0)
	r.ServerName, r.Headers[0].Value = host, host
	line.begin = head
	_, err = line.ask(ctx, r, w)
	return err
}

// request is a request to c; with size the packet has as many bytes.
func request(method, target string, c Container, size int) *ajp.ForwardRequest {
	r := &ajp.ForwardRequest{
		Method: method, Protocol: "HTTP/1.1", RemoteAddr: "127.0.0.1", ServerName: "localhost", ServerPort: 80,
		Headers: []ajp.Header{{Name: "Host", Value: "localhost"}, {Name: "User-Agent", Value: "catflap-ajp"}, {Name: "Accept", Value: "*/*"}},
	}
	r.Attributes.Secret = c.Secret
	r.URI = target
	for i := range len(target) {
		if target[i] == '?' {
			r.URI, r.Attributes.Query, r.Attributes.HasQuery = target[:i], target[i+1:], true
			break
		}
	}
	if size > 0 {
		const name = "X-Fill"
		r.Headers = append(r.Headers, ajp.Header{Name: name})
		bare, err := r.AppendTo(make([]byte, 4))
		if err == nil && len(bare) < size {
			r.Headers[len(r.Headers)-1].Value = string(bytes.Repeat([]byte{'x'}, size-len(bare)))
		}
	}
	return r
}

// ask sends r and reads the answer.
func (l *line) ask(ctx context.Context, r *ajp.ForwardRequest, w io.Writer) (*Answer, error) {
	stop := context.AfterFunc(ctx, func() { l.conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := l.conn.SetDeadline(time.Now().Add(l.container.Reply)); err != nil {
		return nil, err
	}
	if err := l.conn.SendRequest(r, nil); err != nil {
		if _, large := errors.AsType[*ajp.TooLargeError](err); large {
			return nil, &Trouble{Kind: TooLarge, container: l.container, Err: err}
		}
		return nil, l.trouble(err, NoAnswer)
	}
	a := &Answer{}
	for {
		m, err := l.conn.Receive()
		if err != nil {
			return nil, l.trouble(err, NoAnswer)
		}
		switch m.Prefix {
		case ajp.PrefixSendHeaders:
			a.Status, a.Reason = m.Headers.Status, m.Headers.Reason
			a.Headers = append(a.Headers, m.Headers.Headers...)
		case ajp.PrefixSendBodyChunk:
			if err := l.started(a); err != nil {
				return nil, err
			}
			a.Bytes += int64(len(m.Chunk))
			if _, err := w.Write(m.Chunk); err != nil {
				return nil, err
			}
		case ajp.PrefixGetBodyChunk:
			if err := l.conn.SendEndOfBody(); err != nil {
				return nil, l.trouble(err, NoAnswer)
			}
		case ajp.PrefixEndResponse:
			a.Reuse = m.Reuse
			return a, l.started(a)
		}
	}
}

// started tells that the head of a is whole.
func (l *line) started(a *Answer) error {
	begin := l.begin
	l.begin = nil
	if begin == nil {
		return nil
	}
	return begin(a)
}
