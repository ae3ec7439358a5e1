// Package session keeps HTTP sessions for Go web applications as servlet
// containers do. What comes in are requests with the cookie JSESSIONID or a
// ;jsessionid in their path, what goes out are the sessions that belong to
// them, for an http.Handler to read and change.
//
// Handler is the middleware, From gives a request's Session, a Manager keeps
// what is behind it: Memory does in this process, others may share sessions
// among nodes. Values are of the types that Java and Go both have, so that it
// makes no difference to an application which Manager it has, or whether its
// session was made by a Tomcat.
package session

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/catflap/catflap/javaserial"
)

// A Manager keeps the sessions of one web application. Many goroutines call
// it. Its Entries are shared: requests of one session run at the same time.
type Manager interface {
	// Find returns the session with this id, nil if there is none or it has
	// ended.
	Find(ctx context.Context, id string) (*Entry, error)

	// Create returns a new session with an id of its own, or ErrTooMany.
	Create(ctx context.Context) (*Entry, error)

	// Rename gives e another id; the old one finds nothing any more.
	Rename(ctx context.Context, e *Entry) error

	// Remove ends e.
	Remove(ctx context.Context, e *Entry) error

	// Done tells that a request that has used e has ended. An error concerns
	// what others are to know about e; it stays as it is here.
	Done(ctx context.Context, e *Entry) error
}

// Errors that a Session's methods return.
var (
	// ErrTooMany tells that a Manager takes no further session.
	ErrTooMany = errors.New("session: there are as many sessions as may be")

	// ErrTooDeep tells that lists and maps of a value lie too deep in each
	// other; most likely it contains itself.
	ErrTooDeep = errors.New("lists and maps lie too deep in each other, as those do that contain themselves")

	// ErrCommitted tells that the answer has begun: its cookie could not be
	// sent any more.
	ErrCommitted = errors.New("session: the answer has begun, a new session id cannot reach the client")
)

// DefaultMaxInactive is how long a session lives without a request, unless it
// is told otherwise. Source: Tomcat's conf/web.xml, session-timeout.
const DefaultMaxInactive = 30 * time.Minute

// A Principal is who a session belongs to.
type Principal struct {
	Name     string
	Roles    []string
	AuthType string // how it was found out: BASIC, FORM, CLIENT_CERT, DIGEST

	// Java is it as another node has it, with what Roles and Name do not tell.
	// nil of one that is this node's. Nobody changes it.
	Java javaserial.Node
}

// clone returns a copy of p; nil stays nil.
func (p *Principal) clone() *Principal {
	if p == nil {
		return nil
	}
	copied := *p
	copied.Roles = slices.Clone(p.Roles)
	return &copied
}

// A Binder is a Manager whose sessions move between nodes. The sessions of all
// requests are looked for, also of those whose application does not care, and
// before the application runs: so that the client gets the cookie of the node
// that it has come to.
type Binder interface {
	Manager

	// Bind is Find for a client that comes with this id. A session of another
	// node gets the id that it has here: its route becomes this node's. One that
	// has such an id already is found, too.
	Bind(ctx context.Context, id string) (*Entry, error)
}
