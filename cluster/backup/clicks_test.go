package backup

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/catflap/catflap/session"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/tribestest"
)

// busy is a machine that does not come round to each message at once, and to some
// not for long.
type busy struct {
	tribes.Pass
	longest time.Duration
}

func (b *busy) Deliver(m *tribes.Message) error {
	wait := rand.N(20 * time.Millisecond)
	if b.longest > 0 && rand.N(200) == 0 {
		wait = rand.N(b.longest)
	}
	time.Sleep(wait)
	return b.Pass.Deliver(m)
}

// A site is a node with an application that counts.
type site struct {
	*node
	dead    atomic.Bool
	handler http.Handler
}

func newSite(t *testing.T, network *tribestest.Network, name string, longest time.Duration) *site {
	t.Helper()
	group := tribes.Config{Name: name, Network: network.Node(name), Interceptors: []tribes.Interceptor{&busy{longest: longest}}}
	s := &site{node: beginOn(t, group, Config{Route: name})}
	var err error
	s.handler, err = session.Handler(session.Config{Log: slog.New(slog.DiscardHandler)}, s.Manager, http.HandlerFunc(count))
	if err != nil {
		t.Fatal(err)
	}
	<-s.Ready()
	return s
}

// count adds 1 to the count of a session, if it is a POST, and answers with it.
func count(w http.ResponseWriter, r *http.Request) {
	s := session.From(r.Context())
	got, _ := s.Get("n")
	n, _ := got.(int64)
	if r.Method == http.MethodPost {
		n++
		s.Set("n", n)
	}
	fmt.Fprint(w, n)
}

func (s *site) ask(method, cookie string) (count int, after string) {
	r, w := httptest.NewRequest(method, "/shop/", nil), httptest.NewRecorder()
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	s.handler.ServeHTTP(w, r)
	if set := w.Header().Get("Set-Cookie"); set != "" {
		cookie, _, _ = strings.Cut(set, ";")
	}
	count, _ = strconv.Atoi(w.Body.String())
	return count, cookie
}

// sites are those that visitors go to.
type sites struct {
	mu     sync.Mutex
	random *rand.Rand
	all    []*site
}

func (s *sites) add(one *site) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, one)
}

// any returns one that lives.
func (s *sites) any() *site {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if one := s.all[s.random.IntN(len(s.all))]; !one.dead.Load() {
			return one
		}
	}
}

// A clicker is a visitor who stays at one site for as long as that lives.
type clicker struct {
	cookie             string
	attempts, answered int
	way                []string // where the count was not one more
}

func (c *clicker) click(all *sites, over *atomic.Bool) {
	var at *site
	last := 0
	for !over.Load() {
		if at == nil || at.dead.Load() {
			at = all.any()
		}
		c.attempts++
		n, cookie := at.ask(http.MethodPost, c.cookie)
		if !at.dead.Load() { // else nobody got the answer
			if n != last+1 {
				c.way = append(c.way, fmt.Sprint(time.Now().Format("05.000 "), at.name, ": ", last, " → ", n))
			}
			c.cookie, last = cookie, n
			c.answered++
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Nodes die while visitors click, who go elsewhere before anybody has noticed:
// what was answered is not lost.
func TestClicks(t *testing.T) {
	for seed := range uint64(2) {
		longest := time.Duration(seed%2) * time.Second
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { testClicks(t, seed, longest) })
		})
	}
}

func testClicks(t *testing.T, seed uint64, longest time.Duration) {
	network := tribestest.NewNetwork(seed)
	network.Latency(time.Millisecond)
	random := rand.New(rand.NewPCG(seed, 2))
	all := &sites{random: rand.New(rand.NewPCG(seed, 3))}
	for i := range 4 {
		all.add(newSite(t, network, fmt.Sprint("n", i), longest))
	}
	visitors := make([]clicker, 12)
	var over atomic.Bool
	var clicking sync.WaitGroup
	for i := range visitors {
		clicking.Go(func() { visitors[i].click(all, &over) })
	}
	for round := range 2 {
		time.Sleep(time.Second + time.Duration(random.IntN(2000))*time.Millisecond)
		victim := all.any()
		victim.dead.Store(true)
		victim.kill(network)
		time.Sleep(time.Duration(random.IntN(6000)) * time.Millisecond)
		all.add(newSite(t, network, fmt.Sprint("fresh", round), longest))
		time.Sleep(1500 * time.Millisecond)
	}
	over.Store(true)
	clicking.Wait()
	for i := range visitors {
		c := &visitors[i]
		for range 4 {
			var n int
			if n, c.cookie = all.any().ask(http.MethodGet, c.cookie); n < c.answered || n > c.attempts {
				t.Errorf("visitor %d: %d clicks, %d of them answered, and a count of %d: %q", i, c.attempts, c.answered, n, c.way)
				break
			}
		}
	}
}
