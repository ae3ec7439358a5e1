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
	bytes   int  // of the messages in queue
	full    bool // and that was told
}

type queued struct {
	m    *wire.Message
	from tribes.Member
}

// maxQueue bounds what is kept, in bytes.
const maxQueue = 256 << 20

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
	if t == nil {
		return false
	}
	if own := m.cluster.Local(); msg.Event == wire.EventGetAll && (t.from == from.Key() || from.Compare(&own) < 0) {
		return false
	}
	if t.bytes+msg.Size() > maxQueue {
		if !t.full {
			t.full = true
			m.cfg.Log.Error("other nodes change too much before their sessions are here: some of it is lost", "bytes", t.bytes)
		}
		return true
	}
	t.bytes += msg.Size()
	t.queue = append(t.queue, queued{msg, from})
	return true
}

// catchUp does what was kept, and ends the transfer.
func (m *Manager) catchUp(ctx context.Context) {
	for {
		m.mu.Lock()
		queue := m.transfer.queue
		m.transfer.queue, m.transfer.bytes = nil, 0
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
