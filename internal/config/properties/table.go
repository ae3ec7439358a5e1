package properties

import (
	"math"
	"strings"
)

// kind is how a value is read.
type kind int

const (
	text kind = iota
	integer
	seconds      // an integer
	milliseconds // an integer
	boolean
	names      // a list
	numbers    // a list of integers
	activation // a choice by its first letter
	method     // the same
	lock       // the same
	pingMode   // letters
)

// list reports whether repeats of the property add to it.
func (k kind) list() bool { return k == names || k == numbers }

// users are the kinds of worker for which a property has an effect.
type users int

const (
	ofAJP     users = 1 << iota // a worker of type ajp13
	ofMember                    // an ajp13 worker, only as member of a balancer
	ofLB                        // type lb
	ofStatus                    // type status
	ofMounted                   // in worker.list, of any type
	ofAny     = ofAJP | ofLB | ofStatus
)

// A property is one row: what worker.NAME.name means.
type property struct {
	name     string
	kind     kind
	users    users
	min, max int    // of an integer; max 0: none
	now      string // the name that took the place of this one
	inert    string // why it has no effect on anything
}

// properties are all that mod_jk knows after worker.NAME., in its words.
//
// Source: mod_jk common/jk_util.c, supported and deprecated properties; what
// each has an effect on as seen at work.
var properties = []property{
	{name: "type", users: ofAny},
	{name: "reference", users: ofAny},
	{name: "mount", kind: names, users: ofMounted},

	{name: "host", users: ofAJP},
	{name: "port", kind: integer, users: ofAJP, max: 65535},
	{name: "source", users: ofAJP},
	{name: "prefer_ipv6", kind: boolean, users: ofAJP},
	{name: "socket_timeout", kind: seconds, users: ofAJP},
	{name: "socket_connect_timeout", kind: milliseconds, users: ofAJP},
	{name: "socket_keepalive", kind: boolean, users: ofAJP},
	{name: "socket_buffer", kind: integer, users: ofAJP},
	{name: "ping_mode", kind: pingMode, users: ofAJP},
	{name: "ping_timeout", kind: milliseconds, users: ofAJP},
	{name: "connect_timeout", kind: milliseconds, users: ofAJP},
	{name: "prepost_timeout", kind: milliseconds, users: ofAJP},
	{name: "connection_ping_interval", kind: seconds, users: ofAJP},
	{name: "connection_pool_size", kind: integer, users: ofAJP, min: 1},
	{name: "connection_pool_minsize", kind: integer, users: ofAJP},
	{name: "connection_pool_timeout", kind: seconds, users: ofAJP},
	{name: "connection_acquire_timeout", kind: milliseconds, users: ofAJP},
	{name: "reply_timeout", kind: milliseconds, users: ofAJP},
	{name: "recovery_options", kind: integer, users: ofAJP},
	{name: "fail_on_status", kind: numbers, users: ofAJP},
	{name: "busy_limit", kind: integer, users: ofAJP},
	{name: "secretkey", users: 0, inert: "only AJP/1.4 had it; secret is what AJP/1.3 has"},

	{name: "retries", kind: integer, users: ofAJP | ofLB, min: 1},
	{name: "retry_interval", kind: milliseconds, users: ofAJP | ofLB},
	{name: "max_packet_size", kind: integer, users: ofAJP | ofLB, min: 8192, max: 65536},
	{name: "secret", users: ofAJP | ofLB},

	{name: "route", users: ofAJP},
	{name: "lbfactor", kind: integer, users: ofMember, min: 1},
	{name: "domain", users: ofMember},
	{name: "distance", kind: integer, users: ofMember, min: math.MinInt32},
	{name: "redirect", users: ofMember},
	{name: "activation", kind: activation, users: ofMember},

	{name: "balance_workers", kind: names, users: ofLB},
	{name: "sticky_session", kind: boolean, users: ofLB},
	{name: "sticky_session_force", kind: boolean, users: ofLB},
	{name: "method", kind: method, users: ofLB},
	{name: "lock", kind: lock, users: ofLB},
	{name: "lb_retries", kind: integer, users: ofLB, min: 1},
	{name: "recover_time", kind: seconds, users: ofLB, min: 1},
	{name: "error_escalation_time", kind: seconds, users: ofLB},
	{name: "max_reply_timeouts", kind: integer, users: ofLB},
	{name: "session_cookie", users: ofLB},
	{name: "session_path", users: ofLB},
	{name: "set_session_cookie", kind: boolean, users: ofLB},
	{name: "session_cookie_path", users: ofLB},

	{name: "css", users: ofStatus},
	{name: "read_only", kind: boolean, users: ofStatus},
	{name: "user", kind: names, users: ofStatus},
	{name: "user_case_insensitive", kind: boolean, users: ofStatus},
	{name: "good", kind: names, users: ofStatus},
	{name: "bad", kind: names, users: ofStatus},
	{name: "prefix", users: ofStatus},
	{name: "ns", users: ofStatus},
	{name: "xmlns", users: ofStatus},
	{name: "doctype", users: ofStatus},

	{name: "cachesize", kind: integer, users: ofAJP, min: 1, now: "connection_pool_size"},
	{name: "cache_timeout", kind: seconds, users: ofAJP, now: "connection_pool_timeout"},
	{name: "jvm_route", users: ofAJP, now: "route"},
	{name: "balanced_workers", kind: names, users: ofLB, now: "balance_workers"},
	{name: "stopped", kind: boolean, users: ofMember, now: "activation"},
	{name: "disabled", kind: boolean, users: ofMember, now: "activation"},

	{name: "recycle_timeout", inert: "connections are closed by connection_pool_timeout"},
	{name: "local_worker", inert: "distance says which members are preferred"},
	{name: "local_worker_only", inert: "distance says which members are preferred"},
	{name: "class_path", inert: inProcess}, {name: "cmd_line", inert: inProcess}, {name: "mx", inert: inProcess},
	{name: "ms", inert: inProcess}, {name: "stdout", inert: inProcess}, {name: "stderr", inert: inProcess},
	{name: "sysprops", inert: inProcess}, {name: "bridge", inert: inProcess}, {name: "jvm_lib", inert: inProcess},
	{name: "native_lib", inert: inProcess}, {name: "ld_path", inert: inProcess},
}

// maintain is worker.maintain.
var maintain = property{name: "maintain", kind: seconds}

const inProcess = "it was for a JVM within the web server, which no longer exists"

// lookup returns the row of name.
func lookup(name string) (property, bool) {
	for _, p := range properties {
		if p.name == name {
			return p, true
		}
	}
	return property{}, false
}

// propertyNames returns the names that are no old ones.
func propertyNames() []string {
	var all []string
	for _, p := range properties {
		if p.now == "" && p.inert == "" {
			all = append(all, p.name)
		}
	}
	return all
}

// parts splits worker.NAME.PROPERTY. NAME may hold dots, as in mod_jk.
func parts(key string) (name, property string, ok bool) {
	rest, ok := strings.CutPrefix(key, "worker.")
	if !ok {
		return "", "", false
	}
	dot := strings.LastIndexByte(rest, '.')
	if dot < 0 {
		return "", rest, true
	}
	return rest[:dot], rest[dot+1:], true
}
