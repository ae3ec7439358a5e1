package transport

import (
	"context"
	"slices"
	"sync"

	"github.com/catflap/catflap/tribes/internal/wire"
)

// SendNow sends m, which is not to be acknowledged, to all of to if there is
// nothing to wait for: neither for a connection nor until it has room. It
// reports false if there is, and then has done nothing. What it could not write,
// though, rest writes, which waits as Send does and is to be called once; nil if
// nothing is left. SendNow and rest keep neither to nor m.
func (s *Sender) SendNow(to []wire.Member, m *wire.Message, from []byte) (rest func(context.Context) error, ok bool) {
	d := s.newDelivery(m, len(to))
	for i := range to {
		if !d.enterNow(&d.ways[i], &to[i]) {
			for k := range i {
				d.ways[k].lane.leave()
			}
			d.free()
			return nil, false
		}
	}
	frame := newFrame(wire.MessageSize(m, len(from)))
	frame.b = wire.AppendMessage(frame.b, m, from)
	d.frame, d.count = frame.b, 1
	left := false
	for i := range d.ways {
		w := &d.ways[i]
		if w.rest = w.lane.writeNow(w.conn, d.frame, 1, false); len(w.rest) > 0 {
			left = true
			continue
		}
		w.lane.leave()
		w.lane = nil
	}
	if !left {
		frame.free()
		d.free()
		return nil, true
	}
	to = slices.Clone(to)
	return func(ctx context.Context) error {
		defer d.free()
		defer frame.free()
		var sending sync.WaitGroup
		for i := range d.ways {
			if w := &d.ways[i]; w.lane != nil {
				sending.Go(func() { w.err = d.finish(ctx, w, &to[i]) })
			}
		}
		sending.Wait()
		return d.faulty(to)
	}, true
}

// enterNow enters a lane that has a connection.
func (d *delivery) enterNow(w *way, to *wire.Member) bool {
	p, err := d.s.peer(to)
	if err != nil {
		return false
	}
	l, entered := p.board(&rider{order: d.order}, false)
	if !entered {
		return false
	}
	if w.conn = l.ready(false); w.conn == nil {
		l.leave()
		return false
	}
	w.lane = l
	return true
}
