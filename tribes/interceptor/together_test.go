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

// dispatching runs a Dispatch above a script while test sends messages, and
// returns what left.
func dispatching(t *testing.T, test func(send func(text, order string, options tribes.Options))) (all []string) {
	synctest.Test(t, func(t *testing.T) {
		below := &script{}
		d := interceptor.NewDispatch(interceptor.DispatchConfig{})
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
		test(send)
		time.Sleep(3 * time.Second)
		cancel()
		running.Wait()
		all = below.all
	})
	return all
}

// Messages of many orders that wait leave in one piece, those of each order in
// theirs.
func TestOrdersTogether(t *testing.T) {
	all := dispatching(t, func(send func(text, order string, options tribes.Options)) {
		for n := range 3 {
			for order := range 5 {
				send(fmt.Sprintf("%c%d", 'a'+order, n), fmt.Sprint(order), 0)
			}
		}
	})
	if len(all) != 3 || !strings.HasPrefix(all[2], "together:") {
		t.Fatalf("15 messages left as %q", all)
	}
	together := strings.Split(strings.TrimPrefix(all[2], "together:"), "+")
	for order := range 5 {
		mine := slices.DeleteFunc(slices.Clone(together), func(text string) bool { return text[0] != 'a'+byte(order) })
		if !slices.IsSortedFunc(mine, strings.Compare) || len(mine) != 3 {
			t.Errorf("of one order %q", mine)
		}
	}
}

// What is acknowledged, has no order or is large does not join others.
func TestApart(t *testing.T) {
	all := dispatching(t, func(send func(text, order string, options tribes.Options)) {
		for order := range 5 {
			send("mixed", fmt.Sprint(order), 0)
		}
		send("none", "", 0)
		send("large"+strings.Repeat("-", 40<<10), "l", 0)
		send("acked", "k", tribes.OptionAck)
		send("before", "m", 0)
		send("behind", "m", tribes.OptionAck)
	})
	at := map[string]int{}
	for i, text := range all {
		at[strings.TrimRight(text, "-")] = i + 1
	}
	for _, each := range []string{"queued:none", "queued:large", "queued:acked", "queued:behind"} {
		if at[each] == 0 {
			t.Errorf("no %s in %.1000q", each, all)
		}
	}
	before := slices.IndexFunc(all, func(text string) bool { return strings.Contains(text, "before") })
	if before < 0 || before+1 >= at["queued:behind"] {
		t.Errorf("what is acknowledged has overtaken one of its order: %.1000q", all)
	}
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
