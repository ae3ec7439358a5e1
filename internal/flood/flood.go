// Package flood keeps lines that somebody else can bring about without end from
// filling a log. What comes in are the lines of a logger, what goes out are the
// first of each message and, once a minute, how many more there were.
package flood

import (
	"context"
	"hash/maphash"
	"log/slog"
	"sync"
	"time"
)

// Of one message at most so many lines that differ are written in one period;
// what is the same as one of them is not. Lines below a warning tell of a change,
// each of which counts, until they are very many.
const (
	period  = time.Minute
	several = 10
	many    = 100
)

// maxMessages bounds how many messages are known at once. Messages are constant,
// so there are fewer; what comes beyond shares one count.
const maxMessages = 1000

// Limit returns a logger for log whose lines are bounded: of the warnings, and of
// the errors, with one message the first is written, and others that differ from
// it, up to ten; of other lines with one message a hundred. What comes beyond
// within a minute is counted. At its end, and then once a
// minute while it goes on, the last of these lines is written, with
//
//	more    how many there were, with this one
//	within  the time in which they came: 1m0s
//
// Lines for debugging pass. Loggers that With makes of it have one count for each list of their
// attributes. nil is a logger that writes nothing; one that Limit has made stays
// as it is.
func Limit(log *slog.Logger) *slog.Logger {
	if log == nil {
		return slog.New(slog.DiscardHandler)
	}
	if _, limited := log.Handler().(*handler); limited || log.Handler() == slog.DiscardHandler {
		return log
	}
	return slog.New(&handler{Handler: log.Handler(), counts: &counts{seed: maphash.MakeSeed(), of: map[kind]*count{}}})
}

// A handler is a slog.Handler that hands on what is no flood.
type handler struct {
	slog.Handler
	counts *counts
	with   string // the attributes and groups that it has from With
}

// counts are those of all handlers that With has made of one.
type counts struct {
	seed maphash.Seed

	mu sync.Mutex
	of map[kind]*count
}

// A kind is what is counted together.
type kind struct {
	level         slog.Level
	message, with string
}

// A count is that of one kind in this period.
type count struct {
	said [several]uint64 // in which those that were written differ
	n    int             // that were written
	more int             // that were not written
	last slog.Record     // of these
}

// Handle implements slog.Handler.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelInfo && !h.first(r) {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}

// first reports whether r is to be written, and counts it if not.
func (h *handler) first(r slog.Record) bool {
	all := h.counts
	change := r.Level < slog.LevelWarn
	var what uint64
	if !change {
		what = all.hash(r)
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	k := kind{r.Level, r.Message, h.with}
	c := all.of[k]
	if c == nil && len(all.of) >= maxMessages {
		k = kind{level: r.Level}
		c = all.of[k]
	}
	if c == nil {
		c = &count{}
		all.of[k] = c
		time.AfterFunc(period, func() { h.tell(k) })
	}
	if change && c.n < many {
		c.n++
		return true
	}
	if !change && c.n < several && !c.saw(what) {
		c.said[c.n] = what
		c.n++
		return true
	}
	c.more++
	c.last = r.Clone()
	return false
}

// saw reports whether a line with that hash was written.
func (c *count) saw(what uint64) bool {
	for _, said := range c.said[:c.n] {
		if said == what {
			return true
		}
	}
	return false
}

// tell ends a period of k: it writes how many lines were not written. It forgets
// k after one without any.
func (h *handler) tell(k kind) {
	h.counts.mu.Lock()
	c := h.counts.of[k]
	more, last := c.more, c.last
	if c.more, c.last = 0, (slog.Record{}); more == 0 {
		delete(h.counts.of, k)
	} else {
		time.AfterFunc(period, func() { h.tell(k) })
	}
	h.counts.mu.Unlock()
	if more > 0 {
		last.Add("more", more, "within", period)
		h.Handler.Handle(context.Background(), last) // as slog does, which has nobody to tell either
	}
}

// hash is one of what r tells beside its message.
func (c *counts) hash(r slog.Record) uint64 {
	var h maphash.Hash
	h.SetSeed(c.seed)
	r.Attrs(func(a slog.Attr) bool {
		h.WriteString(a.String())
		h.WriteByte(0)
		return true
	})
	return h.Sum64()
}

// WithAttrs implements slog.Handler.
func (h *handler) WithAttrs(all []slog.Attr) slog.Handler {
	with := h.with
	for _, a := range all {
		with += a.String() + "\x00"
	}
	return &handler{h.Handler.WithAttrs(all), h.counts, with}
}

// WithGroup implements slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{h.Handler.WithGroup(name), h.counts, h.with + name + "\x00\x00"}
}
