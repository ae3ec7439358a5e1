package interceptor

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/catflap/catflap/tribes"
)

// StaticMembershipConfig is Tomcat's StaticMembershipInterceptor with its
// Member elements.
type StaticMembershipConfig struct {
	Base
	Members []tribes.Member // Host, Port and ID of each have to be right; Static need not be set
}

// A StaticMembership adds members that are configured to those that are heard.
// It belongs below a FailureDetector, which makes sure that they answer.
//
// Source: StaticMembershipInterceptor.
type StaticMembership struct {
	tribes.Pass
	cfg  StaticMembershipConfig
	turn chan struct{} // one event at a time goes upwards; guards starts

	starts map[tribes.Key]int64 // when members said last that they start, on their clock, in ms
}

// NewStaticMembership returns a StaticMembershipInterceptor.
func NewStaticMembership(cfg StaticMembershipConfig) *StaticMembership {
	cfg.Base = cfg.withDefaults()
	cfg.Members = slices.Clone(cfg.Members)
	for i := range cfg.Members {
		cfg.Members[i].Static = true
		if cfg.Members[i].SecurePort == 0 {
			cfg.Members[i].SecurePort = -1
		}
		if cfg.Members[i].UDPPort == 0 {
			cfg.Members[i].UDPPort = -1
		}
	}
	return &StaticMembership{cfg: cfg, turn: make(chan struct{}, 1), starts: map[tribes.Key]int64{}}
}

var (
	startNotice = []byte("Local StaticMember Notification Data")
	stopNotice  = []byte("Local StaticMember Shutdown Data")
)

// find returns the configured member with that key.
func (s *StaticMembership) find(key tribes.Key) (tribes.Member, bool) {
	for _, m := range s.cfg.Members {
		if m.Key() == key {
			return m, true
		}
	}
	return tribes.Member{}, false
}

// tell hands an event upwards, one at a time.
func (s *StaticMembership) tell(f func()) {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	f()
}

// Joined implements tribes.Upper.
func (s *StaticMembership) Joined(m tribes.Member) { s.tell(func() { s.Above.Joined(m) }) }

// Left implements tribes.Upper.
func (s *StaticMembership) Left(m tribes.Member) { s.tell(func() { s.Above.Left(m) }) }

// Members implements tribes.Lower.
func (s *StaticMembership) Members() []tribes.Member {
	all := slices.Clone(s.Below.Members())
	for _, m := range s.cfg.Members {
		if !slices.ContainsFunc(all, func(other tribes.Member) bool { return other.Key() == m.Key() }) {
			all = append(all, m)
		}
	}
	return all
}

// Deliver implements tribes.Upper.
func (s *StaticMembership) Deliver(m *tribes.Message) error {
	switch {
	case bytes.Equal(m.Data, startNotice):
		if who, ok := s.find(m.From.Key()); ok {
			s.tell(func() {
				s.starts[who.Key()] = max(m.Timestamp, s.starts[who.Key()])
				s.Above.Joined(who)
			})
		}
		return nil
	case bytes.Equal(m.Data, stopNotice):
		if who, ok := s.find(m.From.Key()); ok {
			who.Command = goodbye
			s.tell(func() {
				if m.Timestamp >= s.starts[who.Key()] { // not from before its last start, late
					s.Above.Left(who)
				}
			})
		}
		return nil
	}
	return s.Above.Deliver(m)
}

// goodbye is the command of a member that leaves.
var goodbye = []byte("BABY-ALEX")

// Run implements tribes.Interceptor.
func (s *StaticMembership) Run(ctx context.Context) error {
	for _, m := range s.cfg.Members {
		s.Joined(m)
		s.notify(ctx, m, startNotice)
	}
	<-ctx.Done()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	for _, m := range s.cfg.Members {
		s.notify(last, m, stopNotice)
	}
	return nil
}

// notify tells a member that this one starts or stops.
func (s *StaticMembership) notify(ctx context.Context, to tribes.Member, notice []byte) {
	m := &tribes.Message{Options: s.cfg.Flag, Timestamp: time.Now().UnixMilli(), ID: tribes.NewID(), From: s.Below.Local(), Data: notice}
	if err := s.Below.Send(ctx, []tribes.Member{to}, m); err != nil {
		s.cfg.Log.Info("static member does not answer", "member", to, "err", err)
	}
}
