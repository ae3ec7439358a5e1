package interop

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/ajp"
)

// A talk is what a web server says to a container, and what it hears.
type talk struct {
	conn    net.Conn
	silence time.Duration // after which a container counts as silent
	heard   []string
	body    bytes.Buffer // of the answer that comes
}

// dialTalk begins a talk with the container at addr.
func dialTalk(t *testing.T, addr string) *talk {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &talk{conn: conn, silence: patience}
}

// say sends bytes and listens until it is the web server's turn again: after
// a Get Body Chunk, an End Response, a CPong, the end of the connection, or a
// silence. It reports whether the connection is still there.
func (k *talk) say(sent []byte) bool {
	if _, err := k.conn.Write(sent); err != nil {
		k.note("closed")
		return false
	}
	for {
		payload, err := k.packet()
		var timeout net.Error
		switch {
		case errors.As(err, &timeout) && timeout.Timeout():
			k.note("silent")
			return true
		case err != nil:
			k.note("closed")
			return false
		}
		if k.hear(payload) {
			return true
		}
	}
}

// packet reads one packet of the container.
func (k *talk) packet() ([]byte, error) {
	if err := k.conn.SetReadDeadline(time.Now().Add(k.silence)); err != nil {
		return nil, err
	}
	var head [4]byte
	if _, err := io.ReadFull(k.conn, head[:]); err != nil {
		return nil, err
	}
	if head[0] != 'A' || head[1] != 'B' {
		return nil, fmt.Errorf("no packet: % x", head)
	}
	payload := make([]byte, binary.BigEndian.Uint16(head[2:]))
	_, err := io.ReadFull(k.conn, payload)
	return payload, err
}

// hear notes one message and reports whether it gives the web server its turn.
func (k *talk) hear(payload []byte) (turn bool) {
	switch prefix := ajp.Prefix(payload[0]); prefix {
	case ajp.PrefixSendBodyChunk:
		length := int(binary.BigEndian.Uint16(payload[1:]))
		k.body.Write(payload[3 : 3+length])
		return false
	case ajp.PrefixSendHeaders:
		k.note(headersOf(payload))
		return false
	case ajp.PrefixGetBodyChunk:
		k.note(fmt.Sprintf("ask %d", binary.BigEndian.Uint16(payload[1:])))
	case ajp.PrefixEndResponse:
		k.note(fmt.Sprintf("end reuse=%d", payload[1]))
	default:
		k.note(prefix.String())
	}
	return true
}

// note notes what was heard, after what came of a body before.
func (k *talk) note(what string) {
	if k.body.Len() > 0 {
		k.heard = append(k.heard, "body "+sessionID.ReplaceAllString(k.body.String(), "@ID@"))
		k.body.Reset()
	}
	k.heard = append(k.heard, what)
}

// headersOf tells a Send Headers in words. The reason and the order of headers
// are each container's own.
func headersOf(payload []byte) string {
	conn := ajp.NewConn(&replay{*bytes.NewReader(ajp.AppendPacket(nil, raw(payload)))}, ajp.DefaultMaxPacket)
	if err := conn.SendRequest(&ajp.ForwardRequest{Method: "GET"}, nil); err != nil {
		return err.Error()
	}
	m, err := conn.Receive()
	if err != nil {
		return err.Error()
	}
	var lines []string
	for _, h := range m.Headers.Headers {
		lines = append(lines, strings.ToLower(h.Name)+": "+sessionID.ReplaceAllString(h.Value, "@ID@"))
	}
	slices.Sort(lines)
	return fmt.Sprintf("headers %d %s", m.Headers.Status, strings.Join(lines, "; "))
}

// raw is a payload as a message.
type raw []byte

// AppendTo implements the messages' interface.
func (r raw) AppendTo(b []byte) []byte { return append(b, r...) }

// A replay is a connection that only gives bytes.
type replay struct{ bytes.Reader }

func (*replay) Write(b []byte) (int, error)      { return len(b), nil }
func (*replay) Close() error                     { return nil }
func (*replay) LocalAddr() net.Addr              { return nil }
func (*replay) RemoteAddr() net.Addr             { return nil }
func (*replay) SetDeadline(time.Time) error      { return nil }
func (*replay) SetReadDeadline(time.Time) error  { return nil }
func (*replay) SetWriteDeadline(time.Time) error { return nil }
