package interceptor_test

import (
	"encoding/binary"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/interceptor"
)

// numbered is a message with a number, as an Order on another node makes it.
func numbered(n uint32, data string) tribes.Message {
	return tribes.Message{From: member("10.0.0.9"), Data: binary.BigEndian.AppendUint32([]byte(data), n)}
}

// A message that comes again, since its acknowledgement was lost, waits once.
func TestOrderAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := interceptor.NewOrder(interceptor.OrderConfig{MaxQueueBytes: 10000})
		u, _ := between(o)
		for range 50 {
			deliver(t, o, numbered(2, string(make([]byte, 1000))))
		}
		deliver(t, o, numbered(3, "three"), numbered(2, "two"))
		if got := u.texts(); len(got) > 0 {
			t.Errorf("%d messages delivered before their turn", len(got))
		}
		deliver(t, o, numbered(1, "one"), numbered(5, "five"))
		for range 3 {
			deliver(t, o, numbered(1, "one"))
		}
		time.Sleep(4 * time.Second)
		o.Heartbeat(t.Context())
		deliver(t, o, numbered(4, "four"), numbered(6, "six"))
		if got := u.texts(); !slices.Equal(got, []string{"one", "two", "three", "one", "one", "one", "five", "four", "six"}) {
			t.Errorf("delivered %q", got)
		}
	})
}

// While messages of a member are worked on slowly, those that others of its
// connections bring wait there when MaxQueueBytes are here.
func TestOrderSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := interceptor.NewOrder(interceptor.OrderConfig{MaxQueueBytes: 10000})
		u, _ := between(o)
		slow := make(chan struct{})
		u.ask = func(*tribes.Message) { <-slow }
		var returned atomic.Int32
		const many = 100
		for n := range uint32(many) {
			go func() {
				deliver(t, o, numbered(n+1, string(make([]byte, 1500))))
				returned.Add(1)
			}()
			synctest.Wait()
		}
		if n := returned.Load(); n < 3 || n > 6 {
			t.Errorf("%d of %d messages of 1500 bytes were taken over", n, many)
		}
		close(slow)
		synctest.Wait()
		if n := returned.Load(); n != many || len(u.texts()) != many {
			t.Errorf("%d of %d were taken over, %d delivered", n, many, len(u.texts()))
		}
	})
}
