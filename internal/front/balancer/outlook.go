package balancer

// An Outlook is what is known from elsewhere about members, by their routes:
// by a member of their cluster, say. Many goroutines may use it.
type Outlook interface {
	// Alive reports whether the node with this route lives; known is false
	// if nothing is known about it.
	Alive(route string) (alive, known bool)
	// Holders returns the routes of the nodes that hold the session whose id
	// ends in route, best first.
	Holders(route string) []string
}

// unknown is the Outlook of a front that is told nothing.
type unknown struct{}

func (unknown) Alive(string) (alive, known bool) { return false, false }
func (unknown) Holders(string) []string          { return nil }
