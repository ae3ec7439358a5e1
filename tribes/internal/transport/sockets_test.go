package transport_test

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/catflap/catflap/tribes/internal/transport"
	"github.com/catflap/catflap/tribes/internal/wire"
)

// Over sockets of the system, to three receivers of which one is slow, so that
// its socket is often full: all messages come once, those of one order in their
// order, and the slow one does not keep the others.
func TestSeveralReceivers(t *testing.T) {
	const orders, each = 8, 60
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	var to []wire.Member
	var counts [3]func() int
	for i := range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr := l.Addr().(*net.TCPAddr).AddrPort()
		to = append(to, wire.Member{Host: addr.Addr(), Port: int32(addr.Port()), ID: wire.ID{byte(i)}})
		var mu sync.Mutex
		next, got := map[uint32]uint32{}, 0
		counts[i] = func() int { mu.Lock(); defer mu.Unlock(); return got }
		r := transport.NewReceiver(transport.ReceiverConfig{}, func(m *wire.Message) error {
			if i == 2 {
				time.Sleep(500 * time.Microsecond)
			}
			mu.Lock()
			defer mu.Unlock()
			order, n := binary.BigEndian.Uint32(m.Data), binary.BigEndian.Uint32(m.Data[4:])
			if next[order] != n {
				t.Errorf("receiver %d: message %d of order %d came when %d was expected", i, n, order, next[order])
			}
			next[order] = n + 1
			got++
			return nil
		})
		running.Go(func() {
			if err := r.Run(ctx, l); err != nil {
				t.Error(err)
			}
		})
	}
	s := transport.NewSender(transport.SenderConfig{Timeout: time.Minute, MaxWait: time.Minute}, func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", to.String())
	})
	defer s.Close()
	self := wire.Member{Host: netip.MustParseAddr("127.0.0.1"), ID: wire.ID{9}}
	var sending sync.WaitGroup
	for order := range orders {
		sending.Go(func() {
			for n := range each {
				data := make([]byte, 200_000)
				binary.BigEndian.PutUint32(data, uint32(order))
				binary.BigEndian.PutUint32(data[4:], uint32(n))
				m := &wire.Message{Options: []wire.Options{0, 0, 0, wire.OptionAck}[n%4], Data: data, Order: string(rune('a' + order))}
				if err := s.Send(ctx, to, m, self.AppendTo(nil)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	sending.Wait()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if counts[0]() == orders*each && counts[1]() == orders*each && counts[2]() == orders*each {
			return
		}
	}
	t.Errorf("received %d, %d, %d of %d", counts[0](), counts[1](), counts[2](), orders*each)
}

// An acknowledged message to a connection that the other side closed a moment
// ago is sent on another one, and soon.
func TestClosedAMomentAgo(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	defer serving.Wait()
	defer l.Close()
	closed := make(chan struct{})
	serving.Go(func() {
		for n := 0; ; n++ {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			p := &peer{}
			for p.message(conn) {
				conn.Write(wire.AppendFrame(nil, wire.Ack))
				if n == 0 {
					break
				}
			}
			conn.Close()
			if n == 0 {
				close(closed)
			}
		}
	})
	addr := l.Addr().(*net.TCPAddr).AddrPort()
	s := transport.NewSender(transport.SenderConfig{Timeout: time.Minute}, func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", to.String())
	})
	defer s.Close()
	to := []wire.Member{{Host: addr.Addr(), Port: int32(addr.Port()), ID: wire.ID{1}}}
	self := wire.Member{Host: addr.Addr(), ID: wire.ID{9}}
	began := time.Now()
	for i := range 3 {
		if err := s.Send(t.Context(), to, &wire.Message{Options: wire.OptionAck}, self.AppendTo(nil)); err != nil {
			t.Errorf("message %d: %v", i, err)
		}
		<-closed
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("that took %v", took)
	}
}

// An acknowledgement that does not come is waited for as long as Timeout says,
// also when one of an earlier message has the deadline set.
func TestTimeoutOfSockets(t *testing.T) {
	const timeout = time.Second
	r := startReader(t, 1)
	s := transport.NewSender(transport.SenderConfig{Timeout: timeout}, func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", to.String())
	})
	defer s.Close()
	self := wire.Member{Host: r.Host, ID: wire.ID{9}}
	sent := make(chan error)
	send := func() {
		go func() {
			sent <- s.Send(t.Context(), []wire.Member{r.Member}, &wire.Message{Options: wire.OptionAck, Data: make([]byte, 4)}, self.AppendTo(nil))
		}()
	}
	send()
	conn := <-r.conn
	defer conn.Close()
	for i, pause := range []time.Duration{0, timeout * 3 / 4, timeout * 3 / 2} {
		numbers(t, conn, 1)
		time.Sleep(pause / 4)
		conn.Write(wire.AppendFrame(nil, wire.Ack))
		if err := <-sent; err != nil {
			t.Errorf("message %d: %v", i, err)
		}
		time.Sleep(pause * 3 / 4) // the deadline comes near, and passes
		send()
	}
	began := time.Now()
	err := <-sent
	if took := time.Since(began); !errors.Is(err, os.ErrDeadlineExceeded) || took < timeout/2 || took > 5*timeout {
		t.Errorf("error %v after %v, want the timeout of %v", err, took, timeout)
	}
}
