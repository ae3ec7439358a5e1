package membership

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/catflap/catflap/tribes/internal/wire"
)

// A Multicast is membership by heartbeats to a multicast group, as Tomcat's
// McastService has it. It tells a goodbye only once it is sure: when a second
// has passed without newer heartbeats and the member's receiver takes no
// connection.
type Multicast struct {
	cfg   Config
	open  Open
	probe Probe

	began   atomic.Int64 // when Run began: for alive, on the monotonic clock of base
	base    time.Time
	socket  atomic.Pointer[Socket]
	members atomic.Pointer[[]wire.Member]
}

// NewMulticast returns a membership that has not begun.
func NewMulticast(cfg Config, open Open, probe Probe) *Multicast {
	return &Multicast{cfg: cfg.withDefaults(), open: open, probe: probe, base: time.Now()}
}

// ErrNotJoined says that nothing can be sent to the group now.
var ErrNotJoined = errors.New("the multicast group is not joined")

// Broadcast sends a frame to the group.
func (s *Multicast) Broadcast(frame []byte) error {
	socket := s.socket.Load()
	if socket == nil {
		return ErrNotJoined
	}
	return (*socket).Write(frame)
}

// Members are those that were heard and did not leave, the oldest first.
func (s *Multicast) Members() []wire.Member {
	if all := s.members.Load(); all != nil {
		return *all
	}
	return nil
}

// Alive is for how long this member has been in the group, in ms.
func (s *Multicast) Alive() int64 {
	if began := s.began.Load(); began != 0 {
		return (int64(time.Since(s.base)) - began) / int64(time.Millisecond)
	}
	return 0
}

// Run joins the group, says goodbye for former, who this node was before it
// crashed (the zero Member if it did not), announces local every Frequency, and
// tells to who joins and leaves. Datagrams that are no heartbeats go to frame. When ctx is done it
// says goodbye and returns; to is not called afterwards. It fails if the group
// cannot be joined at the start, and without recovery when its socket breaks.
func (s *Multicast) Run(ctx context.Context, local, former wire.Member, to Listener, frame func([]byte)) error {
	s.began.Store(int64(time.Since(s.base)) - 1)
	socket, err := s.open(s.cfg)
	if err != nil {
		return fmt.Errorf("join the group %s: %w", netip.AddrPortFrom(s.cfg.Group, uint16(s.cfg.Port)), err)
	}
	if former.Host.IsValid() && former.ID != local.ID {
		former.Command, former.Alive = wire.ShutdownCommand, former.Alive+1
		if err := socket.Write(former.AppendTo(nil)); err != nil {
			s.cfg.Log.Warn("no goodbye to the group for this node before it crashed", "err", err)
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	heard := make(chan wire.Member, 64) // never closed: ctx ends both sides
	g.Go(func() error { return s.track(ctx, local.Key(), heard, to) })
	g.Go(func() error { return s.talk(ctx, socket, local, heard, frame) })
	return g.Wait()
}

// talk uses a socket after the other, until ctx is done.
func (s *Multicast) talk(ctx context.Context, socket Socket, local wire.Member, heard chan<- wire.Member, frame func([]byte)) error {
	for {
		err := s.use(ctx, socket, local, heard, frame)
		if ctx.Err() != nil {
			return nil
		}
		if s.cfg.NoRecovery {
			return err
		}
		s.cfg.Log.Error("membership socket broken, it is made anew", "err", err)
		for socket = nil; socket == nil; {
			select {
			case <-time.After(s.cfg.RecoverySleep):
			case <-ctx.Done():
				return nil
			}
			if socket, err = s.open(s.cfg); err != nil {
				s.cfg.Log.Error("membership socket cannot be made", "err", err, "next", s.cfg.RecoverySleep)
				socket = nil
			}
		}
		s.cfg.Log.Info("membership recovered")
	}
}

// use sends and hears on one socket until it is broken or ctx is done.
func (s *Multicast) use(ctx context.Context, socket Socket, local wire.Member, heard chan<- wire.Member, frame func([]byte)) error {
	s.socket.Store(&socket)
	defer s.socket.Store(nil)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer socket.Close() // ends listen
		return s.announce(ctx, socket, local)
	})
	g.Go(func() error { return s.listen(ctx, socket, heard, frame) })
	return g.Wait()
}

// announce sends heartbeats, and at the end a goodbye.
func (s *Multicast) announce(ctx context.Context, socket Socket, local wire.Member) error {
	tick := time.NewTicker(s.cfg.Frequency)
	defer tick.Stop()
	failures := 0
	var b []byte
	beat := func() error {
		local.Alive = s.Alive()
		b = local.AppendTo(b[:0])
		return socket.Write(b)
	}
	_ = beat() // Tomcat, too, sends two at once at the start
	for {
		if err := beat(); err != nil {
			if failures++; failures >= s.cfg.RecoveryCount {
				return fmt.Errorf("send a heartbeat: %w", err)
			}
		} else {
			failures = 0
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			local.Command = wire.ShutdownCommand
			if err := beat(); err != nil {
				s.cfg.Log.Warn("no goodbye to the group", "err", err)
			}
			return nil
		}
	}
}

// maxDatagram is how long a datagram may be.
const maxDatagram = 65535

// listen reads datagrams.
func (s *Multicast) listen(ctx context.Context, socket Socket, heard chan<- wire.Member, frame func([]byte)) error {
	b := make([]byte, maxDatagram)
	failures := 0
	for {
		n, from, err := socket.Read(b)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			if failures++; failures >= s.cfg.RecoveryCount {
				return fmt.Errorf("read datagrams of the group: %w", err)
			}
			select {
			case <-time.After(s.cfg.Frequency):
			case <-ctx.Done():
			}
			continue
		}
		failures = 0
		if !wire.IsMember(b[:n]) {
			frame(append([]byte(nil), b[:n]...))
			continue
		}
		m, _, err := wire.ParseMember(b[:n])
		if err != nil {
			s.cfg.Log.Debug("datagram ignored", "from", from, "err", err)
			continue
		}
		select {
		case heard <- m:
		case <-ctx.Done():
			return nil
		}
	}
}

// track alone holds the table of members.
func (s *Multicast) track(ctx context.Context, local wire.Key, heard <-chan wire.Member, to Listener) error {
	t := newTable(local, s.cfg.DropTime)
	tick := time.NewTicker(s.cfg.SoTimeout)
	defer tick.Stop()
	type result struct {
		member wire.Member
		alive  bool
	}
	probed := make(chan result)
	probing, probes := context.WithCancel(ctx)
	defer probes()
	var g errgroup.Group
	defer g.Wait()
	defer probes()
	for {
		var changes []change
		select {
		case m := <-heard:
			changes = t.hear(m, time.Now())
		case r := <-probed:
			changes = t.probed(r.member, r.alive, time.Now())
		case now := <-tick.C:
			var suspects []wire.Member
			changes, suspects = t.check(now)
			for _, m := range suspects {
				g.Go(func() error {
					r := result{m, s.probe(probing, m)}
					select {
					case probed <- r:
					case <-probing.Done():
					}
					return nil
				})
			}
		case <-ctx.Done():
			return nil
		}
		all := t.list()
		s.members.Store(&all)
		for _, c := range changes {
			s.cfg.Log.LogAttrs(ctx, slog.LevelDebug, "membership", slog.Bool("joined", c.joined), slog.Any("member", c.member))
			if c.joined {
				to.Joined(c.member)
			} else {
				to.Left(c.member)
			}
		}
	}
}
