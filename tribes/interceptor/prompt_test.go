package interceptor_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/interceptor"
)

// A script stands below and tells what it is given. What it is told of a
// message is in its data: "busy" cannot be sent now, "part" only in part, "bad"
// fails, "slow" takes a second, and with "meanwhile" another comes before it is
// sent.
type script struct {
	tribes.Lower
	meanwhile func()
	mu        sync.Mutex
	all       []string
}

func (s *script) tell(how string, data ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, how+":"+strings.Join(data, "+"))
}

func (s *script) Send(_ context.Context, _ []tribes.Member, m *tribes.Message) error {
	s.tell("queued", string(m.Data))
	return s.end(m)
}

func (s *script) SendAll(_ context.Context, _ []tribes.Member, all []*tribes.Message) error {
	var data []string
	for _, m := range all {
		data = append(data, string(m.Data))
	}
	s.tell("together", data...)
	return s.end(all[0])
}

func (s *script) SendNow(_ []tribes.Member, m *tribes.Message) (func(context.Context) error, bool) {
	text := string(m.Data)
	if strings.Contains(text, "meanwhile") {
		s.meanwhile()
	}
	if strings.Contains(text, "busy") {
		s.tell("not now", text)
		return nil, false
	}
	s.tell("now", text)
	if !strings.Contains(text, "part") {
		return nil, true
	}
	return func(context.Context) error {
		s.tell("rest", text)
		return s.end(&tribes.Message{Data: []byte(text)})
	}, true
}

func (s *script) end(m *tribes.Message) error {
	if strings.Contains(string(m.Data), "slow") {
		time.Sleep(time.Second)
	}
	if strings.Contains(string(m.Data), "bad") {
		return errors.New("bad")
	}
	return nil
}

// An asynchronous message that comes after a pause is sent by who hands it over,
// if that need not wait; those that come fast leave together, in the background.
// None of an order overtakes another, however they are sent.
func TestSentNow(t *testing.T) {
	for _, test := range []struct {
		name string
		sent string // text@order#options, behind " | " after a pause
		want string
	}{
		{"slowly", "1@a | 2@a | 3@ | 4@b", "now:1 now:2 now:3 now:4"},
		{"fast", "1@a | 2@a, 3@a, 4@a | 5@a", "now:1 now:2 together:3+4 now:5"},
		{"busy", "busy@a | 2@a", "not now:busy queued:busy now:2"},
		{"in part", "part@a, 2@a | 3@a", "now:part rest:part queued:2 now:3"},
		{"in part, slowly", "part slow@a | 2@a | 3@a", "now:part slow rest:part slow together:2+3"},
		{"in part, and it fails", "part bad@a | 2@a", "now:part bad rest:part bad failed:part bad now:2"},
		{"behind a slow one", "busy slow@a | 2@a | 3@b", "not now:busy slow queued:busy slow now:3 queued:2"},
		{"another meanwhile", "meanwhile@a", "now:meanwhile queued:meanwhile 2"},
		{"another meanwhile, in part", "part meanwhile@a", "now:part meanwhile rest:part meanwhile queued:meanwhile 2"},
		{"another meanwhile, busy", "busy meanwhile@a", "not now:busy meanwhile together:busy meanwhile+meanwhile 2"},
		{"not that kind", "1@a#2 | 2@a#32 | 3@a#64", "queued:1 queued:2 queued:3"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				below := &script{}
				threads := 0
				if strings.Contains(test.sent, "@b") {
					threads = 4096 // a and b hardly ever have the same
				}
				d := interceptor.NewDispatch(interceptor.DispatchConfig{Threads: threads, OnError: func(m *tribes.Message, _ error) { below.tell("failed", string(m.Data)) }})
				below.meanwhile = func() {
					if err := d.Send(t.Context(), nil, &tribes.Message{Options: tribes.OptionAsync, Data: []byte("meanwhile 2"), Order: "a"}); err != nil {
						t.Error(err)
					}
				}
				d.Link(nil, below)
				ctx, cancel := context.WithCancel(t.Context())
				var running sync.WaitGroup
				running.Go(func() { d.Run(ctx) })
				synctest.Wait()
				for burst := range strings.SplitSeq(test.sent, " | ") {
					for each := range strings.SplitSeq(burst, ", ") {
						each, number, _ := strings.Cut(each, "#")
						text, order, _ := strings.Cut(each, "@")
						options, _ := tribes.ParseOptions(number)
						m := &tribes.Message{Options: tribes.OptionAsync | options, Data: []byte(text), Order: order}
						if err := d.Send(ctx, nil, m); err != nil {
							t.Error(err)
						}
					}
					synctest.Wait()
					time.Sleep(time.Millisecond)
				}
				time.Sleep(3 * time.Second)
				cancel()
				running.Wait()
				if got := strings.Join(below.all, " "); got != test.want {
					t.Errorf("got  %s\nwant %s", got, test.want)
				}
			})
		})
	}
}
