package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/ajp"
	"github.com/catflap/catflap/cluster"
	"github.com/catflap/catflap/cluster/delta"
	"github.com/catflap/catflap/node/demo"
	"github.com/catflap/catflap/session"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/interceptor"
)

// A demoNode is a node of the demonstration that can be stopped, killed and
// started again. Many goroutines may use it.
type demoNode struct {
	name     string
	group    *demoGroup
	id       tribes.ID    // in the group
	requests atomic.Int64 // answered, also before a stop
	life     atomic.Pointer[nodeLife]

	turn sync.Mutex // who starts or ends it
	link *demoLink  // opened and not used yet; nil if there is none
	port uint16     // of the group, from the first link on
}

// A nodeLife is what a demoNode does now. Nobody changes it.
type nodeLife struct {
	how     string
	addr    string       // of its AJP connector, from the first start on
	running *runningNode // nil unless it serves
}

// What can become of a node.
const (
	lifeStarts  = "starts"
	lifeRuns    = "runs"
	lifeStops   = "stops"
	lifeStopped = "is stopped"
	lifeKilled  = "was killed"
)

// A runningNode is a demoNode from start to end.
type runningNode struct {
	link     *demoLink
	channel  *tribes.Channel
	sessions *delta.Manager
	server   *ajp.Server
	leave    context.CancelFunc
	parts    sync.WaitGroup
	left     chan struct{} // closed once it has left the group
	log      *os.File
}

// start starts n if it does not run: it joins the group, gets the sessions of
// the others, and only then serves. After the first time it has the same ports
// again.
func (n *demoNode) start() error {
	n.turn.Lock()
	defer n.turn.Unlock()
	before := n.life.Load()
	if before.running != nil {
		return nil
	}
	n.life.Store(&nodeLife{how: lifeStarts, addr: before.addr})
	r, err := n.join()
	if err != nil {
		n.life.Store(before)
		return fmt.Errorf("start node %s: %w", n.name, err)
	}
	got := r.sessions.Len()
	addr, err := n.serve(r, cmp.Or(before.addr, net.JoinHostPort(demoHost.String(), "0")))
	if err != nil {
		r.end()
		n.life.Store(before)
		return fmt.Errorf("start node %s: %w", n.name, err)
	}
	n.life.Store(&nodeLife{lifeRuns, addr, r})
	switch got {
	case 0:
		n.group.tell(n.name + " runs")
	case 1:
		n.group.tell(n.name + " runs, and has got 1 session")
	default:
		n.group.tell(fmt.Sprintf("%s runs, and has got %d sessions", n.name, got))
	}
	return nil
}

// open takes a port for the group; where others find n is known then.
func (n *demoNode) open() error {
	if n.link != nil {
		return nil
	}
	var err error
	if n.link, err = n.group.ground.link(n.port); err == nil && n.port == 0 {
		n.port = n.link.addr.Port()
	}
	return err
}

// member is n as others know it.
func (n *demoNode) member() tribes.Member {
	return tribes.Member{Host: demoHost, Port: int32(n.port), ID: n.id}
}

// join makes n a member of the group that has all sessions, and does not serve
// yet.
func (n *demoNode) join() (*runningNode, error) {
	n.awaitForgotten(context.Background())
	if err := n.open(); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(n.group.logFile(n.name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.NewTextHandler(file, nil))
	ctx, leave := context.WithCancel(context.Background())
	r := &runningNode{link: n.link, log: file, leave: leave, left: make(chan struct{}), server: &ajp.Server{Secret: n.group.secret, Log: log}}
	n.link = nil
	c, err := n.assemble(r, log)
	if err != nil {
		r.end()
		return nil, err
	}
	r.parts.Go(func() {
		defer close(r.left)
		err := c.Run(ctx, runner(func(ctx context.Context) error {
			n.awaitOthers(ctx, r.channel)
			return r.sessions.Run(ctx)
		}))
		if err != nil && ctx.Err() == nil {
			log.Error("the node is no member of the group any more", "err", err)
		}
	})
	select {
	case <-r.sessions.Ready():
		return r, nil
	case <-r.left:
		r.end()
		return nil, errors.New("it does not stay in the group: " + file.Name() + " tells why")
	}
}

// A runner is a cluster.Runner.
type runner func(ctx context.Context) error

func (f runner) Run(ctx context.Context) error { return f(ctx) }

// assemble makes the parts of r. A change is answered once the other nodes have
// it, so that a node that is killed takes nothing with it.
func (n *demoNode) assemble(r *runningNode, log *slog.Logger) (*cluster.Cluster, error) {
	var err error
	if r.channel, err = n.channel(r.link, log); err != nil {
		return nil, err
	}
	r.channel.Listen(&hearing{n})
	c := cluster.New(cluster.Config{SendOptions: tribes.OptionAck | tribes.OptionSyncAck, Log: log}, r.channel)
	r.sessions, err = delta.New(delta.Config{Context: c.Context("localhost", "/demo"), Route: n.name, MaxActive: 10000, TransferTimeout: joinTime, Log: log}, c)
	if err != nil {
		return nil, err
	}
	app, err := session.Handler(session.Config{ContextPath: "/demo", Log: log}, r.sessions, demo.New(demo.Config{Node: n.name, Home: "/", Nodes: "/nodes/"}))
	r.server.Handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		n.requests.Add(1)
		app.ServeHTTP(w, req)
	})
	return c, err
}

// channel is n's way into the group: members that are configured, are asked
// for every half second, and have the key of this demonstration.
func (n *demoNode) channel(link *demoLink, log *slog.Logger) (*tribes.Channel, error) {
	base := interceptor.Base{Log: log}
	encrypt, err := interceptor.NewEncrypt(interceptor.EncryptConfig{Base: base, Key: n.group.key})
	if err != nil {
		return nil, err
	}
	var others []tribes.Member
	for _, other := range n.group.nodes {
		if other != n {
			others = append(others, other.member())
		}
	}
	return tribes.New(tribes.Config{
		Name: n.name, Address: demoHost, Port: int(n.port), AutoBind: 1, ID: n.id, Network: link, Log: log,
		// Nothing is multicast. Who is there is known from awaitOthers, not from
		// having listened for a while.
		NoMembership: true, Membership: tribes.Membership{Frequency: time.Millisecond},
		HeartbeatEvery: 500 * time.Millisecond,
		Interceptors: []tribes.Interceptor{
			encrypt, interceptor.NewPing(interceptor.PingConfig{Base: base}), interceptor.NewFailureDetector(interceptor.FailureDetectorConfig{Base: base}),
			interceptor.NewStaticMembership(interceptor.StaticMembershipConfig{Base: base, Members: others}),
		},
	})
}

// joinTime is how long a node that starts waits for others to know it, and then
// for their sessions.
const joinTime = 10 * time.Second

// awaitOthers waits until n and all that serve know each other: so that n can
// ask for their sessions, and is told of what they change from then on.
func (n *demoNode) awaitOthers(ctx context.Context, channel *tribes.Channel) {
	waitFor(ctx, func() bool {
		return n.forOthers(func(other *demoNode, there *tribes.Channel) bool {
			return knows(channel, other.id) && knows(there, n.id)
		})
	})
}

// awaitForgotten waits until all that serve have noticed that n has ended. Else
// awaitOthers could take it that they know n when they know its last life, and
// are about to find out that this is over: what they change until n has joined
// again would not be told to it.
func (n *demoNode) awaitForgotten(ctx context.Context) {
	waitFor(ctx, func() bool {
		return n.forOthers(func(_ *demoNode, there *tribes.Channel) bool { return !knows(there, n.id) })
	})
}

// forOthers reports whether f holds for all other nodes that serve.
func (n *demoNode) forOthers(f func(other *demoNode, there *tribes.Channel) bool) bool {
	for _, other := range n.group.nodes {
		if r := other.life.Load().running; other != n && r != nil && !f(other, r.channel) {
			return false
		}
	}
	return true
}

func knows(channel *tribes.Channel, id tribes.ID) bool {
	return slices.ContainsFunc(channel.Members(), func(m tribes.Member) bool { return m.ID == id })
}

// waitFor waits until f holds, ctx is done, or joinTime is over.
func waitFor(ctx context.Context, f func() bool) {
	ctx, cancel := context.WithTimeout(ctx, joinTime)
	defer cancel()
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	for !f() {
		select {
		case <-look.C:
		case <-ctx.Done():
			return
		}
	}
}

// serve has r answer requests at addr, and returns that with its port.
func (n *demoNode) serve(r *runningNode, addr string) (string, error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return "", err
	}
	r.parts.Go(func() {
		if err := r.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			n.group.tell(fmt.Sprintf("%s does not serve any more: %v", n.name, err))
		}
	})
	return listener.Addr().String(), nil
}

// stopTime is how long the requests of a node may take once it is to stop.
const stopTime = 3 * time.Second

// stop stops n if it runs: its requests may end, it says goodbye to the group,
// and nothing of it is left.
func (n *demoNode) stop(limit time.Duration) {
	n.turn.Lock()
	defer n.turn.Unlock()
	now := n.life.Load()
	r := now.running
	if r == nil {
		return
	}
	n.life.Store(&nodeLife{lifeStops, now.addr, r})
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if r.server.Shutdown(ctx) != nil {
		r.server.Close()
	}
	r.end()
	n.life.Store(&nodeLife{how: lifeStopped, addr: now.addr})
	n.group.tell(n.name + " is stopped")
}

// kill ends n as a crash does: its connections are cut, what it does is broken
// off, and the group hears no goodbye.
func (n *demoNode) kill() {
	n.turn.Lock()
	defer n.turn.Unlock()
	now := n.life.Load()
	if now.running == nil {
		return
	}
	now.running.server.Close() // first: what others do not get is not answered
	now.running.link.cut()
	n.group.tell(n.name + " is killed")
	now.running.end()
	n.life.Store(&nodeLife{how: lifeKilled, addr: now.addr})
}

// end ends r, and waits until nothing of it is left.
func (r *runningNode) end() {
	r.server.Close()
	r.leave()
	r.parts.Wait()
	r.link.cut()
	r.log.Close()
}

// hearing tells what a node hears of the group.
type hearing struct{ n *demoNode }

// Received implements tribes.Listener.
func (h *hearing) Received(*tribes.Message) (bool, error) { return false, nil }

// Joined implements tribes.Listener.
func (h *hearing) Joined(m tribes.Member) {
	h.n.group.tell(h.n.name + " sees " + h.n.group.nameOf(m.ID) + " join")
}

// Left implements tribes.Listener.
func (h *hearing) Left(m tribes.Member) {
	what := "finds that %s does not answer"
	if m.Leaving() {
		what = "sees %s leave"
	}
	h.n.group.tell(h.n.name + " " + fmt.Sprintf(what, h.n.group.nameOf(m.ID)))
}

// A nodeState is what a demoNode is like.
type nodeState struct {
	Name     string
	How      string
	Running  bool
	Hue      uint32 // its colour
	Addr     string // of its AJP connector
	Group    string // where it is a member of the group
	Requests int64
	Sessions int
	Sees     []seen // the other members, as it knows them
}

// A seen is a member that a node knows of.
type seen struct {
	Name string
	Hue  uint32
}

func (s nodeState) String() string { return s.Name + " " + s.How }

func (n *demoNode) state() nodeState {
	now, m := n.life.Load(), n.member()
	s := nodeState{Name: n.name, How: now.how, Hue: demo.Hue(n.name), Addr: now.addr, Group: m.String(), Requests: n.requests.Load()}
	if r := now.running; r != nil {
		s.Running, s.Sessions = true, r.sessions.Len()
		for _, m := range r.channel.Members() {
			name := n.group.nameOf(m.ID)
			s.Sees = append(s.Sees, seen{name, demo.Hue(name)})
		}
	}
	return s
}
