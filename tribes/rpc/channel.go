package rpc

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
)

// A Channel asks members, and answers them. Many goroutines may use it.
type Channel struct {
	d       *Dispatcher
	id      string
	handler Handler

	mu   sync.Mutex
	open map[tribes.ID]*question
}

// A Mode says which answers are waited for.
type Mode int

// The modes.
const (
	First    Mode = iota // one
	Majority             // of half of the members or more
	All                  // of all members
)

// A Reply is an answer.
type Reply struct {
	From    tribes.Member
	Content javaserial.Node
}

// A question is one that waits for answers.
type question struct {
	mode    Mode
	asked   int
	waiting map[tribes.Key]bool // who may still answer
	replies []Reply
	refused []tribes.Member // who have no such channel
	done    chan struct{}   // closed when nothing more is waited for
	over    bool

	read    Read          // of AskUntil; nil of Ask
	reads   chan struct{} // holds one while an answer is read
	reading int           // answers that are read now
	enough  bool
}

// end ends the wait if all has come that it is for.
func (q *question) end() {
	wanted := q.asked
	switch q.mode {
	case First:
		wanted = 1
	case Majority:
		wanted = (q.asked + 1) / 2
	}
	if q.read != nil {
		wanted = q.asked + 1 // read says when it is enough
	}
	if !q.over && (q.enough || len(q.replies) >= wanted || len(q.waiting) == 0) && q.reading == 0 {
		q.over = true
		close(q.done)
	}
}

// Answers are what a question brought.
type Answers struct {
	Replies []Reply         // of AskUntil without their Content
	Refused []tribes.Member // those that have no channel with that id
}

// Ask asks members and waits for their answers, at most until ctx is done: then
// it returns those that have come. Members that leave, have no such channel or
// cannot be sent to are not waited for. The error is a *tribes.SendError for
// those; there may be answers of others all the same.
func (c *Channel) Ask(ctx context.Context, to []tribes.Member, content javaserial.Node, mode Mode, options tribes.Options) (Answers, error) {
	return c.ask(ctx, to, content, &question{mode: mode}, options)
}

// A Read reads an answer where it is received. limits bound what it becomes, by
// what is left of the receive budget, too. It reports whether no further answer
// is needed.
type Read func(r Reply, limits javaserial.Limits) (enough bool)

// AskUntil is Ask, but that read reads the answers, one at a time, as they come,
// and none once it has had enough: those are left over.
func (c *Channel) AskUntil(ctx context.Context, to []tribes.Member, content javaserial.Node, options tribes.Options, read Read) (Answers, error) {
	return c.ask(ctx, to, content, &question{read: read, reads: make(chan struct{}, 1)}, options)
}

func (c *Channel) ask(ctx context.Context, to []tribes.Member, content javaserial.Node, q *question, options tribes.Options) (Answers, error) {
	if len(to) == 0 {
		return Answers{}, tribes.ErrNobody
	}
	q.asked, q.waiting, q.done = len(to), map[tribes.Key]bool{}, make(chan struct{})
	for i := range to {
		q.waiting[to[i].Key()] = true
	}
	uuid := tribes.NewID()
	c.mu.Lock()
	c.open[uuid] = q
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.open, uuid)
	}()
	// An acknowledgement after the work would only make the answer wait.
	err := c.d.Send(ctx, to, (&message{uuid: uuid, id: c.id, content: content}).object(), options&^tribes.OptionSyncAck, "")
	if failed, ok := errors.AsType[*tribes.SendError](err); ok {
		c.mu.Lock()
		for i := range failed.Faulty {
			delete(q.waiting, failed.Faulty[i].Member.Key())
		}
		q.end()
		c.mu.Unlock()
	} else if err != nil {
		return Answers{}, err
	}
	select {
	case <-q.done:
	case <-ctx.Done():
	}
	if q.reads != nil { // one that is being read is read to its end
		q.reads <- struct{}{}
		defer func() { <-q.reads }()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	q.enough = true
	return Answers{slices.Clone(q.replies), slices.Clone(q.refused)}, err
}

// answered takes an answer.
func (c *Channel) answered(m *message, from tribes.Member, limits javaserial.Limits) {
	c.mu.Lock()
	q := c.open[m.uuid]
	if q == nil || !q.waiting[from.Key()] {
		c.mu.Unlock()
		if !m.noChannel && c.handler != nil {
			c.handler.Leftover(m.content, from)
		}
		return
	}
	delete(q.waiting, from.Key())
	if q.read != nil && !m.noChannel {
		q.reading++
		c.mu.Unlock()
		c.reads(q, Reply{from, m.content}, limits)
		return
	}
	defer c.mu.Unlock()
	if m.noChannel {
		q.refused = append(q.refused, from)
		q.asked--
	} else {
		q.replies = append(q.replies, Reply{from, m.content})
	}
	q.end()
}

// reads has an answer read.
func (c *Channel) reads(q *question, r Reply, limits javaserial.Limits) {
	q.reads <- struct{}{}
	defer func() { <-q.reads }()
	c.mu.Lock()
	enough := q.enough
	c.mu.Unlock()
	if !enough {
		enough = q.read(r, limits)
	} else if c.handler != nil {
		c.handler.Leftover(r.Content, r.From)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	q.replies = append(q.replies, Reply{From: r.From})
	q.reading--
	q.enough = q.enough || enough
	q.end()
}

// left does not wait for a member that is gone.
func (c *Channel) left(m tribes.Member) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, q := range c.open {
		if q.waiting[m.Key()] {
			delete(q.waiting, m.Key())
			q.end()
		}
	}
}

// Close ends the channel: questions with its id are answered with that nobody
// has it.
func (c *Channel) Close() {
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	fresh := map[string]*Channel{}
	for k, v := range *c.d.channels.Load() {
		if v != c {
			fresh[k] = v
		}
	}
	c.d.channels.Store(&fresh)
}
