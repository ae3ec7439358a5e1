package interceptor_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/interceptor"
	"github.com/catflap/catflap/tribes/tribestest"
)

// A collector keeps what a channel receives, in order.
type collector struct {
	mu  sync.Mutex
	got []string
}

func (c *collector) Received(m *tribes.Message) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got = append(c.got, string(m.Data))
	return true, nil
}

func (c *collector) Joined(tribes.Member) {}
func (c *collector) Left(tribes.Member)   {}

// Asynchronous messages that wait leave together: all come once, those of one
// order in theirs, to each member; also if what stands below changes each alone,
// and never around it.
func TestAsynchronousTogether(t *testing.T) {
	stacks := map[string]func() []tribes.Interceptor{
		"default": func() []tribes.Interceptor {
			return []tribes.Interceptor{interceptor.NewDispatch(interceptor.DispatchConfig{}), interceptor.NewFailureDetector(interceptor.FailureDetectorConfig{})}
		},
		"with changes below": func() []tribes.Interceptor {
			encrypt, err := interceptor.NewEncrypt(interceptor.EncryptConfig{Key: strings.Repeat("00", 16)})
			if err != nil {
				t.Fatal(err)
			}
			return []tribes.Interceptor{interceptor.NewDispatch(interceptor.DispatchConfig{}), encrypt,
				interceptor.NewFailureDetector(interceptor.FailureDetectorConfig{}), interceptor.NewGzip(interceptor.GzipConfig{})}
		},
	}
	for name, stack := range stacks {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { together(t, stack) })
		})
	}
}

func together(t *testing.T, stack func() []tribes.Interceptor) {
	const orders, each = 10, 100
	network := tribestest.NewNetwork(1)
	var sender *tribes.Channel
	var receivers []*collector
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	for _, name := range []string{"a", "b", "c"} {
		c, err := tribes.New(tribes.Config{Name: name, Network: network.Node(name), Interceptors: stack()})
		if err != nil {
			t.Fatal(err)
		}
		if name == "a" {
			sender = c
		} else {
			r := &collector{}
			c.Listen(r)
			receivers = append(receivers, r)
		}
		running.Go(func() {
			if err := c.Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	time.Sleep(2 * time.Second)
	for n := range each {
		for order := range orders {
			m := &tribes.Message{Options: tribes.OptionAsync, Data: fmt.Appendf(nil, "%d %d", order, n)}
			if order%2 == 0 {
				m.Order = fmt.Sprint("order ", order)
			}
			if err := sender.Send(t.Context(), sender.Members(), m); err != nil {
				t.Fatal(err)
			}
		}
	}
	time.Sleep(time.Second)
	synctest.Wait()
	for i, r := range receivers {
		seen, next := map[string]int{}, map[int]int{}
		r.mu.Lock()
		for _, text := range r.got {
			var order, n int
			if _, err := fmt.Sscan(text, &order, &n); err != nil {
				t.Fatalf("receiver %d got %q", i, text)
			}
			if seen[text]++; order%2 == 0 && next[order] != n {
				t.Fatalf("receiver %d: message %d of order %d came when %d was expected", i, n, order, next[order])
			}
			next[order] = n + 1
		}
		if len(seen) != orders*each || len(r.got) != orders*each {
			t.Errorf("receiver %d: %d messages, %d different ones, want %d", i, len(r.got), len(seen), orders*each)
		}
		r.mu.Unlock()
	}
}
