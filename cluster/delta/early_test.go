package delta

import (
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/cluster/internal/wire"
)

// TestEarlyBytes: what is kept for sessions that may never come is bounded in
// bytes, and what is taken or has waited too long makes room.
func TestEarlyBytes(t *testing.T) {
	e, now := newEarly(), time.Now()
	big := func(id string) *wire.Message {
		return &wire.Message{Event: wire.EventDelta, ID: id, Payload: make([]byte, earlyBytes/2-1000)}
	}
	small := &wire.Message{Event: wire.EventDelta, ID: strings.Repeat("s", 2000)}
	if !e.keep(big("a"), now) || !e.keep(big("b"), now) {
		t.Fatal("no room in what is empty")
	}
	if e.keep(small, now) {
		t.Error("more is kept than earlyBytes")
	}
	if got := e.take("a", now); len(got) != 1 {
		t.Fatalf("%d messages wait for a", len(got))
	}
	if !e.keep(small, now) {
		t.Error("what is taken makes no room")
	}
	if e.keep(big("c"), now) {
		t.Error("more is kept than earlyBytes")
	}
	if !e.keep(big("c"), now.Add(earlyTime)) {
		t.Error("what has waited too long makes no room")
	}
	e.take("c", now)
	if e.count != 0 || e.bytes != 0 {
		t.Errorf("%d messages of %d bytes when nothing waits", e.count, e.bytes)
	}
}
