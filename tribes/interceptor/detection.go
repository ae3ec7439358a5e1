package interceptor

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/catflap/catflap/tribes"
)

// A suspect is a member that is known, or was heard of, with what is going on
// about it.
type suspect struct {
	member  tribes.Member
	known   bool      // above has been told that it joined
	doubted time.Time // since when it is silent though its receiver answers; zero if it is not
	silent  bool      // since it was heard last the membership below has said that it is silent
	wanted  bool      // a static member that did not answer: it is asked again
	probe   int       // the probe that is under way; 0 for none
	lived   bool      // since it began there was a sign of life
	failed  bool      // since it began there was a sign of the contrary
	again   bool      // it was made for a message that came
	left    time.Time // when it said goodbye
}

// A detection is what one goroutine holds.
type detection struct {
	d      *FailureDetector
	all    map[tribes.Key]*suspect
	probes int
	ctx    context.Context
	asking sync.WaitGroup
}

func (t *detection) take(h happening) {
	s := t.all[h.member.Key()]
	switch h.kind {
	case heardOf:
		t.heardOf(s, h.member)
	case lives:
		t.lives(s)
	case silent, unsent:
		t.silent(s, h)
	case result:
		if s != nil && s.probe == h.probe {
			t.d.watch(s.member.Key(), false)
			s.probe = 0
			t.probed(s, h.alive)
		}
	case lookAt:
		t.look(false)
	case lookAll:
		t.look(true)
	}
}

// heardOf takes a member that the membership below has heard of, or that says
// that it starts.
func (t *detection) heardOf(s *suspect, m tribes.Member) {
	if s == nil {
		s = &suspect{member: m}
		t.all[m.Key()] = s
	}
	if s.known {
		s.doubted, s.member = time.Time{}, m
		t.publish()
		t.returned(s)
	}
	switch {
	case s.probe != 0:
		s.lived, s.again = true, false
	case !s.known:
		t.ask(s)
	}
}

// returned tells that s is heard again.
func (t *detection) returned(s *suspect) {
	if above, ok := t.d.Above.(tribes.Returner); ok && s.silent {
		above.Returned(s.member)
	}
	s.silent = false
}

// lives takes a message of a member that is probed, or was in vain.
func (t *detection) lives(s *suspect) {
	switch {
	case s == nil:
	case s.probe != 0:
		s.lived = true
	case !s.known:
		s.again = true
		t.ask(s)
	}
}

// silent judges a member that was not heard or could not be sent to.
func (t *detection) silent(s *suspect, h happening) {
	switch {
	case s == nil:
		return
	case h.kind == silent && h.member.Leaving():
		t.remove(s, h.member)
		return
	case !s.known:
		if h.kind == silent && !s.wanted {
			t.forget(s)
		}
		return
	}
	if h.kind == silent {
		s.silent = true
		if s.doubted.IsZero() {
			s.doubted = time.Now()
		}
	}
	if s.probe != 0 {
		s.failed = true
		return
	}
	t.d.cfg.Log.LogAttrs(t.ctx, slog.LevelInfo, "member silent, will verify", slog.Any("member", s.member))
	t.ask(s)
}

// ask begins a probe of s.
func (t *detection) ask(s *suspect) {
	t.probes++
	s.probe, s.lived, s.failed = t.probes, false, false
	t.d.watch(s.member.Key(), true)
	h := happening{kind: result, member: s.member, probe: s.probe}
	t.asking.Go(func() {
		h.alive = t.d.probe(t.ctx, h.member)
		t.d.post(h)
	})
}

// probed takes what a probe found.
func (t *detection) probed(s *suspect, alive bool) {
	if !alive && s.lived && !s.again || alive && s.failed {
		s.again = !alive // once: a message may be from the time before, and a firewall between
		t.ask(s)
		return
	}
	forMessage := s.again
	s.again = false
	switch {
	case alive && !s.known:
		t.add(s)
	case alive:
		if !s.doubted.IsZero() && time.Since(s.doubted) > t.d.cfg.RemoveSuspectTimeout {
			s.doubted = time.Time{}
		}
	case s.known:
		t.d.cfg.Log.LogAttrs(t.ctx, slog.LevelInfo, "member does not answer, it is removed", slog.Any("member", s.member))
		t.remove(s, s.member)
	case s.member.Static:
		s.wanted = true
		t.d.watch(s.member.Key(), !forMessage)
	default:
		t.d.cfg.Log.LogAttrs(t.ctx, slog.LevelWarn, "member heard of, but its receiver does not answer: is a firewall between?", slog.Any("member", s.member))
		t.forget(s)
	}
}

// add makes s a member. Who was at its place before is none any more.
func (t *detection) add(s *suspect) {
	for _, other := range t.all {
		if other != s && other.known && other.member.Host == s.member.Host && other.member.Port == s.member.Port {
			t.remove(other, other.member)
		}
	}
	s.known, s.wanted, s.silent, s.doubted = true, false, false, time.Time{}
	t.publish()
	t.d.Above.Joined(s.member)
}

// remove takes s away. A static member is asked for at each heartbeat, and as
// soon as it sends something, unless it has said goodbye: then it has to say
// that it starts.
func (t *detection) remove(s *suspect, m tribes.Member) {
	if s.member.Static {
		s.wanted, s.probe, s.again = true, 0, false
		t.d.watch(s.member.Key(), !m.Leaving())
		if m.Leaving() {
			s.left = time.Now()
		}
	} else {
		t.forget(s)
	}
	if s.known {
		s.known = false
		t.publish()
		t.d.Above.Left(m)
	}
}

// forget drops s, and what is still found out about it.
func (t *detection) forget(s *suspect) {
	t.d.watch(s.member.Key(), false)
	delete(t.all, s.member.Key())
}

// publish shows the members.
func (t *detection) publish() {
	var all []tribes.Member
	for _, s := range t.all {
		if s.known {
			all = append(all, s.member)
		}
	}
	tribes.SortByAge(all)
	t.d.members.Store(&all)
}

// goodbyeTime is how long the receiver of a member that said goodbye may still
// answer.
const goodbyeTime = 2 * time.Second

// look asks who is in doubt, or all. Members that are known below but not here
// are asked as well.
func (t *detection) look(all bool) {
	for _, m := range t.d.Below.Members() {
		if s := t.all[m.Key()]; s == nil {
			t.take(happening{kind: heardOf, member: m})
		} else {
			s.member.Alive = m.Alive
		}
	}
	keys := make([]*suspect, 0, len(t.all))
	for _, s := range t.all {
		keys = append(keys, s)
	}
	slices.SortFunc(keys, func(a, b *suspect) int { return a.member.Compare(&b.member) })
	for _, s := range keys {
		if !s.known && time.Since(s.left) < goodbyeTime {
			continue
		}
		if s.probe == 0 && (all || !s.doubted.IsZero() || s.wanted) {
			t.ask(s)
		}
	}
	t.publish()
}
