package balancer

import (
	"time"

	"github.com/catflap/catflap/internal/front/overlay"
)

// Config is one lb worker. A zero field means its default. Each field names
// its workers.properties key.
type Config struct {
	Name          string         // as in worker.list; required
	Members       []MemberConfig // balance_workers, in order; at least one
	Method        Method         // method; default Requests
	Sticky        Sticky         // sticky_session and what belongs to it
	Retries       int            // retries: rounds over the members; default 2
	LBRetries     int            // lb_retries: members tried a round; default all
	RetryInterval time.Duration  // retry_interval, there in ms: between rounds; default 100 ms
	Recovery      Recovery       // recover_time and what belongs to it
	Maintain      time.Duration  // worker.maintain; default 60 s, negative never
	Lock          Lock           // lock: only shown, one process needs none
	Place         string         // FILE:LINE of its first property
	Lines         overlay.Lines  // its properties as the file has them
}

// Sticky is how a request finds the node of its session.
type Sticky struct {
	Off           bool   // sticky_session=0
	Force         bool   // sticky_session_force
	Cookie        string // session_cookie; default JSESSIONID
	Path          string // session_path; default ;jsessionid
	SetCookie     bool   // set_session_cookie
	SetCookiePath string // session_cookie_path; default /
}

// Recovery is when members are taken out and tried again.
type Recovery struct {
	RecoverTime      time.Duration // recover_time; default 60 s
	EscalationTime   time.Duration // error_escalation_time; default RecoverTime/2; negative is 0
	MaxReplyTimeouts int           // max_reply_timeouts
}

// MemberConfig is one member of a balancer.
type MemberConfig struct {
	Worker     string        // the ajp13 worker
	Factor     int           // lbfactor; default 1
	Route      string        // route, jvm_route; default Worker
	Domain     string        // domain; default the part of Route before the first dot, if any
	Distance   int           // distance
	Redirect   string        // redirect: route of the failover member
	Activation Activation    // activation, disabled, stopped
	Lines      overlay.Lines // its properties as the file has them
}

// Activation is what the operator set for a member.
type Activation int

const (
	Active   Activation = iota // ACT
	Disabled                   // DIS: only requests of its sessions
	Stopped                    // STP: none
)

// Method is how a member is chosen.
type Method int

const (
	Requests Method = iota // R
	Traffic                // T
	Busyness               // B
	Sessions               // S
	Next                   // N
)

// Lock is how mod_jk's processes share the members' values.
type Lock int

const (
	Optimistic  Lock = iota // O
	Pessimistic             // P
)
