package front

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
)

func TestGateBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		g.set(2)
		var mu sync.Mutex
		inside, most := 0, 0
		leave := make(chan struct{})
		for range 10 {
			go func() {
				if _, err := g.enter(t.Context()); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				inside++
				most = max(most, inside)
				mu.Unlock()
				<-leave
				mu.Lock()
				inside--
				mu.Unlock()
				g.leave()
			}()
		}
		synctest.Wait()
		if inside != 2 {
			t.Errorf("%d are inside, want 2", inside)
		}
		for range 10 {
			leave <- struct{}{}
			synctest.Wait()
		}
		if most != 2 || inside != 0 || g.inside.Load() != 0 || g.waiting.Load() != 0 {
			t.Errorf("at most %d were inside; at the end %d are, %d wait", most, g.inside.Load(), g.waiting.Load())
		}
	})
}

func TestGateIsFair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		g.set(1)
		if waited, err := g.enter(t.Context()); waited || err != nil {
			t.Fatal(waited, err)
		}
		var order []int
		for i := range 5 {
			go func() {
				waited, err := g.enter(t.Context())
				if !waited || err != nil {
					t.Error(waited, err)
				}
				order = append(order, i)
				g.leave()
			}()
			synctest.Wait()
		}
		g.leave()
		synctest.Wait()
		for i := range order {
			if order[i] != i {
				t.Fatalf("let in as %v", order)
			}
		}
		if len(order) != 5 {
			t.Errorf("only %v came in", order)
		}
	})
}

func TestGateGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		g.set(1)
		g.enter(t.Context())
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error, 1)
		go func() { _, err := g.enter(ctx); gone <- err }()
		synctest.Wait()
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("who gave up got %v", err)
		}
		g.leave()
		if waited, err := g.enter(t.Context()); waited || err != nil {
			t.Errorf("the place is lost: %v, %v", waited, err)
		}
	})
}

func TestGateGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		g.set(1)
		g.enter(t.Context())
		in := make(chan struct{})
		go func() { g.enter(t.Context()); close(in) }()
		synctest.Wait()
		g.set(2)
		<-in
	})
}
