package interceptor

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
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
	cfg    FailureDetectorConfig
	wake   chan struct{}
	silent bool // probes have no message

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
// not understand them. Neither do Tomcats that have an Order or a Fragmentation
// there: a FragmentationInterceptor takes what it finds at the end of a probe
// for a number of pieces, and fills the memory. So probes have no message then.
func (d *FailureDetector) Check(below []tribes.Interceptor) error {
	for _, each := range below {
		switch each.(type) {
		case *Encrypt:
			return errors.New("EncryptInterceptor stands below TcpFailureDetector: list it before that one, since probes are not encrypted")
		case *Order, *Fragmentation:
			d.silent = true
		}
	}
	if d.silent {
		d.cfg.Log.Warn("OrderInterceptor or FragmentationInterceptor stands below TcpFailureDetector: list it before that one; until then a probe only connects, and Tomcats may be harmed by those of other Tomcats")
	}
	return nil
}

// isProbe reports whether m is a probe of a peer. It has passed none of the
// interceptors below the detector, and is none of their messages.
func isProbe(m *tribes.Message) bool { return bytes.Equal(m.Data, probeMark) }

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
	test := tribes.ProbeTest{Connect: d.cfg.ConnectTimeout, Send: !d.cfg.NoSendTest && !d.silent}
	if d.cfg.ReadTest && test.Send {
		message.Options |= tribes.OptionAck
		test.Read = d.cfg.ReadTestTimeout
	}
	return d.Below.Probe(ctx, m, message, test)
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
