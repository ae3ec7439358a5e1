package interceptor_test

import (
	"encoding/binary"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/interceptor"
)

// withNumber is a message with a number of OrderInterceptor.
func withNumber(from tribes.Member, n uint32) tribes.Message {
	return tribes.Message{From: from, Data: binary.BigEndian.AppendUint32([]byte{'0' + byte(n)}, n)}
}

// A gap is not waited for once maxQueue messages wait, or those of all members
// have too many bytes.
func TestOrderQueue(t *testing.T) {
	for _, test := range []struct {
		cfg  interceptor.OrderConfig
		want []string
	}{
		{interceptor.OrderConfig{}, nil},
		{interceptor.OrderConfig{MaxQueue: 5}, nil},
		{interceptor.OrderConfig{MaxQueue: 4}, []string{"2", "3", "4", "5"}},
		{interceptor.OrderConfig{MaxQueue: 3}, []string{"2", "3", "4", "5"}},
		{interceptor.OrderConfig{MaxQueue: 3, DropExpired: true}, []string{"5"}},
		{interceptor.OrderConfig{MaxQueueBytes: 4 * 600}, nil},
		{interceptor.OrderConfig{MaxQueueBytes: 3 * 513}, []string{"2", "3", "4", "5"}},
	} {
		o := interceptor.NewOrder(test.cfg)
		u, _ := between(o)
		for n := range uint32(4) {
			deliver(t, o, withNumber(member("10.0.0.2"), n+2))
		}
		if got := u.texts(); !slices.Equal(got, test.want) {
			t.Errorf("%+v: delivered %q, want %q", test.cfg, got, test.want)
		}
	}
}

// With forwardExpired="false" what waited in vain is dropped, and what comes
// then is not.
func TestOrderDropExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := interceptor.NewOrder(interceptor.OrderConfig{DropExpired: true, Expire: time.Second})
		u, _ := between(o)
		b := member("10.0.0.2")
		deliver(t, o, withNumber(b, 1), withNumber(b, 3), withNumber(b, 4))
		time.Sleep(1100 * time.Millisecond)
		deliver(t, o, withNumber(b, 5), withNumber(b, 6))
		if got := u.texts(); !slices.Equal(got, []string{"1", "5", "6"}) {
			t.Errorf("delivered %q", got)
		}
	})
}

// A member that left counts from 1 again, and is counted from 1; each member has
// its own count.
func TestOrderLeft(t *testing.T) {
	o := interceptor.NewOrder(interceptor.OrderConfig{})
	u, w := between(o)
	b, c := member("10.0.0.2"), member("10.0.0.3")
	send := func() {
		if err := o.Send(t.Context(), []tribes.Member{b, c}, &tribes.Message{}); err != nil {
			t.Fatal(err)
		}
	}
	deliver(t, o, withNumber(b, 1), withNumber(b, 2), withNumber(c, 1), withNumber(b, 4))
	send()
	send()
	o.Left(b)
	deliver(t, o, withNumber(b, 2), withNumber(b, 1), withNumber(c, 2))
	send()
	if got := u.texts(); !slices.Equal(got, []string{"1", "2", "1", "1", "2", "2"}) {
		t.Errorf("delivered %q", got)
	}
	var got []uint32
	for _, m := range w.sent {
		got = append(got, binary.BigEndian.Uint32(m.Data))
	}
	if !slices.Equal(got, []uint32{1, 1, 2, 2, 1, 3}) || !slices.Equal(u.told, []string{"left 10.0.0.2"}) {
		t.Errorf("sent with the numbers %v, told %q", got, u.told)
	}
}
