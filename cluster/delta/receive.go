package delta

import (
	"time"

	"github.com/catflap/catflap/cluster/internal/replica"
	"github.com/catflap/catflap/cluster/internal/wire"
	"github.com/catflap/catflap/session"
	"github.com/catflap/catflap/tribes"
)

// receiver is the Manager as what the cluster gives messages to.
type receiver struct{ m *Manager }

// Receive implements cluster.Receiver.
func (r receiver) Receive(msg *wire.Message, from tribes.Member) {
	switch m := r.m; msg.Event {
	case wire.EventCreated, wire.EventExpired, wire.EventAccessed, wire.EventDelta, wire.EventChangeID:
		if !m.queue(msg, from) {
			m.receive(msg)
		}
	case wire.EventGetAll:
		if !m.queue(msg, from) {
			m.answer(from)
		}
	case wire.EventAllData:
		m.takeSessions(msg, from)
	case wire.EventTransferComplete, wire.EventNoContextManager:
		m.transferred(msg, from)
	}
}

// Left implements cluster.Receiver.
func (r receiver) Left(who tribes.Member) { r.m.masterLeft(who) }

// receive does what a message about one session says.
func (m *Manager) receive(msg *wire.Message) {
	if msg.Event == wire.EventCreated {
		m.created(msg)
		return
	}
	if h := m.lookUp(msg.ID); h != nil { // as nearly always
		m.about(h, msg)
		return
	}
	m.mu.Lock()
	h := m.sessions[msg.ID]
	if h == nil && (msg.Event == wire.EventDelta || msg.Event == wire.EventAccessed) {
		h = m.former.find(msg.ID, time.Now())
	}
	if h == nil {
		kept := m.early.keep(msg, time.Now())
		m.mu.Unlock()
		if !kept {
			m.cfg.Log.Warn("too many messages about sessions that are not here", "event", msg.Event)
		}
		return
	}
	m.mu.Unlock()
	m.about(h, msg)
}

// about does what a message says about a session that is here.
func (m *Manager) about(h *held, msg *wire.Message) {
	switch msg.Event {
	case wire.EventExpired:
		m.drop(h, true)
	case wire.EventAccessed:
		h.entry.Touched()
	case wire.EventChangeID:
		m.renamed(h, msg)
	case wire.EventDelta:
		d, err := wire.ParseDelta(msg.Payload, m.cluster.Limits())
		if err != nil {
			m.cfg.Log.Error("changes of a session cannot be read", "err", err)
			return
		}
		changes, unknown := replica.Changes(&d)
		if unknown > 0 {
			m.cfg.Log.Warn("changes of a session that are not known", "changes", unknown)
		}
		if h.entry.Apply(changes) {
			m.conflicts.Add(1)
		}
	}
}

// created takes a session that another node has made.
func (m *Manager) created(msg *wire.Message) {
	now := time.Now()
	e := session.Restore(session.State{
		ID: msg.ID, Created: time.UnixMilli(msg.Timestamp), Last: now, This: now, MaxInactive: m.cfg.MaxInactive, IsNew: true,
	})
	m.add(newHeld(e))
}

// add puts a session of another node into the table, after what came before it.
// One that is there with the same beginning stays: the message came twice.
func (m *Manager) add(h *held) {
	e := h.entry
	e.Watch(&m.watch)
	id := h.order
	var after []*wire.Message // what ends it, or gives it another id, and what follows
	for {
		m.mu.Lock()
		before := m.early.take(id, time.Now())
		if len(before) == 0 {
			break
		}
		m.mu.Unlock()
		for _, msg := range before {
			if len(after) > 0 || msg.Event == wire.EventChangeID || msg.Event == wire.EventExpired {
				after = append(after, msg)
			} else {
				m.about(h, msg)
			}
		}
	}
	old := m.sessions[id]
	if old != nil && old.entry.Created().UnixMilli() == e.Created().UnixMilli() {
		m.mu.Unlock()
		return
	}
	m.sessions[id] = h
	m.mu.Unlock()
	if old != nil {
		old.entry.End()
		m.cfg.Log.Warn("a session of another node has the id of one that was here")
	}
	m.listener.Tell(session.Event{Kind: session.EventCreated, ID: id, Replicated: true})
	for _, msg := range after {
		m.receive(msg)
	}
}

// renamed gives a session the id that another node has given it.
func (m *Manager) renamed(h *held, msg *wire.Message) {
	id, err := wire.ParseID(msg.Payload)
	if err != nil {
		m.cfg.Log.Error("new id of a session cannot be read", "err", err)
		return
	}
	m.mu.Lock()
	if m.sessions[msg.ID] != h || id == msg.ID {
		m.mu.Unlock()
		return
	}
	m.move(h, msg.ID, id)
	before := m.early.take(id, time.Now())
	m.mu.Unlock()
	h.entry.Touched()
	m.listener.Tell(session.Event{Kind: session.EventRenamed, ID: id, Old: msg.ID, Replicated: true})
	for _, early := range before {
		m.receive(early)
	}
}
