// Package cluster is Tomcat's SimpleTcpCluster: one channel for the sessions of
// many web applications. What comes in are session messages of other members,
// what goes out are those for the Manager of their context, and answers to who
// asks for a context that is not here. The Managers are in the packages delta
// and backup.
//
// Source: org.apache.catalina.ha.tcp.SimpleTcpCluster and
// ha.session.ClusterSessionListener of Tomcat 10.1.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/catflap/catflap/cluster/internal/wire"
	"github.com/catflap/catflap/internal/flood"
	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/rpc"
)

// Config says what a cluster is like. A zero field means its default; each
// names Tomcat's attribute of <Cluster>.
type Config struct {
	// HostLevel: the Cluster element stands within a Host, not within the Engine.
	// All nodes have to agree.
	HostLevel   bool
	SendOptions tribes.Options // channelSendOptions of session messages; default 8, asynchronous
	Limits      javaserial.Limits
	Log         *slog.Logger // default: nothing is logged
}

// A Message is a session message: what has happened, in which context, to which
// session. Managers make and read them, applications have no need to.
type Message = wire.Message

// A Receiver takes the session messages of one context. Many goroutines call
// it, each for a connection of a member, which reads no more until it returns.
type Receiver interface {
	Receive(m *Message, from tribes.Member)
	// Left tells that a member is gone.
	Left(m tribes.Member)
}

// A Runner does its work until ctx is done.
type Runner interface {
	Run(ctx context.Context) error
}

// A Cluster is the channel with what its messages are for. Many goroutines may
// use it.
type Cluster struct {
	cfg     Config
	channel *tribes.Channel
	d       *rpc.Dispatcher

	mu       sync.Mutex // for changes
	contexts atomic.Pointer[map[string]Receiver]

	answering sync.WaitGroup
	lifetime  context.Context // of answers; mu is held when it ends and when one begins
	end       context.CancelFunc
}

// New returns a cluster on a channel that does not run yet.
func New(cfg Config, channel *tribes.Channel) *Cluster {
	if cfg.SendOptions == 0 {
		cfg.SendOptions = tribes.OptionAsync
	}
	cfg.Log = flood.Limit(cfg.Log)
	c := &Cluster{cfg: cfg, channel: channel, d: rpc.NewDispatcher(channel, cfg.Limits, cfg.Log)}
	c.lifetime, c.end = context.WithCancel(context.Background())
	c.contexts.Store(&map[string]Receiver{})
	c.d.Take((*taker)(c))
	return c
}

// Context returns the name of a web application in messages: host is the name
// of its Host, path its context path with the version that it may have
// ("/shop##2"), "" for the root application.
//
// Source: SimpleTcpCluster.getManagerName.
func (c *Cluster) Context(host, path string) string {
	if c.cfg.HostLevel || strings.HasPrefix(path, host+"#") {
		return path
	}
	return host + "#" + path
}

// Dispatcher is where replicated maps come from.
func (c *Cluster) Dispatcher() *rpc.Dispatcher { return c.d }

// Limits are those of the streams of other members.
func (c *Cluster) Limits() javaserial.Limits { return c.cfg.Limits }

// Ready is closed once this node knows the other members.
func (c *Cluster) Ready() <-chan struct{} { return c.channel.Ready() }

// Members are the other members, the oldest first.
func (c *Cluster) Members() []tribes.Member { return c.channel.Members() }

// Local is this member.
func (c *Cluster) Local() tribes.Member { return c.channel.Local() }

// ErrExists says that there is a context with that name already.
var ErrExists = errors.New("there is a context with that name already")

// Add has messages for a context go to r. It is called by Managers.
func (c *Cluster) Add(name string, r Receiver) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	fresh := maps.Clone(*c.contexts.Load())
	if fresh[name] != nil {
		return fmt.Errorf("cluster: %w: %q", ErrExists, name)
	}
	fresh[name] = r
	c.contexts.Store(&fresh)
	return nil
}

// Remove ends what Add began.
func (c *Cluster) Remove(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fresh := maps.Clone(*c.contexts.Load())
	delete(fresh, name)
	c.contexts.Store(&fresh)
}

// Send sends m to members. Options of 0 are those of the Config. Messages of
// one order reach a member in theirs. Without members nothing is sent.
func (c *Cluster) Send(ctx context.Context, to []tribes.Member, m *Message, options tribes.Options, order string) error {
	if len(to) == 0 {
		return nil
	}
	if options == 0 {
		options = c.cfg.SendOptions
	}
	if err := c.d.SendStream(ctx, to, m.Encode(), options, order); err != nil {
		return fmt.Errorf("session message %s: %w", m.Event, err)
	}
	return nil
}

// Run is a member of the group, and runs managers, until ctx is done. The
// managers end first: what they still have to tell others leaves.
func (c *Cluster) Run(ctx context.Context, managers ...Runner) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	inner, leave := context.WithCancel(context.WithoutCancel(ctx))
	defer leave()
	var channel errgroup.Group
	channel.Go(func() error {
		defer cancel() // what runs on it has no use without it
		return c.channel.Run(inner)
	})
	g, ctx := errgroup.WithContext(ctx)
	for _, m := range managers {
		g.Go(func() error { return m.Run(ctx) })
	}
	g.Go(func() error { <-ctx.Done(); return nil })
	failed := g.Wait()
	leave()
	failed = errors.Join(channel.Wait(), failed)
	c.mu.Lock()
	c.end() // nobody begins to answer any more
	c.mu.Unlock()
	c.answering.Wait()
	c.d.Close()
	return failed
}

// taker is the Cluster as what its Dispatcher gives objects to.
type taker Cluster

// Object implements rpc.Objects.
func (t *taker) Object(n javaserial.Node, from *tribes.Message) (bool, error) {
	m, mine, err := wire.ParseMessage(n)
	if !mine {
		return false, nil
	}
	if err != nil {
		t.cfg.Log.Error("session message cannot be read", "from", from.From, "err", err)
		return true, nil
	}
	t.message(&m, from.From)
	return true, nil
}

// Stream implements rpc.Streams.
func (t *taker) Stream(stream []byte, from *tribes.Message) (bool, error) {
	m, mine := wire.ReadMessage(stream)
	if mine {
		t.message(&m, from.From)
	}
	return mine, nil
}

// message hands a message to who it is for.
func (t *taker) message(m *Message, from tribes.Member) {
	contexts := *t.contexts.Load()
	if m.Everybody {
		for _, r := range contexts {
			r.Receive(m, from)
		}
		return
	}
	if r := contexts[m.Context]; r != nil {
		r.Receive(m, from)
		return
	}
	if m.Event == wire.EventGetAll {
		(*Cluster)(t).refuse(m.Context, from)
	}
	t.cfg.Log.Warn("session message for a context that is not here", "context", m.Context, "event", m.Event, "from", from)
}

// Joined implements rpc.Objects. Who comes and goes is logged as Tomcat does.
//
// Source: SimpleTcpCluster.memberAdded, memberDisappeared.
func (t *taker) Joined(m tribes.Member) { t.cfg.Log.Info("replication member added", "member", m) }

// Left implements rpc.Objects.
func (t *taker) Left(m tribes.Member) {
	t.cfg.Log.Info("received member disappeared", "member", m)
	for _, r := range *t.contexts.Load() {
		r.Left(m)
	}
}

// answerTime is how long an answer may take to leave.
const answerTime = 5 * time.Second

// refuse tells a node that waits for the sessions of a context that there is
// none, on its own goroutine: the connection goes on meanwhile.
func (c *Cluster) refuse(name string, to tribes.Member) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lifetime.Err() != nil {
		return
	}
	c.answering.Go(func() {
		ctx, cancel := context.WithTimeout(c.lifetime, answerTime)
		defer cancel()
		if err := c.Send(ctx, []tribes.Member{to}, wire.NoContextManager(name), 0, ""); err != nil && c.lifetime.Err() == nil {
			c.cfg.Log.Warn("answer not sent", "to", to, "err", err)
		}
	})
}
