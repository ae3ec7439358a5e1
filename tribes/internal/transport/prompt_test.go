package transport_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/catflap/catflap/tribes/internal/transport"
	"github.com/catflap/catflap/tribes/internal/wire"
)

// A reader takes one connection on a socket of the system.
type reader struct {
	wire.Member
	conn chan net.Conn
}

func startReader(t *testing.T, id byte) *reader {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	addr := l.Addr().(*net.TCPAddr).AddrPort()
	r := &reader{Member: wire.Member{Host: addr.Addr(), Port: int32(addr.Port()), ID: wire.ID{id}}, conn: make(chan net.Conn, 1)}
	go func() {
		if conn, err := l.Accept(); err == nil {
			r.conn <- conn
		}
	}()
	return r
}

// numbers reads messages until it has read so many, and returns theirs.
func numbers(t *testing.T, conn net.Conn, count int) (all []uint32) {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	head := make([]byte, wire.FrameHead)
	for range count {
		if _, err := io.ReadFull(conn, head); err != nil {
			t.Fatalf("after %v: %v", all, err)
		}
		n, err := wire.BodySize(head, 1<<20)
		if err != nil {
			t.Fatalf("after %v: %v", all, err)
		}
		body := make([]byte, n+wire.FrameTail)
		if _, err := io.ReadFull(conn, body); err != nil {
			t.Fatalf("after %v: %v", all, err)
		}
		m, err := wire.ParseMessage(body[:n])
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, binary.BigEndian.Uint32(m.Data))
	}
	return all
}

// SendNow sends only where nothing has to be waited for: there is a connection,
// nobody uses it, and it has room. What does not fit into the socket any more is
// sent later, before any other of its order, and the caller's bytes are not
// looked at again.
func TestSendNow(t *testing.T) {
	slow, fast := startReader(t, 1), startReader(t, 2)
	s := transport.NewSender(transport.SenderConfig{Timeout: 20 * time.Second}, func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", to.String())
	})
	defer s.Close()
	self := wire.Member{Host: netip.MustParseAddr("127.0.0.1"), ID: wire.ID{9}}
	from := self.AppendTo(nil)
	to := []wire.Member{slow.Member, fast.Member}
	message := func(n int) *wire.Message {
		data := bytes.Repeat([]byte{byte(n)}, 60_000)
		binary.BigEndian.PutUint32(data, uint32(n))
		return &wire.Message{Data: data, Order: "a"}
	}
	if _, ok := s.SendNow(to, message(0), from); ok {
		t.Fatal("sent without a connection")
	}
	if err := s.Send(t.Context(), to, message(0), from); err != nil {
		t.Fatal(err)
	}
	var rest func(context.Context) error
	n := 1
	for ; rest == nil; n++ {
		m := message(n)
		var ok bool
		if rest, ok = s.SendNow(to, m, from); !ok || n > 10_000 {
			t.Fatalf("message %d: not sent (%v)", n, ok)
		}
		clear(m.Data)
	}
	to[0], to[1] = wire.Member{}, wire.Member{} // they were not kept
	to = []wire.Member{slow.Member, fast.Member}
	if _, ok := s.SendNow(to, message(n), from); ok {
		t.Error("sent although a part of the one before has to be")
	}
	slowly, fastly := <-slow.conn, <-fast.conn
	defer slowly.Close()
	defer fastly.Close()
	got := make(chan []uint32)
	go func() { got <- numbers(t, slowly, n+1) }()
	go func() { got <- numbers(t, fastly, n+1) }()
	if err := rest(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s.Send(t.Context(), to, message(n), from); err != nil {
		t.Error(err)
	}
	for range 2 {
		for i, number := range <-got {
			if int(number) != i {
				t.Fatalf("message %d came when %d was expected", number, i)
			}
		}
	}
}

// SendNow does not write to a connection that the other side has closed.
func TestSendNowClosed(t *testing.T) {
	r := startReader(t, 1)
	s := transport.NewSender(transport.SenderConfig{}, func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", to.String())
	})
	defer s.Close()
	to := []wire.Member{r.Member}
	self := wire.Member{Host: netip.MustParseAddr("127.0.0.1"), ID: wire.ID{9}}
	if err := s.Send(t.Context(), to, &wire.Message{}, self.AppendTo(nil)); err != nil {
		t.Fatal(err)
	}
	(<-r.conn).Close()
	for range 1000 { // until the end has come
		if _, ok := s.SendNow(to, &wire.Message{}, self.AppendTo(nil)); !ok {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Error("sent to a closed connection")
}
