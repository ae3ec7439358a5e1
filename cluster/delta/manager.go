package delta

import (
	"context"
	"time"

	"github.com/catflap/catflap/cluster/internal/replica"
	"github.com/catflap/catflap/cluster/internal/wire"
	"github.com/catflap/catflap/session"
)

// Find implements session.Manager.
func (m *Manager) Find(ctx context.Context, id string) (*session.Entry, error) {
	h := m.lookUp(id)
	if h == nil {
		return nil, nil
	}
	if h.entry.Expired(time.Now()) {
		m.expire(ctx, h)
		return nil, nil
	}
	return h.entry, nil
}

// Bind implements session.Binder.
func (m *Manager) Bind(ctx context.Context, id string) (*session.Entry, error) {
	return replica.Bind(ctx, m, id, m.cfg.Route, m.rename)
}

// Create implements session.Manager.
func (m *Manager) Create(ctx context.Context) (*session.Entry, error) {
	e := session.NewEntry(session.NewID(m.cfg.Route), m.cfg.MaxInactive)
	e.Watch(&m.watch)
	e.RecordNew()
	h := newHeld(e)
	m.mu.Lock()
	if m.cfg.MaxActive > 0 && len(m.sessions) >= m.cfg.MaxActive {
		m.mu.Unlock()
		return nil, session.ErrTooMany
	}
	m.sessions[h.order] = h
	m.mu.Unlock()
	if err := m.send(ctx, h, wire.About(wire.EventCreated, m.cfg.Context, h.order, e.Created())); err != nil {
		m.cfg.Log.Warn("other nodes do not know of a new session", "err", err)
	}
	m.listener.Tell(session.Event{Kind: session.EventCreated, ID: h.order})
	return e, nil
}

// Rename implements session.Manager.
func (m *Manager) Rename(ctx context.Context, e *session.Entry) error {
	return m.rename(ctx, e, session.NewID(m.cfg.Route))
}

// rename gives a session another id here and everywhere.
func (m *Manager) rename(ctx context.Context, e *session.Entry, id string) error {
	payload, err := wire.AppendID(id)
	if err != nil {
		return err
	}
	m.mu.Lock()
	old := e.ID()
	h := m.sessions[old]
	if h == nil || h.entry != e || old == id {
		m.mu.Unlock()
		return nil // it has ended meanwhile, or another request was faster
	}
	m.move(h, old, id)
	m.mu.Unlock()
	e.FollowID(old)
	m.listener.Tell(session.Event{Kind: session.EventRenamed, ID: id, Old: old})
	msg := wire.About(wire.EventChangeID, m.cfg.Context, old, time.Now())
	msg.Payload = payload
	if err := m.send(ctx, h, msg); err != nil {
		m.cfg.Log.Warn("other nodes do not know of a new session id", "err", err)
	}
	return nil
}

// move puts h under another id. m.mu is held.
func (m *Manager) move(h *held, old, id string) {
	delete(m.sessions, old)
	if there := m.sessions[id]; there != nil && there != h {
		there.entry.End() // two nodes made one session of two lives: the one that is renamed lives
		m.conflicts.Add(1)
	}
	m.sessions[id] = h
	m.former.add(old, h, time.Now())
	h.entry.SetID(id)
}

// Remove implements session.Manager.
func (m *Manager) Remove(ctx context.Context, e *session.Entry) error {
	h := m.lookUp(e.ID())
	if h == nil || h.entry != e {
		return nil
	}
	m.end(ctx, h)
	return nil
}

// end ends a session everywhere. What nobody knows of it yet is told first, so
// that listeners elsewhere see it.
func (m *Manager) end(ctx context.Context, h *held) {
	leave, err := m.turn(ctx, h.order)
	if err != nil {
		m.drop(h, false)
		return
	}
	defer leave()
	id := h.entry.ID()
	if changes := h.entry.TakeChanges(); len(changes) > 0 {
		if err := m.sendChanges(ctx, m.cluster.Members(), id, h.order, changes, time.Now()); err != nil {
			m.cfg.Log.Warn("last changes of a session not sent", "err", err)
		}
	}
	if !m.drop(h, false) {
		return
	}
	if err := m.send(ctx, h, wire.About(wire.EventExpired, m.cfg.Context, id, time.Now())); err != nil {
		m.cfg.Log.Warn("other nodes do not know that a session has ended", "err", err)
	}
}

// Done implements session.Manager: what the request has changed goes to the
// other nodes.
//
// Source: ha.tcp.ReplicationValve, DeltaManager.requestCompleted.
func (m *Manager) Done(ctx context.Context, e *session.Entry) error {
	h := m.lookUp(e.ID())
	if h == nil || h.entry != e {
		return nil // it has ended
	}
	leave, err := m.turn(ctx, h.order)
	if err != nil {
		return err
	}
	defer leave()
	changes := e.TakeChanges()
	was := e.SetPrimary(true)
	members := m.cluster.Members()
	if len(members) == 0 || e.Ended() {
		return nil
	}
	now := time.Now()
	silent := now.Sub(time.Unix(0, h.sent.Load()))
	switch limit := e.MaxInactive(); {
	case len(changes) > 0:
		err = m.sendChanges(ctx, members, e.ID(), h.order, changes, now)
	case !was || limit > 0 && silent > limit:
		err = m.send(ctx, h, wire.About(wire.EventAccessed, m.cfg.Context, e.ID(), now))
	default:
		return nil
	}
	h.sent.Store(now.UnixNano())
	return err
}
