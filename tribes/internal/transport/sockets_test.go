package transport_test

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
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
