package transport_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/tribes/internal/transport"
	"github.com/catflap/catflap/tribes/internal/wire"
	"github.com/catflap/catflap/tribes/tribestest"
)

// Frames that come together are delivered in their order. Their
// acknowledgements leave in one write before that, those that are to come after
// a delivery come after it, and none overtakes an earlier one. What cannot be
// read ends the connection after what came before it.
func TestReceivedTogether(t *testing.T) {
	const ack, sync = wire.OptionAck, wire.OptionAck | wire.OptionSyncAck
	for _, test := range []struct {
		name string
		sent []wire.Options
		bad  string // behind them
		want string // what happens at the receiver (got N) and at the sender (acks N, fails)
	}{
		{"one", []wire.Options{ack}, "", "ok1 got0"},
		{"plain", []wire.Options{ack, ack, ack}, "", "ok3 got0 got1 got2"},
		{"none to acknowledge", []wire.Options{0, wire.OptionSyncAck, 0}, "", "got0 got1 got2"},
		{"some to acknowledge", []wire.Options{0, ack, 0, ack}, "", "ok2 got0 got1 got2 got3"},
		{"after working on it", []wire.Options{sync, sync}, "", "got0 ok1 got1 ok1"},
		{"mixed", []wire.Options{ack, sync, ack, 0, ack, sync, ack}, "", "ok1 got0 got1 ok3 got2 got3 got4 got5 ok2 got6"},
		{"refused", []wire.Options{ack, sync | 1<<20, ack, ack | 1<<20}, "", "ok1 got0 got1 fail1ok2 got2 got3"},
		{"rubbish behind", []wire.Options{ack, ack}, "rubbish, and enough of it for a head", "ok2 got0 got1 closed"},
		{"an acknowledgement behind", []wire.Options{ack}, string(wire.AppendFrame(nil, wire.Ack)), "ok1 got0 closed"},
		{"no message behind", []wire.Options{ack, sync}, string(wire.AppendFrame(nil, []byte("none"))), "ok1 got0 got1 ok1 closed"},
		{"a part behind", []wire.Options{ack, sync}, "FLT2002\x00\x00\x00\x05abc", "ok1 got0 got1 ok1 closed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { receivedTogether(t, test.sent, test.bad, test.want) })
		})
	}
}

func receivedTogether(t *testing.T, sent []wire.Options, bad, want string) {
	network := tribestest.NewNetwork(1)
	there, here := network.Node("peer"), network.Node("sender")
	addr := netip.AddrPortFrom(there.Addr(), 4000)
	l, err := there.Listen(addr)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	happened := ""
	happens := func(what string) { // after what happened at the same time
		mu.Lock()
		defer mu.Unlock()
		if happened != "" {
			happened += " "
		}
		happened += what
	}
	var kept []*wire.Message
	r := transport.NewReceiver(transport.ReceiverConfig{}, func(m *wire.Message) error {
		time.Sleep(time.Millisecond) // the sender sees what was acknowledged before
		happens("got" + string(m.Data))
		kept = append(kept, m)
		time.Sleep(time.Millisecond)
		if m.Options.Has(1 << 20) {
			return errors.New("refused")
		}
		return nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() {
		if err := r.Run(ctx, l); err != nil {
			t.Error(err)
		}
	})
	conn, err := here.Dial(ctx, addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	self := wire.Member{Host: here.Addr(), Port: 4000, ID: wire.ID{9}}
	var frames []byte
	for i, options := range sent {
		frames = wire.AppendMessage(frames, &wire.Message{Options: options, Data: fmt.Append(nil, i)}, self.AppendTo(nil))
	}
	running.Go(func() { listen(conn, happens) })
	conn.Write(append(frames, bad...))
	time.Sleep(time.Minute)
	synctest.Wait()
	mu.Lock()
	defer mu.Unlock()
	if happened != want {
		t.Errorf("it happened: %s\n        want: %s", happened, want)
	}
	for i, m := range kept {
		if string(m.Data) != fmt.Sprint(i) {
			t.Errorf("message %d, which was kept, is %q now", i, m.Data)
		}
	}
}

// listen tells what each read brings.
func listen(conn net.Conn, happens func(string)) {
	b := make([]byte, 1<<12)
	for {
		n, err := conn.Read(b)
		if err == io.EOF {
			happens("closed")
		}
		if err != nil {
			return
		}
		what := ""
		for rest := b[:n]; len(rest) > 0; {
			word, count := "ok", 0
			frame := wire.AppendFrame(nil, wire.Ack)
			if !bytes.HasPrefix(rest, frame) {
				word, frame = "fail", wire.AppendFrame(nil, wire.FailAck)
			}
			for ; bytes.HasPrefix(rest, frame); count++ {
				rest = rest[len(frame):]
			}
			what += fmt.Sprint(word, count)
			if count == 0 {
				happens(fmt.Sprintf("no acknowledgement: %q", rest))
				return
			}
		}
		happens(what)
	}
}
