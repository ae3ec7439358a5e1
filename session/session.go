package session

import (
	"context"
	"net/http"
	"time"
)

// A Session is the session of one request. It is there for every request, also
// for one that has none yet: then Set makes one, and so does Create. It is used
// by one goroutine at a time; what is behind it may be used by other requests
// at the same time.
type Session struct {
	handler *handler
	request *http.Request
	answer  answer

	asked  asked // which session the client wants
	looked bool  // it was looked for
	entry  *Entry
	used   []*Entry  // that are told when the request ends
	one    [1]*Entry // where used begins

	primary  bool   // the entry that was looked for was this node's
	original string // the id that the client came with, if that was another node's
}

type sessionKey struct{}

// From returns the session of the request whose context is ctx. It returns nil
// if that request did not pass through Handler.
func From(ctx context.Context) *Session {
	s, _ := ctx.Value(sessionKey{}).(*Session)
	return s
}

// current returns the entry of s, nil if there is no session.
func (s *Session) current() *Entry {
	if !s.looked {
		s.looked = true
		for _, id := range s.asked.ids {
			e, err := s.handler.find(s.request.Context(), id)
			if err != nil {
				s.handler.log.Error("find a session", "err", err)
			}
			if e != nil && e.begin(false) {
				s.primary = e.Primary()
				s.use(e)
				if e.ID() != id { // it was another node's
					s.original = id
					if !s.answer.committed {
						s.setCookie()
					}
				}
				break
			}
		}
	}
	if s.entry != nil && s.entry.Ended() { // perhaps by another request
		s.entry = nil
	}
	return s.entry
}

// use makes e the session of s.
func (s *Session) use(e *Entry) {
	s.entry = e
	if s.used == nil {
		s.used = s.one[:0]
	}
	s.used = append(s.used, e)
}

// release ends the use of all entries at the end of the request.
func (s *Session) release() {
	quiet := s.handler.cfg.Unreplicated != nil && s.handler.cfg.Unreplicated(s.request)
	for _, e := range s.used {
		e.finish()
		if quiet {
			continue
		}
		if err := s.handler.manager.Done(context.WithoutCancel(s.request.Context()), e); err != nil {
			s.handler.log.Error("end the use of a session", "err", err)
		}
	}
	s.used = nil
}

// Exists reports whether there is a session.
func (s *Session) Exists() bool { return s.current() != nil }

// Create makes a session if there is none, and has the answer set its cookie.
// It returns ErrCommitted when the answer has begun, ErrTooMany when the
// Manager takes no more.
func (s *Session) Create() error {
	if s.current() != nil {
		return nil
	}
	if s.answer.committed {
		return ErrCommitted
	}
	e, err := s.handler.manager.Create(s.request.Context())
	if err != nil {
		return err
	}
	e.begin(true)
	s.use(e)
	s.setCookie()
	return nil
}

// ID returns the id with its route, "" without a session.
func (s *Session) ID() string {
	if e := s.current(); e != nil {
		return e.ID()
	}
	return ""
}

// Primary reports whether the session was this node's before the request, and
// not that of another one from which it came here; false without a session.
//
// Source: ReplicationValve's primaryIndicator.
func (s *Session) Primary() bool { return s.current() != nil && s.primary }

// Requested returns the id that the client has asked for, "" if it has not. A
// session of that id need not exist: it may have expired, or be that of a node
// that is gone. Of several of which none exists it is the last, as in Tomcat.
func (s *Session) Requested() string {
	if len(s.asked.ids) == 0 {
		return ""
	}
	id := s.ID()
	for _, asked := range s.asked.ids {
		if asked == id {
			return id
		}
	}
	return s.asked.ids[len(s.asked.ids)-1]
}

// OriginalID returns the id that the session had on another node, with which
// the client has come to this one: here it has got the id that ID returns. It is
// "" of a session that was not moved by this request.
//
// Source: JvmRouteBinderValve's sessionIdAttribute,
// org.apache.catalina.ha.session.JvmRouteOriginalSessionID.
func (s *Session) OriginalID() string {
	if s.current() == nil {
		return ""
	}
	return s.original
}

// IsNew reports whether this is the request that made the session: the client
// does not know of it yet.
func (s *Session) IsNew() bool {
	e := s.current()
	if e == nil {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.isNew
}

// Get returns an attribute, and whether there is one of this name. What it
// returns is a copy: to change a list or map in the session it is set again.
// Beyond the types of Set it can be a javaserial.Char, javaserial.Set or, of a
// class that Go does not know, javaserial.Opaque.
func (s *Session) Get(name string) (value any, ok bool) {
	if e := s.current(); e != nil {
		return e.get(name)
	}
	return nil, false
}

// Set sets an attribute to a copy of value, and makes a session if there is
// none. nil removes it, as in a servlet. The types are string, bool, int, int8
// to int64, float32, float64, time.Time, []byte, []any, map[string]any and
// map[any]any, and objects of Java that Get has returned; another one is a
// *TypeError, and nothing is changed. An int is
// kept as int64 and a time in milliseconds of UTC, as other nodes read them.
func (s *Session) Set(name string, value any) error {
	if value == nil {
		s.Remove(name)
		return nil
	}
	kept, err := keep(name, value, 0)
	if err != nil {
		return err
	}
	for {
		if err := s.Create(); err != nil {
			return err
		}
		if s.entry.set(name, kept) {
			return nil
		}
	}
}

// Remove removes an attribute.
func (s *Session) Remove(name string) {
	if e := s.current(); e != nil {
		e.remove(name)
	}
}

// Names returns the names of the attributes, sorted.
func (s *Session) Names() []string {
	if e := s.current(); e != nil {
		return e.names()
	}
	return nil
}

// Invalidate ends the session. After it there is none, until the next Create
// or Set makes another one.
func (s *Session) Invalidate() error {
	e := s.current()
	if e == nil {
		return nil
	}
	s.entry = nil
	return s.handler.manager.Remove(s.request.Context(), e)
}

// RotateID gives the session another id, as has to be done when a visitor logs
// in, and has the answer set its cookie. Without a session it does nothing. It
// returns ErrCommitted when the answer has begun.
func (s *Session) RotateID() error {
	e := s.current()
	if e == nil {
		return nil
	}
	if s.answer.committed {
		return ErrCommitted
	}
	if err := s.handler.manager.Rename(s.request.Context(), e); err != nil {
		return err
	}
	s.setCookie()
	return nil
}

// CreatedAt returns when the session was made, the zero time without one.
func (s *Session) CreatedAt() (t time.Time) {
	if e := s.current(); e != nil {
		t = e.Created()
	}
	return t
}

// LastAccessedAt returns when the request before this one used the session, or
// when it was made; the zero time without one.
func (s *Session) LastAccessedAt() (t time.Time) {
	if e := s.current(); e != nil {
		e.mu.Lock()
		defer e.mu.Unlock()
		t = time.Unix(0, e.last)
	}
	return t
}

// MaxInactive returns how long the session lives without a request, 0 or less
// for ever; 0 without a session.
func (s *Session) MaxInactive() (d time.Duration) {
	if e := s.current(); e != nil {
		d = e.MaxInactive()
	}
	return d
}

// SetMaxInactive sets how long the session lives without a request, 0 or less
// for ever. Without a session it does nothing.
func (s *Session) SetMaxInactive(d time.Duration) {
	if e := s.current(); e != nil {
		e.setMaxInactive(d)
	}
}

// Principal returns who the session belongs to, nil if that is nobody.
func (s *Session) Principal() *Principal {
	e := s.current()
	if e == nil {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.principal().clone()
}

// SetPrincipal sets who the session belongs to, nobody if p is nil, and makes a
// session if there is none. Rotate the id, too: who knew the old one must not
// become p.
func (s *Session) SetPrincipal(p *Principal) error {
	if err := s.Create(); err != nil {
		return err
	}
	s.entry.setPrincipal(p)
	return nil
}
