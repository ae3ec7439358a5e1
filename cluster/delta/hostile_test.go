package delta

import (
	"bytes"
	"context"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/cluster/internal/wire"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/interceptor"
	"github.com/catflap/catflap/tribes/tribestest"
)

// hostile are payloads that a member makes up.
func hostile(t *testing.T) (all [][]byte) {
	t.Helper()
	var deep any
	for range 190 {
		deep = []any{deep}
	}
	values := []any{int32(1), strings.Repeat("x", 10000), deep, time.Unix(1, 0)}
	for _, value := range values {
		for kind := range 9 {
			d := wire.Delta{ID: "made up", Actions: []wire.Action{{Type: wire.Type(kind), Name: "evil", Value: value}}}
			b, err := d.Encode()
			if err != nil {
				t.Fatal(err)
			}
			b = bytes.Replace(b, []byte("java.util.Date"), []byte("com.evil.Gadge"), 1)
			all = append(all, b, b[:len(b)/2])
		}
	}
	one, err := wire.EncodeSessions([]wire.Session{{ID: "made up", MaxInactive: -1, IsValid: true, Created: -1 << 62}})
	if err != nil {
		t.Fatal(err)
	}
	id, err := wire.AppendID("renamed")
	if err != nil {
		t.Fatal(err)
	}
	return append(all, nil, []byte{}, []byte("garbage"), bytes.Repeat([]byte{0xff}, 1000), one, id)
}

// A member that sends made-up messages of all kinds, of its own sessions and none,
// does not change sessions of others that it does not name, nor end a node, nor
// take more memory than there is for what waits.
func TestHostileMember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a, b := start(t, network, "a", sync6, Config{}), start(t, network, "b", sync6, Config{})
		cookie := a.set(t, "", "n", 1)
		channel, err := tribes.New(tribes.Config{Name: "evil", Network: network.Node("evil"), Interceptors: []tribes.Interceptor{
			interceptor.NewFailureDetector(interceptor.FailureDetectorConfig{}),
		}})
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { ended <- channel.Run(ctx) }()
		<-channel.Ready()
		time.Sleep(time.Second)
		payloads, random := hostile(t), rand.New(rand.NewPCG(1, 2))
		others := channel.Members()
		if len(others) != 2 {
			t.Fatalf("%d members", len(others))
		}
		ids := []string{"", "made up", "renamed", strings.Repeat("i", 60000)}
		for i := range 1000 {
			m := &wire.Message{
				Event: wire.Event(random.IntN(18)), Context: a.cfg.Context, ID: ids[random.IntN(len(ids))], Everybody: random.IntN(20) == 0,
				Timestamp: random.Int64() - 1<<62, Payload: payloads[random.IntN(len(payloads))],
			}
			if random.IntN(3) == 0 {
				m.ID = string(rune('a'+i%26)) + strings.Repeat("u", i%50) + m.ID[:min(10, len(m.ID))]
			}
			if random.IntN(50) == 0 {
				m.Context = "localhost#/none"
			}
			if err := channel.Send(ctx, others, &tribes.Message{Options: tribes.OptionAck, Data: m.Encode()}); err != nil {
				t.Fatalf("message %d, %+v: %v", i, m.Event, err)
			}
		}
		want(t, cookie, "n=1", a, b)
		cookie = b.set(t, cookie, "n", 2)
		want(t, cookie, "n=2", a, b)
		want(t, a.set(t, "", "x", 3), "x=3", b)
		for _, n := range []*node{a, b} {
			n.Manager.mu.Lock()
			if n.early.bytes > earlyBytes || n.early.count > earlyCount {
				t.Errorf("%s: %d messages of %d bytes wait for sessions", n.name, n.early.count, n.early.bytes)
			}
			n.Manager.mu.Unlock()
		}
		time.Sleep(2 * time.Minute)
		for _, n := range []*node{a, b} {
			if k := n.kept(); k != 0 {
				t.Errorf("%s: %d messages wait for sessions that never came", n.name, k)
			}
		}
		synctest.Wait()
		if n := runtime.NumGoroutine(); n > 300 {
			t.Errorf("%d goroutines are left", n)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
