// Package static is membership of configured members that ask each other
// whether they are there, without a multicast group. What comes in are the
// members of the configuration and their answers, what goes out are members
// that joined and left.
//
// Source: org.apache.catalina.tribes.membership.StaticMembershipService and
// StaticMembershipProvider of Tomcat 10.1.
package static

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/catflap/catflap/internal/flood"
	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/rpc"
)

// Config are Tomcat's attributes of <Membership> of StaticMembershipService. A
// zero field means its default.
type Config struct {
	// ChannelName is the name of the channel, the same on all members: in
	// Tomcat the name of the cluster with "-Channel". Required.
	ChannelName string
	// Members are the Member elements without the LocalMember: of each Host,
	// Port and ID count.
	Members []tribes.Member

	ConnectTimeout time.Duration // connectTimeout; default 500 ms
	RPCTimeout     time.Duration // rpcTimeout; default 3 s
	ExpirationTime time.Duration // expirationTime; default 5 s
	// PingInterval is pingInterval with useThread="true"; default: members are
	// asked at each heartbeat of the channel.
	PingInterval time.Duration

	Log *slog.Logger // default: nothing is logged
}

func (c Config) withDefaults() Config {
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = 500 * time.Millisecond
	}
	if c.RPCTimeout == 0 {
		c.RPCTimeout = 3 * time.Second
	}
	if c.ExpirationTime == 0 {
		c.ExpirationTime = 5 * time.Second
	}
	c.Log = flood.Limit(c.Log)
	c.Members = slices.Clone(c.Members)
	for i := range c.Members {
		c.Members[i].Static = true
	}
	return c
}

// maxMembers bounds what strangers can fill.
const maxMembers = 1000

// A Service is StaticMembershipService. It is the last interceptor of a channel
// with NoMembership, since it stands in place of the membership below; Open
// then gives it the Dispatcher of that channel.
type Service struct {
	tribes.Pass
	cfg     Config
	id      string
	classes rpc.Classes
	beat    chan struct{} // a heartbeat of the channel
	turn    sync.Mutex    // one event at a time goes upwards; held before mu

	mu      sync.Mutex
	members map[tribes.Key]*entry
	byes    map[tribes.Key]time.Time // who said goodbye, and when
	group   *rpc.Dispatcher
	channel *rpc.Channel
}

// An entry is a member that is there.
type entry struct {
	member tribes.Member
	heard  time.Time
}

// New returns a service that has not begun.
func New(cfg Config) (*Service, error) {
	if cfg.ChannelName == "" {
		return nil, errors.New("static membership needs the name of the channel")
	}
	cfg = cfg.withDefaults()
	return &Service{
		cfg: cfg, id: cfg.ChannelName + "-StaticMembership", classes: rpc.Classes{Log: cfg.Log},
		beat: make(chan struct{}, 1), members: map[tribes.Key]*entry{}, byes: map[tribes.Key]time.Time{},
	}, nil
}

// Open gives s the Dispatcher of its channel, before the channel runs.
func (s *Service) Open(d *rpc.Dispatcher) error {
	channel, err := d.Open(s.id, (*handler)(s))
	if err != nil {
		return err
	}
	d.Take((*taker)(s))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.group, s.channel = d, channel
	return nil
}

// Members implements tribes.Lower: those that are there, the oldest first.
func (s *Service) Members() []tribes.Member {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]tribes.Member, 0, len(s.members))
	for _, e := range s.members {
		all = append(all, e.member)
	}
	tribes.SortByAge(all)
	return all
}

// Local implements tribes.Lower.
func (s *Service) Local() tribes.Member {
	m := s.Below.Local()
	m.Static = true
	return m
}

// Heartbeat implements tribes.Interceptor.
func (s *Service) Heartbeat(context.Context) {
	select {
	case s.beat <- struct{}{}:
	default:
	}
}

// Run implements tribes.Interceptor.
func (s *Service) Run(ctx context.Context) error {
	s.mu.Lock()
	channel, group := s.channel, s.group
	s.mu.Unlock()
	if channel == nil {
		return errors.New("static membership was not given the dispatcher of its channel")
	}
	var tick <-chan time.Time
	if s.cfg.PingInterval > 0 {
		ticker := time.NewTicker(s.cfg.PingInterval)
		defer ticker.Stop()
		tick = ticker.C
	}
	for next := msgStart; ctx.Err() == nil; next = msgPing {
		s.ask(ctx, channel, next)
		s.expire()
		select {
		case <-s.beat:
		case <-tick:
		case <-ctx.Done():
		}
	}
	s.goodbye(ctx, group)
	return nil
}

// ask asks all configured members that take a connection whether they are
// there, and who is at their place.
func (s *Service) ask(ctx context.Context, channel *rpc.Channel, k kind) {
	to := make([]tribes.Member, len(s.cfg.Members))
	var probing sync.WaitGroup
	for i, m := range s.cfg.Members {
		probing.Go(func() {
			if s.Below.Probe(ctx, m, nil, tribes.ProbeTest{Connect: s.cfg.ConnectTimeout}) {
				to[i] = m
			}
		})
	}
	probing.Wait()
	to = slices.DeleteFunc(to, func(m tribes.Member) bool { return !m.Host.IsValid() })
	if len(to) == 0 {
		return
	}
	began := time.Now()
	asking, cancel := context.WithTimeout(ctx, s.cfg.RPCTimeout)
	defer cancel()
	question := message{k, s.Local(), []byte(s.id)}
	answers, err := channel.Ask(asking, to, question.object(&s.classes), rpc.All, tribes.OptionAsync)
	if err != nil && ctx.Err() == nil {
		s.cfg.Log.Info("static members do not answer", "err", err)
	}
	for _, reply := range answers.Replies {
		var m message
		if mine, err := m.parse(reply.Content, &s.classes); mine && err == nil && string(m.id) == s.id {
			s.heard(m.member, began)
		}
	}
}

// heard takes a sign of life, which is from after since. One that may be from
// before the member said goodbye is none.
func (s *Service) heard(m tribes.Member, since time.Time) {
	self := s.Below.Local()
	if m.Key() == self.Key() {
		return
	}
	s.turn.Lock()
	defer s.turn.Unlock()
	s.mu.Lock()
	if bye, ok := s.byes[m.Key()]; ok && since.Before(bye) {
		s.mu.Unlock()
		return
	}
	e := s.members[m.Key()]
	switch {
	case e != nil:
		e.heard, e.member.Alive = time.Now(), m.Alive
	case len(s.members) < maxMembers:
		s.members[m.Key()] = &entry{m, time.Now()}
		delete(s.byes, m.Key())
	default:
		e = &entry{}
	}
	s.mu.Unlock()
	if e == nil {
		s.Above.Joined(m)
	}
}

// gone takes members away.
func (s *Service) gone(which func(*entry) bool, command []byte) {
	s.turn.Lock()
	defer s.turn.Unlock()
	s.mu.Lock()
	var left []tribes.Member
	for key, e := range s.members {
		if which(e) {
			delete(s.members, key)
			if command != nil && len(s.byes) < maxMembers {
				s.byes[key] = time.Now()
			}
			e.member.Command = command
			left = append(left, e.member)
		}
	}
	s.mu.Unlock()
	slices.SortFunc(left, func(a, b tribes.Member) int { return a.Compare(&b) })
	for _, m := range left {
		s.Above.Left(m)
	}
}

// expire takes away who was silent for long.
func (s *Service) expire() {
	s.gone(func(e *entry) bool { return time.Since(e.heard) > s.cfg.ExpirationTime }, nil)
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, at := range s.byes {
		if time.Since(at) > s.byeTime() {
			delete(s.byes, key)
		}
	}
}

// byeTime is how long after a goodbye something from before it may still come.
func (s *Service) byeTime() time.Duration { return 2 * s.cfg.RPCTimeout }

// shutdown is the command of a member that leaves.
var shutdown = []byte("BABY-ALEX")

// goodbye tells all that this member leaves.
func (s *Service) goodbye(ctx context.Context, group *rpc.Dispatcher) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	to := s.Members()
	if len(to) == 0 {
		return
	}
	self := s.Local()
	self.Command = shutdown
	bye := message{msgStop, self, []byte(s.id)}
	if err := group.Send(ctx, to, bye.object(&s.classes), tribes.OptionAck, ""); err != nil {
		s.cfg.Log.Info("static member not told that this one leaves", "err", err)
	}
}

// A handler is a Service that is asked.
type handler Service

// Asked implements rpc.Handler.
func (h *handler) Asked(question javaserial.Node, from tribes.Member) (javaserial.Node, bool) {
	s := (*Service)(h)
	var m message
	mine, err := m.parse(question, &s.classes)
	if mine && err != nil {
		s.cfg.Log.Error("question of a static member cannot be read", "from", from, "err", err)
	}
	if !mine || err != nil || string(m.id) != s.id || m.kind != msgStart && m.kind != msgPing {
		return nil, true // Tomcat answers null
	}
	since := time.Now()
	if m.kind == msgPing {
		since = since.Add(-s.byeTime()) // it may have been on its way
	}
	s.heard(m.member, since)
	m.member = s.Local()
	return m.object(&s.classes), true
}

// Leftover implements rpc.Handler. A late answer is a sign of life, too.
func (h *handler) Leftover(answer javaserial.Node, _ tribes.Member) {
	s := (*Service)(h)
	var m message
	if mine, err := m.parse(answer, &s.classes); mine && err == nil && string(m.id) == s.id {
		s.heard(m.member, time.Now().Add(-s.byeTime()))
	}
}

// A taker is a Service that is told something without a question.
type taker Service

// Object implements rpc.Objects.
func (k *taker) Object(n javaserial.Node, from *tribes.Message) (bool, error) {
	s := (*Service)(k)
	var m message
	mine, err := m.parse(n, &s.classes)
	if mine && err != nil {
		s.cfg.Log.Error("message of a static member cannot be read", "from", from.From, "err", err)
		return true, nil
	}
	if !mine || !bytes.Equal(m.id, []byte(s.id)) {
		return false, nil
	}
	if m.kind == msgStop && m.member.Key() == from.From.Key() {
		s.gone(func(e *entry) bool { return e.member.Key() == m.member.Key() }, shutdown)
	}
	return true, nil
}

// Joined implements rpc.Objects.
func (k *taker) Joined(tribes.Member) {}

// Left implements rpc.Objects.
func (k *taker) Left(tribes.Member) {}
