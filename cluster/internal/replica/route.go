package replica

import "strings"

// OwnID returns id with the route of this node in place of another's. foreign is
// false, and own is id, if id has that route or none, and if this node has none.
//
// Source: ha.session.JvmRouteBinderValve.
func OwnID(id, route string) (own string, foreign bool) {
	base, other, hasRoute := strings.Cut(id, ".")
	if route == "" || !hasRoute || other == route {
		return id, false
	}
	return base + "." + route, true
}
