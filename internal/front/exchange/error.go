package exchange

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
)

// An Error reports a request that a worker did not complete.
type Error struct {
	Worker  string
	Cause   Cause   // why; status, state and words derive from it
	Reached Reached // how far it got
	Err     error   // what the system or the protocol said; may be nil
	// AllFailed tells that the balancer had no other member left to try.
	AllFailed bool
}

// Said is what happened in the words of mod_jk, by which monitoring finds it.
func (e *Error) Said() string {
	said := strings.ReplaceAll(table[e.Cause].said, "$WORKER", e.Worker)
	errno := errnoOf(e.Err)
	if errno == 0 {
		return said
	}
	return fmt.Sprintf("%s (errno=%d)", said, int(errno))
}

// errnoOf returns the number of a system's error, that of a timeout if it is
// one, 0 if it is none.
func errnoOf(err error) syscall.Errno {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return syscall.ETIMEDOUT
	}
	return 0
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
	Reason string // words for the client, on the error page; empty to tell none
}

func (r *Refusal) Error() string { return fmt.Sprintf("%d: %s", r.Status, r.Log) }
