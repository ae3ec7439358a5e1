// Package archtest holds the project to its own structure: which package may
// import which, how large things may grow, that each package says what comes
// in and what goes out, and that only commands end the process. What comes in
// is the source tree, what goes out are sentences about what breaks a rule.
package archtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Module is the path of this module.
const Module = "github.com/catflap/catflap"

// leaves are packages that any package under internal/front or internal/web
// may import.
var leaves = []string{"internal/front/exchange", "internal/front/settings", "internal/front/regex"}

// arrows lists for each package what of this module it may import, beyond
// leaves for those of the front and the web. A package that is not here may
// import nothing of ours. A new arrow is a decision made here.
var arrows = map[string][]string{
	"ajp":         {},
	"ajp/ajptest": {"ajp"},

	"session":             {"javaserial", "internal/flood"},
	"session/sessiontest": {"session"},
	"node/demo":           {"session"},
	"node": {
		"javaserial",
		"ajp", "cluster", "cluster/backup", "cluster/delta", "session", "tribes", "tribes/interceptor", "tribes/static",
		"internal/mistake", "internal/web/http1", "internal/web/strftime", "node/internal/layout", "internal/flood",
	},
	"node/serverxml":       {"node", "node/internal/layout", "session", "tribes", "tribes/interceptor", "tribes/static", "internal/config/serverxml", "internal/mistake"},
	"node/internal/layout": {},
	"javaserial":           {},

	// a change: session → cluster → Channel → interceptor… → transport → peers
	"tribes/internal/wire":      {},
	"tribes/internal/transport": {"tribes/internal/wire"},
	"tribes/membership":         {"tribes/internal/wire"},
	"tribes":                    {"tribes/internal/wire", "tribes/internal/transport", "tribes/membership", "internal/flood"},
	"tribes/tribestest":         {"tribes", "tribes/membership"},
	"tribes/interceptor":        {"tribes", "internal/flood"},
	"tribes/rpc":                {"javaserial", "tribes", "tribes/internal/wire", "internal/flood"},
	"tribes/replicated":         {"javaserial", "tribes", "tribes/internal/wire", "tribes/rpc", "internal/flood"},
	"tribes/static":             {"javaserial", "tribes", "tribes/rpc", "internal/flood"},

	"cluster/internal/wire":        {"javaserial"},
	"cluster/internal/replica":     {"cluster/internal/wire", "javaserial", "session", "internal/flood"},
	"cluster":                      {"cluster/internal/wire", "javaserial", "tribes", "tribes/rpc", "internal/flood"},
	"cluster/internal/clustertest": {},
	"cluster/delta":                {"cluster", "cluster/internal/replica", "cluster/internal/wire", "session", "tribes"},
	"cluster/backup":               {"cluster", "cluster/internal/replica", "cluster/internal/wire", "javaserial", "session", "tribes", "tribes/replicated"},

	"cmd/catflap": {
		"ajp", "cluster", "cluster/delta", "session", "node", "node/demo", "node/serverxml", "tribes", "tribes/interceptor",
		"internal/config", "internal/mistake", "internal/control", "internal/front", "internal/privilege", "internal/probe",
		"internal/front/vhost", "internal/front/mount", "internal/front/exchange", "internal/front/settings",
		"internal/front/balancer", "internal/front/worker",
	},

	// settings: text → Config. internal/mistake is the one form of what is wrong.
	"internal/mistake":            {},
	"internal/config/httpdconf":   {"internal/mistake"},
	"internal/config/properties":  {"internal/mistake"},
	"internal/config/serverxml":   {"internal/mistake"},
	"internal/config/certificate": {},
	"internal/config": {
		"internal/config/httpdconf", "internal/mistake", "internal/config/properties", "internal/config/certificate", "internal/privilege",
		"internal/front", "internal/front/exchange", "internal/front/settings", "internal/front/vhost", "internal/front/htaccess",
		"internal/front/translate", "internal/front/mount", "internal/front/balancer", "internal/front/worker",
		"internal/front/status", "internal/front/jklog", "internal/front/canonical", "internal/front/overlay",
		"internal/front/regex", "internal/front/module/refuse",
		"internal/web/accesslog", "internal/web/errorlog", "internal/web/static", "internal/web/openssl", "internal/web/handshake",
	},

	// a request: listener → vhost → canonical → translate → module… → forward → balancer → worker → ajp
	"internal/front": {
		"internal/front/vhost", "internal/front/htaccess", "internal/front/canonical", "internal/front/translate", "internal/front/mount",
		"internal/front/module/access", "internal/front/module/refuse", "internal/front/module/errordoc", "internal/front/forward", "internal/front/module/env",
		"internal/front/module/headers",
		"internal/front/balancer", "internal/front/worker", "internal/front/status", "internal/front/jklog", "internal/front/overlay",
		"internal/web/listener", "internal/web/handshake", "internal/web/static", "internal/web/accesslog", "internal/web/errorlog",
		"internal/web/logfile", "internal/privilege",
	},
	"internal/front/settings":        {"internal/front/regex"},
	"internal/front/regex":           {},
	"internal/front/exchange":        {"internal/front/settings"},
	"internal/front/htaccess":        {"internal/front/vhost"},
	"internal/front/vhost":           {},
	"internal/front/canonical":       {},
	"internal/front/mount":           {},
	"internal/front/translate":       {"internal/front/mount"},
	"internal/front/module/access":   {},
	"internal/front/module/env":      {},
	"internal/front/module/headers":  {},
	"internal/front/module/refuse":   {"internal/front/regex"},
	"internal/front/module/errordoc": {},
	"internal/front/forward":         {},
	"internal/front/overlay":         {},
	"internal/front/balancer":        {"internal/front/overlay"},
	"internal/front/worker":          {"ajp", "internal/front/overlay"},
	"internal/front/status":          {"internal/front/balancer", "internal/front/worker", "internal/front/mount", "internal/front/overlay"},
	"internal/front/jklog":           {"internal/web/accesslog", "internal/web/errorlog", "internal/web/strftime"},

	"internal/web/http1":     {},
	"internal/web/openssl":   {},
	"internal/web/handshake": {"internal/web/openssl"},
	"internal/web/listener":  {"internal/web/http1", "internal/web/handshake"},
	"internal/web/static":    {},
	"internal/web/accesslog": {"internal/web/strftime"},
	"internal/web/errorlog":  {},
	"internal/web/logfile":   {},
	"internal/web/strftime":  {},

	"internal/privilege": {},
	"internal/probe":     {"ajp"},
	"internal/control":   {"internal/privilege"}, // where the state is
	"internal/archtest":  {},
	"internal/golden":    {},
	"internal/leaktest":  {},
	"internal/flood":     {},
	"internal/certtest":  {},
	"internal/stocktest": {"internal/certtest"},
	"internal/vectors":   {},

	"interop":                {"ajp", "node", "node/serverxml", "interop/echo", "interop/peer", "interop/load", "interop/scenario", "internal/web/openssl"},
	"interop/peer":           {"interop/netns"},
	"interop/echo":           {"ajp", "session"},
	"interop/node":           {"interop/netns", "interop/peer"},
	"interop/streams":        {"javaserial"},
	"interop/netns":          {},
	"interop/cluster":        {"interop/netns", "interop/peer", "node/demo", "session"},
	"interop/migrate":        {"interop/netns", "interop/peer"},
	"interop/migrate/cart":   {"javaserial", "node", "node/serverxml", "session"},
	"interop/tribes":         {"interop/netns", "interop/peer", "javaserial", "tribes", "tribes/interceptor", "tribes/replicated", "tribes/rpc", "tribes/static"},
	"interop/load":           {},
	"interop/scenario":       {},
	"interop/scenario/serve": {"ajp", "ajp/ajptest", "internal/config", "internal/front", "internal/privilege", "interop/scenario"},
	"bench":                  {"interop/peer"},
	"bench/tribes":           {"tribes", "tribes/interceptor"},
	"bench/sessions":         {"node", "node/serverxml", "session", "tribes"},
}

// forbiddenArrow says why from may not import to, "" if it may. Both are
// paths below the module; test tells that only tests of from import to.
func forbiddenArrow(from, to string, test bool) string {
	allowed, known := arrows[from]
	if !known {
		return fmt.Sprintf("package %s has no row in internal/archtest/arrows.go: decide what it may import", from)
	}
	if slices.Contains(allowed, to) {
		return ""
	}
	ofFront := strings.HasPrefix(from, "internal/front") || strings.HasPrefix(from, "internal/web")
	if ofFront && slices.Contains(leaves, to) && !slices.Contains(leaves, from) {
		return ""
	}
	if test && slices.Contains([]string{"ajp/ajptest", "session/sessiontest", "tribes/tribestest", "tribes/membership", "tribes/interceptor", "cluster/internal/clustertest", "internal/golden", "internal/leaktest", "internal/certtest", "internal/stocktest", "internal/vectors", from}, to) {
		return ""
	}
	return fmt.Sprintf("package %s imports %s: no such arrow in internal/archtest/arrows.go", from, to)
}

// publicPackages import only the standard library and golang.org/x, because
// other people embed them.
var publicPackages = []string{"ajp", "tribes", "javaserial", "session", "cluster", "node"}

func isPublic(pkg string) bool {
	root, _, _ := strings.Cut(pkg, "/")
	return slices.Contains(publicPackages, root)
}

// unusedRows returns the rows of arrows whose package does not exist.
func unusedRows(packages map[string]bool) []string {
	var unused []string
	for _, pkg := range slices.Sorted(maps.Keys(arrows)) {
		if !packages[pkg] {
			unused = append(unused, fmt.Sprintf("internal/archtest/arrows.go has a row for %s, which does not exist", pkg))
		}
	}
	return unused
}
