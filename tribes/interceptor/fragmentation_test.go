package interceptor_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/interceptor"
)

// Pieces of a message that is never whole are dropped at a heartbeat after
// expire; a late piece then begins anew.
func TestFragmentationExpire(t *testing.T) {
	for _, expire := range []time.Duration{0, 10 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			f := interceptor.NewFragmentation(interceptor.FragmentationConfig{MaxSize: 1, Expire: expire})
			u, w := between(f)
			send := func(id byte) {
				if err := f.Send(t.Context(), []tribes.Member{member("10.0.0.2")}, &tribes.Message{ID: tribes.ID{id}, Data: []byte("ab")}); err != nil {
					t.Fatal(err)
				}
			}
			send(1)
			send(2)
			wait := 10 * time.Second
			if expire == 0 {
				wait = time.Minute
			}
			deliver(t, f, w.sent[0])
			time.Sleep(wait)
			deliver(t, f, w.sent[2])
			f.Heartbeat(t.Context())
			deliver(t, f, w.sent[1])
			if len(u.got) != 1 {
				t.Fatalf("%d messages after just %v, want one", len(u.got), wait)
			}
			time.Sleep(wait + time.Second)
			f.Heartbeat(t.Context())
			deliver(t, f, w.sent[3])
			if len(u.got) != 1 {
				t.Errorf("pieces of which the first had expired are delivered")
			}
			deliver(t, f, w.sent[2])
			if len(u.got) != 2 {
				t.Errorf("the message is not delivered once all pieces came again")
			}
		})
	}
}

// A deafEnd sends nothing to one of the members.
type deafEnd struct {
	wireEnd
	deaf tribes.Member
}

func (d *deafEnd) Send(ctx context.Context, to []tribes.Member, m *tribes.Message) error {
	err := d.wireEnd.Send(ctx, to, m)
	for _, each := range to {
		if each.Key() == d.deaf.Key() {
			return &tribes.SendError{Faulty: []tribes.Faulty{{Member: each, Err: net.ErrClosed}}}
		}
	}
	return err
}

// A member that cannot be sent to does not keep the pieces from the others, and
// is named once.
func TestFragmentationFaulty(t *testing.T) {
	f := interceptor.NewFragmentation(interceptor.FragmentationConfig{MaxSize: 10})
	u, w := &user{}, &deafEnd{deaf: member("10.0.0.3")}
	f.Link(u, w)
	to := []tribes.Member{member("10.0.0.2"), member("10.0.0.3"), member("10.0.0.4")}
	err := f.Send(t.Context(), to, &tribes.Message{Data: make([]byte, 35)})
	failed, ok := errors.AsType[*tribes.SendError](err)
	if !ok || len(failed.Faulty) != 1 || failed.Faulty[0].Member.Key() != to[1].Key() {
		t.Errorf("error %v, want 10.0.0.3 named once", err)
	}
	pieces := map[string]int{}
	for _, host := range w.hosts() {
		pieces[host]++
	}
	if pieces["10.0.0.2"] != 4 || pieces["10.0.0.3"] != 1 || pieces["10.0.0.4"] != 4 || to[1].Host.String() != "10.0.0.3" {
		t.Errorf("pieces %v, members %v", pieces, to)
	}
	w.fail = net.ErrClosed
	if err := f.Send(t.Context(), to[:1], &tribes.Message{Data: make([]byte, 35)}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("error %v", err)
	}
}
