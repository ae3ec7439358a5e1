package tribes_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/interceptor"
	"github.com/catflap/catflap/tribes/tribestest"
)

// Fifty members with Tomcat's default interceptors, of which some crash and are
// started again at their place, and between which links break and heal, again
// and again, while datagrams are lost, doubled and late: at the end each knows
// those that are there, and was told so.
func TestFlapping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := tribestest.NewNetwork(11)
		random := rand.New(rand.NewPCG(11, 1))
		network.Disturb(tribestest.Faults{Loss: 0.1, Duplicate: 0.2, Delay: 700 * time.Millisecond})
		stack := func(cfg *tribes.Config) {
			cfg.Interceptors = []tribes.Interceptor{
				interceptor.NewDispatch(interceptor.DispatchConfig{}), interceptor.NewFailureDetector(interceptor.FailureDetectorConfig{}),
			}
		}
		all := make([]*member, 50)
		for i := range all {
			all[i] = start(t, network, fmt.Sprint("m", i), stack)
		}
		time.Sleep(3 * time.Second)
		for range 2 {
			i := random.IntN(len(all))
			all[i].crash(network)
			for range 10 {
				network.Cut(fmt.Sprint("m", random.IntN(50)), fmt.Sprint("m", random.IntN(50)))
			}
			time.Sleep(time.Duration(random.IntN(4000)) * time.Millisecond)
			all[i] = start(t, network, fmt.Sprint("m", i), stack)
			time.Sleep(time.Duration(random.IntN(2000)) * time.Millisecond)
			network.HealAll()
		}
		network.Disturb(tribestest.Faults{})
		time.Sleep(12 * time.Second) // silence, a heartbeat of the detector and its probes
		want := map[tribes.Key]bool{}
		for _, m := range all {
			self := m.Local()
			want[self.Key()] = true
		}
		for _, m := range all {
			self := m.Local()
			known := m.Members()
			for _, other := range known {
				if !want[other.Key()] || other.Key() == self.Key() {
					t.Errorf("%s knows %v", m.name, &other)
				}
			}
			if len(known) != len(all)-1 {
				t.Errorf("%s knows %d members, want %d", m.name, len(known), len(all)-1)
			}
			m.alternates(t)
			told := map[string]bool{}
			m.mu.Lock()
			for _, e := range m.events {
				var what, who string
				fmt.Sscan(e, &what, &who)
				told[who] = what == "joined"
			}
			m.mu.Unlock()
			for _, other := range known {
				if !told[other.Host.String()] {
					t.Errorf("%s was told last that %v left", m.name, &other)
				}
			}
		}
	})
}
