package balancer

// A view is one member as election sees it.
type view struct {
	route, domain, redirect string
	state                   State
	activation              Activation
	distance                int
	value                   int64
	failed                  bool // in this request
	down                    bool // the Outlook knows that it does not live
}

// usable reports whether v may get a request that is not of its sessions.
func (v *view) usable() bool { return v.stickyUsable() && v.activation == Active }

// stickyUsable reports whether v may get a request of its sessions.
func (v *view) stickyUsable() bool {
	return !v.failed && !v.down && v.state.usable() && v.activation != Stopped
}

// best returns the usable member with the smallest distance, and of those the
// one with the smallest value, the first from offset on; -1 if none is
// usable. stateless takes turns without regard to values.
//
// Source: mod_jk common/jk_lb_worker.c, find_best_byvalue, as seen at work.
func best(members []view, offset int, stateless bool) int {
	chosen := -1
	for n := range members {
		i := (offset + n) % len(members)
		m := &members[i]
		if !m.usable() {
			continue
		}
		if chosen < 0 || m.distance < members[chosen].distance ||
			m.distance == members[chosen].distance && !stateless && m.value < members[chosen].value {
			chosen = i
		}
	}
	return chosen
}

// byRoute returns the member that a session's route names, or, if none has
// it, the best of that domain; -1 if there is none. exact tells the former.
func byRoute(members []view, route string) (found int, exact bool) {
	for i := range members {
		if members[i].route == route {
			return i, true
		}
	}
	return byDomain(members, domainOf(route)), false
}

// byDomain returns the best member of domain that takes sessions.
func byDomain(members []view, domain string) int {
	chosen := -1
	for i := range members {
		m := &members[i]
		if domain == "" || m.domain != domain || !m.stickyUsable() {
			continue
		}
		if chosen < 0 || m.distance < members[chosen].distance || m.distance == members[chosen].distance && m.value < members[chosen].value {
			chosen = i
		}
	}
	return chosen
}

// standIn returns the member for a session whose own, i, is not usable: the
// one that its redirect names, else one of its domain; -1 if there is none.
func standIn(members []view, i int) int {
	m := &members[i]
	if m.redirect != "" {
		for j := range members {
			if members[j].route == m.redirect && members[j].stickyUsable() {
				return j
			}
		}
		return -1
	}
	return byDomain(members, m.domain)
}

// A choice is what election comes to.
type choice struct {
	member int  // -1 if none is usable
	sticky bool // it is the one that the session's route names
	forced bool // none, since sticky_session_force forbids another
}

// elect chooses among members for a request whose session asks for routes, in
// order; none if it has no session. holders are routes of members that are
// known to hold the session, best first.
func elect(members []view, routes, holders []string, force bool, offset int, stateless bool) choice {
	for _, route := range routes {
		if route == "" {
			continue
		}
		i, exact := byRoute(members, route)
		if i < 0 {
			continue
		}
		if members[i].stickyUsable() {
			return choice{member: i, sticky: exact}
		}
		if force {
			continue
		}
		if j := standIn(members, i); j >= 0 {
			return choice{member: j}
		}
	}
	if force && len(routes) > 0 {
		if len(members) == 1 && members[0].usable() { // where else could the session be?
			return choice{member: 0}
		}
		return choice{member: -1, forced: true}
	}
	for _, route := range holders {
		if i, exact := byRoute(members, route); exact && members[i].stickyUsable() {
			return choice{member: i}
		}
	}
	if i := best(members, offset, stateless); i >= 0 {
		return choice{member: i}
	}
	for i := range members { // a hot standby is disabled, and named as redirect
		if members[i].redirect != "" {
			if j := standIn(members, i); j >= 0 {
				return choice{member: j}
			}
		}
	}
	return choice{member: -1}
}
