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

// readAtOnce is how much is read at once.
const readAtOnce = 16 << 10

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
	conns map[*socket]struct{}
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
	return &Receiver{cfg: cfg, deliver: deliver, budget: newBudget(cfg.Budget), conns: map[*socket]struct{}{}}
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
		s := newSocket(conn)
		if !r.keep(ctx, s) {
			s.Close()
			continue
		}
		serving.Go(func() {
			defer r.drop(s)
			r.serve(ctx, s)
		})
	}
}

// keep counts conn among the connections, if there may be more.
func (r *Receiver) keep(ctx context.Context, conn *socket) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ctx.Err() != nil {
		return false
	}
	if len(r.conns) >= r.cfg.Connections {
		r.cfg.Log.Warn("receiver has too many connections, one more is closed", "remote", conn.conn.RemoteAddr().String(), "connections", len(r.conns))
		return false
	}
	r.conns[conn] = struct{}{}
	return true
}

func (r *Receiver) drop(conn *socket) {
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
func (r *Receiver) serve(ctx context.Context, conn *socket) {
	in := &incoming{r: r, conn: conn, in: bufio.NewReaderSize(conn, readAtOnce), stranger: !r.cfg.Known(remoteAddr(conn.conn))}
	in.more = func(n int) bool { return in.room(ctx, int64(n)) }
	for {
		err := in.messages(ctx)
		in.done()
		if err == nil {
			continue
		}
		if !errors.Is(err, io.EOF) && ctx.Err() == nil {
			r.cfg.Log.Warn("connection of a peer closed", "remote", conn.conn.RemoteAddr().String(), "err", err)
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
	conn     *socket
	in       *bufio.Reader
	stranger bool
	taken    int64 // of the budget, for the frame that is read
	head     [wire.FrameHead]byte
	timed    bool // the connection has a deadline
	more     func(n int) bool
	answered time.Time // when the deadline of answers was set
	together []*wire.Message
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

// frame reads the next frame, of which something has come.
func (in *incoming) frame(ctx context.Context) ([]byte, error) {
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

// messages reads a message, and what else has come with it, and delivers them.
// io.EOF is the end behind a message.
// They are acknowledged as their options say, and before they are delivered, if
// it is not after: those that came together with one write.
func (in *incoming) messages(ctx context.Context) error {
	if in.timed && in.in.Buffered() == 0 {
		in.conn.SetReadDeadline(time.Time{})
		in.timed = false
	}
	if _, err := in.in.Peek(1); err != nil {
		return ignoreReset(err)
	}
	in.together = in.together[:0]
	if in.gather(); len(in.together) == 0 { // it has not come completely, or cannot be read
		body, err := in.frame(ctx)
		if err != nil {
			return err
		}
		m, err := in.message(body)
		if err != nil {
			return err
		}
		in.together = append(in.together, m)
		in.gather()
	}
	defer clear(in.together)
	if err := in.answer(in.arrived(0), ackFrames); err != nil {
		return err
	}
	for i, m := range in.together {
		failed := in.r.deliver(m)
		in.done()
		if !m.Options.Has(wire.OptionAck) || !m.Options.Has(wire.OptionSyncAck) {
			continue
		}
		acks := ackFrames
		if failed != nil {
			acks = failAckFrames
		}
		if err := in.answer(1+in.arrived(i+1), acks); err != nil {
			return err
		}
	}
	return nil
}

// gather takes the messages that have come completely already. A mistake in one
// of them is left for the next reading.
func (in *incoming) gather() {
	for len(in.together) < maxRiders {
		b, _ := in.in.Peek(in.in.Buffered())
		body, size, err := wire.ParseFrame(b, in.r.cfg.MaxFrame)
		if err != nil || size == 0 {
			return
		}
		m, err := in.message(body)
		if err != nil {
			return
		}
		m.Data = bytes.Clone(m.Data) // all else is not of body any more
		in.in.Discard(size)
		in.together = append(in.together, m)
	}
}

// arrived returns how many of the messages from the i-th on are to be
// acknowledged now: those before the first that is acknowledged later.
func (in *incoming) arrived(i int) (n int) {
	for ; i < len(in.together); i++ {
		switch options := in.together[i].Options; {
		case !options.Has(wire.OptionAck):
		case options.Has(wire.OptionSyncAck):
			return n
		default:
			n++
		}
	}
	return n
}

// message reads what a frame holds.
func (in *incoming) message(body []byte) (*wire.Message, error) {
	if bytes.Equal(body, wire.Ack) || bytes.Equal(body, wire.FailAck) {
		return nil, &wire.Error{What: "frame", Offset: wire.FrameHead, Reason: "an acknowledgement where nothing was sent"}
	}
	m, err := wire.ParseMessage(body)
	m.Room = in.more
	return &m, err
}

var (
	ackFrame     = wire.AppendFrame(nil, wire.Ack)
	failAckFrame = wire.AppendFrame(nil, wire.FailAck)

	// As many acknowledgements as there may be to write at once, all positive,
	// or all but the first.
	ackFrames     = bytes.Repeat(ackFrame, maxRiders)
	failAckFrames = append(bytes.Clone(failAckFrame), ackFrames...)
)

// answer writes the first n of acks.
func (in *incoming) answer(n int, acks []byte) error {
	if n == 0 {
		return nil
	}
	frame := acks[:n*len(ackFrame)]
	if frame = frame[in.conn.writeNow(frame):]; len(frame) == 0 {
		return nil
	}
	if now := time.Now(); now.Sub(in.answered) > in.r.cfg.Stall/4 {
		in.conn.SetWriteDeadline(now.Add(in.r.cfg.Stall))
		in.answered = now
	}
	if _, err := in.conn.Write(frame); err != nil {
		return fmt.Errorf("acknowledge: %w", err)
	}
	return nil
}
