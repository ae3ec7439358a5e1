package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/tribes/internal/wire"
)

// maxDatagram is how many bytes a datagram may carry over IPv4.
const maxDatagram = 65507

// RunDatagrams delivers the messages that come to a UDP socket, one frame a
// datagram, until ctx is done. Datagrams that are no frames are ignored. It
// closes conn.
func (r *Receiver) RunDatagrams(ctx context.Context, conn net.PacketConn) error {
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	defer conn.Close()
	buffer := make([]byte, 65536)
	for {
		n, from, err := conn.ReadFrom(buffer)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			if errors.Is(err, net.ErrClosed) {
				return err
			}
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
			}
			continue
		}
		r.datagram(conn, from, bytes.Clone(buffer[:n]))
	}
}

// datagram delivers what one datagram holds, and acknowledges it to where it
// came from.
func (r *Receiver) datagram(conn net.PacketConn, from net.Addr, d []byte) {
	body, size, err := wire.ParseFrame(d, len(d))
	if err != nil || size == 0 {
		r.cfg.Log.Debug("datagram ignored", "from", from.String(), "err", err)
		return
	}
	m, err := wire.ParseMessage(body)
	if err != nil {
		r.cfg.Log.Debug("datagram ignored", "from", from.String(), "err", err)
		return
	}
	ack := m.Options.Has(wire.OptionAck)
	sync := ack && m.Options.Has(wire.OptionSyncAck)
	answer := ackFrame
	if ack && !sync {
		_, _ = conn.WriteTo(answer, from) // who does not get it sends again
	}
	if err := r.Datagram(&m); err != nil {
		answer = failAckFrame
	}
	if sync {
		_, _ = conn.WriteTo(answer, from)
	}
}

// Datagram delivers a message that came in a datagram. The memory that it needs
// now is of the receive budget, of which it may have what strangers may: anybody
// can have sent it.
func (r *Receiver) Datagram(m *wire.Message) error {
	var taken atomic.Int64
	m.Room = func(n int) bool {
		if !r.budget.take(context.Background(), int64(n), true, 0) {
			return false
		}
		taken.Add(int64(n))
		return true
	}
	defer func() { r.budget.give(taken.Load(), true) }()
	return r.deliver(m)
}

// datagramTimeout is how long an acknowledgement of a datagram is waited for.
const datagramTimeout = 3 * time.Second

// SendDatagram sends frame to the UDP port of a member, and waits for its
// acknowledgement if ack says so. open makes a socket.
func SendDatagram(ctx context.Context, to wire.Member, ack bool, frame []byte, open func(netip.AddrPort) (net.PacketConn, error)) error {
	if to.UDPPort <= 0 {
		return errors.New("the member has no UDP port")
	}
	if len(frame) > maxDatagram {
		return fmt.Errorf("a frame of %d bytes is too long for a datagram", len(frame))
	}
	any := netip.IPv4Unspecified()
	if to.Host.Is6() {
		any = netip.IPv6Unspecified()
	}
	conn, err := open(netip.AddrPortFrom(any, 0))
	if err != nil {
		return err
	}
	defer conn.Close()
	address := net.UDPAddrFromAddrPort(netip.AddrPortFrom(to.Host, uint16(to.UDPPort)))
	if _, err := conn.WriteTo(frame, address); err != nil || !ack {
		return err
	}
	if err := conn.SetReadDeadline(time.Now().Add(datagramTimeout)); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Now()) })()
	answer := make([]byte, 64)
	for {
		n, _, err := conn.ReadFrom(answer)
		if err != nil {
			return fmt.Errorf("acknowledgement: %w", err)
		}
		switch body, _, _ := wire.ParseFrame(answer[:n], 16); {
		case bytes.Equal(body, wire.Ack):
			return nil
		case bytes.Equal(body, wire.FailAck):
			return ErrFailAck
		}
	}
}
