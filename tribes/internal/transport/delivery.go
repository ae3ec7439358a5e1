package transport

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/tribes/internal/wire"
)

// A delivery is a frame on its way to several members, and ends when none of
// them is waited for.
type delivery struct {
	s     *Sender
	order string
	ack   bool
	rides bool   // the frame may leave together with others'
	frame []byte // of one message, or several
	count int    // how many

	ways   []way
	riding atomic.Int32  // ways whose rider has not arrived, and one more until wait
	all    chan struct{} // holds a value when riding is 0
}

// A way is that of the frame to one member.
type way struct {
	lane  *lane // that was entered; nil if none was
	home  *lane // that is to be told when lane is left; nil if none is
	conn  *socket
	rest  []byte // of the frame, not written to conn yet
	asks  bool   // nothing is written yet, and an answer is all that there is to wait for
	here  bool   // who sends the frame finishes it itself
	rider rider  // where the lane's holder sends the frame
	err   error
}

// maxRide is how long a frame may be that leaves together with others.
const maxRide = 16 << 10

// brisk is how long a lane's holder may have been busy for others to expect
// that it comes back soon. Who expects too much, gets off after impatient.
const (
	brisk     = 500 * time.Microsecond
	impatient = 20 * time.Millisecond
)

// deliver sends frame, which holds count messages like m, to all of to.
func (s *Sender) deliver(ctx context.Context, to []wire.Member, m *wire.Message, count int, frame []byte) error {
	d := s.newDelivery(m, len(to))
	defer d.free()
	d.frame, d.count = frame, count
	// What is acknowledged after it was worked on does not travel with others:
	// some receivers work on several at once and acknowledge in any order.
	d.rides = d.ack && !m.Options.Has(wire.OptionSyncAck) && len(frame) <= maxRide
	return d.run(ctx, to)
}

// newDelivery returns one of a message like m to so many members.
func (s *Sender) newDelivery(m *wire.Message, members int) *delivery {
	d, _ := s.deliveries.Get().(*delivery)
	if d == nil {
		d = &delivery{s: s, all: make(chan struct{}, 1)}
	}
	d.order, d.ack, d.rides = m.Order, m.Options.Has(wire.OptionAck), false
	d.ways = slices.Grow(d.ways[:0], members)[:members]
	d.riding.Store(1)
	return d
}

// free lets others use d.
func (d *delivery) free() {
	clear(d.ways)
	d.order, d.frame = "", nil
	d.s.deliveries.Put(d)
}

// run writes to all before it waits for one, and needs a goroutine only where
// that is not possible at once.
func (d *delivery) run(ctx context.Context, to []wire.Member) error {
	var sending sync.WaitGroup
	for i := range to {
		w := &d.ways[i]
		alone, err := d.begin(w, &to[i])
		switch {
		case err != nil:
			w.err = err
		case w.rider.trip != nil:
		case alone && len(to) > 1:
			sending.Go(func() { w.err = d.finish(ctx, w, &to[i]) })
		default:
			w.here = true
		}
	}
	// Members that were written to first answer first. So when the last one has
	// answered, the others need not be waited for.
	for i := len(to) - 1; i >= 0; i-- {
		if w := &d.ways[i]; w.here {
			w.err = d.finish(ctx, w, &to[i])
		}
	}
	sending.Wait()
	d.wait(ctx, to)
	return d.faulty(to)
}

// begin does what is possible at once: it enters a lane and writes what can be
// written, or leaves the frame to who is in it. It reports true for alone if
// finish will have to wait.
func (d *delivery) begin(w *way, to *wire.Member) (alone bool, err error) {
	p, err := d.s.peer(to)
	if err != nil {
		return false, err
	}
	w.rider = rider{frame: d.frame, order: d.order, retries: d.s.cfg.MaxRetries}
	if d.rides {
		w.rider.trip = d
		d.riding.Add(1)
	}
	l, entered := p.board(&w.rider, d.ack)
	if l != nil && !entered {
		return false, nil
	}
	if d.rides {
		w.rider.trip = nil
		d.riding.Add(-1)
	}
	if w.lane = l; l == nil {
		return true, nil
	}
	if w.conn = l.ready(d.ack); w.conn == nil {
		return true, nil
	}
	if w.asks = d.ack && len(d.ways) == 1; w.asks {
		return false, nil
	}
	w.rest = l.writeNow(w.conn, d.frame, d.count, d.ack)
	return len(w.rest) > 0, nil
}

// finish sends what begin has left to do, and waits for the acknowledgement.
func (d *delivery) finish(ctx context.Context, w *way, to *wire.Member) error {
	if w.lane == nil {
		p, err := d.s.peer(to)
		if err != nil {
			return err
		}
		if w.lane, w.home, err = p.enter(ctx, d.order, d.ack); err != nil {
			return err
		}
	}
	defer func() {
		w.lane.leave()
		if w.home != nil {
			w.home.back(d.order)
		}
	}()
	if w.conn == nil {
		return d.settle(ctx, w.lane, w.lane.send(ctx, d.frame, d.count, d.ack))
	}
	var err error
	if w.asks {
		err = w.lane.exchange(w.conn, d.frame, d.count)
	} else if err = w.lane.writeRest(w.conn, w.rest); err == nil && d.ack {
		err = w.lane.await(w.conn)
	}
	return d.settle(ctx, w.lane, w.lane.judge(err))
}

// settle sends the frame again, as often as it may, if err says that it did not
// arrive.
func (d *delivery) settle(ctx context.Context, l *lane, err error) error {
	for retries := d.s.cfg.MaxRetries; ; retries-- {
		if errors.Is(err, ErrFailAck) && d.s.cfg.AcceptFailedAck {
			return nil
		}
		if err == nil || retries <= 0 || isTimeout(err) || ctx.Err() != nil {
			return err
		}
		err = l.send(ctx, d.frame, d.count, d.ack)
	}
}

// arrived counts a rider that is not waited for any more.
func (d *delivery) arrived() {
	if d.riding.Add(-1) == 0 {
		d.all <- struct{}{}
	}
}

// wait waits until all riders have arrived. Those that did not leave in time
// get off their lane.
func (d *delivery) wait(ctx context.Context, to []wire.Member) {
	if d.riding.Add(-1) == 0 {
		return
	}
	patience := d.s.cfg.MaxWait
	if d.order == "" {
		patience = min(patience, impatient)
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	var reason error
	select {
	case <-d.all:
		return
	case <-timer.C:
		reason = tooLong(patience)
	case <-ctx.Done():
		reason = ctx.Err()
	}
	var sending sync.WaitGroup
	for i := range d.ways {
		w := &d.ways[i]
		if w.rider.trip == nil || !w.rider.getOff() {
			continue
		}
		w.rider.err = reason
		if d.order != "" || ctx.Err() != nil {
			d.arrived()
			continue
		}
		sending.Go(func() { // any other lane will do
			w.rider.err = d.finish(ctx, w, &to[i])
			d.arrived()
		})
	}
	sending.Wait()
	<-d.all
}

func tooLong(patience time.Duration) error {
	return fmt.Errorf("no connection was free within %v: %w", patience, os.ErrDeadlineExceeded)
}

// faulty is the error for those of to that failed; nil if none did.
func (d *delivery) faulty(to []wire.Member) error {
	var all *SendError
	for i := range d.ways {
		w := &d.ways[i]
		err := w.err
		if err == nil && w.rider.trip != nil {
			err = w.rider.err
		}
		if err == nil {
			continue
		}
		if all == nil {
			all = &SendError{}
		}
		all.Faulty = append(all.Faulty, Faulty{to[i], err})
	}
	if all != nil {
		return all
	}
	return nil
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && timeout.Timeout()
}
