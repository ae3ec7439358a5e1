package interceptor

import (
	"container/heap"
	"sync"
	"time"
)

// A replay remembers which messages came, so that one that was listened to
// cannot be sent again: by its nonce as long as it is remembered, and by its
// time afterwards.
type replay struct {
	window time.Duration
	count  int

	mu     *sync.Mutex
	nonces map[string]bool
	byTime stamps
	pushed int64 // the newest time that is no longer remembered
}

func newReplay(window time.Duration, count int) replay {
	return replay{window: window, count: count, mu: &sync.Mutex{}, nonces: map[string]bool{},
		pushed: time.Now().Add(-window).UnixMilli()}
}

// take remembers a message, and says why it must not count; "" if it may.
func (r *replay) take(stamp int64, nonce string, now time.Time) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch window := r.window.Milliseconds(); {
	case stamp < now.UnixMilli()-window:
		return "message too old: the clocks of the nodes differ, or it was sent before"
	case stamp > now.UnixMilli()+window:
		return "message from the future: the clocks of the nodes differ"
	case stamp <= r.pushed:
		return "message older than what is remembered: it may have been sent before"
	case r.nonces[nonce]:
		return "message that came before"
	}
	r.nonces[nonce] = true
	heap.Push(&r.byTime, stampedNonce{stamp, nonce})
	for len(r.byTime) > r.count {
		oldest := heap.Pop(&r.byTime).(stampedNonce)
		delete(r.nonces, oldest.nonce)
		r.pushed = max(r.pushed, oldest.stamp)
	}
	return ""
}

type stampedNonce struct {
	stamp int64
	nonce string
}

// stamps are a heap, the oldest first.
type stamps []stampedNonce

func (s stamps) Len() int           { return len(s) }
func (s stamps) Less(i, j int) bool { return s[i].stamp < s[j].stamp }
func (s stamps) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s *stamps) Push(x any)        { *s = append(*s, x.(stampedNonce)) }
func (s *stamps) Pop() any {
	last := (*s)[len(*s)-1]
	*s = (*s)[:len(*s)-1]
	return last
}
