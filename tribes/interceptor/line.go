package interceptor

import (
	"context"
	"sync"

	"github.com/catflap/catflap/tribes"
)

// A line is messages that wait, and leave one after the other. Whoever sends
// them has claimed it.
type line struct {
	mu      sync.Mutex
	waiting []queued
	apart   int  // how many of them do not mix
	sending bool // what was taken is being sent, by the goroutine of the line
	claimed bool // somebody else sends
	ended   bool
	wake    chan struct{} // of the goroutine of the line
	mixed   chan struct{} // of who sends what mixes
}

// A queued is a message that waits.
type queued struct {
	to    []tribes.Member
	m     *tribes.Message
	sent  chan error                  // gets what became of it; nil if nobody waits
	rest  func(context.Context) error // sends what is left of m; nil if nothing of it was sent
	mixes bool                        // it may leave together with those of other orders
}

func (l *line) add(q queued) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return false
	}
	l.put(q)
	l.rouse()
	return true
}

// put adds q at the end. l.mu is held.
func (l *line) put(q queued) {
	l.waiting = append(l.waiting, q)
	if !q.mixes {
		l.apart++
	}
}

// rouse wakes who sends what waits, unless that will be seen anyhow. l.mu is
// held.
func (l *line) rouse() {
	if l.sending || l.claimed {
		return
	}
	wake := l.wake
	if l.apart == 0 && !l.ended {
		wake = l.mixed
	}
	select {
	case wake <- struct{}{}:
	default:
	}
}

// claim makes the caller the one who sends, until it calls release, if nobody
// does and nothing waits.
func (l *line) claim() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sending || l.claimed || l.ended || len(l.waiting) > 0 {
		return false
	}
	l.claimed = true
	return true
}

// claimMixed is claim for a line in which nothing waits but what mixes. It
// appends that to all.
func (l *line) claimMixed(all []queued) (more []queued, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sending || l.claimed || l.ended || len(l.waiting) == 0 || l.apart > 0 {
		return all, false
	}
	l.claimed = true
	all = append(all, l.waiting...)
	clear(l.waiting)
	l.waiting = l.waiting[:0]
	return all, true
}

// release ends what a claim began. What is left is the first to be sent.
func (l *line) release(left ...queued) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.claimed = false
	if len(left) > 0 {
		after := l.waiting
		l.waiting, l.apart = nil, 0
		for _, q := range append(left, after...) {
			l.put(q)
		}
	}
	if len(l.waiting) > 0 || l.ended {
		l.rouse()
	}
}

// take returns all that wait. Nobody else sends until it returns none.
func (l *line) take() []queued {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.claimed {
		return nil
	}
	all := l.waiting
	l.waiting, l.apart = nil, 0
	l.sending = len(all) > 0
	return all
}

// end lets no more come, and reports whether all that came can be taken.
func (l *line) end() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	return !l.claimed
}
