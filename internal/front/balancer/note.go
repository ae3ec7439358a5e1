package balancer

import "strconv"

// Note implements exchange.Elected.
//
// Source: mod_jk, "Apache HTTP Server Configuration", JK_LB_FIRST_NAME and the
// like.
func (m *Member) Note(ending string) (string, bool) {
	read, transferred := m.endpoint.Traffic()
	switch ending {
	case "NAME":
		return m.cfg.Worker, true
	case "VALUE":
		return strconv.FormatInt(m.value.Load(), 10), true
	case "ACCESSED":
		return strconv.FormatInt(m.elected.Load(), 10), true
	case "SESSIONS":
		return strconv.FormatInt(m.sessions.Load(), 10), true
	case "READ":
		return strconv.FormatInt(read, 10), true
	case "TRANSFERRED":
		return strconv.FormatInt(transferred, 10), true
	case "ERRORS":
		return strconv.FormatInt(m.errors.Load(), 10), true
	case "BUSY":
		return strconv.FormatInt(m.busy.Load(), 10), true
	case "ACTIVATION":
		return m.cfg.Activation.String(), true
	case "STATE":
		return m.seen().String(), true
	}
	return "", false
}
