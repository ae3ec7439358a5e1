package rpc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/internal/leaktest"
	"github.com/catflap/catflap/internal/vectors"
	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/tribestest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func TestVectors(t *testing.T) {
	for name, want := range map[string]message{
		"rpc-request":    {id: "localhost#/app-map", content: &javaserial.String{Text: "question"}},
		"rpc-reply":      {id: "localhost#/app-map", reply: true, content: &javaserial.String{Text: "answer"}},
		"rpc-reply-null": {id: "localhost#/app-map", reply: true},
		"rpc-norpc":      {id: "localhost#/app-map", reply: true, noChannel: true},
	} {
		data := vectors.Bytes(t, name)
		n, err := javaserial.Decode(data, javaserial.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		var got message
		if mine, err := got.parse(n); !mine || err != nil {
			t.Fatalf("%s: %v, %v", name, mine, err)
		}
		text := func(n javaserial.Node) string { v, _ := javaserial.Go(n); return fmt.Sprint(v) }
		if got.id != want.id || got.reply != want.reply || got.noChannel != want.noChannel || text(got.content) != text(want.content) {
			t.Errorf("%s is %+v, want %+v", name, got, want)
		}
		if again := javaserial.Encode(got.object()); !bytes.Equal(again, data) {
			t.Errorf("%s written otherwise:\n% x\n% x", name, data, again)
		}
	}
}

// A node is a channel with a Dispatcher.
type node struct {
	*tribes.Channel
	d    *Dispatcher
	stop func()
}

func start(t *testing.T, network *tribestest.Network, name string) *node {
	t.Helper()
	return startLogging(t, network, name, nil)
}

// startLogging starts a node whose Dispatcher logs to log.
func startLogging(t *testing.T, network *tribestest.Network, name string, log *slog.Logger) *node {
	t.Helper()
	c, err := tribes.New(tribes.Config{Name: name, Network: network.Node(name)})
	if err != nil {
		t.Fatal(err)
	}
	n := &node{Channel: c, d: NewDispatcher(c, javaserial.Limits{}, log)}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	n.stop = sync.OnceFunc(func() { cancel(); <-ended; n.d.Close() })
	t.Cleanup(n.stop)
	return n
}

// An echo answers with what it is asked and its name, after some time.
type echo struct {
	name  string
	after time.Duration
	mute  bool

	mu   sync.Mutex
	late []string
}

func (e *echo) Asked(q javaserial.Node, _ tribes.Member) (javaserial.Node, bool) {
	time.Sleep(e.after)
	text, _ := javaserial.Go(q)
	return &javaserial.String{Text: fmt.Sprint(e.name, " ", text)}, !e.mute
}

func (e *echo) Leftover(answer javaserial.Node, _ tribes.Member) {
	text, _ := javaserial.Go(answer)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.late = append(e.late, fmt.Sprint(text))
}

func ask(t *testing.T, c *Channel, to []tribes.Member, mode Mode, limit time.Duration) (texts []string, refused int, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	answers, err := c.Ask(ctx, to, &javaserial.String{Text: "?"}, mode, tribes.OptionAck)
	for _, r := range answers.Replies {
		text, _ := javaserial.Go(r.Content)
		texts = append(texts, fmt.Sprint(text))
	}
	slices.Sort(texts)
	return texts, len(answers.Refused), err
}

func TestAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a, b, c, d := start(t, network, "a"), start(t, network, "b"), start(t, network, "c"), start(t, network, "d")
		time.Sleep(time.Second)
		own := &echo{name: "a"}
		asking, err := a.d.Open("x", own)
		if err != nil {
			t.Fatal(err)
		}
		for n, after := range map[*node]time.Duration{b: 10 * time.Millisecond, c: 300 * time.Millisecond} {
			if _, err := n.d.Open("x", &echo{name: n.Local().Host.String(), after: after}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := b.d.Open("x", own); !errors.Is(err, ErrExists) {
			t.Errorf("error %v, want ErrExists", err)
		}
		began := time.Now()
		texts, _, err := ask(t, asking, a.Members(), First, time.Minute)
		if err != nil || !slices.Equal(texts, []string{"10.0.0.2 ?"}) || time.Since(began) > 50*time.Millisecond {
			t.Errorf("first: %q, %v after %v", texts, err, time.Since(began))
		}
		texts, refused, err := ask(t, asking, a.Members(), All, time.Minute)
		if err != nil || !slices.Equal(texts, []string{"10.0.0.2 ?", "10.0.0.3 ?"}) || refused != 1 {
			t.Errorf("all: %q, %d refused, %v; d has no such channel", texts, refused, err)
		}
		own.mu.Lock()
		if !slices.Equal(own.late, []string{"10.0.0.3 ?"}) {
			t.Errorf("left over: %q", own.late)
		}
		own.mu.Unlock()
		if texts, refused, err = ask(t, asking, []tribes.Member{d.Local()}, First, time.Minute); len(texts) != 0 || refused != 1 || err != nil {
			t.Errorf("d: %q, %d refused, %v", texts, refused, err)
		}
		if _, err := asking.Ask(t.Context(), nil, nil, First, 0); !errors.Is(err, tribes.ErrNobody) {
			t.Errorf("error %v, want ErrNobody", err)
		}
		began = time.Now()
		network.Cut("a", "b")
		texts, _, err = ask(t, asking, a.Members(), All, time.Minute)
		if _, ok := errors.AsType[*tribes.SendError](err); !ok || !slices.Equal(texts, []string{"10.0.0.3 ?"}) || time.Since(began) > 5*time.Second {
			t.Errorf("with b cut off: %q, %v after %v", texts, err, time.Since(began))
		}
	})
}

// An answer that never comes ends with the time, and one of a member that
// leaves is not waited for.
func TestNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a, b := start(t, network, "a"), start(t, network, "b")
		time.Sleep(time.Second)
		asking, err := a.d.Open("x", &echo{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.d.Open("x", &echo{mute: true}); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		texts, _, err := ask(t, asking, a.Members(), First, 2*time.Second)
		if len(texts) != 0 || err != nil || time.Since(began) != 2*time.Second {
			t.Errorf("%q, %v after %v", texts, err, time.Since(began))
		}
		began = time.Now()
		network.Crash("b")
		b.stop()
		texts, _, _ = ask(t, asking, a.Members(), First, time.Minute)
		if len(texts) != 0 || time.Since(began) > 5*time.Second {
			t.Errorf("%q after %v", texts, time.Since(began))
		}
	})
}

type taker struct{ got []string }

func (k *taker) Object(n javaserial.Node, _ *tribes.Message) (bool, error) {
	v, _ := javaserial.Go(n)
	k.got = append(k.got, fmt.Sprint(v))
	return true, nil
}
func (k *taker) Joined(tribes.Member) {}
func (k *taker) Left(tribes.Member)   {}

// Other objects go to who takes them; what cannot be read, and bytes, to nobody.
func TestObjects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a, b := start(t, network, "a"), start(t, network, "b")
		time.Sleep(time.Second)
		k := &taker{}
		b.d.Take(k)
		options := tribes.OptionAck | tribes.OptionSyncAck
		if err := a.d.Send(t.Context(), a.Members(), &javaserial.String{Text: "hello"}, options, ""); err != nil {
			t.Error(err)
		}
		for _, m := range []*tribes.Message{{Options: options, Data: []byte("no stream")}, {Options: options | tribes.OptionBytes, Data: []byte("bytes")}} {
			if err := a.Send(t.Context(), a.Members(), m); err != nil {
				t.Errorf("%q: %v; Tomcat acknowledges it", m.Data, err)
			}
		}
		b.d.Drop(k)
		if err := a.d.Send(t.Context(), a.Members(), &javaserial.String{Text: "nobody"}, options, ""); err != nil {
			t.Error(err)
		}
		if !slices.Equal(k.got, []string{"hello"}) {
			t.Errorf("taken: %q", k.got)
		}
	})
}

// What is of another release is not taken, and told in words.
func TestOtherSUID(t *testing.T) {
	for _, name := range []string{"rpc-request", "rpc-norpc"} {
		n, err := javaserial.Decode(vectors.Bytes(t, name), javaserial.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		n.(*javaserial.Object).Class.SUID++
		var m message
		if mine, err := m.parse(n); !mine || err == nil || !strings.Contains(err.Error(), "serialVersionUID") {
			t.Errorf("%s: %v, %v", name, mine, err)
		}
	}
}

func FuzzMessage(f *testing.F) {
	for _, name := range []string{"rpc-request", "rpc-reply", "rpc-reply-null", "rpc-norpc", "map-init-rpc"} {
		f.Add(vectors.Bytes(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := javaserial.Decode(data, javaserial.Limits{Objects: 10000})
		if err != nil {
			return
		}
		var m, again message
		if mine, err := m.parse(n); !mine || err != nil {
			return
		}
		if mine, err := again.parse(m.object()); !mine || err != nil || again.id != m.id || again.uuid != m.uuid || again.reply != m.reply {
			t.Fatalf("%+v becomes %+v: %v", m, again, err)
		}
	})
}

// AskUntil reads answers as they come, within what is left of the receive
// budget, and goes on once it has had enough. Later ones are left over.
func TestAskUntil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a := start(t, network, "a")
		late := &echo{name: "a"}
		asking, err := a.d.Open("app", late)
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range []string{"b", "c", "d"} {
			n := start(t, network, name)
			if _, err := n.d.Open("app", &echo{name: name, after: time.Duration(i+1) * time.Second}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		began := time.Now()
		var read []string
		answers, err := asking.AskUntil(t.Context(), a.Members(), &javaserial.String{Text: "?"}, tribes.OptionAck, func(r Reply, limits javaserial.Limits) bool {
			text, _ := javaserial.Go(r.Content)
			read = append(read, fmt.Sprint(text))
			if limits.Room == nil || limits.Room(1<<40) {
				t.Error("nothing bounds what an answer becomes")
			}
			return len(read) == 2
		})
		if err != nil || len(answers.Replies) != 2 || !slices.Equal(read, []string{"b ?", "c ?"}) {
			t.Errorf("read %q, %+v, %v", read, answers, err)
		}
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("it took %v", took)
		}
		time.Sleep(2 * time.Second)
		late.mu.Lock()
		defer late.mu.Unlock()
		if !slices.Equal(late.late, []string{"d ?"}) {
			t.Errorf("left over: %q", late.late)
		}
	})
}
