package balancer

import (
	"time"

	"github.com/catflap/catflap/internal/front/exchange"
)

// A State is what we see of a member.
type State int32

const (
	Idle    State = iota // OK/IDLE: not used in the last maintenance period
	OK                   // used successfully
	Busy                 // OK/BUSY: no free connection, or busy_limit
	Error                // ERR: excluded
	Recover              // ERR/REC: it answered a probe, and gets one request
	Probe                // ERR/PRB: that request is under way
	Force                // ERR/FRC: in error, but used since there is no other
)

// String returns the state as mod_jk's status shows it.
func (s State) String() string {
	return [...]string{"OK/IDLE", "OK", "OK/BUSY", "ERR", "ERR/REC", "ERR/PRB", "ERR/FRC"}[s]
}

// usable reports whether a member in state s may get a request.
func (s State) usable() bool { return s == Idle || s == OK || s == Recover || s == Force }

// failing reports whether s shows as ERR.
func (s State) failing() bool { return s >= Error }

// A health is what decides about a member's state.
type health struct {
	state      State
	firstError time.Time // of those since the last success; zero if there is none
	lastError  time.Time
	timeouts   int // reply timeouts since the last recovery
}

// An outcome is how one request at a member ended.
type outcome struct {
	at      time.Time
	cause   exchange.Cause
	failed  bool
	others  bool // other requests are active on the member
	reached exchange.Reached
}

// after returns h after o. It is mod_jk's table, but for two rules: a member
// that cannot be connected to is in error at once, however busy it is; and
// what is not the member's fault leaves its state alone.
//
// Source: mod_jk common/jk_lb_worker.c, service, as seen at work.
func (h health) after(o outcome, cfg Recovery) health {
	if !o.failed {
		return health{state: OK, timeouts: h.timeouts}
	}
	switch o.cause {
	case exchange.CauseClientRead, exchange.CauseClientWrite, exchange.CauseTooLarge, exchange.CauseBodyTooLarge, exchange.CauseBadBody, exchange.CauseFailOnStatusSoft:
		if h.state == Error {
			return h
		}
		return health{state: OK, timeouts: h.timeouts}
	case exchange.CauseInternal, exchange.CauseProtocol:
		return h.unchanged()
	case exchange.CauseBusy:
		if h.state != Error {
			h.state = Busy
		}
		return h
	case exchange.CauseReplyTimeout:
		h.timeouts++
		if h.timeouts <= cfg.MaxReplyTimeouts {
			return h.unchanged()
		}
		return h.inError(o.at)
	case exchange.CauseSend, exchange.CauseEOF, exchange.CauseTruncated, exchange.CauseCPing:
		probing := h.state == Probe || h.state == Force
		if h.firstError.IsZero() {
			h.firstError = o.at
		}
		if o.others && !probing && cfg.EscalationTime > 0 && o.at.Sub(h.firstError) < cfg.EscalationTime {
			return h.unchanged()
		}
	}
	return h.inError(o.at)
}

// unchanged keeps what others found out meanwhile.
func (h health) unchanged() health {
	if h.state == Probe || h.state == Force {
		h.state = OK
	}
	return h
}

func (h health) inError(at time.Time) health {
	h.state, h.lastError = Error, at
	if h.firstError.IsZero() {
		h.firstError = at
	}
	return h
}

// due reports whether a member in error is to be probed.
func (h health) due(now time.Time, cfg Recovery) bool {
	return h.state == Error && now.Sub(h.lastError) >= cfg.RecoverTime
}
