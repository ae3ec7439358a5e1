// Package access decides who may come in. What comes in is an Exchange with
// its settings merged, what goes out is nothing, or the refusal: Require,
// Order, Allow and Deny are httpd's, and a scope that the file restricts by
// what catflap does not check is closed.
package access

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/settings"
)

// A Resolver looks names up. Many goroutines may use it.
type Resolver interface {
	// Names returns the host names of an address.
	Names(ctx context.Context, address netip.Addr) ([]string, error)
	// Addresses returns the addresses of a host name.
	Addresses(ctx context.Context, name string) ([]netip.Addr, error)
}

// SystemResolver is the system's.
type SystemResolver struct{}

// Names returns the host names of an address.
func (SystemResolver) Names(ctx context.Context, address netip.Addr) ([]string, error) {
	return net.DefaultResolver.LookupAddr(ctx, address.String())
}

// Addresses returns the addresses of a host name.
func (SystemResolver) Addresses(ctx context.Context, name string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", name)
}

// A Checker checks. Many goroutines may use it.
type Checker struct{ resolver Resolver }

// NewChecker returns a checker that looks names up with r.
func NewChecker(r Resolver) *Checker { return &Checker{r} }

// patience bounds the look-ups for one request.
const patience = 3 * time.Second

// Check returns nil if x may go on, else the refusal with status 403.
func (c *Checker) Check(x *exchange.Exchange) *exchange.Refusal {
	s := x.Settings
	if s.Closed != nil {
		return denied(x, "", "core", "closed, since catflap does not check "+s.Closed.By+" ("+s.Closed.Place+"): ")
	}
	if s.SSL.Required && x.Client.TLS == nil {
		refusal := denied(x, "AH02219", "ssl", "access failed, reason: SSL connection required: ")
		refusal.Reason = "This is served by TLS only."
		return refusal
	}
	v := visitor{checker: c, x: x, method: x.Request.Method}
	either := s.Access.Legacy != nil && s.Access.Legacy.Any
	forbidden := v.forbidden(s.Access.Methods)
	legacy := s.Access.Legacy == nil || v.legacy(s.Access.Legacy)
	switch {
	case v.doubtful:
		return denied(x, "", "setenvif", "the regular expression of a SetEnvIf took too long, and who may come in depends on it: ")
	case either && legacy && !forbidden:
		return nil
	case !either && forbidden:
		return &exchange.Refusal{Status: http.StatusMethodNotAllowed, Code: "AH01623", Level: "error", Module: "allowmethods",
			Log: "client method denied by server configuration: '" + v.method + "' to " + name(x)}
	case !either && !legacy:
		return denied(x, "AH01797", "access_compat", "client denied by server configuration: ")
	case v.requires(s.Access.Require) && !v.doubtful:
		return nil
	}
	return denied(x, "AH01630", "authz_core", "client denied by server configuration: ")
}

// Judge returns what tells whether a GET of x's client would be let in under
// other settings. Its names are looked up at most once.
func (c *Checker) Judge(x *exchange.Exchange) func(s *settings.Settings) bool {
	v := visitor{checker: c, x: x, method: http.MethodGet}
	return func(s *settings.Settings) bool {
		if s.Closed != nil || s.SSL.Required && x.Client.TLS == nil {
			return false
		}
		legacy := (s.Access.Legacy == nil || v.legacy(s.Access.Legacy)) && !v.forbidden(s.Access.Methods)
		either := s.Access.Legacy != nil && s.Access.Legacy.Any
		lets := either && legacy || (either || legacy) && v.requires(s.Access.Require)
		return lets && !v.doubtful
	}
}

func denied(x *exchange.Exchange, code, module, text string) *exchange.Refusal {
	return &exchange.Refusal{Status: http.StatusForbidden, Code: code, Log: text + name(x), Level: "error", Module: module}
}

// name is what x asks for: a file, or a path.
func name(x *exchange.Exchange) string {
	if x.Response.File != "" {
		return x.Response.File
	}
	return x.Request.Path.Mount
}

// A visitor is the client of one request; its names are looked up once.
type visitor struct {
	checker *Checker
	x       *exchange.Exchange
	method  string
	names   []string
	looked  bool
	// doubtful tells that a variable was asked for that a rule might have set.
	doubtful bool
}

// A verdict is what a Requirement comes to.
type verdict int

const (
	neutral verdict = iota
	granted
	refused
)

// forbidden reports whether AllowMethods keeps the method out.
func (v *visitor) forbidden(allowed *settings.Methods) bool {
	return allowed != nil && len(allowed.Names) > 0 && !allowed.Has(v.method)
}

// requires judges the Require lines of a section. Where all of them are for
// other methods, nothing is required.
//
// Source: httpd modules/aaa/mod_authz_core.c, authorize_user_core.
func (v *visitor) requires(r *settings.Requirement) bool {
	return r == nil || v.require(r, settings.RequireAll) == granted
}

// limited reports whether r is for other methods, or holds nothing else.
func (v *visitor) limited(r *settings.Requirement) bool {
	if !r.Limited.Has(v.method) {
		return true
	}
	for i := range r.Children {
		if !v.limited(&r.Children[i]) {
			return false
		}
	}
	return len(r.Children) > 0
}

// require judges a tree of Require lines, which stands in a container of the
// kind in.
//
// Source: httpd modules/aaa/mod_authz_core.c, apply_authz_sections.
func (v *visitor) require(r *settings.Requirement, in settings.RequirementKind) verdict {
	if v.limited(r) {
		if in == settings.RequireAll {
			return granted
		}
		return neutral
	}
	switch r.Kind {
	case settings.RequireAll, settings.RequireAny, settings.RequireNone:
		return negate(v.container(r), r.Not)
	}
	if r.Not { // only ever takes away
		if v.meets(r) {
			return refused
		}
		return neutral
	}
	if v.meets(r) {
		return granted
	}
	return refused
}

// negate turns the verdict of a container round, as <RequireAll> in a
// <RequireNone> needs it.
func negate(v verdict, not bool) verdict {
	if !not {
		return v
	}
	if v == granted {
		return refused
	}
	return neutral
}

func (v *visitor) container(r *settings.Requirement) verdict {
	result := neutral
	for i := range r.Children {
		child := v.require(&r.Children[i], r.Kind)
		switch {
		case child == neutral:
		case r.Kind == settings.RequireAll && child == refused:
			return refused
		case r.Kind == settings.RequireAny && child == granted:
			return granted
		case r.Kind == settings.RequireNone:
			if child == granted {
				return refused
			}
		default:
			result = child
		}
	}
	return result
}

// meets reports whether the client meets a single Require.
func (v *visitor) meets(r *settings.Requirement) bool {
	address := v.x.Client.Remote.Addr()
	switch r.Kind {
	case settings.RequireGranted:
		return true
	case settings.RequireIP:
		for _, p := range r.Prefixes {
			if p.Contains(address) {
				return true
			}
		}
	case settings.RequireSSL:
		return v.x.Client.TLS != nil
	case settings.RequireVerified:
		return v.x.Client.TLS != nil && v.x.Client.TLS.Verified == "SUCCESS"
	case settings.RequireLocal:
		return address.IsLoopback() || address == v.x.Client.Local.Addr()
	case settings.RequireMethod:
		return r.Methods.Has(v.method)
	case settings.RequireEnv:
		return slices.ContainsFunc(r.Env, v.set)
	case settings.RequireHost:
		for _, suffix := range r.Hosts {
			if v.named(suffix) {
				return true
			}
		}
	}
	return false
}

// legacy judges Order, Allow and Deny.
//
// Source: httpd modules/aaa/mod_access_compat.c, check_dir_access.
func (v *visitor) legacy(l *settings.Legacy) bool {
	switch l.OrderOf(v.method) {
	case settings.AllowDeny:
		return v.any(l.Allow) && !v.any(l.Deny)
	case settings.MutualFailure:
		return v.any(l.Allow) && !v.any(l.Deny)
	}
	return !v.any(l.Deny) || v.any(l.Allow)
}

func (v *visitor) any(rules []settings.HostRule) bool {
	for i := range rules {
		rule := &rules[i]
		switch {
		case !rule.Limited.Has(v.method):
		case rule.All:
			return true
		case rule.Env != "":
			name, not := strings.CutPrefix(rule.Env, "!")
			if v.set(name) != not {
				return true
			}
		case rule.Host != "":
			if v.named(rule.Host) {
				return true
			}
		case rule.Prefix.Contains(v.x.Client.Remote.Addr()):
			return true
		}
	}
	return false
}

// set reports whether the environment has a variable.
func (v *visitor) set(name string) bool {
	_, set := v.x.Env.Get(name)
	v.doubtful = v.doubtful || v.x.EnvDoubtful
	return set
}

// named reports whether the client's host name ends in suffix, on whole
// labels. A name counts only if it leads back to the client's address.
func (v *visitor) named(suffix string) bool {
	if !v.looked {
		v.looked = true
		v.names = v.checker.confirmed(v.x.Client.Remote.Addr())
	}
	for _, name := range v.names {
		if name == suffix || strings.HasSuffix(name, suffix) && (strings.HasPrefix(suffix, ".") || name[len(name)-len(suffix)-1] == '.') {
			return true
		}
	}
	return false
}

// confirmed returns the names of address that lead back to it.
func (c *Checker) confirmed(address netip.Addr) []string {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	names, err := c.resolver.Names(ctx, address)
	if err != nil {
		return nil
	}
	var good []string
	for _, name := range names[:min(len(names), 8)] {
		all, err := c.resolver.Addresses(ctx, name)
		if err != nil {
			continue
		}
		for _, a := range all {
			if a.Unmap() == address {
				good = append(good, strings.ToLower(strings.TrimSuffix(name, ".")))
				break
			}
		}
	}
	return good
}
