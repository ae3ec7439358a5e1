package delta

import (
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/cluster/internal/wire"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/tribestest"
)

// A node that asks for the sessions again and again is given them by one
// goroutine, anew after its last question; and not any number of nodes is given
// them at once.
func TestManyQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a := start(t, network, "a", 0, Config{BatchSize: 1, BatchWait: time.Second})
		for i := range 10 {
			a.set(t, "", "n", i)
		}
		asker := start(t, network, "asker", 0, Config{Context: "other"})
		who, given := asker.cluster.Local(), &givenAway{}
		if err := asker.cluster.Add(a.cfg.Context, given); err != nil {
			t.Fatal(err)
		}
		answered := func() int {
			a.Manager.mu.Lock()
			defer a.Manager.mu.Unlock()
			return len(a.answers)
		}
		for range 100 {
			receiver{a.Manager}.Receive(wire.GetAll(a.cfg.Context, time.Now()), who)
		}
		if n := answered(); n != 1 {
			t.Errorf("%d answers to one node", n)
		}
		time.Sleep(5500 * time.Millisecond) // it has begun
		receiver{a.Manager}.Receive(wire.GetAll(a.cfg.Context, time.Now()), who)
		time.Sleep(time.Minute)
		if n := answered(); n != 0 {
			t.Errorf("%d answers are still under way", n)
		}
		if n := given.n.Load(); n < 16 || n > 116 { // each question of the first hundred may have begun one
			t.Errorf("%d messages, not some of the first and all ten", n)
		}
		for i := range 10 * mostAnswers {
			receiver{a.Manager}.Receive(wire.GetAll(a.cfg.Context, time.Now()), tribes.Member{Host: who.Host, Port: who.Port, ID: tribes.ID{byte(i), byte(i >> 8)}})
		}
		if n := answered(); n != mostAnswers {
			t.Errorf("%d nodes are answered at once", n)
		}
	})
}

// A givenAway counts messages with sessions.
type givenAway struct{ n atomic.Int64 }

func (c *givenAway) Receive(m *wire.Message, _ tribes.Member) {
	if m.Event == wire.EventAllData {
		c.n.Add(1)
	}
}
func (*givenAway) Left(tribes.Member) {}

// What other nodes change before their sessions are here is kept up to a bound.
func TestQueueBytes(t *testing.T) {
	m := &Manager{cfg: Config{Log: slog.New(slog.DiscardHandler)}, cluster: newCluster(t), transfer: newTransfer()}
	payload := make([]byte, maxQueue/4)
	for i := range 5 {
		msg := wire.About(wire.EventDelta, "", "id", time.Now())
		msg.Payload = payload
		if !m.queue(msg, tribes.Member{}) {
			t.Fatalf("message %d is not for the queue", i)
		}
	}
	if n := len(m.transfer.queue); n != 3 || m.transfer.bytes > maxQueue {
		t.Errorf("%d messages of %d bytes are kept", n, m.transfer.bytes)
	}
}
