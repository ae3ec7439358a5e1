package replicated

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/tribestest"
)

// Backups that are missing are all fetched, and not more than mostSupplied at
// once, however many a peer tells of.
func TestManyMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		m := run(t, onChannel(t, network, "a"), Config{})
		p := newPeer(t, onChannel(t, network, "p"), func(msg *message) {
			if msg.kind == msgRetrieveBackup {
				time.Sleep(time.Millisecond)
				msg.value = number(7)
			}
		})
		p.tell(t, &message{kind: msgStart, primary: p.own(), noNodes: true})
		const many = mostSupplied + 100
		for i := range many {
			p.tell(t, &message{kind: msgBackup, key: keyOf(fmt.Sprint(i)), diff: true, diffVal: []byte{0}, nodes: []tribes.Member{*m.own()}, primary: p.own()})
			m.mu.Lock()
			if m.reads.fetching > mostSupplied {
				t.Errorf("%d fetched at once", m.reads.fetching)
			}
			m.mu.Unlock()
		}
		time.Sleep(10 * time.Second)
		for i := range many {
			wantIs(t, m, fmt.Sprint(i), "backup 7")
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.reads.fetching != 0 || len(m.reads.wanting) != 0 {
			t.Errorf("%d are still fetched, %d wait", m.reads.fetching, len(m.reads.wanting))
		}
	})
}
