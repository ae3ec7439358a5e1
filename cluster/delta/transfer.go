package delta

import (
	"context"
	"errors"
	"time"

	"github.com/catflap/catflap/cluster/internal/replica"
	"github.com/catflap/catflap/cluster/internal/wire"
	"github.com/catflap/catflap/session"
	"github.com/catflap/catflap/tribes"
)

// A transfer is how a node that starts gets the sessions of the others: it asks
// the oldest member. Meanwhile it keeps what others tell, and does that
// afterwards. The Manager's mutex guards it.
//
// Tomcat drops of what it has kept what was stamped before the sessions were
// collected (stateTimestampDrop). A change that was on its way to the member
// that was asked would be lost so. Here all of it is done, in its order: what
// the sessions have already in them does no harm.
//
// Source: ha.session.DeltaManager.getAllClusterSessions.
type transfer struct {
	from    tribes.Key // who is asked
	outcome chan error // of from; holds one
	queue   []queued
}

type queued struct {
	m    *wire.Message
	from tribes.Member
}

// maxQueue bounds what is kept.
const maxQueue = 1 << 20

func newTransfer() *transfer { return &transfer{outcome: make(chan error, 1)} }

// Why a member does not give its sessions.
var (
	errNoContext = errors.New("it has no such context")
	errLeft      = errors.New("it left")
	errTime      = errors.New("it took too long")
)

// takeOver asks for the sessions of the others, the oldest member first, and
// then does what came meanwhile.
func (m *Manager) takeOver(ctx context.Context) {
	if m.cfg.TransferLater {
		close(m.ready)
	} else {
		defer close(m.ready)
	}
	defer m.catchUp(ctx)
	select {
	case <-m.cluster.Ready():
	case <-ctx.Done():
		return
	}
	if m.cfg.TransferTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, m.cfg.TransferTimeout, errTime)
		defer cancel()
	}
	began := time.Now()
	for _, master := range m.cluster.Members() {
		err := m.ask(ctx, master)
		if err == nil {
			m.cfg.Log.Info("sessions taken over", "from", master, "sessions", m.Len(), "took", time.Since(began))
			return
		}
		if ctx.Err() != nil {
			if context.Cause(ctx) == errTime {
				m.cfg.Log.Error("sessions not taken over", "from", master, "err", errTime)
			}
			return
		}
		m.cfg.Log.Warn("a member does not give its sessions", "from", master, "err", err)
	}
}

// ask asks one member, and waits until its sessions are here.
func (m *Manager) ask(ctx context.Context, master tribes.Member) error {
	m.mu.Lock()
	m.transfer.from = master.Key()
	m.mu.Unlock()
	select {
	case <-m.transfer.outcome: // of who was asked before
	default:
	}
	if err := m.cluster.Send(ctx, []tribes.Member{master}, wire.GetAll(m.cfg.Context, time.Now()), tribes.OptionAsync, ""); err != nil {
		return err
	}
	select {
	case err := <-m.transfer.outcome:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// settle tells ask what became of its question, if who is the one who was asked.
func (m *Manager) settle(who tribes.Key, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.transfer == nil || m.transfer.from != who {
		return
	}
	select {
	case m.transfer.outcome <- err:
	default:
	}
}

func (m *Manager) masterLeft(who tribes.Member) { m.settle(who.Key(), errLeft) }

// transferred takes the end of an answer.
func (m *Manager) transferred(msg *wire.Message, from tribes.Member) {
	if msg.Event == wire.EventNoContextManager {
		m.settle(from.Key(), errNoContext)
	} else {
		m.settle(from.Key(), nil)
	}
}

// queue keeps a message for later, if this node still waits for the sessions of
// others. Nodes that start together may ask each other in a circle, since none
// knows for sure who is the oldest: so a question of the node that this one
// waits for, or of one with a lower address, is not kept.
func (m *Manager) queue(msg *wire.Message, from tribes.Member) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.transfer
	if t == nil || len(t.queue) >= maxQueue {
		return false
	}
	if own := m.cluster.Local(); msg.Event == wire.EventGetAll && (t.from == from.Key() || from.Compare(&own) < 0) {
		return false
	}
	t.queue = append(t.queue, queued{msg, from})
	return true
}

// catchUp does what was kept, and ends the transfer.
func (m *Manager) catchUp(ctx context.Context) {
	for {
		m.mu.Lock()
		queue := m.transfer.queue
		m.transfer.queue = nil
		if len(queue) == 0 || ctx.Err() != nil {
			m.transfer = nil
			m.mu.Unlock()
			return
		}
		m.mu.Unlock()
		for _, q := range queue {
			if q.m.Event == wire.EventGetAll {
				m.answer(q.from)
			} else {
				m.receive(q.m)
			}
		}
	}
}

// takeSessions takes sessions of the member that was asked. Each takes the place
// of one that is here.
func (m *Manager) takeSessions(msg *wire.Message, from tribes.Member) {
	m.mu.RLock()
	asked := m.transfer != nil && m.transfer.from == from.Key()
	m.mu.RUnlock()
	if !asked {
		m.cfg.Log.Warn("sessions that nobody has asked for", "from", from)
		return
	}
	err := wire.ParseSessions(msg.Payload, m.cluster.Limits(), func(s wire.Session) {
		h := newHeld(session.Restore(replica.State(&s)))
		h.entry.Watch(&m.watch)
		m.mu.Lock()
		old := m.sessions[s.ID]
		m.sessions[s.ID] = h
		m.mu.Unlock()
		if old != nil {
			old.entry.End()
		} else {
			m.listener.Tell(session.Event{Kind: session.EventCreated, ID: s.ID, Replicated: true})
		}
	})
	if err != nil {
		m.cfg.Log.Error("sessions cannot be read", "from", from, "err", err)
	}
}

// answer gives a node that starts all sessions, on its own goroutine: the
// connection on which it asks goes on meanwhile.
func (m *Manager) answer(to tribes.Member) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if ctx := m.giving; ctx != nil {
		m.answering.Go(func() { m.give(ctx, to) })
	}
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
	ctx, cancel := context.WithTimeout(ctx, giveTime)
	defer cancel()
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
			m.cfg.Log.Error("sessions not given to a node that starts", "to", to, "err", err)
			return
		}
		all = all[n:]
		if !inTurns {
			size = min(max(1, n*aimedSize/length), 4*size)
		}
	}
	if err := m.cluster.Send(ctx, one, wire.TransferComplete(m.cfg.Context, at), 0, transferOrder); err != nil {
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
