package balancer

// String returns the method as mod_jk's status shows it.
func (m Method) String() string {
	return [...]string{"Request", "Traffic", "Busyness", "Sessions", "Next"}[m]
}

// String returns the activation as mod_jk's status shows it.
func (a Activation) String() string { return [...]string{"ACT", "DIS", "STP"}[a] }

// String returns the lock as mod_jk's status shows it.
func (l Lock) String() string { return [...]string{"Optimistic", "Pessimistic"}[l] }

// valueOf returns what members are compared by.
func (m Method) valueOf(member *Member) int64 {
	if m == Busyness { // not a sum, so that it is right after a change of factors
		return member.busy.Load() * member.mult
	}
	return member.value.Load()
}

// atDispatch returns what a request adds to its member's value when it is
// sent; fresh tells that it belongs to no session yet.
func (m Method) atDispatch(mult int64, fresh bool) int64 {
	switch m {
	case Requests:
		return mult
	case Sessions, Next:
		if fresh {
			return mult
		}
	}
	return 0
}

// atEnd changes the member's value when a request has ended, after moving
// bytes in both directions.
func (m Method) atEnd(member *Member, bytes int64) {
	if m == Traffic {
		member.value.Add(bytes * member.mult)
	}
}

// decay lets old load count less, after n periods of maintenance: it halves
// the values, or, for Next, takes the smallest from all.
func (m Method) decay(members []*Member, n int) {
	switch m {
	case Busyness:
	case Next:
		least := int64(-1)
		for _, member := range members {
			if v := member.value.Load(); member.seen().usable() && (least < 0 || v < least) {
				least = v
			}
		}
		for _, member := range members {
			member.value.Store(max(0, member.value.Load()-max(0, least)))
		}
	default:
		for _, member := range members {
			member.value.Store(member.value.Load() >> min(n, 62))
		}
	}
}
