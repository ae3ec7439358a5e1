package tribes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/catflap/catflap/tribes/internal/transport"
	"github.com/catflap/catflap/tribes/internal/wire"
	"github.com/catflap/catflap/tribes/membership"
)

// A bottom is what stands below all interceptors: the receiver, the sender and
// the membership. Source: group.ChannelCoordinator.
type bottom struct {
	cfg      Config
	above    Upper
	receiver *transport.Receiver
	sender   *transport.Sender
	group    *membership.Multicast
	listener net.Listener
	udp      net.PacketConn // nil if there is none
	local    atomic.Pointer[Member]
	self     atomic.Pointer[self] // of local, and so nil until that is set

	events events
}

func newBottom(cfg Config) *bottom {
	b := &bottom{cfg: cfg}
	b.local.Store(&Member{})
	b.events.wake = make(chan struct{}, 1)
	b.sender = transport.NewSender(cfg.Sender, cfg.Network.Dial)
	receiver := cfg.Receiver
	if receiver.Known == nil {
		receiver.Known = b.known
	}
	b.receiver = transport.NewReceiver(receiver, func(m *wire.Message) error { return b.above.Deliver(m) })
	b.group = membership.NewMulticast(cfg.Membership, cfg.Network.Group, func(ctx context.Context, m Member) bool {
		return b.Probe(ctx, m, nil, ProbeTest{})
	})
	return b
}

// known reports whether a member has that address.
func (b *bottom) known(addr netip.Addr) bool {
	for _, m := range b.group.Members() {
		if m.Host == addr {
			return true
		}
	}
	return false
}

func (b *bottom) frequency() time.Duration {
	if f := b.cfg.Membership.Frequency; f > 0 {
		return f
	}
	return 500 * time.Millisecond
}

// bind opens the receiver's sockets. Only then it is known who this member is.
func (b *bottom) bind() error {
	host := b.cfg.Address
	if !host.IsValid() || host.IsUnspecified() {
		var err error
		if host, err = b.cfg.Network.Address(b.cfg.Membership); err != nil {
			return fmt.Errorf("receiver address \"auto\": %w", err)
		}
	}
	at := host
	if b.cfg.Address.IsValid() && b.cfg.Address.IsUnspecified() {
		at = b.cfg.Address
	}
	port := 0
	for i := range b.cfg.AutoBind {
		l, err := b.cfg.Network.Listen(netip.AddrPortFrom(at, uint16(b.cfg.Port+i)))
		if err == nil {
			b.listener, port = l, b.cfg.Port+i
			break
		}
		if i == b.cfg.AutoBind-1 || !errors.Is(err, syscall.EADDRINUSE) {
			return fmt.Errorf("receiver at %s, ports %d to %d: %w", at, b.cfg.Port, b.cfg.Port+i, err)
		}
	}
	if err := b.bindUDP(at); err != nil {
		b.listener.Close()
		return err
	}
	m := Member{Host: host, Port: int32(port), SecurePort: int32(b.cfg.SecurePort), UDPPort: int32(b.cfg.UDPPort),
		ID: b.cfg.ID, Domain: b.cfg.Domain, Payload: b.cfg.Payload}
	if err := m.Check(); err != nil {
		b.listener.Close()
		return err
	}
	b.local.Store(&m)
	b.self.Store(nil)
	return nil
}

// bindUDP opens the socket for OptionUDP, if one is wanted.
func (b *bottom) bindUDP(at netip.Addr) error {
	if b.cfg.UDPPort <= 0 {
		return nil
	}
	var err error
	for i := range b.cfg.AutoBind {
		if b.udp, err = b.cfg.Network.Datagrams(netip.AddrPortFrom(at, uint16(b.cfg.UDPPort+i))); err == nil {
			b.cfg.UDPPort += i
			return nil
		}
	}
	return fmt.Errorf("udpPort %d: %w", b.cfg.UDPPort, err)
}

// receive serves the sockets that bind opened until ctx is done.
func (b *bottom) receive(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return b.receiver.Run(ctx, b.listener) })
	if b.udp != nil {
		g.Go(func() error { return b.receiver.RunDatagrams(ctx, b.udp) })
	}
	return g.Wait()
}

// mostFrames is how many frames that came to the group wait to be worked on.
const mostFrames = 64

// join is in the group until ctx is done. Frames that come to it are worked on
// apart, so that nobody holds up heartbeats; what is too much is lost.
func (b *bottom) join(ctx context.Context, former Member) error {
	frames := make(chan []byte, mostFrames)
	var working sync.WaitGroup
	defer working.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	working.Go(func() {
		for {
			select {
			case d := <-frames:
				b.datagram(d)
			case <-ctx.Done():
				return
			}
		}
	})
	return b.group.Run(ctx, *b.local.Load(), former, &b.events, func(d []byte) {
		select {
		case frames <- bytes.Clone(d):
		default:
			b.cfg.Log.Warn("too many messages come to the group: some are lost")
		}
	})
}

// datagram takes a frame that came to the group.
func (b *bottom) datagram(d []byte) {
	body, size, err := wire.ParseFrame(d, len(d))
	if err != nil || size == 0 {
		return
	}
	m, err := wire.ParseMessage(body)
	if err != nil || m.From.Key() == b.local.Load().Key() {
		return
	}
	if err := b.receiver.Datagram(&m); err != nil {
		b.cfg.Log.Debug("message of the group not worked on", "from", m.From, "err", err)
	}
}

// close closes what bind opened and the connections to others.
func (b *bottom) close() {
	b.sender.Close()
	if b.listener != nil {
		b.listener.Close()
	}
	if b.udp != nil {
		b.udp.Close()
	}
}

// Send implements Lower.
func (b *bottom) Send(ctx context.Context, to []Member, m *Message) error {
	from := b.bytes()
	switch {
	case m.Options.Has(OptionMulticast):
		frame := wire.AppendMessage(nil, m, from)
		if len(frame) > 65507 {
			return fmt.Errorf("tribes: a message of %d bytes is too long for a datagram", len(m.Data))
		}
		return b.group.Broadcast(frame)
	case m.Options.Has(OptionUDP):
		return b.sendDatagrams(ctx, to, m, from)
	}
	return b.sender.Send(ctx, to, m, from)
}

// SendAll implements Batcher.
func (b *bottom) SendAll(ctx context.Context, to []Member, all []*Message) error {
	return b.sender.SendAll(ctx, to, all, b.bytes())
}

// SendNow implements Prompter.
func (b *bottom) SendNow(to []Member, m *Message) (rest func(context.Context) error, ok bool) {
	return b.sender.SendNow(to, m, b.bytes())
}

// sendDatagrams sends m to the UDP ports of members.
func (b *bottom) sendDatagrams(ctx context.Context, to []Member, m *Message, from []byte) error {
	frame := wire.AppendMessage(nil, m, from)
	var all SendError
	for _, each := range to {
		if err := transport.SendDatagram(ctx, each, m.Options.Has(OptionAck), frame, b.cfg.Network.Datagrams); err != nil {
			all.Faulty = append(all.Faulty, Faulty{Member: each, Err: err})
		}
	}
	if len(all.Faulty) > 0 {
		return &all
	}
	return nil
}

// A self is the bytes of this member at a time.
type self struct {
	alive int64
	bytes []byte
}

// sameFor is for how long, in ms, the bytes of this member are not made anew. As
// in Tomcat, messages tell how long it is alive with that delay.
const sameFor = 250

// bytes are the bytes of this member.
func (b *bottom) bytes() []byte {
	alive := b.group.Alive()
	if s := b.self.Load(); s != nil && alive-s.alive < sameFor {
		return s.bytes
	}
	m := b.Local()
	s := &self{m.Alive, m.AppendTo(make([]byte, 0, m.Size()))}
	b.self.Store(s)
	return s.bytes
}

// Members implements Lower.
func (b *bottom) Members() []Member { return b.group.Members() }

// Local implements Lower.
func (b *bottom) Local() Member {
	m := *b.local.Load()
	m.Alive = b.group.Alive()
	return m
}

// Probe implements Lower.
func (b *bottom) Probe(ctx context.Context, to Member, m *Message, test ProbeTest) bool {
	dial := func(ctx context.Context, to Member) (net.Conn, error) { return b.cfg.Network.Dial(ctx, to.Addr()) }
	return probe(ctx, dial, to, m, b.bytes(), test)
}

// events are on their way from the membership to the interceptors: who tells
// them is not kept waiting, and none overtakes another.
type events struct {
	mu    sync.Mutex
	queue []event
	wake  chan struct{}
}

type event struct {
	member Member
	joined bool
}

// Joined implements membership.Listener.
func (e *events) Joined(m Member) { e.add(event{m, true}) }

// Left implements membership.Listener.
func (e *events) Left(m Member) { e.add(event{m, false}) }

func (e *events) add(each event) {
	e.mu.Lock()
	e.queue = append(e.queue, each)
	e.mu.Unlock()
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

func (e *events) next() (event, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.queue) == 0 {
		return event{}, false
	}
	each := e.queue[0]
	e.queue = e.queue[1:]
	return each, true
}

// tell hands events upwards until ctx is done.
func (b *bottom) tell(ctx context.Context) error {
	for {
		select {
		case <-b.events.wake:
		case <-ctx.Done():
			return nil
		}
		for each, ok := b.events.next(); ok && ctx.Err() == nil; each, ok = b.events.next() {
			if each.joined {
				b.above.Joined(each.member)
			} else {
				b.above.Left(each.member)
			}
		}
	}
}
