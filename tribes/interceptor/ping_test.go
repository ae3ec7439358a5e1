package interceptor_test

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/interceptor"
)

// A crowd stands below, with members.
type crowd struct {
	wireEnd
	members []tribes.Member
}

func (c *crowd) Members() []tribes.Member { return c.members }

// hosts are those that something was sent to, in order.
func (w *wireEnd) hosts() (all []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.to {
		all = append(all, m.Host.String())
	}
	slices.Sort(all)
	return all
}

// Without a FailureDetector below pings are Tomcat's messages, to all members or
// those that are configured, with the channel's heartbeat or each interval.
func TestPing(t *testing.T) {
	fixed := member("10.0.0.3")
	fixed.Static = true
	for _, test := range []struct {
		name string
		cfg  interceptor.PingConfig
		want []string // after one heartbeat and 2.5 s
	}{
		{"heartbeat", interceptor.PingConfig{}, []string{"10.0.0.2", "10.0.0.3"}},
		{"static only", interceptor.PingConfig{StaticOnly: true}, []string{"10.0.0.3"}},
		{"each second", interceptor.PingConfig{UseThread: true, StaticOnly: true}, []string{"10.0.0.3", "10.0.0.3"}},
		{"each interval", interceptor.PingConfig{UseThread: true, StaticOnly: true, Interval: 2 * time.Second}, []string{"10.0.0.3"}},
		{"a flag", interceptor.PingConfig{Base: interceptor.Base{Flag: 1024}, StaticOnly: true}, []string{"10.0.0.3"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := interceptor.NewPing(test.cfg)
				u, below := &user{}, &crowd{members: []tribes.Member{member("10.0.0.2"), fixed}}
				if err := p.Check([]tribes.Interceptor{interceptor.NewDispatch(interceptor.DispatchConfig{})}); err != nil {
					t.Fatal(err)
				}
				p.Link(u, below)
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- p.Run(ctx) }()
				p.Heartbeat(ctx)
				time.Sleep(2500 * time.Millisecond)
				cancel()
				if err := <-ended; err != nil {
					t.Error(err)
				}
				if got := below.hosts(); !slices.Equal(got, test.want) {
					t.Fatalf("pings to %q, want %q", got, test.want)
				}
				theirs := frames(t, "ping")[0]
				for _, m := range below.sent {
					if !bytes.Equal(m.Data, theirs.Data) || m.Options != theirs.Options|test.cfg.Flag || m.From.Host != member("10.0.0.1").Host {
						t.Errorf("sent %+v, Tomcat's is %+v", m, theirs)
					}
				}
				deliver(t, p, theirs, tribes.Message{Data: []byte("no ping")})
				if got := u.texts(); !slices.Equal(got, []string{"no ping"}) {
					t.Errorf("delivered %q: a ping is for nobody", got)
				}
			})
		})
	}
}
