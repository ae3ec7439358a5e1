package settings

import "net/netip"

// Access is who may come in. Both checks must pass, or with Satisfy Any one
// of them; a nil one passes.
type Access struct {
	Require *Requirement
	Legacy  *Legacy
	Methods *Methods // AllowMethods: all else is 405
}

// A RequirementKind is what a Requirement asks.
type RequirementKind int

const (
	RequireAll      RequirementKind = iota // <RequireAll>: every child; a neutral child does not count
	RequireAny                             // <RequireAny>, and several Require in one section: one child
	RequireNone                            // <RequireNone>: no child
	RequireGranted                         // Require all granted
	RequireDenied                          // Require all denied
	RequireIP                              // Require ip
	RequireHost                            // Require host
	RequireLocal                           // Require local
	RequireEnv                             // Require env
	RequireMethod                          // Require method
	RequireSSL                             // Require ssl
	RequireVerified                        // Require ssl-verify-client
)

// A Requirement is a tree of Require lines and their containers.
type Requirement struct {
	Kind     RequirementKind
	Not      bool           // Require not …; httpd takes it only within RequireAll
	Children []Requirement  // of the containers
	Prefixes []netip.Prefix // of RequireIP
	Hosts    []string       // of RequireHost: name suffixes on whole labels, lower case
	Env      []string       // of RequireEnv: variables, one of which is set
	Methods  *Methods       // of RequireMethod
	Limited  *Methods       // the <Limit> around it: for other methods it is not there
}

// Legacy is mod_access_compat: Order, Allow and Deny.
type Legacy struct {
	Order   Order
	Limited []LimitedOrder // Order in <Limit>: the last that has the method counts
	Allow   []HostRule
	Deny    []HostRule
	Any     bool // Satisfy Any
}

// OrderOf returns the Order for a method.
func (l *Legacy) OrderOf(method string) Order {
	order := l.Order
	for _, limited := range l.Limited {
		if limited.Methods.Has(method) {
			order = limited.Order
		}
	}
	return order
}

// A LimitedOrder is an Order in <Limit>.
type LimitedOrder struct {
	Order   Order
	Methods *Methods
}

// Order is the argument of Order.
type Order int

const (
	DenyAllow     Order = iota // default allow; Allow overrides Deny
	AllowDeny                  // default deny; Deny overrides Allow
	MutualFailure              // must match Allow and not Deny
)

// A HostRule is one word after Allow from or Deny from: exactly one field is
// set, but for Limited.
type HostRule struct {
	All    bool
	Prefix netip.Prefix
	Host   string // name suffix on whole labels, lower case
	Env    string // env=NAME, or !NAME for env=!NAME

	Limited *Methods // the <Limit> around it
}
