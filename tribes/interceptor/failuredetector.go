package interceptor

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/tribes"
)

// FailureDetectorConfig are Tomcat's attributes of TcpFailureDetector. A zero
// field means its default.
type FailureDetectorConfig struct {
	Base
	ConnectTimeout       time.Duration // default 1 s
	NoSendTest           bool          // performSendTest="false": connecting is enough
	ReadTest             bool          // performReadTest: the member has to acknowledge
	ReadTestTimeout      time.Duration // default 5 s
	RemoveSuspectTimeout time.Duration // removeSuspectsTimeout; default 300 s
}

// A FailureDetector believes of members only what a TCP connection confirms:
// who is heard of is a member once its receiver answers, who is silent is one
// until it does not. So lost heartbeats remove nobody, and nobody is added that
// cannot be sent to.
//
// What a probe finds is true of the time when it began. If something was heard
// since that speaks against it, it is made again: a node that is back
// milliseconds after a crash, with the same unique id, is not removed by what
// was found out about its former life. Tomcat keeps such an event waiting while
// a probe goes on; here it is taken at once.
//
// Source: TcpFailureDetector.
type FailureDetector struct {
	tribes.Pass
	cfg  FailureDetectorConfig
	wake chan struct{}

	mu      sync.Mutex
	inbox   []happening
	watched map[tribes.Key]bool // members whose next message is a sign of life that is waited for
	some    atomic.Bool         // whether watched has any

	members atomic.Pointer[[]tribes.Member]
}

// NewFailureDetector returns a TcpFailureDetector.
func NewFailureDetector(cfg FailureDetectorConfig) *FailureDetector {
	cfg.Base = cfg.withDefaults()
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = time.Second
	}
	if cfg.ReadTestTimeout == 0 {
		cfg.ReadTestTimeout = 5 * time.Second
	}
	if cfg.RemoveSuspectTimeout == 0 {
		cfg.RemoveSuspectTimeout = 300 * time.Second
	}
	d := &FailureDetector{cfg: cfg, wake: make(chan struct{}, 1), watched: map[tribes.Key]bool{}}
	d.members.Store(&[]tribes.Member{})
	return d
}

// A happening is what the goroutine that holds the members is told.
type happening struct {
	kind   kind
	member tribes.Member
	probe  int // of a result: which probe
	alive  bool
}

type kind int

const (
	heardOf kind = iota // from below: joined
	silent              // from below: left
	unsent              // a message could not be sent
	lives               // a message of it came
	result              // a probe ended
	lookAt              // look at all members that are in doubt
	lookAll             // probe all
)

// Check refuses an Encrypt below: probes are not encrypted, so members would
// not understand them.
func (d *FailureDetector) Check(below []tribes.Interceptor) error {
	for _, each := range below {
		if _, ok := each.(*Encrypt); ok {
			return errors.New("EncryptInterceptor stands below TcpFailureDetector: list it before that one, since probes are not encrypted")
		}
	}
	return nil
}

// probeMark is the message of a probe, which nobody but the detector of the
// other side is to see.
var probeMark, _ = hex.DecodeString("4fa77348798243c99f6f8980a15b07147dd9525bebf1439ab77ebe8f81671eb6" +
	"3715be87457e4ca8bf0a4d135338153255f694b73afa407891047dd77284c0d5")

func (d *FailureDetector) post(h happening) {
	d.mu.Lock()
	d.inbox = append(d.inbox, h)
	d.mu.Unlock()
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// watch has the next message of a member told as a sign of life, or not any
// more, and reports whether it was to be.
func (d *FailureDetector) watch(key tribes.Key, on bool) (was bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if was = d.watched[key]; on {
		d.watched[key] = true
	} else {
		delete(d.watched, key)
	}
	d.some.Store(len(d.watched) > 0)
	return was
}

// Joined implements tribes.Upper.
func (d *FailureDetector) Joined(m tribes.Member) { d.post(happening{kind: heardOf, member: m}) }

// Left implements tribes.Upper.
func (d *FailureDetector) Left(m tribes.Member) { d.post(happening{kind: silent, member: m}) }

// Heartbeat implements tribes.Interceptor.
func (d *FailureDetector) Heartbeat(context.Context) { d.post(happening{kind: lookAt}) }

// ProbeAll makes sure of all members now.
func (d *FailureDetector) ProbeAll() { d.post(happening{kind: lookAll}) }

// Deliver implements tribes.Upper.
func (d *FailureDetector) Deliver(m *tribes.Message) error {
	if d.some.Load() && d.watch(m.From.Key(), false) {
		d.post(happening{kind: lives, member: m.From})
	}
	if bytes.HasPrefix(m.Data, probeMark) {
		return nil
	}
	return d.Above.Deliver(m)
}

// Send implements tribes.Lower.
func (d *FailureDetector) Send(ctx context.Context, to []tribes.Member, m *tribes.Message) error {
	return d.suspect(d.Below.Send(ctx, to, m))
}

// SendAll implements tribes.Batcher.
func (d *FailureDetector) SendAll(ctx context.Context, to []tribes.Member, all []*tribes.Message) error {
	if batcher, ok := d.Below.(tribes.Batcher); ok {
		return d.suspect(batcher.SendAll(ctx, to, all))
	}
	var errs error
	for _, m := range all {
		errs = errors.Join(errs, d.Send(ctx, to, m))
	}
	return errs
}

// SendNow implements tribes.Prompter.
func (d *FailureDetector) SendNow(to []tribes.Member, m *tribes.Message) (rest func(context.Context) error, ok bool) {
	prompter, ok := d.Below.(tribes.Prompter)
	if !ok {
		return nil, false
	}
	below, ok := prompter.SendNow(to, m)
	if below == nil {
		return nil, ok
	}
	return func(ctx context.Context) error { return d.suspect(below(ctx)) }, true
}

// suspect doubts members that err names.
func (d *FailureDetector) suspect(err error) error {
	if failed, ok := errors.AsType[*tribes.SendError](err); ok {
		for _, f := range failed.Faulty {
			if !errors.Is(f.Err, tribes.ErrFailAck) {
				d.post(happening{kind: unsent, member: f.Member})
			}
		}
	}
	return err
}

// Members implements tribes.Lower.
func (d *FailureDetector) Members() []tribes.Member { return *d.members.Load() }

// probe asks whether m's receiver answers.
func (d *FailureDetector) probe(ctx context.Context, m tribes.Member) bool {
	message := &tribes.Message{Options: tribes.OptionBytes | d.cfg.Flag, Timestamp: time.Now().UnixMilli(), ID: tribes.NewID(), Data: probeMark}
	test := tribes.ProbeTest{Connect: d.cfg.ConnectTimeout, Send: !d.cfg.NoSendTest}
	if d.cfg.ReadTest {
		message.Options |= tribes.OptionAck
		test.Read = d.cfg.ReadTestTimeout
	}
	return d.Below.Probe(ctx, m, message, test)
}

// A suspect is a member that is known, or was heard of, with what is going on
// about it.
type suspect struct {
	member  tribes.Member
	known   bool      // above has been told that it joined
	doubted time.Time // since when it is silent though its receiver answers; zero if it is not
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

// Run implements tribes.Interceptor.
func (d *FailureDetector) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	t := &detection{d: d, all: map[tribes.Key]*suspect{}, ctx: ctx}
	defer t.asking.Wait()
	defer cancel()
	for {
		select {
		case <-d.wake:
		case <-ctx.Done():
			return nil
		}
		d.mu.Lock()
		inbox := d.inbox
		d.inbox = nil
		d.mu.Unlock()
		for _, h := range inbox {
			if ctx.Err() != nil {
				return nil
			}
			t.take(h)
		}
	}
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
	}
	switch {
	case s.probe != 0:
		s.lived, s.again = true, false
	case !s.known:
		t.ask(s)
	}
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
	if s.doubted.IsZero() && h.kind == silent {
		s.doubted = time.Now()
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
	s.known, s.wanted, s.doubted = true, false, time.Time{}
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
