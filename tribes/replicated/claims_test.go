package replicated_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/tribes/replicated"
	"github.com/catflap/catflap/tribes/tribestest"
)

// Several nodes take one entry at the same time, while its owner changes it:
// afterwards it has one owner, and one backup.
func TestClaimsCross(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(1)
		network.Latency(3 * time.Millisecond)
		var all []*node
		for _, name := range []string{"a", "b", "c", "d"} {
			all = append(all, start(t, network, name, replicated.Lazy))
		}
		for i := range 60 {
			key := fmt.Sprint("k", i)
			owner := all[i%4]
			owner.put(t, key, int32(i))
			var taking sync.WaitGroup
			for j, n := range all {
				if i>>(j+2)&1 == 0 {
					continue
				}
				taking.Go(func() {
					time.Sleep(time.Duration(i%7) * time.Millisecond * time.Duration(j))
					if n == owner {
						if _, err := n.Replicate(t.Context(), key, true); err != nil {
							t.Error(err)
						}
					} else if v, ok := n.Get(t.Context(), key); !ok || v != int32(i) {
						t.Errorf("%s gets %v, %v of %s", n.name, v, ok, key)
					}
				})
			}
			taking.Wait()
			time.Sleep(time.Second)
			primaries, having := 0, 0
			for _, n := range all {
				e, ok := n.Peek(key)
				if !ok {
					t.Errorf("%s does not know %s", n.name, key)
				}
				if e.Role == replicated.Primary {
					primaries++
				}
				if e.Role != replicated.Proxy {
					having++
				}
			}
			if primaries != 1 || having < 2 {
				t.Errorf("%s: %s", key, roles(key, all...))
			}
			for _, n := range all {
				if v, ok := n.Get(t.Context(), key); !ok || v != int32(i) {
					t.Errorf("then %s gets %v, %v of %s", n.name, v, ok, key)
				}
			}
			wantRoles(t, key, all, replicated.Primary, replicated.Backup, replicated.Proxy, replicated.Proxy)
		}
	})
}
