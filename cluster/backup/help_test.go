package backup

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
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
	"github.com/catflap/catflap/tribes/replicated"
	"github.com/catflap/catflap/tribes/tribestest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// A node is a member with one application.
type node struct {
	*Manager
	name    string
	cluster *cluster.Cluster
	handler http.Handler
	log     *clustertest.Log
	stop    func()

	crashed bool          // it may end with an error
	over    chan struct{} // closed when it has ended
	err     error         // of its end, once over is closed

	mu     sync.Mutex
	app    func(s *session.Session)
	events []session.Event
}

// start starts a node in a bubble of synctest, and waits until it is ready.
func start(t *testing.T, network *tribestest.Network, name string, cfg Config) *node {
	t.Helper()
	n := begin(t, network, name, cfg)
	<-n.Ready()
	return n
}

// starts starts several nodes, one after the other.
func starts(t *testing.T, network *tribestest.Network, cfg Config, names ...string) (all []*node) {
	t.Helper()
	for _, name := range names {
		own := cfg
		own.Route = name
		all = append(all, start(t, network, name, own))
	}
	return all
}

// begin starts a node.
func begin(t *testing.T, network *tribestest.Network, name string, cfg Config) *node {
	t.Helper()
	return beginOn(t, tribes.Config{Name: name, Network: network.Node(name)}, cfg)
}

// beginOn starts a node with settings of its channel.
func beginOn(t *testing.T, group tribes.Config, cfg Config) *node {
	t.Helper()
	log := &clustertest.Log{}
	group.Log, cfg.Log = log.Logger(), log.Logger()
	name := group.Name
	group.Interceptors = append(group.Interceptors,
		interceptor.NewDispatch(interceptor.DispatchConfig{}), interceptor.NewFailureDetector(interceptor.FailureDetectorConfig{}))
	channel, err := tribes.New(group)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{name: name, log: log, cluster: cluster.New(cluster.Config{Log: log.Logger()}, channel)}
	if cfg.Context == "" {
		cfg.Context = n.cluster.Context("localhost", "/shop")
	}
	cfg.Listener = func(e session.Event) {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.events = append(n.events, e)
	}
	if n.Manager, err = New(cfg, n.cluster); err != nil {
		t.Fatal(err)
	}
	app := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { n.app(session.From(r.Context())) })
	if n.handler, err = session.Handler(session.Config{}, n.Manager, app); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	n.over = make(chan struct{})
	go func() {
		defer close(n.over)
		n.err = n.cluster.Run(ctx, n.Manager)
	}()
	n.stop = sync.OnceFunc(func() {
		cancel()
		if <-n.over; n.err != nil && !n.crashed {
			t.Errorf("%s: %v", name, n.err)
		}
	})
	t.Cleanup(func() {
		n.stop()
		log.Check(t)
	})
	return n
}

// heard returns what the listener was told.
func (n *node) heard() []session.Event {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.events)
}

// kill ends a node without a word.
func (n *node) kill(network *tribestest.Network) {
	n.crashed = true
	network.Crash(n.name)
	n.stop()
}

// do sends a request with a cookie, and returns the cookie afterwards.
func (n *node) do(t *testing.T, cookie string, app func(s *session.Session)) string {
	t.Helper()
	n.app = app
	cookie = serve(n.handler, cookie)
	n.log.Secret(idOf(cookie))
	return cookie
}

// serve sends a request to a handler, and returns the cookie afterwards.
func serve(h http.Handler, cookie string) string {
	r, w := httptest.NewRequest("GET", "/shop/", nil), httptest.NewRecorder()
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	h.ServeHTTP(w, r)
	if set := w.Header().Get("Set-Cookie"); set != "" {
		cookie, _, _ = strings.Cut(set, ";")
	}
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

// read returns all of a session by a request, and the cookie afterwards.
func (n *node) read(t *testing.T, cookie string) (text, after string) {
	t.Helper()
	text = "none"
	after = n.do(t, cookie, func(s *session.Session) {
		if !s.Exists() {
			return
		}
		var all []string
		for _, name := range s.Names() {
			v, _ := s.Get(name)
			all = append(all, fmt.Sprint(name, "=", v))
		}
		text = strings.Join(all, " ")
	})
	return text, after
}

// here tells what a node has of a session, without using it: "none", "proxy",
// "primary count=1 user=ada".
func (n *node) here(cookie string) string {
	known, ok := n.sessions.Peek(idOf(cookie))
	if !ok {
		return "none"
	}
	e := entryOf(known.Value)
	if e == nil {
		return known.Role.String()
	}
	s, _ := e.State()
	all := []string{known.Role.String()}
	for _, a := range s.Attributes {
		all = append(all, fmt.Sprint(a.Name, "=", a.Value))
	}
	return strings.Join(all, " ")
}

// on returns the node on which a session has a role, nil if there is none or are
// several.
func on(cookie string, role replicated.Role, nodes ...*node) (found *node) {
	for _, n := range nodes {
		if known, ok := n.sessions.Peek(idOf(cookie)); ok && known.Role == role {
			if found != nil {
				return nil
			}
			found = n
		}
	}
	return found
}

func idOf(cookie string) string { return strings.TrimPrefix(cookie, "JSESSIONID=") }

// places tells what all nodes have of a session, sorted: "backup n=1, primary
// n=1, proxy".
func places(cookie string, nodes ...*node) string {
	var all []string
	for _, n := range nodes {
		all = append(all, n.here(cookie))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// want waits until of all nodes one is the primary of a session, one its backup,
// and the others have proxies; of one node that it is the primary; for "none"
// that nobody has it.
func want(t *testing.T, cookie, text string, nodes ...*node) {
	t.Helper()
	wanted := []string{"primary " + text}
	if len(nodes) > 1 {
		wanted = append(wanted, "backup "+text)
	}
	for len(wanted) < len(nodes) {
		wanted = append(wanted, "proxy")
	}
	if text == "none" {
		wanted = slices.Repeat([]string{"none"}, len(nodes))
	}
	slices.Sort(wanted)
	await(t, func() string { return places(cookie, nodes...) }, strings.Join(wanted, ", "))
}

// await waits until got returns want.
func await(t *testing.T, got func() string, want string) {
	t.Helper()
	for range 200 {
		if got() == want {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("it is %s, want %s", got(), want)
}
