package delta

import (
	"context"
	"time"

	"github.com/catflap/catflap/cluster/internal/replica"
	"github.com/catflap/catflap/cluster/internal/wire"
	"github.com/catflap/catflap/session"
	"github.com/catflap/catflap/tribes"
)

// answers are the answers to nodes that start. The Manager's mutex guards them.
type answers map[tribes.Key]*answer

// An answer is on its way to one node.
type answer struct {
	stop  context.CancelFunc
	again bool // the node has asked again
}

// mostAnswers bounds how many nodes are given sessions at once.
const mostAnswers = 64

// answer gives a node that starts all sessions, on its own goroutine: the
// connection on which it asks goes on meanwhile. One that asks again while it is
// given them gets all of them anew, since it may have begun anew, too.
func (m *Manager) answer(to tribes.Member) {
	key := to.Key()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.giving == nil {
		return
	}
	if a := m.answers[key]; a != nil {
		a.again = true
		a.stop()
		return
	}
	if len(m.answers) >= mostAnswers {
		m.cfg.Log.Error("too many nodes that start ask for the sessions at once: one is not answered", "from", to, "answered", mostAnswers)
		return
	}
	a := &answer{again: true, stop: func() {}}
	m.answers[key] = a
	m.answering.Go(func() {
		for ctx := m.nextAnswer(key); ctx != nil; ctx = m.nextAnswer(key) {
			m.give(ctx, to)
		}
	})
}

// nextAnswer begins the answer to a node that has asked, or has asked again. It
// returns nil if it has not.
func (m *Manager) nextAnswer(key tribes.Key) context.Context {
	m.mu.Lock()
	defer m.mu.Unlock()
	a := m.answers[key]
	a.stop()
	if !a.again || m.giving == nil {
		delete(m.answers, key)
		return nil
	}
	a.again = false
	var ctx context.Context
	ctx, a.stop = context.WithTimeout(m.giving, giveTime)
	return ctx
}

// transferOrder is that of all messages of an answer: the end comes last.
const transferOrder = "transfer"

// giveTime is how long all batches may take to leave.
const giveTime = 5 * time.Minute

// Without a BatchSize a message has about aimedSize bytes, and the next one
// follows at once. Tomcat's has all sessions, which are several times in memory
// on both sides.
const aimedSize = 256 << 10

// give gives sessions as they are when their turn comes: what changes later is
// told to the node that starts as to all others.
func (m *Manager) give(ctx context.Context, to tribes.Member) {
	at := time.Now()
	one := []tribes.Member{to}
	all := m.all()
	size, inTurns := m.cfg.BatchSize, m.cfg.BatchSize > 0
	if !inTurns {
		size = 1 // until it is known how large they are
	}
	for first := true; len(all) > 0 || first && !inTurns; first = false {
		if inTurns && !first && !pause(ctx, m.cfg.BatchWait) {
			return
		}
		n := min(size, len(all))
		length, err := m.giveBatch(ctx, one, all[:n], at)
		if err != nil {
			if ctx.Err() != context.Canceled { // it has asked again, or this node stops
				m.cfg.Log.Error("sessions not given to a node that starts", "to", to, "err", err)
			}
			return
		}
		all = all[n:]
		if !inTurns {
			size = min(max(1, n*aimedSize/length), 4*size)
		}
	}
	if err := m.cluster.Send(ctx, one, wire.TransferComplete(m.cfg.Context, at), 0, transferOrder); err != nil && ctx.Err() != context.Canceled {
		m.cfg.Log.Error("end of the sessions not told to a node that starts", "to", to, "err", err)
	}
}

// giveBatch gives some sessions in one message, and returns how long it was.
func (m *Manager) giveBatch(ctx context.Context, to []tribes.Member, some []*held, at time.Time) (length int, err error) {
	states := make([]session.State, 0, len(some))
	batch := make([]wire.Session, 0, len(some))
	for _, h := range some {
		if s, ok := h.entry.State(); ok {
			states = append(states, s)
			batch = append(batch, replica.Session(&s))
		}
	}
	payload, err := wire.EncodeSessions(batch)
	if err == nil {
		err = m.cluster.Send(ctx, to, wire.AllData(m.cfg.Context, payload, at), tribes.OptionAck|tribes.OptionSyncAck, transferOrder)
	}
	if err == nil {
		m.giveAuthTypes(ctx, to, states)
	}
	return len(payload), err
}

// pause waits, and reports whether ctx is not done.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// giveAuthTypes tells how principals were found out, which Tomcat's form of a
// session has no place for.
func (m *Manager) giveAuthTypes(ctx context.Context, to []tribes.Member, all []session.State) {
	for _, s := range all {
		if s.Principal == nil || s.Principal.AuthType == "" {
			continue
		}
		changes := []session.Change{{Kind: session.KindAuthType, Value: s.Principal.AuthType}}
		if err := m.sendChanges(ctx, to, s.ID, transferOrder, changes, time.Now()); err != nil {
			m.cfg.Log.Warn("how somebody has logged in not told to a node that starts", "err", err)
		}
	}
}
