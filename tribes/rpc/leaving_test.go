package rpc

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
)

// A hole is a group whose members take nothing.
type hole struct{ waiting, most atomic.Int64 }

func (h *hole) Send(ctx context.Context, _ []tribes.Member, m *tribes.Message) error {
	n := h.waiting.Add(int64(len(m.Data)))
	h.most.Store(max(h.most.Load(), n))
	<-ctx.Done()
	h.waiting.Add(int64(-len(m.Data)))
	return ctx.Err()
}

func (*hole) Members() []tribes.Member { return nil }
func (*hole) Local() tribes.Member     { return tribes.Member{} }
func (*hole) Listen(tribes.Listener)   {}

type verbose struct{}

func (verbose) Asked(javaserial.Node, tribes.Member) (javaserial.Node, bool) {
	return javaserial.ByteArray(make([]byte, 4<<20)), true
}
func (verbose) Leftover(javaserial.Node, tribes.Member) {}

// Long answers to many short questions of somebody who takes none are not in
// memory all at once, and each question is answered in the end.
func TestAnswersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		group := &hole{}
		d := NewDispatcher(group, javaserial.Limits{}, nil)
		if _, err := d.Open("id", verbose{}); err != nil {
			t.Fatal(err)
		}
		question := javaserial.Encode((&message{uuid: tribes.NewID(), id: "id"}).object())
		for range 20 { // one connection
			if mine, err := d.Received(&tribes.Message{Data: question}); !mine || err != nil {
				t.Fatal(mine, err)
			}
		}
		d.answering.Wait()
		if most := group.most.Load(); most > mostLeaving+5<<20 || most < mostLeaving/2 {
			t.Errorf("%d MiB of answers at once", most>>20)
		}
		if d.leaving.bytes != 0 {
			t.Errorf("%d bytes are counted when nothing waits", d.leaving.bytes)
		}
		d.Close()
	})
}
