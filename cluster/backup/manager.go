package backup

import (
	"context"
	"errors"
	"time"

	"github.com/catflap/catflap/cluster/internal/replica"
	"github.com/catflap/catflap/session"
	"github.com/catflap/catflap/tribes/replicated"
)

// Find implements session.Manager. The session is this node's then.
func (m *Manager) Find(ctx context.Context, id string) (*session.Entry, error) {
	m.sessions.Awake(ctx)
	known, ok := m.sessions.Peek(id)
	if !ok {
		return nil, nil
	}
	if e := entryOf(known.Value); e != nil && e.Expired(time.Now()) {
		m.expire(ctx, id, e, known.Role == replicated.Primary)
		return nil, nil
	}
	// A client that goes away does not leave a session halfway between nodes.
	value, _ := m.sessions.Get(context.WithoutCancel(ctx), id)
	return entryOf(value), nil
}

// Bind implements session.Binder.
func (m *Manager) Bind(ctx context.Context, id string) (*session.Entry, error) {
	return replica.Bind(ctx, m, id, m.cfg.Route, m.rename)
}

// Create implements session.Manager.
func (m *Manager) Create(ctx context.Context) (*session.Entry, error) {
	if !m.reserve() {
		return nil, session.ErrTooMany
	}
	defer m.reserved()
	e := session.NewEntry(session.NewID(m.cfg.Route), m.cfg.MaxInactive)
	e.Watch(&m.watch)
	if err := m.sessions.Put(context.WithoutCancel(ctx), e.ID(), e); err != nil {
		m.cfg.Log.Warn("a new session has no backup, or other nodes do not know of it", "err", err)
	}
	e.RecordNew()
	m.listener.Tell(session.Event{Kind: session.EventCreated, ID: e.ID()})
	return e, nil
}

// reserve makes room for a session that is made now, if there may be one more.
func (m *Manager) reserve() bool {
	if m.cfg.MaxActive <= 0 {
		return true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.Held()+m.creating >= m.cfg.MaxActive {
		return false
	}
	m.creating++
	return true
}

func (m *Manager) reserved() {
	if m.cfg.MaxActive > 0 {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.creating--
	}
}

// Rename implements session.Manager.
func (m *Manager) Rename(ctx context.Context, e *session.Entry) error {
	return m.rename(ctx, e, session.NewID(m.cfg.Route))
}

// errMoving says that another node takes a session again and again.
var errMoving = errors.New("session: another node uses the session, its id cannot be changed here")

// rename gives a session another id here and everywhere.
func (m *Manager) rename(ctx context.Context, e *session.Entry, id string) error {
	ctx = context.WithoutCancel(ctx)
	for range 3 {
		old := e.ID()
		if old == id || !m.has(ctx, old, e) {
			return nil // another request was faster, or it has ended meanwhile
		}
		_, twice := m.sessions.Peek(id)
		done, err := m.sessions.Rename(ctx, old, id, func() {
			e.SetID(id)
			e.FollowID(old)
		})
		if !done && err != nil {
			return err
		}
		if !done {
			continue
		}
		if twice { // two nodes made one session of two lives: the one that is renamed lives
			m.conflicts.Add(1)
		}
		if err != nil {
			m.cfg.Log.Warn("other nodes do not know of a new session id", "err", err)
		}
		m.listener.Tell(session.Event{Kind: session.EventRenamed, ID: id, Old: old})
		return nil
	}
	return errMoving
}

// has makes a session this node's if it is not, and reports whether it is e.
func (m *Manager) has(ctx context.Context, id string, e *session.Entry) bool {
	value, ok := m.sessions.Get(ctx, id)
	return ok && entryOf(value) == e
}

// Remove implements session.Manager.
func (m *Manager) Remove(ctx context.Context, e *session.Entry) error {
	ctx = context.WithoutCancel(ctx)
	for id := e.ID(); !e.Ended(); {
		m.end(ctx, id, e)
		now := e.ID()
		if now == id {
			break
		}
		id = now // another request has renamed it meanwhile
	}
	return nil
}

// Done implements session.Manager: what the request has changed goes to the
// backup. If another node has taken the session meanwhile it comes back for
// that, with what the other has changed.
//
// Source: ha.tcp.ReplicationValve, BackupManager.requestCompleted.
func (m *Manager) Done(ctx context.Context, e *session.Entry) error {
	m.sessions.Awake(ctx)
	for range 3 {
		id := e.ID()
		known, ok := m.sessions.Peek(id)
		if !ok || e.Ended() {
			return nil
		}
		if known.Role != replicated.Primary {
			if !e.Changed() {
				e.TakeChanges()
				if !e.Busy() {
					m.sessions.Release(id)
				}
				return nil
			}
			value, _ := m.sessions.Get(ctx, id)
			known.Value = value
		}
		now := entryOf(known.Value)
		if now == nil {
			continue
		}
		if now != e { // it went and came back after this request had found it
			now.Redo(e.TakeChanges())
			e = now
		}
		e.SetPrimary(true)
		sent, err := m.sessions.Replicate(ctx, id, false)
		if sent || err != nil {
			return err
		}
		if e.Changed() {
			continue // it went between the two
		}
		if limit := e.MaxInactive(); limit > 0 {
			return m.sessions.Touch(ctx, id, limit)
		}
		return nil
	}
	m.conflicts.Add(1)
	return errors.New("another node uses the session, what a request has changed is lost")
}
