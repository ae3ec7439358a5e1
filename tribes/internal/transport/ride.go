package transport

import (
	"errors"
	"runtime"
	"slices"
	"time"
)

// A rider waits for a lane: for its turn to be in it, or for whoever sends its
// frame, which then leaves together with others: several frames in one write,
// and their acknowledgements in one read.
type rider struct {
	lane *lane         // that it waits for
	turn chan struct{} // closed when the lane is the rider's; nil if it has a trip

	trip    *delivery // is told when the frame has arrived, or will not
	frame   []byte
	order   string
	retries int
	err     error // set before trip is told
}

// getOff takes r out of the line it waits in, and reports false if it is there
// no more.
func (r *rider) getOff() bool {
	r.lane.mu.Lock()
	defer r.lane.mu.Unlock()
	i := slices.Index(r.lane.line, r)
	if i >= 0 {
		r.lane.line = slices.Delete(r.lane.line, i, i+1)
	}
	return i >= 0
}

// arrive ends the trip of r, which is not touched any more.
func (r *rider) arrive(err error) {
	r.err = err
	r.trip.arrived()
}

// queue lets r wait. l.mu is held.
func (l *lane) queue(r *rider) {
	r.lane = l
	l.line = append(l.line, r)
}

// join makes the lane the caller's, or lets r wait for who is in it if it has a
// trip. It does neither if the lane is busy and r has no trip, or may take
// another lane and would have to wait long.
func (l *lane) join(r *rider) (entered, riding bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	crowd := r.trip != nil && now.Sub(l.crowded) < brisk && !l.ended
	switch {
	case l.detours[r.order] != nil:
		return false, false
	case !l.held && !crowd:
		l.held, l.since, l.order = true, now, r.order
		return true, false
	case r.trip == nil, l.held && r.order == "" && (now.Sub(l.since) > brisk || len(l.line) >= maxRiders):
		return false, false
	}
	l.queue(r)
	if !l.held {
		l.held, l.since = true, now
		l.next()
	}
	return false, true
}

// maxBatch is how many bytes leave together, and maxRiders how many frames.
const (
	maxBatch  = 64 << 10
	maxRiders = 64
)

// carry sends what waits and may leave together, until nothing does.
func (l *lane) carry() {
	for {
		runtime.Gosched() // who was just told that its message has arrived may have another
		riders := l.board()
		if len(riders) == 0 {
			return
		}
		for len(riders) > 0 {
			riders = l.ride(riders)
		}
	}
}

// board takes the riders at the head of the line that may leave together. If
// there is none it leaves the lane.
func (l *lane) board() []*rider {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, size := 0, 0
	most := maxRiders
	if l.sender.cfg.KeepAliveCount > 0 {
		most = 1
	}
	for n < min(len(l.line), most) {
		r := l.line[n]
		if size += len(r.frame); r.turn != nil || n > 0 && size > maxBatch || together(l.line[:n], r) {
			break
		}
		n++
	}
	if n == 0 || l.ended {
		l.aboard = nil
		l.next()
		return nil
	}
	riders := slices.Clone(l.line[:n])
	l.aboard, l.order = riders, ""
	l.line = slices.Delete(l.line, 0, n)
	l.since = time.Now()
	if n > 1 {
		l.crowded = l.since
	}
	return riders
}

// together reports whether r has the order of another rider. Two of one order do
// not leave together: some receivers work on several messages at once.
func together(riders []*rider, r *rider) bool {
	return r.order != "" && slices.ContainsFunc(riders, func(other *rider) bool { return other.order == r.order })
}

// ride sends the frames of riders, and returns those of which it has to be tried
// again.
func (l *lane) ride(riders []*rider) (again []*rider) {
	conn, err := l.connected(l.sender.ctx, true)
	if err == nil {
		l.batch = l.batch[:0]
		for _, r := range riders {
			l.batch = append(l.batch, r.frame...)
		}
		err = l.judge(l.write(conn, l.batch, len(riders), true))
	}
	for _, r := range riders {
		failed := err
		if err == nil {
			failed = l.judge(l.await(conn))
			l.used = time.Now() // the next one has its own time
		}
		if !errors.Is(failed, ErrFailAck) {
			err = failed // of the connection, and so of all that follow
		} else if l.sender.cfg.AcceptFailedAck {
			failed = nil
		}
		if failed == nil || r.retries <= 0 || isTimeout(failed) || l.sender.ctx.Err() != nil {
			r.arrive(failed)
			continue
		}
		r.retries--
		again = append(again, r)
	}
	return again
}
