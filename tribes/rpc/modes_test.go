package rpc

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/tribestest"
)

// Half of the members, rounded up, are a majority; who has no such channel does
// not count.
func TestMajority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a := start(t, network, "a")
		asking, err := a.d.Open("x", &echo{})
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range []string{"b", "c", "d", "e", "f", "g"} {
			n := start(t, network, name)
			if i == 5 {
				continue // it has no such channel
			}
			if _, err := n.d.Open("x", &echo{name: name, after: time.Duration(i+1) * time.Second}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		began := time.Now()
		texts, refused, err := ask(t, asking, a.Members(), Majority, time.Minute)
		if err != nil || refused != 1 || !slices.Equal(texts, []string{"b ?", "c ?", "d ?"}) || time.Since(began) != 3*time.Second {
			t.Errorf("%q, %d refused, %v after %v", texts, refused, err, time.Since(began))
		}
	})
}

// A spy notes the options of messages and what they are.
type spy struct {
	mu  sync.Mutex
	got []string
}

func (s *spy) Received(m *tribes.Message) (bool, error) {
	n, err := javaserial.Decode(m.Data, javaserial.Limits{})
	var msg message
	if err == nil {
		_, err = msg.parse(n)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, fmt.Sprintf("options %d, reply %v, nobody %v, %v", m.Options, msg.reply, msg.noChannel, err))
	return false, nil
}
func (s *spy) Joined(tribes.Member) {}
func (s *spy) Left(tribes.Member)   {}

// The options are Tomcat's: a question has no acknowledgement after the work, an
// answer none at all, and that nobody has the channel is said asynchronously,
// but not to who says that itself.
func TestOptionsOfQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		a := start(t, network, "a")
		b, err := tribes.New(tribes.Config{Name: "b", Network: network.Node("b")}) // nothing on it reads objects
		if err != nil {
			t.Fatal(err)
		}
		s := &spy{}
		b.Listen(s)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- b.Run(ctx) }()
		defer func() { cancel(); <-ended }()
		time.Sleep(time.Second)
		asking, err := a.d.Open("x", &echo{name: "a"})
		if err != nil {
			t.Fatal(err)
		}
		short, end := context.WithTimeout(t.Context(), time.Second)
		defer end()
		if _, err := asking.Ask(short, a.Members(), &javaserial.String{Text: "?"}, First, tribes.OptionAck|tribes.OptionSyncAck); err != nil {
			t.Error(err)
		}
		for _, m := range []*message{
			{uuid: tribes.NewID(), id: "x"}, {uuid: tribes.NewID(), id: "nowhere"},
			{uuid: tribes.NewID(), id: "nowhere", reply: true}, {uuid: tribes.NewID(), id: "nowhere", noChannel: true},
		} {
			if err := b.Send(t.Context(), b.Members(), &tribes.Message{Data: javaserial.Encode(m.object())}); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Second)
		}
		want := []string{
			"options 2, reply false, nobody false, <nil>", "options 0, reply true, nobody false, <nil>",
			"options 8, reply true, nobody true, <nil>", "options 8, reply true, nobody true, <nil>",
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if !slices.Equal(s.got, want) {
			t.Errorf("got %q, want %q", s.got, want)
		}
	})
}
