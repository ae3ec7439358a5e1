package session

import (
	"context"
	"sync"
	"time"
)

// MemoryConfig says what a Memory keeps. A zero field means its default.
type MemoryConfig struct {
	Route       string        // jvmRoute: ends each id, so that a balancer finds this node again; may be empty
	MaxInactive time.Duration // of a new session; default DefaultMaxInactive, less than 0 is for ever
	MaxActive   int           // maxActiveSessions: the most sessions; 0 is no limit
	Listener    func(Event)   // is told what happens; nil is nobody
}

// A Memory is a Manager whose sessions are known to this process alone.
type Memory struct {
	cfg   MemoryConfig
	watch Watch

	mu       sync.RWMutex
	sessions map[string]*Entry // by id
}

// NewMemory returns a Memory without a session.
func NewMemory(cfg MemoryConfig) *Memory {
	if cfg.MaxInactive == 0 {
		cfg.MaxInactive = DefaultMaxInactive
	}
	return &Memory{cfg: cfg, watch: Watch{Listen: cfg.Listener}, sessions: map[string]*Entry{}}
}

// expireEvery is how often Run looks for sessions that were not used for too
// long. Source: Tomcat's backgroundProcessorDelay and processExpiresFrequency.
const expireEvery = time.Minute

// Run ends sessions that were not used for too long, until ctx is done.
// Without it they end when their client comes again.
func (m *Memory) Run(ctx context.Context) error {
	clock := time.NewTicker(expireEvery)
	defer clock.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-clock.C:
			m.expire(now)
		}
	}
}

func (m *Memory) expire(now time.Time) {
	m.mu.RLock()
	var over []*Entry
	for _, e := range m.sessions {
		if e.Expired(now) {
			over = append(over, e)
		}
	}
	m.mu.RUnlock()
	for _, e := range over {
		m.end(e)
	}
}

// Len returns how many sessions there are.
func (m *Memory) Len() int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return len(m.sessions)
}

// Find implements Manager.
func (m *Memory) Find(_ context.Context, id string) (*Entry, error) {
	m.mu.RLock()
	e := m.sessions[id]
	m.mu.RUnlock()
	if e == nil || !e.Expired(time.Now()) {
		return e, nil
	}
	m.end(e)
	return nil, nil
}

// Create implements Manager.
func (m *Memory) Create(context.Context) (*Entry, error) {
	e := NewEntry(NewID(m.cfg.Route), m.cfg.MaxInactive)
	e.Watch(&m.watch)
	m.mu.Lock()
	if m.cfg.MaxActive > 0 && len(m.sessions) >= m.cfg.MaxActive {
		m.mu.Unlock()
		return nil, ErrTooMany
	}
	m.sessions[e.ID()] = e
	m.mu.Unlock()
	m.watch.Tell(Event{Kind: EventCreated, ID: e.ID()})
	return e, nil
}

// Rename implements Manager.
func (m *Memory) Rename(_ context.Context, e *Entry) error {
	m.mu.Lock()
	old := e.ID()
	if m.sessions[old] != e {
		m.mu.Unlock()
		return nil // it has ended meanwhile
	}
	id := NewID(m.cfg.Route)
	delete(m.sessions, old)
	m.sessions[id] = e
	e.SetID(id)
	m.mu.Unlock()
	m.watch.Tell(Event{Kind: EventRenamed, ID: id, Old: old})
	return nil
}

// Remove implements Manager.
func (m *Memory) Remove(_ context.Context, e *Entry) error {
	m.end(e)
	return nil
}

func (m *Memory) end(e *Entry) {
	m.mu.Lock()
	id := e.ID()
	if m.sessions[id] == e {
		delete(m.sessions, id)
	}
	m.mu.Unlock()
	if e.End() {
		m.watch.Tell(Event{Kind: EventEnded, ID: id})
	}
}

// Done implements Manager: nobody else is to know.
func (m *Memory) Done(context.Context, *Entry) error { return nil }
