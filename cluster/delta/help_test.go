package delta

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/catflap/catflap/cluster"
	"github.com/catflap/catflap/cluster/internal/clustertest"
	"github.com/catflap/catflap/internal/leaktest"
	"github.com/catflap/catflap/session"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/interceptor"
	"github.com/catflap/catflap/tribes/tribestest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// A node is a member with one application.
type node struct {
	*Manager
	name    string
	handler http.Handler
	log     *clustertest.Log
	stop    func()

	crashed bool // it may end with an error

	mu     sync.Mutex
	app    func(s *session.Session)
	events []session.Event
}

// start starts a node in a bubble of synctest, and waits until it is ready.
func start(t *testing.T, network *tribestest.Network, name string, options tribes.Options, cfg Config) *node {
	t.Helper()
	n := begin(t, network, name, options, cfg)
	<-n.Ready()
	return n
}

// begin starts a node.
func begin(t *testing.T, network *tribestest.Network, name string, options tribes.Options, cfg Config) *node {
	t.Helper()
	return beginOn(t, tribes.Config{Name: name, Network: network.Node(name)}, options, cfg)
}

// beginOn starts a node with settings of its channel.
func beginOn(t *testing.T, group tribes.Config, options tribes.Options, cfg Config) *node {
	t.Helper()
	name := group.Name
	group.Interceptors = []tribes.Interceptor{
		interceptor.NewDispatch(interceptor.DispatchConfig{}), interceptor.NewFailureDetector(interceptor.FailureDetectorConfig{}),
	}
	log := &clustertest.Log{}
	group.Log, cfg.Log = log.Logger(), log.Logger()
	channel, err := tribes.New(group)
	if err != nil {
		t.Fatal(err)
	}
	c := cluster.New(cluster.Config{SendOptions: options, Log: log.Logger()}, channel)
	n := &node{name: name, log: log}
	if cfg.Context == "" {
		cfg.Context = c.Context("localhost", "/shop")
	}
	cfg.Listener = func(e session.Event) {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.events = append(n.events, e)
	}
	if n.Manager, err = New(cfg, c); err != nil {
		t.Fatal(err)
	}
	app := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { n.app(session.From(r.Context())) })
	if n.handler, err = session.Handler(session.Config{}, n.Manager, app); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx, n.Manager) }()
	n.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil && !n.crashed {
			t.Errorf("%s: %v", name, err)
		}
	})
	t.Cleanup(func() {
		n.stop()
		log.Check(t)
	})
	return n
}

// newCluster returns one that does not run.
func newCluster(t *testing.T) *cluster.Cluster {
	t.Helper()
	channel, err := tribes.New(tribes.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return cluster.New(cluster.Config{}, channel)
}

// do sends a request with a cookie, and returns the cookie afterwards.
func (n *node) do(t *testing.T, cookie string, app func(s *session.Session)) string {
	t.Helper()
	n.app = app
	r, w := httptest.NewRequest("GET", "/shop/", nil), httptest.NewRecorder()
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	n.handler.ServeHTTP(w, r)
	if set := w.Header().Get("Set-Cookie"); set != "" {
		cookie, _, _ = strings.Cut(set, ";")
	}
	n.log.Secret(idOf(cookie))
	return cookie
}

func (n *node) set(t *testing.T, cookie, name string, value any) string {
	t.Helper()
	return n.do(t, cookie, func(s *session.Session) {
		if err := s.Set(name, value); err != nil {
			t.Errorf("%s: set %s: %v", n.name, name, err)
		}
	})
}

// peek returns all of a session without using it: "count=1 user=ada", or "none".
func (n *node) peek(cookie string) string {
	h := n.lookUp(idOf(cookie))
	if h == nil {
		return "none"
	}
	s, _ := h.entry.State()
	var all []string
	for _, a := range s.Attributes {
		all = append(all, fmt.Sprint(a.Name, "=", a.Value))
	}
	return strings.Join(all, " ")
}

// formerIDs is how many ids are known that sessions had.
func (n *node) formerIDs() int {
	n.Manager.mu.RLock()
	defer n.Manager.mu.RUnlock()
	return len(n.former.ids)
}

// kept is how many messages wait for their session.
func (n *node) kept() int {
	n.Manager.mu.RLock()
	defer n.Manager.mu.RUnlock()
	total := 0
	for _, all := range n.early.waiting {
		total += len(all)
	}
	return max(total, n.early.count)
}

func idOf(cookie string) string { return strings.TrimPrefix(cookie, "JSESSIONID=") }

// want waits until all nodes have a session as want says.
func want(t *testing.T, cookie, text string, nodes ...*node) {
	t.Helper()
	for range 100 {
		good := true
		for _, n := range nodes {
			good = good && n.peek(cookie) == text
		}
		if good {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	for _, n := range nodes {
		if got := n.peek(cookie); got != text {
			t.Errorf("%s: the session is %q, want %q", n.name, got, text)
		}
	}
}

const sync6 = tribes.OptionAck | tribes.OptionSyncAck
