package replicated

import (
	"testing"
	"testing/synctest"

	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/tribestest"
)

// A node whose backup was given to another one, since it did not answer in time,
// has none again by what was sent to it before; it has by what is sent later.
func TestOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		m := run(t, onChannel(t, network, "a"), Config{})
		p, other := newPeer(t, onChannel(t, network, "p"), nil), onChannel(t, network, "q").Group().Local()
		p.tell(t, &message{kind: msgStart, primary: p.own(), noNodes: true})
		here, there := []tribes.Member{*m.own()}, []tribes.Member{other}
		whole := func(n int64, version uint64) *message {
			return (&message{kind: msgBackup, value: number(n), nodes: here, primary: p.own()}).setVersion(version)
		}
		change := &message{kind: msgBackup, diff: true, diffVal: []byte{10}, nodes: here, primary: p.own()}
		p.tell(t, whole(1, 1))
		p.tell(t, change)
		wantIs(t, m, "k", "backup 11")
		p.tell(t, (&message{kind: msgProxy, nodes: there, primary: p.own()}).setVersion(2))
		wantIs(t, m, "k", "proxy")
		for _, late := range []*message{change, whole(1, 1), whole(1, 2)} {
			p.tell(t, late)
			wantIs(t, m, "k", "proxy")
		}
		p.tell(t, whole(5, 3))
		wantIs(t, m, "k", "backup 5")
		p.tell(t, change)
		wantIs(t, m, "k", "backup 15")
		p.tell(t, whole(1, 2))
		wantIs(t, m, "k", "backup 15")
	})
}
