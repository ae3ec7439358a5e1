package interceptor

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/catflap/catflap/tribes"
)

// FragmentationConfig are Tomcat's attributes of FragmentationInterceptor. A
// zero field means its default.
type FragmentationConfig struct {
	Base
	MaxSize  int           // maxSize: of a piece in bytes; default 102,400
	Expire   time.Duration // expire: how long missing pieces are waited for; default 60 s
	MaxHeld  int64         // bytes of all pieces that wait; default 32 MiB
	MaxTotal int           // of a whole message; default 32 MiB
}

// A Fragmentation cuts long messages into pieces, and puts them together.
//
//	message  n bytes, or a piece of it
//	index    int32    of the piece, from 0; only if it is one
//	count    int32    of pieces; only if it is one
//	pieces   byte     1 if it is one, else 0
//
// Source: FragmentationInterceptor.
type Fragmentation struct {
	tribes.Pass
	cfg FragmentationConfig

	mu   sync.Mutex
	sets map[setKey]*set
	held int64
}

type setKey struct {
	from tribes.Key
	id   tribes.ID
}

// A set is the pieces of one message.
type set struct {
	pieces [][]byte
	left   int
	size   int
	since  time.Time
}

// NewFragmentation returns a FragmentationInterceptor.
func NewFragmentation(cfg FragmentationConfig) *Fragmentation {
	cfg.Base = cfg.withDefaults()
	if cfg.MaxSize <= 0 {
		cfg.MaxSize = 100 * 1024
	}
	if cfg.Expire == 0 {
		cfg.Expire = time.Minute
	}
	if cfg.MaxHeld == 0 {
		cfg.MaxHeld = 32 << 20
	}
	if cfg.MaxTotal == 0 {
		cfg.MaxTotal = 32 << 20
	}
	return &Fragmentation{cfg: cfg, sets: map[setKey]*set{}}
}

// Send implements tribes.Lower.
func (f *Fragmentation) Send(ctx context.Context, to []tribes.Member, m *tribes.Message) error {
	if !f.cfg.mine(m) {
		return f.Below.Send(ctx, to, m)
	}
	piece := *m
	if len(m.Data) <= f.cfg.MaxSize {
		piece.Data = append(append(make([]byte, 0, len(m.Data)+1), m.Data...), 0)
		return f.Below.Send(ctx, to, &piece)
	}
	if piece.Order == "" {
		piece.Order = m.ID.String() // on one connection the pieces stay in order
	}
	count := (len(m.Data) + f.cfg.MaxSize - 1) / f.cfg.MaxSize
	var all tribes.SendError
	for i := 0; i < count && len(to) > 0; i++ {
		part := m.Data[i*f.cfg.MaxSize : min((i+1)*f.cfg.MaxSize, len(m.Data))]
		b := append(make([]byte, 0, len(part)+9), part...)
		b = binary.BigEndian.AppendUint32(b, uint32(i))
		b = binary.BigEndian.AppendUint32(b, uint32(count))
		piece.Data = append(b, 1)
		err := f.Below.Send(ctx, to, &piece)
		if failed, ok := errors.AsType[*tribes.SendError](err); ok { // the others get the rest
			all.Faulty = append(all.Faulty, failed.Faulty...)
			to = slices.DeleteFunc(slices.Clone(to), func(m tribes.Member) bool {
				return slices.ContainsFunc(failed.Faulty, func(each tribes.Faulty) bool { return each.Member.Key() == m.Key() })
			})
		} else if err != nil {
			return err
		}
	}
	if len(all.Faulty) > 0 {
		return &all
	}
	return nil
}

// Deliver implements tribes.Upper.
func (f *Fragmentation) Deliver(m *tribes.Message) error {
	if !f.cfg.mine(m) || isProbe(m) {
		return f.Above.Deliver(m)
	}
	at := len(m.Data) - 1
	switch {
	case at < 0:
		return fmt.Errorf("empty message: the sender has no FragmentationInterceptor")
	case m.Data[at] == 0:
		m.Data = m.Data[:at]
		return f.Above.Deliver(m)
	case m.Data[at] != 1 || at < 8:
		return fmt.Errorf("message of %d bytes that is no piece: the sender has no FragmentationInterceptor", len(m.Data))
	}
	index := int(int32(binary.BigEndian.Uint32(m.Data[at-8:])))
	count := int(int32(binary.BigEndian.Uint32(m.Data[at-4:])))
	whole, err := f.piece(m, m.Data[:at-8:at-8], index, count)
	if err != nil || whole == nil {
		return err
	}
	m.Data = whole
	return f.Above.Deliver(m)
}

// maxPieces bounds what one message can claim.
const maxPieces = 65536

// piece keeps a piece, and returns the whole message if it was the last one.
func (f *Fragmentation) piece(m *tribes.Message, part []byte, index, count int) ([]byte, error) {
	if count < 1 || count > maxPieces || index < 0 || index >= count {
		return nil, fmt.Errorf("piece %d of %d", index, count)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	key := setKey{m.From.Key(), m.ID}
	s := f.sets[key]
	if s == nil {
		s = &set{pieces: make([][]byte, count), left: count, since: time.Now()}
		if !f.grow(key, s, 24*count) {
			return nil, fmt.Errorf("no memory left for a message in %d pieces", count)
		}
		f.sets[key] = s
	}
	if len(s.pieces) != count {
		return nil, fmt.Errorf("piece %d of %d, but the message has %d", index, count, len(s.pieces))
	}
	if s.pieces[index] != nil {
		return nil, nil // it came twice
	}
	if s.size+len(part) > f.cfg.MaxTotal+24*count || !f.grow(key, s, len(part)) {
		f.drop(key)
		return nil, fmt.Errorf("message of more than %d bytes, or no memory left for it", f.cfg.MaxTotal)
	}
	s.pieces[index] = part
	if s.left--; s.left > 0 {
		return nil, nil
	}
	if !m.Take(s.size) {
		f.drop(key)
		return nil, errNoRoom
	}
	whole := make([]byte, 0, s.size)
	for _, p := range s.pieces {
		whole = append(whole, p...)
	}
	f.drop(key)
	return whole, nil
}

// grow takes n bytes for s. If there are not so many, the oldest other sets
// are given up if they wait for long already.
func (f *Fragmentation) grow(own setKey, s *set, n int) bool {
	if f.held+int64(n) > f.cfg.MaxHeld {
		f.expire(f.cfg.Expire/10, own)
	}
	if f.held+int64(n) > f.cfg.MaxHeld {
		return false
	}
	f.held += int64(n)
	s.size += n
	return true
}

func (f *Fragmentation) drop(key setKey) {
	if s := f.sets[key]; s != nil {
		f.held -= int64(s.size)
		delete(f.sets, key)
	}
}

// expire gives up sets that are older than age.
func (f *Fragmentation) expire(age time.Duration, but setKey) {
	for key, s := range f.sets {
		if key != but && time.Since(s.since) > age {
			f.drop(key)
			f.cfg.Log.Warn("message with missing pieces dropped", "pieces", len(s.pieces), "missing", s.left)
		}
	}
}

// Heartbeat implements tribes.Interceptor.
func (f *Fragmentation) Heartbeat(context.Context) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.expire(f.cfg.Expire, setKey{})
}
