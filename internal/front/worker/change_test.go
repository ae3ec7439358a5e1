package worker

import (
	"fmt"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/ajp/ajptest"
	"github.com/catflap/catflap/internal/front/overlay"
)

func values(pairs ...string) []overlay.Value {
	var all []overlay.Value
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, overlay.Value{Key: pairs[i], Text: pairs[i+1]})
	}
	return all
}

func get(t *testing.T, w *Worker) string {
	t.Helper()
	r, x := request("GET", "/", http.NoBody, 0)
	rec, err := forward(w, r, x)
	if err != nil {
		t.Fatal(err)
	}
	return rec.Body.String()
}

// TestAnotherAddress: the operator moves a worker. A request under way ends
// where it began, the next goes to the new address, and the old connections
// end.
func TestAnotherAddress(t *testing.T) {
	release := make(chan struct{})
	w, old := start(t, ajptest.Config{Script: func(c *ajptest.Call) { <-release; c.Answer(200, "old") }}, nil)
	other := ajptest.Start(ajptest.Config{Script: func(c *ajptest.Call) { c.Answer(200, "new") }})
	t.Cleanup(other.Close)
	first := make(chan string)
	go func() { first <- get(t, w) }()
	for len(old.Requests()) == 0 {
		time.Sleep(time.Millisecond)
	}
	before := w.now.Load().pool
	changed := w.Change(values("port", fmt.Sprint(other.Port()), "retries", "1"))
	if want := []overlay.Changed{{Key: "port", From: fmt.Sprint(old.Port()), To: fmt.Sprint(other.Port())}}; !cmp.Equal(changed, want) {
		t.Errorf("told %v", changed)
	}
	if got := get(t, w); got != "new" {
		t.Errorf("the next request went to %q", got)
	}
	close(release)
	if got := <-first; got != "old" {
		t.Errorf("the request under way ended at %q", got)
	}
	if opened, _ := before.sizes(); opened != 0 {
		t.Errorf("%d connections to the old address are left", opened)
	}
	if got := w.Snapshot().Address; got != other.Addr() {
		t.Errorf("the address shows as %s", got)
	}
	w.Change(values("port", "0"))
	if got := w.Snapshot(); got.Address != "invalid" || Settings.Shown(&got.Config, "port") != "0" {
		t.Errorf("port 0 shows as %s", got.Address)
	}
}

// TestWaitersMove: who waits for a place in the pool of an old address still
// gets one.
func TestWaitersMove(t *testing.T) {
	release := make(chan struct{})
	w, s := start(t, ajptest.Config{Script: func(c *ajptest.Call) { <-release; c.Answer(200, "ok") }},
		func(c *Config) { c.Pool = Pool{Size: 1, AcquireTimeout: time.Minute} })
	answers := make(chan string, 2)
	go func() { answers <- get(t, w) }()
	for len(s.Requests()) == 0 {
		time.Sleep(time.Millisecond)
	}
	go func() { answers <- get(t, w) }()
	p := w.now.Load().pool
	for waiting := 0; waiting == 0; time.Sleep(time.Millisecond) {
		p.mu.Lock()
		waiting = len(p.waiting)
		p.mu.Unlock()
	}
	w.Change(values("max_packet_size", "16384"))
	close(release)
	if a, b := <-answers, <-answers; a != "ok" || b != "ok" {
		t.Errorf("%q %q", a, b)
	}
	if opened, _ := p.sizes(); opened != 0 {
		t.Errorf("%d old connections are left", opened)
	}
}

// TestTimesAndLimits: times and limits hold for the next request, on the
// connections that there are.
func TestTimesAndLimits(t *testing.T) {
	w, s := start(t, ajptest.Config{Script: func(c *ajptest.Call) { c.Answer(200, "ok") }}, nil)
	get(t, w)
	w.Change(values("prepost_timeout", "2000", "reply_timeout", "9000", "busy_limit", "3", "recovery_options", "1", "connection_pool_timeout", "5"))
	get(t, w)
	if s.Accepted() != 1 || s.Pings() != 1 {
		t.Errorf("%d connections, %d pings: another connection, or no prepost", s.Accepted(), s.Pings())
	}
	if p := w.now.Load().pool; p.cfg.IdleTimeout != 5*time.Second {
		t.Errorf("connection_pool_timeout is %v", p.cfg.IdleTimeout)
	}
	if c := w.Config(); c.ReplyTimeout != 9*time.Second || c.BusyLimit != 3 || c.Recovery != RecoverNotAfterSend {
		t.Errorf("%+v", c)
	}
}

func TestReloadKeepsChanges(t *testing.T) {
	w, s := start(t, ajptest.Config{Script: func(c *ajptest.Call) { c.Answer(200, "ok") }}, func(c *Config) { c.Port = 1 })
	w.Change(values("port", fmt.Sprint(s.Port()), "reply_timeout", "7000", "retries", "5"))
	get(t, w)
	next := func(lines overlay.Lines) (*Worker, overlay.Overlay) {
		t.Helper()
		n, err := New(Config{Name: "n1", Host: "127.0.0.1", Port: 1, Retries: 1, Lines: lines}, nil, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(n.Close)
		return n, n.Adopt(w)
	}
	same, ended := next(nil)
	if !same.Adopted(w) || len(ended) > 0 || get(t, same) != "ok" || s.Accepted() != 1 {
		t.Errorf("after a reload: adopted %v, ended %v, %d connections", same.Adopted(w), ended, s.Accepted())
	}
	if c := same.Config(); c.ReplyTimeout != 7*time.Second || c.Retries != 5 {
		t.Errorf("%+v", c)
	}
	other, ended := next(overlay.Lines{"port": "1", "retries": "1"})
	if c := other.Config(); other.Adopted(w) || len(ended) != 2 || c.Port != 1 || c.Retries != 1 || c.ReplyTimeout != 7*time.Second {
		t.Errorf("after a changed line: adopted %v, ended %v, %+v", other.Adopted(w), ended, c)
	}
}

func TestReset(t *testing.T) {
	w, _ := start(t, ajptest.Config{Script: func(c *ajptest.Call) { c.Answer(200, "ok") }}, nil)
	get(t, w)
	before := w.Snapshot()
	w.Reset()
	shot := w.Snapshot()
	if before.Used != 1 || before.Read == 0 || shot.Used+shot.Read+shot.MaxBusy+shot.Errors != 0 || shot.Connected != 1 || shot.MaxConnected != 1 {
		t.Errorf("%+v\n%+v", before, shot)
	}
}
