package transport_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/internal/leaktest"
	"github.com/catflap/catflap/tribes/internal/transport"
	"github.com/catflap/catflap/tribes/internal/wire"
	"github.com/catflap/catflap/tribes/tribestest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// A peer takes connections on the node "peer" and does with the n-th, from 0,
// what serve says.
type peer struct {
	wire.Member
	mu    sync.Mutex
	conns int
	got   [][]byte // data of the messages
	ids   []wire.ID
}

// startPeer runs until the test ends.
func startPeer(t *testing.T, network *tribestest.Network, serve func(p *peer, n int, conn net.Conn)) *peer {
	t.Helper()
	node := network.Node("peer")
	addr := netip.AddrPortFrom(node.Addr(), 4000)
	l, err := node.Listen(addr)
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{Member: wire.Member{Host: node.Addr(), Port: 4000, ID: wire.ID{1}, UDPPort: -1, SecurePort: -1}}
	var serving sync.WaitGroup
	serving.Go(func() {
		for n := 0; ; n++ {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			p.mu.Lock()
			p.conns++
			p.mu.Unlock()
			serving.Go(func() {
				defer conn.Close()
				serve(p, n, conn)
			})
		}
	})
	t.Cleanup(func() { network.Crash("peer"); serving.Wait() })
	return p
}

// message reads the next message of conn.
func (p *peer) message(conn net.Conn) bool {
	head := make([]byte, wire.FrameHead)
	if _, err := io.ReadFull(conn, head); err != nil {
		return false
	}
	n, err := wire.BodySize(head, 1<<20)
	if err != nil {
		return false
	}
	body := make([]byte, n+wire.FrameTail)
	if _, err := io.ReadFull(conn, body); err != nil {
		return false
	}
	m, err := wire.ParseMessage(body[:n])
	if err != nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got, p.ids = append(p.got, m.Data), append(p.ids, m.ID)
	return true
}

// acknowledge answers each message with answer.
func acknowledge(answer []byte) func(*peer, int, net.Conn) {
	return func(p *peer, _ int, conn net.Conn) {
		for p.message(conn) {
			if _, err := conn.Write(wire.AppendFrame(nil, answer)); err != nil {
				return
			}
		}
	}
}

func (p *peer) seen() (conns int, got []string) {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range p.got {
		got = append(got, string(b))
	}
	return p.conns, got
}

// sender sends from the node "sender".
func sender(t *testing.T, network *tribestest.Network, cfg transport.SenderConfig) *transport.Sender {
	s := transport.NewSender(cfg, network.Node("sender").Dial)
	t.Cleanup(s.Close)
	return s
}

func send(t *testing.T, s *transport.Sender, to *peer, options wire.Options, text string) error {
	self := wire.Member{Host: netip.MustParseAddr("10.9.9.9"), Port: 4000, ID: wire.ID{9}}
	return s.Send(t.Context(), []wire.Member{to.Member}, &wire.Message{Options: options, ID: wire.ID{7}, Data: []byte(text)}, self.AppendTo(nil))
}

// A message whose connection is lost before it was acknowledged is sent once
// more, with the same id, and not a third time.
func TestRetry(t *testing.T) {
	for _, test := range []struct {
		name    string
		retries int
		broken  int // connections that end after a message
		sent    int
		fails   bool
	}{
		{"once lost", 0, 1, 2, false},
		{"twice lost", 0, 2, 2, true},
		{"twice lost, two retries", 2, 2, 3, false},
		{"no retries", -1, 1, 1, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := tribestest.NewNetwork(1)
				p := startPeer(t, network, func(p *peer, n int, conn net.Conn) {
					if n < test.broken {
						p.message(conn)
						return
					}
					acknowledge(wire.Ack)(p, n, conn)
				})
				s := sender(t, network, transport.SenderConfig{MaxRetries: test.retries})
				err := send(t, s, p, wire.OptionAck, "x")
				if (err != nil) != test.fails {
					t.Errorf("error %v", err)
				}
				conns, got := p.seen()
				if conns != test.sent || len(got) != test.sent {
					t.Errorf("%d connections, messages %q; want %d", conns, got, test.sent)
				}
				for _, id := range p.ids {
					if id != (wire.ID{7}) {
						t.Errorf("id %v, want that of the first", id)
					}
				}
			})
		})
	}
}

// An acknowledgement that does not come is no reason to send again: the message
// is there.
func TestNoRetryAfterTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		p := startPeer(t, network, func(p *peer, _ int, conn net.Conn) {
			for p.message(conn) {
			}
		})
		s := sender(t, network, transport.SenderConfig{})
		began := time.Now()
		if err := send(t, s, p, wire.OptionAck, "x"); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("after %v, want the timeout of 3 s", took)
		}
		if conns, got := p.seen(); conns != 1 || !slices.Equal(got, []string{"x"}) {
			t.Errorf("%d connections, messages %q", conns, got)
		}
	})
}

// FAIL_ACK is told, after one more try as in Tomcat, or taken for an
// acknowledgement.
func TestFailAck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		p := startPeer(t, network, acknowledge(wire.FailAck))
		if err := send(t, sender(t, network, transport.SenderConfig{}), p, wire.OptionAck|wire.OptionSyncAck, "x"); !errors.Is(err, transport.ErrFailAck) {
			t.Errorf("error %v, want ErrFailAck", err)
		}
		if _, got := p.seen(); !slices.Equal(got, []string{"x", "x"}) {
			t.Errorf("messages %q", got)
		}
		if err := send(t, sender(t, network, transport.SenderConfig{AcceptFailedAck: true}), p, wire.OptionAck|wire.OptionSyncAck, "y"); err != nil {
			t.Errorf("throwOnFailedAck=\"false\": %v", err)
		}
		if _, got := p.seen(); !slices.Equal(got, []string{"x", "x", "y"}) {
			t.Errorf("messages %q", got)
		}
	})
}

// A connection is kept, until it has carried KeepAliveCount messages or was not
// used for KeepAliveTime.
func TestKeepAlive(t *testing.T) {
	for _, test := range []struct {
		name string
		cfg  transport.SenderConfig
		want int // connections for five messages, a second between two
	}{
		{"for ever", transport.SenderConfig{}, 1},
		{"two messages", transport.SenderConfig{KeepAliveCount: 2}, 3},
		{"half a second", transport.SenderConfig{KeepAliveTime: 500 * time.Millisecond}, 5},
		{"two seconds", transport.SenderConfig{KeepAliveTime: 2 * time.Second}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := tribestest.NewNetwork(1)
				p := startPeer(t, network, acknowledge(wire.Ack))
				s := sender(t, network, test.cfg)
				for range 5 {
					if err := send(t, s, p, wire.OptionAck, "x"); err != nil {
						t.Error(err)
					}
					time.Sleep(time.Second)
					s.Check()
				}
				if conns, got := p.seen(); conns != test.want || len(got) != 5 {
					t.Errorf("%d connections for %d messages, want %d", conns, len(got), test.want)
				}
			})
		})
	}
}

// KeepAliveCount counts each of the messages that leave in one piece.
func TestKeepAliveCountTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		p := startPeer(t, network, acknowledge(wire.Ack))
		s := sender(t, network, transport.SenderConfig{KeepAliveCount: 4})
		self := wire.Member{Host: netip.MustParseAddr("10.9.9.9"), Port: 4000, ID: wire.ID{9}}
		three := []*wire.Message{{Data: []byte("1")}, {Data: []byte("2")}, {Data: []byte("3")}}
		if err := s.SendAll(t.Context(), []wire.Member{p.Member}, three, self.AppendTo(nil)); err != nil {
			t.Fatal(err)
		}
		for i, want := range []int{1, 2} {
			if err := send(t, s, p, 0, "x"); err != nil {
				t.Error(err)
			}
			if conns, _ := p.seen(); conns != want {
				t.Errorf("%d messages on %d connections, want %d", 4+i, conns, want)
			}
		}
	})
}

// A connection that the other side has closed meanwhile is not written to.
func TestClosedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		p := startPeer(t, network, func(p *peer, _ int, conn net.Conn) { p.message(conn) })
		s := sender(t, network, transport.SenderConfig{MaxRetries: -1})
		for range 3 {
			if err := send(t, s, p, 0, "x"); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
		if conns, got := p.seen(); conns != 3 || len(got) != 3 {
			t.Errorf("%d connections, messages %q", conns, got)
		}
		s.Close()
		if err := send(t, s, p, 0, "x"); !errors.Is(err, transport.ErrClosed) {
			t.Errorf("error %v of a closed sender", err)
		}
	})
}

// Over UDP a message goes to udpPort and its acknowledgement comes back, and
// what is no frame is ignored.
func TestDatagrams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		there, here := network.Node("peer"), network.Node("sender")
		to := wire.Member{Host: there.Addr(), Port: 4000, UDPPort: 4600, ID: wire.ID{1}}
		self := wire.Member{Host: here.Addr(), Port: 4000, ID: wire.ID{9}}
		conn, err := there.Datagrams(netip.AddrPortFrom(there.Addr(), 4600))
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var got []string
		r := transport.NewReceiver(transport.ReceiverConfig{Log: slog.New(slog.DiscardHandler)}, func(m *wire.Message) error {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, string(m.Data))
			if string(m.Data) == "bad" {
				return errors.New("bad")
			}
			return nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.RunDatagrams(ctx, conn) }()
		frame := func(options wire.Options, text string) []byte {
			return wire.AppendMessage(nil, &wire.Message{Options: options, Data: []byte(text)}, self.AppendTo(nil))
		}
		const sync = wire.OptionAck | wire.OptionSyncAck
		for _, bad := range []string{"", "FLT2002", "rubbish"} {
			if err := transport.SendDatagram(ctx, to, false, []byte(bad), here.Datagrams); err != nil {
				t.Error(err)
			}
		}
		for _, c := range []struct {
			options wire.Options
			text    string
			want    error
		}{{0, "one", nil}, {wire.OptionAck, "two", nil}, {sync, "three", nil}, {wire.OptionAck, "bad", nil}, {sync, "bad", transport.ErrFailAck}} {
			if err := transport.SendDatagram(ctx, to, c.options.Has(wire.OptionAck), frame(c.options, c.text), here.Datagrams); !errors.Is(err, c.want) {
				t.Errorf("%v %s: error %v, want %v", c.options, c.text, err, c.want)
			}
			synctest.Wait()
		}
		mu.Lock()
		if want := []string{"one", "two", "three", "bad", "bad"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		mu.Unlock()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := transport.SendDatagram(t.Context(), to, true, frame(wire.OptionAck, "gone"), here.Datagrams); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("error %v although nobody acknowledges", err)
		}
		if err := transport.SendDatagram(t.Context(), to, false, make([]byte, 70_000), here.Datagrams); err == nil {
			t.Error("a frame of 70000 bytes fits into a datagram")
		}
		to.UDPPort = -1
		if err := transport.SendDatagram(t.Context(), to, false, frame(0, "x"), here.Datagrams); err == nil {
			t.Error("sent to a member without a UDP port")
		}
	})
}

// A receiver takes no more than its budget: who does not get any of it in time
// is closed, and others go on. Strangers have a quarter.
func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		there, here, stranger := network.Node("peer"), network.Node("sender"), network.Node("stranger")
		addr := netip.AddrPortFrom(there.Addr(), 4000)
		l, err := there.Listen(addr)
		if err != nil {
			t.Fatal(err)
		}
		hold := make(chan struct{})
		r := transport.NewReceiver(transport.ReceiverConfig{
			Budget: 4 << 20, Stall: time.Second, Known: func(a netip.Addr) bool { return a == here.Addr() },
		}, func(m *wire.Message) error {
			if len(m.Data) > 100_000 {
				<-hold
			}
			if string(m.Data) == "room" && !m.Take(100_000) {
				return errors.New("no room")
			}
			return nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.Run(ctx, l) }()
		self := wire.Member{Host: here.Addr(), Port: 4000, ID: wire.ID{9}}
		to := []wire.Member{{Host: there.Addr(), Port: 4000, ID: wire.ID{1}}}
		const sync = wire.OptionAck | wire.OptionSyncAck
		try := func(from *tribestest.Node, size int, text string) error {
			s := transport.NewSender(transport.SenderConfig{MaxRetries: -1, Timeout: 2 * time.Second}, from.Dial)
			defer s.Close()
			data := append([]byte(text), make([]byte, size)...)
			return s.Send(ctx, to, &wire.Message{Options: sync, Data: data}, self.AppendTo(nil))
		}
		if err := try(stranger, 1<<20+100, ""); err == nil {
			t.Error("a stranger takes more than a quarter")
		}
		if err := try(here, 0, "room"); err != nil {
			t.Errorf("room for a member's message: %v", err)
		}
		holding := make(chan error, 3)
		for range 3 {
			go func() { holding <- try(here, 1_300_000, "") }()
		}
		synctest.Wait()
		if err := try(here, 1_300_000, ""); err == nil {
			t.Error("more than the budget is taken")
		}
		if err := try(here, 0, "small"); err != nil {
			t.Errorf("a small message while the budget is used up: %v", err)
		}
		close(hold)
		for range 3 {
			<-holding
		}
		time.Sleep(3 * time.Second)
		if err := try(here, 3_900_000, ""); err != nil {
			t.Errorf("after all was given back: %v", err)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
