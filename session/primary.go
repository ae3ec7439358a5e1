package session

import (
	"time"
)

// What is here is for Managers whose sessions are on several nodes: which node
// uses a session.

// Primary reports whether this node is the one that e's requests come to.
func (e *Entry) Primary() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return !e.replica
}

// SetPrimary says whether this node is the one that e's requests come to, and
// returns whether it was.
func (e *Entry) SetPrimary(primary bool) (was bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		return primary
	}
	was = !e.replica
	e.replica = !primary
	return was
}

// Touched tells that a request has used e on another node.
func (e *Entry) Touched() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.touched()
}

func (e *Entry) touched() {
	if e.ended {
		return
	}
	e.replica, e.isNew, e.this = true, false, time.Now()
	e.last = e.this.UnixNano()
}

// Busy reports whether requests use e now.
func (e *Entry) Busy() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.using > 0
}
