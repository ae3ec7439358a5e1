package interceptor

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/tribes"
)

// OrderConfig are Tomcat's attributes of OrderInterceptor. A zero field means
// its default.
type OrderConfig struct {
	Base
	Expire        time.Duration // expire: how long a gap is waited for; default 3 s
	DropExpired   bool          // forwardExpired="false": what waits no longer is dropped
	MaxQueue      int           // maxQueue: so many messages of a member wait no longer; default 10,000
	MaxQueueBytes int64         // and their bytes, of all members; default 16 MiB
}

// An Order numbers the messages to each member, and delivers those of each in
// that order.
//
//	message  n bytes
//	number   int32   1, 2, 3 …
//
// Source: OrderInterceptor.
type Order struct {
	tribes.Pass
	cfg OrderConfig

	mu      sync.Mutex
	sent    map[tribes.Key]int32
	senders map[tribes.Key]*sequence
	held    int64      // bytes of all sequences
	less    *sync.Cond // held is less, or a sequence is no longer delivered
}

// NewOrder returns an OrderInterceptor.
func NewOrder(cfg OrderConfig) *Order {
	cfg.Base = cfg.withDefaults()
	if cfg.Expire == 0 {
		cfg.Expire = 3 * time.Second
	}
	if cfg.MaxQueue == 0 {
		cfg.MaxQueue = 10000
	}
	if cfg.MaxQueueBytes == 0 {
		cfg.MaxQueueBytes = 16 << 20
	}
	o := &Order{cfg: cfg, sent: map[tribes.Key]int32{}, senders: map[tribes.Key]*sequence{}}
	o.less = sync.NewCond(&o.mu)
	return o
}

// Send implements tribes.Lower.
func (o *Order) Send(ctx context.Context, to []tribes.Member, m *tribes.Message) error {
	if !o.cfg.mine(m) {
		return o.Below.Send(ctx, to, m)
	}
	var all tribes.SendError
	for i := range to {
		numbered := *m
		numbered.Data = binary.BigEndian.AppendUint32(append(make([]byte, 0, len(m.Data)+4), m.Data...), uint32(o.number(to[i].Key())))
		err := o.Below.Send(ctx, to[i:i+1], &numbered)
		if failed, ok := errors.AsType[*tribes.SendError](err); ok {
			all.Faulty = append(all.Faulty, failed.Faulty...)
		} else if err != nil {
			all.Faulty = append(all.Faulty, tribes.Faulty{Member: to[i], Err: err})
		}
	}
	if len(all.Faulty) > 0 {
		return &all
	}
	return nil
}

func (o *Order) number(to tribes.Key) int32 {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent[to]++
	return o.sent[to]
}

// Deliver implements tribes.Upper.
func (o *Order) Deliver(m *tribes.Message) error {
	if !o.cfg.mine(m) || isProbe(m) {
		return o.Above.Deliver(m)
	}
	at := len(m.Data) - 4
	if at < 0 {
		return fmt.Errorf("message of %d bytes has no number: the sender has no OrderInterceptor", len(m.Data))
	}
	n := int32(binary.BigEndian.Uint32(m.Data[at:]))
	m.Data = m.Data[:at]
	o.mu.Lock()
	s := o.senders[m.From.Key()]
	if s == nil {
		o.bound()
		s = newSequence()
		o.senders[m.From.Key()] = s
	}
	o.held += s.put(n, m)
	return o.deliver(s, m, m.Room)
}

// maxSenders bounds what made-up senders can fill.
const maxSenders = 10000

// bound forgets a sender if there are too many.
func (o *Order) bound() {
	if len(o.senders) < maxSenders {
		return
	}
	for key, s := range o.senders {
		if len(s.waiting) == 0 && !s.delivering {
			delete(o.senders, key)
			return
		}
	}
}

// deliver delivers what is due of s, and returns what became of own if that was
// among it. What another goroutine delivers already is left to it, if that is not
// too much: else who brings more waits. room is where what waited finds the memory
// that it needs now; nil leaves each message that of MaxQueueBytes. o.mu is locked,
// and unlocked at the end.
func (o *Order) deliver(s *sequence, own *tribes.Message, room func(int) bool) (err error) {
	for s.delivering {
		if own == nil || o.held <= o.cfg.MaxQueueBytes {
			o.mu.Unlock()
			return nil
		}
		o.less.Wait()
	}
	s.delivering = true
	for m, ok := o.due(s); ok; m, ok = o.due(s) {
		o.mu.Unlock()
		if m.Room = room; room == nil {
			m.Room = upTo(o.cfg.MaxQueueBytes)
		}
		failed := o.Above.Deliver(m)
		if m == own {
			err = failed
		} else if failed != nil {
			o.cfg.Log.Warn("message that waited for its turn not worked on", "from", m.From, "err", failed)
		}
		o.mu.Lock()
	}
	s.delivering = false
	o.less.Broadcast()
	o.mu.Unlock()
	return err
}

// upTo is a Room of n bytes.
func upTo(n int64) func(int) bool {
	var left atomic.Int64
	left.Store(n)
	return func(n int) bool {
		if left.Add(-int64(n)) >= 0 {
			return true
		}
		left.Add(int64(n))
		return false
	}
}

// due takes the next message of s that may be delivered: the expected one, an
// older one, or after a gap that was waited for long enough the next there is.
func (o *Order) due(s *sequence) (*tribes.Message, bool) {
	for len(s.waiting) > 0 {
		if _, ok := s.waiting[s.expected]; ok {
			return o.take(s, s.expected), true
		}
		lowest := s.lowest()
		gap := lowest > s.expected
		full := len(s.waiting) >= o.cfg.MaxQueue || o.held > o.cfg.MaxQueueBytes
		if gap && !full && time.Since(s.oldest()) <= o.cfg.Expire {
			return nil, false
		}
		if gap {
			o.cfg.Log.Warn("messages are missing in the order", "from", s.waiting[lowest].m.From, "before", lowest)
		}
		if gap && o.cfg.DropExpired {
			o.dropExpired(s, full)
			continue
		}
		return o.take(s, lowest), true
	}
	return nil, false
}

// dropExpired drops what waited in vain for what is missing, or all.
func (o *Order) dropExpired(s *sequence, all bool) {
	for n, h := range s.waiting {
		if all || time.Since(h.since) > o.cfg.Expire {
			o.take(s, n)
		}
	}
}

// take takes the message with a number out of s.
func (o *Order) take(s *sequence, n int32) *tribes.Message {
	m := s.take(n)
	o.held -= heldSize(m)
	o.less.Broadcast()
	return m
}

// Heartbeat implements tribes.Interceptor. What waits in vain is delivered also
// if nothing else comes.
func (o *Order) Heartbeat(context.Context) {
	o.mu.Lock()
	all := make([]*sequence, 0, len(o.senders))
	for _, s := range o.senders {
		if len(s.waiting) > 0 {
			all = append(all, s)
		}
	}
	o.mu.Unlock()
	for _, s := range all {
		o.mu.Lock()
		_ = o.deliver(s, nil, nil)
	}
}

// Left implements tribes.Upper.
func (o *Order) Left(m tribes.Member) {
	o.mu.Lock()
	delete(o.sent, m.Key())
	if s := o.senders[m.Key()]; s != nil {
		for n := range s.waiting {
			o.take(s, n)
		}
		delete(o.senders, m.Key())
	}
	o.mu.Unlock()
	o.Above.Left(m)
}
