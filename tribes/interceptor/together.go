package interceptor

import (
	"context"
	"runtime"

	"github.com/catflap/catflap/tribes"
)

// mixes reports whether m may leave together with messages of other orders. One
// without an order may be large, and goes its own way.
func (d *Dispatch) mixes(m *tribes.Message) bool {
	if m.Options&alone != 0 || m.Order == "" || len(m.Data) > maxBatch {
		return false
	}
	_, ok := d.Below.(tribes.Batcher)
	return ok
}

// together sends what waits in all lines and mixes, in as few pieces as it may,
// until ctx is done: messages of many orders come from many goroutines, and a
// write for each costs more than all else that is done for it. Where this has to
// wait, so would each line, since they have the same connection.
func (d *Dispatch) together(ctx, sending context.Context) {
	var all []queued
	var claimed []*line
	for {
		select {
		case <-d.mixed:
		case <-ctx.Done():
			return
		}
		for {
			runtime.Gosched() // who can run may have more to send
			for _, l := range d.lines {
				var ok bool
				if all, ok = l.claimMixed(all); ok {
					claimed = append(claimed, l)
				}
			}
			if len(all) == 0 {
				break
			}
			d.send(sending, all)
			for _, l := range claimed {
				l.release()
			}
			clear(all)
			all, claimed = all[:0], claimed[:0]
		}
	}
}
