package status

import (
	"time"

	"github.com/catflap/catflap/internal/front/balancer"
	"github.com/catflap/catflap/internal/front/overlay"
)

// A Desk is where pages see and change what runs. Many goroutines may use it;
// it lets them change one after the other.
type Desk interface {
	// View returns what there is.
	View(now time.Time) View
	// Update lets all of u hold from the next request on, and returns what
	// that changed. The error says why nothing was.
	Update(u Update) ([]Changed, error)
	// Reset lets a worker count anew, or, if member is not empty, that member
	// of a balancer. It reports whether there is such a one.
	Reset(worker, member string) bool
	// Recover lets a member in error have a request now. It returns the state
	// that it was in, and whether that was an error.
	Recover(worker, member string) (before balancer.State, ok bool)
}

// An Update is what is to hold for a worker, a balancer, or its members.
type Update struct {
	Worker   string                     // of worker.list
	Balancer []overlay.Value            // of the balancer
	Members  map[string][]overlay.Value // of its members in it, by name
	Workers  map[string][]overlay.Value // of ajp13 workers wherever they are, by name
}

// A Changed is one change that was made.
type Changed struct {
	Balancer string // empty if the setting is one of the worker wherever it is
	Worker   string // the member, or ajp13 worker; empty if the setting is one of the balancer
	overlay.Changed
}
