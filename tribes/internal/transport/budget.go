package transport

import (
	"context"
	"sync"
	"time"
)

// A budget bounds the memory of what is received but not worked on yet, all
// connections together. Strangers, who are no members, may have a quarter of
// it, so that they cannot take what members need.
type budget struct {
	size      int64
	mu        sync.Mutex
	free      int64
	strangers int64         // free for strangers; never more than free counts
	changed   chan struct{} // closed when something was given back; nil if nobody waits
}

func newBudget(size int64) *budget { return &budget{size: size, free: size, strangers: size / 4} }

// take takes n bytes, and waits for them at most patience. It reports false if
// they could not be had.
func (b *budget) take(ctx context.Context, n int64, stranger bool, patience time.Duration) bool {
	var timer *time.Timer
	if n > b.size || stranger && n > b.size/4 {
		return false // it never will be
	}
	for {
		b.mu.Lock()
		if b.free >= n && (!stranger || b.strangers >= n) {
			b.free -= n
			if stranger {
				b.strangers -= n
			}
			b.mu.Unlock()
			return true
		}
		if b.changed == nil {
			b.changed = make(chan struct{})
		}
		changed := b.changed
		b.mu.Unlock()
		if timer == nil {
			timer = time.NewTimer(patience)
			defer timer.Stop()
		}
		select {
		case <-changed:
		case <-timer.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// give gives n bytes back.
func (b *budget) give(n int64, stranger bool) {
	if n == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free += n
	if stranger {
		b.strangers += n
	}
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}
