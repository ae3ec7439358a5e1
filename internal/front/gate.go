package front

import (
	"context"
	"sync"
	"sync/atomic"
)

// A gate lets at most a number of requests in at once (MaxRequestWorkers); the
// rest wait in the order in which they came. As long as nobody waits it takes
// no lock.
type gate struct {
	most    atomic.Int64
	inside  atomic.Int64
	waiting atomic.Int64

	mu    sync.Mutex
	queue []chan struct{} // one for each that waits; closed to let it in
}

// enter waits for a place. It reports whether it had to, or the error of ctx;
// then there is no place to leave.
func (g *gate) enter(ctx context.Context) (waited bool, err error) {
	if g.waiting.Load() == 0 && g.take() {
		return false, nil
	}
	g.mu.Lock()
	g.waiting.Add(1)
	if len(g.queue) == 0 && g.take() {
		g.waiting.Add(-1)
		g.mu.Unlock()
		return false, nil
	}
	place := make(chan struct{})
	g.queue = append(g.queue, place)
	g.mu.Unlock()
	select {
	case <-place:
		return true, nil
	case <-ctx.Done():
		return true, g.giveUp(ctx, place)
	}
}

// giveUp takes place out of the queue. If it was let in meanwhile it leaves.
func (g *gate) giveUp(ctx context.Context, place chan struct{}) error {
	g.mu.Lock()
	for i, p := range g.queue {
		if p == place {
			g.queue = append(g.queue[:i], g.queue[i+1:]...)
			g.waiting.Add(-1)
			g.mu.Unlock()
			return ctx.Err()
		}
	}
	g.mu.Unlock()
	g.leave()
	return ctx.Err()
}

// take takes a place if one is free.
func (g *gate) take() bool {
	for {
		n := g.inside.Load()
		if n >= g.most.Load() {
			return false
		}
		if g.inside.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// leave gives the place back, and lets in who waits.
func (g *gate) leave() {
	g.inside.Add(-1)
	if g.waiting.Load() > 0 {
		g.admit()
	}
}

// admit lets in as many as there are places.
func (g *gate) admit() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.queue) > 0 && g.take() {
		close(g.queue[0])
		g.queue = g.queue[1:]
		g.waiting.Add(-1)
	}
}

// set changes how many may be inside.
func (g *gate) set(most int) {
	g.most.Store(int64(most))
	g.admit()
}
