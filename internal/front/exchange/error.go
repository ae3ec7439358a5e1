package exchange

import "fmt"

// An Error reports a request that a worker did not complete.
type Error struct {
	Worker  string
	Cause   Cause   // why; status, state and words derive from it
	Reached Reached // how far it got
	Err     error   // what the system or the protocol said; may be nil
}

func (e *Error) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("worker %s: %s", e.Worker, e.Cause)
	}
	return fmt.Sprintf("worker %s: %s: %v", e.Worker, e.Cause, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Reached tells how far a request had got when it failed.
type Reached int

const (
	ReachedNobody    Reached = iota // the container cannot have begun: safe to send again
	ReachedContainer                // the container may have run it
	ReachedClient                   // something of the answer is at the client
)

func (r Reached) String() string {
	return [...]string{"nobody", "container", "client"}[r]
}

// A Refusal is a status that a station of the front gives instead of an
// answer: package errordoc makes the page, the error log gets Log.
type Refusal struct {
	Status int
	Code   string // httpd's number, "AH01630"; empty if it has none
	Log    string // words for the error log, empty to log nothing
	Level  string // "error", "info", "debug": httpd's level of that message
	Module string // httpd's module of that message, "authz_core"
}

func (r *Refusal) Error() string { return fmt.Sprintf("%d: %s", r.Status, r.Log) }
