package transport

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/catflap/catflap/tribes/internal/wire"
)

// ReceiverConfig says how much a Receiver takes. A zero field means its
// default.
type ReceiverConfig struct {
	Budget      int64         // bytes of all messages that are received and not worked on yet; default 64 MiB
	MaxFrame    int           // of one frame; default 32 MiB, at most Budget
	Stall       time.Duration // how long a frame may make no progress; default 10 s
	Connections int           // at once; default 1024
	// Known tells whether a member has that address; others may use a quarter
	// of Budget. Default: all are known.
	Known func(netip.Addr) bool
	Log   *slog.Logger // default: nothing is logged
}

// unbudgeted is how long a frame may be that does not count.
const unbudgeted = 16 << 10

// A Receiver accepts connections and delivers the messages on them. Messages of
// one connection are delivered one after the other in their order, those of
// several at the same time.
type Receiver struct {
	cfg     ReceiverConfig
	deliver func(*wire.Message) error
	budget  *budget

	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

// NewReceiver returns a Receiver that hands messages to deliver, which may keep
// them. An error of it is told to senders that want to know
// (wire.OptionSyncAck).
func NewReceiver(cfg ReceiverConfig, deliver func(*wire.Message) error) *Receiver {
	if cfg.Budget == 0 {
		cfg.Budget = 64 << 20
	}
	if cfg.MaxFrame == 0 {
		cfg.MaxFrame = 32 << 20
	}
	cfg.MaxFrame = int(min(int64(cfg.MaxFrame), cfg.Budget))
	if cfg.Stall == 0 {
		cfg.Stall = 10 * time.Second
	}
	if cfg.Connections == 0 {
		cfg.Connections = 1024
	}
	if cfg.Known == nil {
		cfg.Known = func(netip.Addr) bool { return true }
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Receiver{cfg: cfg, deliver: deliver, budget: newBudget(cfg.Budget), conns: map[net.Conn]struct{}{}}
}

// Run accepts connections of l until ctx is done or l fails for good. It closes
// l and all connections, and returns when no delivery is under way.
func (r *Receiver) Run(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { l.Close(); r.closeAll() })
	defer stop()
	var serving sync.WaitGroup
	defer serving.Wait()
	defer r.closeAll()
	defer cancel()
	pause := time.Duration(0)
	for {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			if errors.Is(err, net.ErrClosed) {
				return err
			}
			// Out of descriptors, or the like: it may pass.
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			r.cfg.Log.Warn("receiver cannot accept a connection", "err", err, "pause", pause)
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
			continue
		}
		pause = 0
		if !r.keep(ctx, conn) {
			conn.Close()
			continue
		}
		serving.Go(func() {
			defer r.drop(conn)
			r.serve(ctx, conn)
		})
	}
}

// keep counts conn among the connections, if there may be more.
func (r *Receiver) keep(ctx context.Context, conn net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ctx.Err() != nil {
		return false
	}
	if len(r.conns) >= r.cfg.Connections {
		r.cfg.Log.Warn("receiver has too many connections, one more is closed", "remote", conn.RemoteAddr().String(), "connections", len(r.conns))
		return false
	}
	r.conns[conn] = struct{}{}
	return true
}

func (r *Receiver) drop(conn net.Conn) {
	conn.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.conns, conn)
}

func (r *Receiver) closeAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for conn := range r.conns {
		conn.Close()
	}
}

// serve reads the frames of one connection until it ends. Any mistake in them
// closes it: what comes behind could not be trusted.
func (r *Receiver) serve(ctx context.Context, conn net.Conn) {
	in := &incoming{r: r, conn: conn, in: bufio.NewReaderSize(conn, 8<<10), stranger: !r.cfg.Known(remoteAddr(conn))}
	in.more = func(n int) bool { return in.room(ctx, int64(n)) }
	for {
		body, err := in.frame(ctx)
		if err == nil {
			err = in.message(body)
		}
		in.done()
		if err == nil {
			continue
		}
		if !errors.Is(err, io.EOF) && ctx.Err() == nil {
			r.cfg.Log.Warn("connection of a peer closed", "remote", conn.RemoteAddr().String(), "err", err)
		}
		return
	}
}

func remoteAddr(conn net.Conn) netip.Addr {
	if addr, ok := conn.RemoteAddr().(interface{ AddrPort() netip.AddrPort }); ok {
		return addr.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// An incoming is one connection that is read.
type incoming struct {
	r        *Receiver
	conn     net.Conn
	in       *bufio.Reader
	stranger bool
	taken    int64 // of the budget, for the frame that is read
	head     [wire.FrameHead]byte
	timed    bool // the connection has a deadline
	more     func(n int) bool
	answered time.Time // when the deadline of answers was set
}

// done gives the budget of a frame back.
func (in *incoming) done() {
	in.r.budget.give(in.taken, in.stranger)
	in.taken = 0
}

// room takes n bytes of the budget until the frame is done with.
func (in *incoming) room(ctx context.Context, n int64) bool {
	if !in.r.budget.take(ctx, n, in.stranger, in.r.cfg.Stall) {
		return false
	}
	in.taken += n
	return true
}

// frame reads the next frame. io.EOF is the end between two.
func (in *incoming) frame(ctx context.Context) ([]byte, error) {
	if in.timed && in.in.Buffered() == 0 {
		in.conn.SetReadDeadline(time.Time{})
		in.timed = false
	}
	if _, err := in.in.Peek(1); err != nil {
		return nil, ignoreReset(err)
	}
	if err := in.full(in.head[:]); err != nil {
		return nil, fmt.Errorf("head of a frame: %w", err)
	}
	n, err := wire.BodySize(in.head[:], in.r.cfg.MaxFrame)
	if err != nil {
		return nil, err
	}
	body, err := in.body(ctx, n)
	if err != nil {
		return nil, err
	}
	if err := in.full(in.head[:wire.FrameTail]); err != nil {
		return nil, fmt.Errorf("end of a frame: %w", err)
	}
	return body, wire.CheckTail(in.head[:wire.FrameTail])
}

// ignoreReset makes the end of a connection between two frames io.EOF, however
// the peer ended it.
func ignoreReset(err error) error {
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return io.EOF
	}
	return err
}

// full fills b.
func (in *incoming) full(b []byte) error {
	if in.in.Buffered() < len(b) {
		in.conn.SetReadDeadline(time.Now().Add(in.r.cfg.Stall))
		in.timed = true
	}
	_, err := io.ReadFull(in.in, b)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// body reads n bytes. Memory is taken as they come, not as they are announced:
// each step at most doubles it.
func (in *incoming) body(ctx context.Context, n int) ([]byte, error) {
	if n <= unbudgeted {
		b := make([]byte, n)
		if err := in.full(b); err != nil {
			return nil, fmt.Errorf("body of a frame of %d bytes: %w", n, err)
		}
		return b, nil
	}
	b := make([]byte, 0, unbudgeted)
	for len(b) < n {
		step := min(n-len(b), max(len(b), unbudgeted))
		if !in.room(ctx, int64(step)) {
			return nil, fmt.Errorf("body of a frame of %d bytes: no memory left in the receive budget of %d bytes", n, in.r.cfg.Budget)
		}
		next := make([]byte, len(b)+step)
		copy(next, b)
		for filled := len(b); filled < len(next); {
			part := min(len(next)-filled, 256<<10) // progress is what counts, not the whole
			if err := in.full(next[filled : filled+part]); err != nil {
				return nil, fmt.Errorf("body of a frame of %d bytes: %w", n, err)
			}
			filled += part
		}
		b = next
	}
	return b, nil
}

// message delivers what a frame holds, and acknowledges it as its options say.
func (in *incoming) message(body []byte) error {
	if bytes.Equal(body, wire.Ack) || bytes.Equal(body, wire.FailAck) {
		return &wire.Error{What: "frame", Offset: wire.FrameHead, Reason: "an acknowledgement where nothing was sent"}
	}
	m, err := wire.ParseMessage(body)
	if err != nil {
		return err
	}
	m.Room = in.more
	ack := m.Options.Has(wire.OptionAck)
	sync := ack && m.Options.Has(wire.OptionSyncAck)
	if ack && !sync {
		if err := in.answer(ackFrame); err != nil {
			return err
		}
	}
	failed := in.r.deliver(&m)
	switch {
	case !sync:
		return nil
	case failed != nil:
		return in.answer(failAckFrame)
	}
	return in.answer(ackFrame)
}

var (
	ackFrame     = wire.AppendFrame(nil, wire.Ack)
	failAckFrame = wire.AppendFrame(nil, wire.FailAck)
)

func (in *incoming) answer(frame []byte) error {
	if now := time.Now(); now.Sub(in.answered) > in.r.cfg.Stall/4 {
		in.conn.SetWriteDeadline(now.Add(in.r.cfg.Stall))
		in.answered = now
	}
	if _, err := in.conn.Write(frame); err != nil {
		return fmt.Errorf("acknowledge: %w", err)
	}
	return nil
}
