package status

import (
	"net/url"
	"slices"
	"strings"

	"github.com/catflap/catflap/internal/front/balancer"
	"github.com/catflap/catflap/internal/front/overlay"
)

// level tells what a field is a setting of.
type level int

const (
	ofBalancer level = iota
	ofMember         // of a worker in one balancer
	ofWorker         // of a worker wherever it is
)

// kind tells how a field is read and shown.
type kind int

const (
	number kind = iota // at least min, at most max; others are passed over
	word               // at most maxWord bytes
	flag
	choice
)

// A field is a parameter that changes a setting.
type field struct {
	param    string
	key      string // of workers.properties
	of       level
	label    string
	kind     kind
	min, max int
	unit     string
	words    []string // of a choice; each is told by its first letter or number
	told     string   // what a message calls it, if not key
	single   bool     // not for all members at once
}

const (
	maxWord = 60 // bytes, as in mod_jk
	most    = 1<<31 - 1
)

var (
	activations = []string{balancer.Active.String(), balancer.Disabled.String(), balancer.Stopped.String()}
	methods     = []string{"Request", "Traffic", "Busyness", "Sessions", "Next"}
	locks       = []string{"Optimistic", "Pessimistic"}
)

// fields are all that can be changed, in the order of the forms.
//
// Source: mod_jk common/jk_status.c, the edit forms, as seen at work.
var fields = []field{
	{param: "vlr", key: "retries", label: "Retries", min: 1, max: most},
	{param: "vlri", key: "retry_interval", label: "Retry Interval", min: 1, max: most, unit: "ms"},
	{param: "vlt", key: "recover_time", label: "Recover Wait Time", min: 1, max: most, unit: "s"},
	{param: "vlee", key: "error_escalation_time", label: "Error Escalation Time", min: 1, max: most, unit: "s"},
	{param: "vlx", key: "max_reply_timeouts", label: "Max Reply Timeouts", max: most},
	{param: "vls", key: "sticky_session", label: "Sticky Sessions", kind: flag},
	{param: "vlf", key: "sticky_session_force", label: "Force Sticky Sessions", kind: flag},
	{param: "vlm", key: "method", label: "LB Method", kind: choice, words: methods},
	{param: "vll", key: "lock", label: "Locking", kind: choice, words: locks},

	{param: "vwa", key: "activation", of: ofMember, label: "Activation", kind: choice, words: activations},
	{param: "vwf", key: "lbfactor", of: ofMember, label: "LB Factor", min: 1, max: most},
	{param: "vwn", key: "route", of: ofMember, label: "Route", kind: word},
	{param: "vwr", key: "redirect", of: ofMember, label: "Redirect Route", kind: word},
	{param: "vwc", key: "domain", of: ofMember, label: "Cluster Domain", kind: word},
	{param: "vwd", key: "distance", of: ofMember, label: "Distance", max: most},

	{param: "vahst", key: "host", of: ofWorker, label: "Hostname", kind: word, told: "host name", single: true},
	{param: "vaprt", key: "port", of: ofWorker, label: "Port", max: 65535, single: true},
	{param: "vacpt", key: "connection_pool_timeout", of: ofWorker, label: "Connection Pool Timeout", max: most, unit: "s"},
	{param: "vapng", key: "ping_timeout", of: ofWorker, label: "Ping Timeout", min: 1, max: most, unit: "ms"},
	{param: "vact", key: "connect_timeout", of: ofWorker, label: "Connect Timeout", max: most, unit: "ms"},
	{param: "vapt", key: "prepost_timeout", of: ofWorker, label: "Prepost Timeout", max: most, unit: "ms"},
	{param: "vart", key: "reply_timeout", of: ofWorker, label: "Reply Timeout", max: most, unit: "ms"},
	{param: "var", key: "retries", of: ofWorker, label: "Retries", min: 1, max: most},
	{param: "vari", key: "retry_interval", of: ofWorker, label: "Retry Interval", min: 1, max: most, unit: "ms"},
	{param: "vacpi", key: "connection_ping_interval", of: ofWorker, label: "Connection Ping Interval", max: most, unit: "s"},
	{param: "varo", key: "recovery_options", of: ofWorker, label: "Recovery Options", max: most},
	{param: "vabl", key: "busy_limit", of: ofWorker, label: "Busy Limit", max: most},
	{param: "vamps", key: "max_packet_size", of: ofWorker, label: "Max Packet Size", min: 8192, max: 65536, unit: "bytes"},
}

// fieldOf returns the field of a parameter, which is one of fields.
func fieldOf(param string) field {
	for _, f := range fields {
		if f.param == param {
			return f
		}
	}
	return field{}
}

// A verdict is what becomes of a value.
type verdict int

const (
	taken   verdict = iota
	ignored         // it is none that can be, and the setting stays, as in mod_jk
	tooLong
	unknown
)

// read returns the value of f that text gives, as the page shows it.
func (f field) read(text string) (value string, v verdict) {
	switch f.kind {
	case word:
		if len(text) > maxWord {
			return "", tooLong
		}
		return text, taken
	case flag:
		return readFlag(text)
	case choice:
		return f.readChoice(text)
	}
	n, ok := leading(text)
	if !ok || n < f.min || n > f.max {
		return "", ignored
	}
	if f.param == "vamps" {
		n = (n + 1023) / 1024 * 1024
	}
	return decimal(n), taken
}

// TakenOfBalancer returns those of values that an update on the page can have
// given a balancer, each key once. They may come from anybody.
func TakenOfBalancer(values []overlay.Value) []overlay.Value { return takenOf(values, ofBalancer) }

// TakenOfMember is TakenOfBalancer for a member.
func TakenOfMember(values []overlay.Value) []overlay.Value { return takenOf(values, ofMember) }

// TakenOfWorker is TakenOfBalancer for an ajp13 worker.
func TakenOfWorker(values []overlay.Value) []overlay.Value { return takenOf(values, ofWorker) }

func takenOf(values []overlay.Value, of level) []overlay.Value {
	var all []overlay.Value
	for _, v := range values {
		i := slices.IndexFunc(fields, func(f field) bool { return f.of == of && f.key == v.Key })
		if i < 0 || slices.ContainsFunc(all, func(other overlay.Value) bool { return other.Key == v.Key }) {
			continue
		}
		shown, ok := decoded(url.QueryEscape(v.Text))
		if text, verdict := fields[i].read(shown); ok && verdict == taken && text == v.Text {
			all = append(all, v)
		}
	}
	return all
}

// readFlag reads a boolean as mod_jk does: by its first letter, on and off by
// the whole word.
func readFlag(text string) (string, verdict) {
	switch {
	case strings.EqualFold(text, "off"):
		return "False", taken
	case strings.EqualFold(text, "on"):
		return "True", taken
	case text == "":
		return "", ignored
	}
	switch text[0] {
	case '0', 'f', 'F', 'n', 'N':
		return "False", taken
	case '1', 't', 'T', 'y', 'Y':
		return "True", taken
	}
	return "", ignored
}

// readChoice reads one of the words by its first letter, or its number.
// Another is a mistake: mod_jk takes it for the first, which would let an
// activation that is misspelt put a node back to work.
func (f field) readChoice(text string) (string, verdict) {
	if text == "" {
		return "", ignored
	}
	for i, w := range f.words {
		if text == decimal(i) || strings.EqualFold(text[:1], w[:1]) {
			return w, taken
		}
	}
	return "", unknown
}
