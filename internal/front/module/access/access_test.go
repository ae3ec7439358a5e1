package access

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/front/settings"
)

// names is a Resolver from a table.
type names map[string][]string // address → names, name → addresses

func (n names) Names(_ context.Context, a netip.Addr) ([]string, error) {
	if found := n[a.String()]; found != nil {
		return found, nil
	}
	return nil, errors.New("no such host")
}

func (n names) Addresses(_ context.Context, name string) ([]netip.Addr, error) {
	var all []netip.Addr
	for _, a := range n[strings.TrimSuffix(name, ".")] {
		all = append(all, netip.MustParseAddr(a))
	}
	return all, nil
}

var checker = NewChecker(names{
	"10.0.0.9": {"pc.good.example.", "liar.other.example."}, "pc.good.example": {"10.0.0.9"}, "liar.other.example": {"10.9.9.9"},
})

func visit(remote string, a settings.Access) *exchange.Exchange {
	s := settings.Default()
	s.Access = a
	return &exchange.Exchange{Settings: s, Client: &exchange.Client{
		Remote: netip.AddrPortFrom(netip.MustParseAddr(remote), 1), Local: netip.MustParseAddrPort("10.0.0.1:80")}}
}

type req = settings.Requirement

func ip(prefixes ...string) req {
	r := req{Kind: settings.RequireIP}
	for _, p := range prefixes {
		r.Prefixes = append(r.Prefixes, netip.MustParsePrefix(p))
	}
	return r
}

func not(r req) req { r.Not = true; return r }

func all(children ...req) req   { return req{Kind: settings.RequireAll, Children: children} }
func anyOf(children ...req) req { return req{Kind: settings.RequireAny, Children: children} }
func none(children ...req) req  { return req{Kind: settings.RequireNone, Children: children} }
func host(names ...string) req  { return req{Kind: settings.RequireHost, Hosts: names} }

var (
	grantedAll = req{Kind: settings.RequireGranted}
	deniedAll  = req{Kind: settings.RequireDenied}
	local      = req{Kind: settings.RequireLocal}
)

func TestRequire(t *testing.T) {
	for _, test := range []struct {
		rule, from string
		require    req
		want       bool
	}{
		{"all granted", "10.0.0.9", grantedAll, true},
		{"all denied", "10.0.0.9", deniedAll, false},
		{"ip", "10.0.0.9", ip("10.0.0.0/8"), true},
		{"ip: another", "11.0.0.9", ip("10.0.0.0/8", "192.168.0.0/16"), false},
		{"ip: IPv6", "2001:db8::7", ip("2001:db8::/32"), true},
		{"local: loopback", "127.0.0.1", local, true},
		{"local: IPv6", "::1", local, true},
		{"local: the server's own address", "10.0.0.1", local, true},
		{"local: no", "10.0.0.9", local, false},
		{"host", "10.0.0.9", host("good.example"), true},
		{"host: the whole name", "10.0.0.9", host("pc.good.example"), true},
		{"host: with a dot", "10.0.0.9", host(".good.example"), true},
		{"host: on whole labels", "10.0.0.9", host("ood.example"), false},
		{"host: a name that does not lead back", "10.0.0.9", host("other.example"), false},
		{"host: no name", "10.0.0.8", host("good.example"), false},
		{"several: one is enough", "10.0.0.9", anyOf(deniedAll, ip("10.0.0.0/8")), true},
		{"RequireAll", "10.0.0.9", all(grantedAll, ip("10.0.0.0/8")), true},
		{"RequireAll: one fails", "10.0.0.9", all(grantedAll, ip("11.0.0.0/8")), false},
		{"RequireAll with not", "10.0.0.9", all(grantedAll, not(ip("11.0.0.0/8"))), true},
		{"RequireAll with not: it matches", "10.0.0.9", all(grantedAll, not(ip("10.0.0.9/32"))), false},
		{"only a not: nobody is let in", "10.0.0.9", all(not(ip("11.0.0.0/8"))), false},
		{"RequireNone in RequireAll", "10.0.0.9", all(grantedAll, none(ip("10.0.0.9/32"))), false},
		{"RequireNone in RequireAll: no match", "10.0.0.9", all(grantedAll, none(ip("11.0.0.0/8"))), true},
		{"nested", "10.0.0.9", anyOf(all(ip("10.0.0.0/8"), host("bad.example")), all(ip("10.0.0.0/8"), anyOf(local, host("good.example")))), true},
	} {
		got := checker.Check(visit(test.from, settings.Access{Require: &test.require}))
		if (got == nil) != test.want || got != nil && (got.Status != 403 || got.Code != "AH01630") {
			t.Errorf("%s: from %s: %+v, want let in: %v", test.rule, test.from, got, test.want)
		}
	}
}

func TestLegacy(t *testing.T) {
	everyone := settings.HostRule{All: true}
	net10 := settings.HostRule{Prefix: netip.MustParsePrefix("10.0.0.0/8")}
	good := settings.HostRule{Host: "good.example"}
	for _, test := range []struct {
		rule, from  string
		order       settings.Order
		allow, deny []settings.HostRule
		want        bool
	}{
		{"deny,allow: default", "10.0.0.9", settings.DenyAllow, nil, nil, true},
		{"deny,allow: denied", "10.0.0.9", settings.DenyAllow, nil, []settings.HostRule{net10}, false},
		{"deny,allow: allow overrides", "10.0.0.9", settings.DenyAllow, []settings.HostRule{good}, []settings.HostRule{everyone}, true},
		{"allow,deny: default", "10.0.0.9", settings.AllowDeny, nil, nil, false},
		{"allow,deny: allowed", "10.0.0.9", settings.AllowDeny, []settings.HostRule{everyone}, nil, true},
		{"allow,deny: deny overrides", "10.0.0.9", settings.AllowDeny, []settings.HostRule{everyone}, []settings.HostRule{net10}, false},
		{"mutual-failure", "10.0.0.9", settings.MutualFailure, []settings.HostRule{net10}, []settings.HostRule{good}, false},
		{"env", "10.0.0.9", settings.AllowDeny, []settings.HostRule{{Env: "in"}}, nil, true},
		{"env not set", "10.0.0.9", settings.AllowDeny, []settings.HostRule{{Env: "other"}}, nil, false},
		{"env=!", "10.0.0.9", settings.AllowDeny, []settings.HostRule{{Env: "!other"}}, nil, true},
	} {
		x := visit(test.from, settings.Access{Legacy: &settings.Legacy{Order: test.order, Allow: test.allow, Deny: test.deny}})
		x.Env.Set("in", "")
		got := checker.Check(x)
		if (got == nil) != test.want || got != nil && got.Code != "AH01797" {
			t.Errorf("%s: %+v, want let in: %v", test.rule, got, test.want)
		}
	}
}

func TestBothMustPass(t *testing.T) {
	open := &settings.Legacy{Order: settings.AllowDeny, Allow: []settings.HostRule{{All: true}}}
	if got := checker.Check(visit("10.0.0.9", settings.Access{Require: &deniedAll, Legacy: open})); got == nil {
		t.Error("Allow from all opens what Require all denied closes")
	}
	if got := checker.Check(visit("10.0.0.9", settings.Access{Require: &grantedAll, Legacy: open})); got != nil {
		t.Errorf("%+v", got)
	}
}

func TestClosed(t *testing.T) {
	x := visit("10.0.0.9", settings.Access{Require: &grantedAll})
	x.Settings.Closed = &settings.Closed{Place: "hr.conf:22", By: "AuthType shibboleth"}
	if got := checker.Check(x); got == nil || !strings.Contains(got.Log, "hr.conf:22") || !strings.Contains(got.Log, "AuthType shibboleth") {
		t.Errorf("%+v", got)
	}
}

func TestLettingInCostsNothing(t *testing.T) {
	x := visit("10.0.0.9", settings.Access{Require: &grantedAll, Legacy: &settings.Legacy{}})
	if n := testing.AllocsPerRun(100, func() { checker.Check(x) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestJudge: a listing asks for many names, and the client's name is looked up
// once for all of them.
func TestJudge(t *testing.T) {
	looked := 0
	c := NewChecker(counting{checker.resolver, &looked})
	admits := c.Judge(visit("10.0.0.9", settings.Access{}))
	with := func(a settings.Access) *settings.Settings {
		s := settings.Default()
		s.Access = a
		return s
	}
	good, bad := host(".good.example"), host(".bad.example")
	for _, test := range []struct {
		rule string
		s    *settings.Settings
		want bool
	}{
		{"nothing restricts", settings.Default(), true},
		{"Require", with(settings.Access{Require: &good}), true},
		{"Require, another", with(settings.Access{Require: &bad}), false},
		{"Deny", with(settings.Access{Legacy: &settings.Legacy{Deny: []settings.HostRule{{All: true}}}}), false},
		{"closed", &settings.Settings{Closed: &settings.Closed{}}, false},
	} {
		if got := admits(test.s); got != test.want {
			t.Errorf("%s: %v", test.rule, got)
		}
	}
	if looked != 1 {
		t.Errorf("%d look-ups of the client", looked)
	}
}

type counting struct {
	Resolver
	looked *int
}

func (c counting) Names(ctx context.Context, a netip.Addr) ([]string, error) {
	*c.looked++
	return c.Resolver.Names(ctx, a)
}

// TestEnv: Require env, and Allow and Deny by variables; where one is asked
// for that a rule might have set, had it ended in time, nobody comes in.
func TestEnv(t *testing.T) {
	env := func(names ...string) req { return req{Kind: settings.RequireEnv, Env: names} }
	legacy := func(order settings.Order, allow, deny settings.HostRule) settings.Access {
		return settings.Access{Legacy: &settings.Legacy{Order: order, Allow: []settings.HostRule{allow}, Deny: []settings.HostRule{deny}}}
	}
	require := func(r req) settings.Access { return settings.Access{Require: &r} }
	everybody := settings.HostRule{All: true}
	for _, test := range []struct {
		rule        string
		access      settings.Access
		want, doubt bool // what it comes to, and with a doubtful environment
	}{
		{"one of several", require(env("none", "set")), true, false},
		{"another", require(env("none")), false, false},
		{"no name", require(env()), false, false},
		{"not", require(all(grantedAll, not(env("set")))), false, false},
		{"not another", require(all(grantedAll, not(env("none")))), true, false},
		{"who is let in anyway", require(anyOf(grantedAll, env("none"))), true, true},
		{"Allow from env", legacy(settings.DenyAllow, settings.HostRule{Env: "set"}, everybody), true, false},
		{"Allow from env=!", legacy(settings.DenyAllow, settings.HostRule{Env: "!set"}, everybody), false, false},
		{"Deny from env", legacy(settings.AllowDeny, everybody, settings.HostRule{Env: "set"}), false, false},
		{"Deny from another", legacy(settings.AllowDeny, everybody, settings.HostRule{Env: "none"}), true, false},
		{"no variable asked for", require(grantedAll), true, true},
	} {
		x := visit("10.0.0.9", test.access)
		x.Env.Set("set", "")
		if got := checker.Check(x) == nil; got != test.want {
			t.Errorf("%s: %v", test.rule, got)
		}
		x.EnvDoubtful = true
		if got := checker.Check(x) == nil; got != test.doubt {
			t.Errorf("%s, doubtful: %v", test.rule, got)
		}
	}
}

// TestLimited: what stands in <Limit> is there for its methods only; interop
// compares many more with httpd.
func TestLimited(t *testing.T) {
	post, others := &settings.Methods{Names: []string{"POST"}}, &settings.Methods{Names: []string{"GET"}, Except: true}
	limited := func(m *settings.Methods, r req) req { r.Limited = m; return r }
	everybody := settings.HostRule{All: true}
	for _, test := range []struct {
		rule            string
		access          settings.Access
		get, post, head bool
	}{
		{"Require in <Limit POST>", settings.Access{Require: &settings.Requirement{Kind: settings.RequireAny, Children: []req{limited(post, req{Kind: settings.RequireDenied})}}}, true, false, true},
		{"Require in <LimitExcept GET>", settings.Access{Require: &settings.Requirement{Kind: settings.RequireAny, Children: []req{limited(others, req{Kind: settings.RequireDenied})}}}, true, false, true},
		{"beside one for all", settings.Access{Require: &settings.Requirement{Kind: settings.RequireAny, Children: []req{limited(post, grantedAll), {Kind: settings.RequireDenied}}}}, false, true, false},
		{"in <RequireAll>", settings.Access{Require: &settings.Requirement{Kind: settings.RequireAll, Children: []req{grantedAll, limited(post, req{Kind: settings.RequireDenied})}}}, true, false, true},
		{"Deny", settings.Access{Legacy: &settings.Legacy{Deny: []settings.HostRule{{All: true, Limited: post}}}}, true, false, true},
		{"Order", settings.Access{Legacy: &settings.Legacy{Limited: []settings.LimitedOrder{{Order: settings.AllowDeny, Methods: others}}}}, true, false, true},
		{"Order for all but", settings.Access{Legacy: &settings.Legacy{Order: settings.AllowDeny, Allow: []settings.HostRule{everybody}, Limited: []settings.LimitedOrder{{Order: settings.MutualFailure, Methods: post}}, Deny: []settings.HostRule{{All: true, Limited: post}}}}, true, false, true},
		{"Require method", settings.Access{Require: &settings.Requirement{Kind: settings.RequireMethod, Methods: &settings.Methods{Names: []string{"GET"}}}}, true, false, true},
	} {
		for method, want := range map[string]bool{"GET": test.get, "POST": test.post, "HEAD": test.head} {
			x := visit("10.0.0.9", test.access)
			x.Request.Method = method
			if got := checker.Check(x) == nil; got != want {
				t.Errorf("%s, %s: %v", test.rule, method, got)
			}
		}
	}
}

func TestAllowMethods(t *testing.T) {
	for _, test := range []struct {
		methods *settings.Methods
		method  string
		want    int
	}{
		{&settings.Methods{Names: []string{"GET"}}, "GET", 0}, {&settings.Methods{Names: []string{"GET"}}, "HEAD", 0},
		{&settings.Methods{Names: []string{"GET"}}, "POST", 405}, {&settings.Methods{}, "POST", 0},
	} {
		x := visit("10.0.0.9", settings.Access{Methods: test.methods})
		x.Request.Method = test.method
		got := 0
		if refusal := checker.Check(x); refusal != nil {
			got = refusal.Status
		}
		if got != test.want {
			t.Errorf("%v, %s: %d, want %d", test.methods, test.method, got, test.want)
		}
		admits := checker.Judge(x)
		if admits(x.Settings) != test.methods.Has("GET") && len(test.methods.Names) > 0 {
			t.Errorf("%v: a GET is judged otherwise", test.methods)
		}
	}
}

// TestSatisfy: with Any one of both is enough.
func TestSatisfy(t *testing.T) {
	legacy := func(any, lets bool) *settings.Legacy {
		return &settings.Legacy{Order: settings.AllowDeny, Any: any, Allow: []settings.HostRule{{All: true}}[:map[bool]int{true: 1}[lets]]}
	}
	denied := &settings.Requirement{Kind: settings.RequireDenied}
	for _, test := range []struct {
		rule   string
		access settings.Access
		want   bool
	}{
		{"All, both", settings.Access{Legacy: legacy(false, true), Require: &grantedAll}, true},
		{"All, Allow only", settings.Access{Legacy: legacy(false, true), Require: denied}, false},
		{"Any, Allow only", settings.Access{Legacy: legacy(true, true), Require: denied}, true},
		{"Any, Require only", settings.Access{Legacy: legacy(true, false), Require: &grantedAll}, true},
		{"Any, none", settings.Access{Legacy: legacy(true, false), Require: denied}, false},
	} {
		x := visit("10.0.0.9", test.access)
		if got := checker.Check(x) == nil; got != test.want {
			t.Errorf("%s: %v", test.rule, got)
		}
		if got := checker.Judge(x)(x.Settings); got != test.want {
			t.Errorf("%s: judged %v", test.rule, got)
		}
	}
}
