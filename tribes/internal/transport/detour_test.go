package transport_test

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/tribes/internal/transport"
	"github.com/catflap/catflap/tribes/internal/wire"
	"github.com/catflap/catflap/tribes/tribestest"
)

// A member that does not run on for a while gets what was meant for it all the
// same, up to its connections: a message waits only for an earlier one of its
// order. No message overtakes one of its order, also when the member runs again.
func TestDetour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		runsAt := time.Now().Add(2 * time.Second)
		p := startPeer(t, network, func(p *peer, _ int, conn net.Conn) {
			for p.message(conn) {
				time.Sleep(time.Until(runsAt))
				conn.Write(wire.AppendFrame(nil, wire.Ack))
			}
		})
		s := sender(t, network, transport.SenderConfig{Lanes: 2})
		self := wire.Member{Host: netip.MustParseAddr("10.9.9.9"), Port: 4000, ID: wire.ID{9}}
		var sending sync.WaitGroup
		for round := range 3 {
			for order := range 15 {
				name := fmt.Sprint("o", order)
				sending.Go(func() {
					m := wire.Message{Options: wire.OptionAck | wire.OptionSyncAck, Order: name, Data: []byte(fmt.Sprint(name, " ", round))}
					if err := s.Send(t.Context(), []wire.Member{p.Member}, &m, self.AppendTo(nil)); err != nil {
						t.Errorf("%s: %v", m.Data, err)
					}
				})
			}
			time.Sleep(100 * time.Millisecond)
		}
		if _, got := p.seen(); len(got) != 15 {
			t.Errorf("it got %d messages, one of each of 15 orders was to come: %q", len(got), got)
		}
		sending.Wait()
		_, got := p.seen()
		for order := range 15 {
			name := fmt.Sprint("o", order, " ")
			var mine []string
			for _, text := range got {
				if strings.HasPrefix(text, name) {
					mine = append(mine, text)
				}
			}
			if !slices.Equal(mine, []string{name + "0", name + "1", name + "2"}) {
				t.Errorf("it got %q", mine)
			}
		}
		for order := range 15 { // the detours have ended
			m := wire.Message{Options: wire.OptionAck | wire.OptionSyncAck, Order: fmt.Sprint("o", order)}
			if err := s.Send(t.Context(), []wire.Member{p.Member}, &m, self.AppendTo(nil)); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		}
	})
}
