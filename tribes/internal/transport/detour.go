package transport

import (
	"context"
	"slices"
	"time"
)

// A detour is where messages of one order go, and not on the lane that they have
// else: who is in that waits for an answer that does not come. A member that does
// not run on for a while so gets what was meant for it, up to as many messages as
// it may have connections, and works on them when it does.
type detour struct {
	lane  *lane
	count int // messages that are on it, or wait for it
}

// enterOrdered waits for the lane of order. If that takes long, and it is not for
// a message of the same order, it takes one of those that carry none. Only one
// that is acknowledged does, and only if the earlier ones of its order were:
// what was merely written may arrive later.
func (p *peer) enterOrdered(ctx context.Context, order string, ack bool) (l, home *lane, err error) {
	home = p.laneOf(order, ack)
	r := &rider{turn: make(chan struct{}), order: order}
	if d := home.wait(r); d != nil {
		if err := d.lane.enter(ctx, p.s.cfg.MaxWait); err != nil {
			home.back(order)
			return nil, nil, err
		}
		return d.lane, home, nil
	}
	until := time.Now().Add(p.s.cfg.MaxWait)
	timer := time.NewTimer(min(impatient, p.s.cfg.MaxWait))
	defer timer.Stop()
	for {
		select {
		case <-r.turn:
			return home, nil, nil
		case <-timer.C:
			if ack {
				if l := home.leaveFor(p.lanes[p.s.cfg.Lanes:], r); l != nil {
					return l, home, nil
				}
			}
			if left := time.Until(until); left > 0 {
				timer.Reset(min(impatient, left))
				continue
			}
			err = tooLong(p.s.cfg.MaxWait)
		case <-ctx.Done():
			err = ctx.Err()
		}
		if r.getOff() {
			return nil, nil, err
		}
		<-r.turn // it came at the same time
		return home, nil, nil
	}
}

// wait lets r wait for the lane, or hands it to r at once; unless its order takes
// a detour, on which it then is, too.
func (l *lane) wait(r *rider) *detour {
	l.mu.Lock()
	defer l.mu.Unlock()
	if d := l.detours[r.order]; d != nil {
		d.count++
		return d
	}
	if l.held {
		l.queue(r)
	} else {
		l.held, l.since, l.order, r.lane = true, time.Now(), r.order, l
		close(r.turn)
	}
	return nil
}

// leaveFor has r, which waits for l, enter one of others that nobody is in. It
// returns nil if it waits on: for one of its order, or since there is none.
func (l *lane) leaveFor(others []*lane, r *rider) *lane {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := -1
	for i, each := range l.line {
		if each == r {
			at = i
			break
		}
		if each.order == r.order {
			return nil
		}
	}
	if at < 0 || l.unsure.Load() || l.order == r.order || together(l.aboard, r) {
		return nil
	}
	for _, other := range others {
		if !other.tryEnter(nil) {
			continue
		}
		l.line = slices.Delete(l.line, at, at+1)
		if l.detours == nil {
			l.detours = map[string]*detour{}
		}
		l.detours[r.order] = &detour{lane: other, count: 1}
		return other
	}
	return nil
}

// back ends what wait or leaveFor began.
func (l *lane) back(order string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.detours[order]
	if d.count--; d.count == 0 {
		delete(l.detours, order)
	}
}
