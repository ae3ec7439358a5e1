package cluster

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/cluster/internal/wire"
	"github.com/catflap/catflap/internal/leaktest"
	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/tribestest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// A receiver keeps what it gets.
type receiver struct {
	mu   sync.Mutex
	got  []Message
	left []tribes.Member
}

func (r *receiver) Receive(m *Message, _ tribes.Member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, *m)
}

// messages is what it got, and how many have left.
func (r *receiver) messages() (got []Message, left int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got), len(r.left)
}

func (r *receiver) Left(m tribes.Member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left = append(r.left, m)
}

func start(t *testing.T, network *tribestest.Network, name string, managers ...Runner) (c *Cluster, stop func()) {
	t.Helper()
	return startLogging(t, network, name, nil, managers...)
}

// startLogging starts a node that logs to log.
func startLogging(t *testing.T, network *tribestest.Network, name string, log *slog.Logger, managers ...Runner) (c *Cluster, stop func()) {
	t.Helper()
	channel, err := tribes.New(tribes.Config{Name: name, Network: network.Node(name)})
	if err != nil {
		t.Fatal(err)
	}
	c = New(Config{Log: log}, channel)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx, managers...) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("%s: %v", name, err)
		}
	})
	t.Cleanup(stop)
	return c, stop
}

func TestContext(t *testing.T) {
	channel, err := tribes.New(tribes.Config{})
	if err != nil {
		t.Fatal(err)
	}
	engine, host := New(Config{}, channel), New(Config{HostLevel: true}, channel)
	for _, test := range []struct{ path, atEngine, atHost string }{
		{"/app", "localhost#/app", "/app"}, {"", "localhost#", ""}, {"/app##2", "localhost#/app##2", "/app##2"},
		{"localhost#/app", "localhost#/app", "localhost#/app"},
	} {
		if a, b := engine.Context("localhost", test.path), host.Context("localhost", test.path); a != test.atEngine || b != test.atHost {
			t.Errorf("%q is %q and %q, want %q and %q", test.path, a, b, test.atEngine, test.atHost)
		}
	}
}

// Messages go to the receiver of their context; who asks for the sessions of
// one that is not here is told so; maps that are not here are refused.
func TestRouting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a, _ := start(t, network, "a")
		b, stopB := start(t, network, "b")
		time.Sleep(2 * time.Second)
		asking, shop, other := &receiver{}, &receiver{}, &receiver{}
		for name, r := range map[string]*receiver{"h#/shop": shop, "h#/other": other} {
			if err := b.Add(name, r); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Add("h#/shop", other); err == nil {
			t.Error("a context is there twice")
		}
		if err := a.Add("h#/gone", asking); err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		for _, m := range []*Message{
			wire.About(wire.EventAccessed, "h#/shop", "ID", now), wire.GetAll("h#/gone", now), wire.GetAll("h#/shop", now),
			{Event: wire.EventAccessed, Everybody: true, ID: "E"}, wire.About(wire.EventAccessed, "h#/nowhere", "ID", now),
		} {
			if err := a.Send(t.Context(), a.Members(), m, 0, "order"); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(time.Second)
		got, _ := shop.messages()
		all, _ := other.messages()
		if len(got) != 3 || got[0].ID != "ID" || got[1].Event != wire.EventGetAll || got[2].ID != "E" || len(all) != 1 {
			t.Errorf("got %+v and %+v", got, all)
		}
		if got, _ = asking.messages(); len(got) != 1 || got[0].Event != wire.EventNoContextManager || got[0].Context != "h#/gone" {
			t.Errorf("answered %+v", got)
		}
		ask, err := a.Dispatcher().Open("h#/gone-map", nil)
		if err != nil {
			t.Fatal(err)
		}
		answers, err := ask.Ask(t.Context(), a.Members(), &javaserial.String{Text: "?"}, 0, 0)
		if err != nil || len(answers.Refused) != 1 {
			t.Errorf("a map that is not there: %+v, %v", answers, err)
		}
		b.Remove("h#/other")
		if err := a.Send(t.Context(), nil, wire.GetAll("x", now), 0, ""); err != nil {
			t.Errorf("without members: %v", err)
		}
		stopB()
		time.Sleep(5 * time.Second)
		if _, left := asking.messages(); left != 1 {
			t.Errorf("%d left", left)
		}
	})
}

// A manager has its channel until it has ended.
func TestEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		b, _ := start(t, network, "b")
		got := &receiver{}
		if err := b.Add("h#/x", got); err != nil {
			t.Fatal(err)
		}
		last := &lastWords{said: make(chan error, 1)}
		a, stop := start(t, network, "a", last)
		last.c = a
		time.Sleep(2 * time.Second)
		stop()
		if all, _ := got.messages(); len(all) != 1 {
			t.Errorf("got %+v", all)
		}
		if err := <-last.said; err != nil {
			t.Error(err)
		}
	})
}

type lastWords struct {
	c    *Cluster
	said chan error
}

func (l *lastWords) Run(ctx context.Context) error {
	<-ctx.Done()
	l.said <- l.c.Send(context.WithoutCancel(ctx), l.c.Members(), wire.GetAll("h#/x", time.Now()), tribes.OptionAck|tribes.OptionSyncAck, "")
	return nil
}

// Run waits for answers that are on their way, and nobody else does.
func TestEnding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, stop := start(t, tribestest.NewNetwork(1), "a")
		<-c.Ready()
		sent, added := make(chan struct{}), make(chan error, 1)
		c.answering.Go(func() { <-sent })
		go stop()
		synctest.Wait()
		go func() { added <- c.Add("localhost#/shop", &receiver{}) }()
		c.Remove("localhost#/shop")
		c.refuse("localhost#/none", c.Local())
		if err := <-added; err != nil {
			t.Error(err)
		}
		close(sent)
	})
}

// Of a context that only Tomcats have, one line is written however much they
// tell of it.
func TestElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		channel, err := tribes.New(tribes.Config{Network: tribestest.NewNetwork(1).Node("a")})
		if err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		c := New(Config{Log: slog.New(slog.NewTextHandler(&log, nil))}, channel)
		for i := range 413 {
			(*taker)(c).message(&Message{Event: wire.EventDelta, Context: "localhost#/docs", ID: fmt.Sprint("SECRET", i)}, tribes.Member{})
		}
		time.Sleep(61 * time.Second)
		synctest.Wait()
		if text := log.String(); strings.Count(text, "\n") != 2 || !strings.Contains(text, "more=412 within=1m0s") || strings.Contains(text, "SECRET") {
			t.Errorf("the log:\n%s", text)
		}
	})
}
