package interceptor_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/interceptor"
)

// Messages of many orders that wait leave in one piece, those of each order in
// theirs. What is acknowledged, has no order, or is large neither joins them nor
// waits for them, unless it is behind one of its order.
func TestOrdersTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		below := &script{}
		d := interceptor.NewDispatch(interceptor.DispatchConfig{Threads: 4096})
		d.Link(nil, below)
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { d.Run(ctx) })
		send := func(text, order string, options tribes.Options) {
			t.Helper()
			if err := d.Send(ctx, nil, &tribes.Message{Options: tribes.OptionAsync | options, Data: []byte(text), Order: order}); err != nil {
				t.Error(err)
			}
		}
		send("busy slow", "x", 0)
		synctest.Wait() // it is being sent when the others come
		for n := range 3 {
			for order := range 5 {
				send(fmt.Sprintf("%c%d", 'a'+order, n), fmt.Sprint(order), 0)
			}
		}
		send("none", "", 0)
		send("large"+strings.Repeat("-", 40<<10), "l", 0)
		send("acked", "k", tribes.OptionAck)
		send("before", "m", 0)
		send("behind", "m", tribes.OptionAck)
		time.Sleep(3 * time.Second)
		cancel()
		running.Wait()
		var pieces [][]string
		var rest []string
		for _, text := range below.all {
			how, data, _ := strings.Cut(text, ":")
			if how == "together" {
				pieces = append(pieces, strings.Split(data, "+"))
			} else {
				rest = append(rest, strings.TrimRight(text, "-"))
			}
		}
		if len(pieces) != 1 || len(pieces[0]) != 15 {
			t.Fatalf("15 messages left as %q", pieces)
		}
		for order := range 5 {
			mine := slices.DeleteFunc(slices.Clone(pieces[0]), func(text string) bool { return text[0] != 'a'+byte(order) })
			if !slices.IsSortedFunc(mine, strings.Compare) || len(mine) != 3 {
				t.Errorf("of one order %q", mine)
			}
		}
		if at := slices.Index(rest, "queued:behind"); at <= slices.Index(rest, "queued:before") {
			t.Errorf("what is acknowledged has overtaken one of its order: %q", rest)
		}
		slices.Sort(rest[2:])
		want := []string{"not now:busy slow", "queued:busy slow", "queued:acked", "queued:before", "queued:behind", "queued:large", "queued:none"}
		if !slices.Equal(rest, want) {
			t.Errorf("alone went\n%q, want\n%q", rest, want)
		}
	})
}

// What waits when the dispatcher ends leaves all the same, also behind what is
// being sent together.
func TestOrdersTogetherEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		below := &script{}
		d := interceptor.NewDispatch(interceptor.DispatchConfig{})
		d.Link(nil, below)
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { d.Run(ctx) })
		sent := 0
		for round := range 3 {
			for order := range 20 {
				text := fmt.Sprint("m", round, order)
				if round+order == 0 {
					text = "busy slow"
				}
				if err := d.Send(ctx, nil, &tribes.Message{Options: tribes.OptionAsync, Data: []byte(text), Order: fmt.Sprint(order)}); err != nil {
					t.Error(err)
				}
				sent++
			}
		}
		synctest.Wait()
		cancel()
		running.Wait()
		got := 0
		for _, text := range below.all {
			if how, data, _ := strings.Cut(text, ":"); how != "not now" {
				got += strings.Count(data, "+") + 1
			}
		}
		if got != sent {
			t.Errorf("%d messages of %d have left: %q", got, sent, below.all)
		}
	})
}
