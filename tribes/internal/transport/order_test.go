package transport_test

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"

	"github.com/catflap/catflap/tribes/internal/transport"
	"github.com/catflap/catflap/tribes/internal/wire"
	"github.com/catflap/catflap/tribes/tribestest"
)

// Messages without acknowledgement share a connection, whatever their order. One
// of the same order that is acknowledged follows them there, until it is known
// that they have arrived; then the orders have their own again.
func TestOrderWithAndWithoutAcknowledgement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		p := startPeer(t, network, func(p *peer, n int, conn net.Conn) {
			for p.message(conn) {
				p.mu.Lock()
				text := string(p.got[len(p.got)-1])
				p.got[len(p.got)-1] = fmt.Appendf(nil, "%s on %d", text, n)
				p.mu.Unlock()
				if text[0] == 'a' {
					conn.Write(wire.AppendFrame(nil, wire.Ack))
				}
			}
		})
		s := sender(t, network, transport.SenderConfig{})
		self := wire.Member{Host: netip.MustParseAddr("10.9.9.9"), Port: 4000, ID: wire.ID{9}}
		tell := func(kind string, order int) {
			m := wire.Message{Order: fmt.Sprint("o", order), Data: fmt.Appendf(nil, "%s%d", kind, order)}
			if kind == "a" {
				m.Options = wire.OptionAck | wire.OptionSyncAck
			}
			if err := s.Send(t.Context(), []wire.Member{p.Member}, &m, self.AppendTo(nil)); err != nil {
				t.Fatal(err)
			}
		}
		var want []string
		for order := range 20 {
			tell("p", order)
			tell("p", order+1)
			tell("a", order)
			want = append(want, fmt.Sprintf("p%d on 0", order), fmt.Sprintf("p%d on 0", order+1), fmt.Sprintf("a%d on 0", order))
		}
		conns, got := p.seen()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("on %d connections came\n%q, want\n%q", conns, got, want)
		}
		for order := range 100 {
			tell("a", order)
		}
		if conns, got := p.seen(); conns != 4 {
			t.Errorf("100 orders that are acknowledged have %d connections, want 4: %q", conns, got[len(want):])
		}
	})
}
