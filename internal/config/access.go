package config

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/front/settings"
	"github.com/catflap/catflap/internal/mistake"
)

// accessRows are the directives about who may come in.
var accessRows = []row{
	{"Require", inRequires, anyNumber, "", require, "all, ip, host, local, env, method, each with not. Others let nobody in.", "front/module/access TestEnv"},
	{"<RequireAll", inRequires, anyNumber, "", requireSection(settings.RequireAll), "All of what it holds.", "front/module/access TestRequire"},
	{"<RequireAny", inRequires, anyNumber, "", requireSection(settings.RequireAny), "One of what it holds.", "front/module/access TestRequire"},
	{"<RequireNone", inRequires, anyNumber, "", requireSection(settings.RequireNone), "None of what it holds.", "front/module/access TestRequire"},
	{"Order", inSection, one, "'allow,deny', 'deny,allow', or 'mutual-failure'", order, "Which of Allow and Deny overrides.", "front/module/access TestLegacy"},
	{"Allow", inSection, twoOrMore, "'from' followed by hostnames or IP-address wildcards", allowDeny, "Who may come in.", "front/module/access TestLegacy"},
	{"Deny", inSection, twoOrMore, "'from' followed by hostnames or IP-address wildcards", allowDeny, "Who may not.", "front/module/access TestLegacy"},
	{"Satisfy", inSection, one, "access policy if both allow and require used ('all' or 'any')", satisfy, "Whether Require or Allow is enough, or both have to pass.", "front/module/access TestSatisfy"},
	{"<Limit", inRequires, anyNumber, "", limitSection(false), "Who may come in, for some methods.", "front/module/access TestLimited"},
	{"<LimitExcept", inRequires, anyNumber, "", limitSection(true), "Who may come in, for all methods but some.", "front/module/access TestLimited"},
	{"AllowMethods", inSection, anyNumber, "", allowMethods, "The methods that are taken; others get 405.", "front/module/access TestAllowMethods"},
}

// require reads Require. Several in one section are alternatives.
func require(l *loader, p place, d *httpdconf.Directive) {
	r, ok := l.requirement(p, d)
	if !ok {
		return
	}
	if r.Not && (p.section == nil || !strings.EqualFold(p.section.Name, "RequireAll")) {
		container := "RequireAny"
		if p.in == inRequire {
			container = p.section.Name
		}
		l.fail(d, d.Pos, "negative Require directive has no effect in <"+container+"> directive", "put it into a <RequireAll> with another Require")
		return
	}
	addRequirement(p, r)
}

// addRequirement adds r to what the place requires: any of its lines.
func addRequirement(p place, r settings.Requirement) {
	if p.layer.Require == nil {
		p.layer.Require = &settings.Requirement{Kind: settings.RequireAny}
	}
	p.layer.Require.Children = append(p.layer.Require.Children, r)
}

// providers are the words after Require that httpd's modules know and catflap
// does not check.
var providers = []string{
	"valid-user", "user", "group", "file-owner", "file-group", "expr", "forward-dns", "dbm-group", "dbm-file-group",
	"dbd-group", "dbd-login", "dbd-logout", "ldap-user", "ldap-group", "ldap-dn", "ldap-attribute", "ldap-filter", "ldap-search",
}

// requirement reads one Require line.
//
// Source: httpd modules/aaa/mod_authz_core.c, add_authz_provider;
// mod_authz_host.c, the parse functions, as seen at work.
func (l *loader) requirement(p place, d *httpdconf.Directive) (settings.Requirement, bool) {
	args := d.Args
	r := settings.Requirement{Limited: p.methods}
	if len(args) > 0 && strings.EqualFold(args[0].Text, "not") {
		r.Not, args = true, args[1:]
	}
	if len(args) == 0 {
		l.fail(d, d.Pos, "Unknown Authz provider: ", "write Require all granted, or what is required")
		return r, false
	}
	provider, words := args[0], args[1:]
	switch name := provider.Text; {
	case name == "all":
		what := ""
		if len(words) == 1 {
			what = strings.ToLower(words[0].Text)
		}
		switch what {
		case "granted":
			r.Kind = settings.RequireGranted
		case "denied":
			r.Kind = settings.RequireDenied
		default:
			l.fail(d, d.Pos, "Argument for 'Require all' must be 'granted' or 'denied'", "")
			return r, false
		}
	case name == "local":
		r.Kind = settings.RequireLocal
		l.judges(p, d)
	case name == "ip":
		r.Kind = settings.RequireIP
		l.judges(p, d)
		return r, l.prefixes(d, words, &r)
	case name == "host":
		r.Kind = settings.RequireHost
		l.judges(p, d)
		for _, a := range words {
			r.Hosts = append(r.Hosts, strings.ToLower(a.Text))
		}
	case name == "method":
		r.Kind, r.Methods = settings.RequireMethod, methodsOf(words)
		for _, a := range words {
			if !l.knownMethod(d, a, "") {
				return r, false
			}
		}
	case name == "env":
		r.Kind = settings.RequireEnv
		for _, a := range words {
			r.Env = append(r.Env, a.Text)
			if r.Not != p.negative {
				l.judgesEnv(p, d, a.Text)
			}
		}
	case name == "ssl", name == "ssl-verify-client":
		if len(words) > 0 {
			l.fail(d, words[0].Pos, "'Require "+name+"' does not take arguments", "")
			return r, false
		}
		if r.Kind = settings.RequireSSL; name == "ssl-verify-client" {
			r.Kind = settings.RequireVerified
		}
	case slices.Contains(providers, name) || l.aliased(name):
		l.closesForSome(p, d)
		r.Kind, r.Not = unchecked(r.Not, p.negative)
	case l.foreignModule() != "":
		l.closesForSome(p, d)
		r.Kind, r.Not = unchecked(r.Not, p.negative)
	default:
		l.fail(d, provider.Pos, "Unknown Authz provider: "+name, near(name, append([]string{"all", "ip", "host", "local", "env", "method"}, providers...)))
		return r, false
	}
	return r, true
}

// closesForSome tells that nobody checks a Require.
func (l *loader) closesForSome(p place, d *httpdconf.Directive) {
	if c := p.layer.Closed; c != nil {
		l.classify(d, Unsupported, "Require "+d.Raw+": "+p.what()+" is closed already, by "+c.By)
		return
	}
	l.closes(d, d.Pos, p.what(), "Require "+d.Raw+": catflap does not check this; so "+p.what()+" answers 403 to whom only that would let in", "")
}

// unchecked is what stands for a requirement that nobody checks, so that it
// lets nobody in: in <RequireNone> what is met keeps out.
func unchecked(not, negative bool) (settings.RequirementKind, bool) {
	if not == negative {
		return settings.RequireDenied, not
	}
	return settings.RequireGranted, not
}

// aliased reports whether <AuthzProviderAlias> makes a provider of that name.
func (l *loader) aliased(name string) bool { return l.providerAliases[name] }

// judges notes that d looks at the client's address.
func (l *loader) judges(p place, d *httpdconf.Directive) {
	l.judgements = append(l.judgements, judgement{p, d})
}

// prefixes reads what follows Require ip.
func (l *loader) prefixes(d *httpdconf.Directive, words []httpdconf.Arg, r *settings.Requirement) bool {
	if len(words) == 0 {
		l.fail(d, d.Pos, "'require ip' requires an argument", "")
		return false
	}
	for _, a := range words {
		prefix, err := parsePrefix(a.Text)
		if err != nil {
			text := "ip address '" + a.Text + "' appears to be invalid"
			if !errors.Is(err, errNoAddress) {
				text += ": " + err.Error()
			}
			l.fail(d, a.Pos, text, "write an address, a network as 10.1.0.0/16, or its beginning as 10.1")
			return false
		}
		r.Prefixes = append(r.Prefixes, prefix)
	}
	return true
}

// An addressError says in httpd's words what is wrong with an address.
type addressError string

func (e addressError) Error() string { return string(e) }

const (
	errNoAddress = addressError("An IP address was expected")
	errAddress   = addressError("The specified IP address is invalid.")
	errMask      = addressError("The specified network mask is invalid.")
	// errHoles is a mask that httpd takes and a prefix cannot say.
	errHoles = addressError("a network mask with ones after zeros is not known to catflap")
)

// parsePrefix reads an address, a network with its length or mask, or the
// first bytes of an IPv4 address. Its errors have httpd's words.
//
// Source: APR network_io/unix/sockaddr.c, apr_ipsubnet_create.
func parsePrefix(text string) (netip.Prefix, error) {
	address, mask, masked := strings.Cut(text, "/")
	if address == "" || strings.Trim(strings.ToLower(address), "0123456789abcdef:.") != "" {
		return netip.Prefix{}, errNoAddress
	}
	ip, err := netip.ParseAddr(address)
	switch {
	case err != nil && strings.Trim(address, "0123456789.") != "" && !strings.Contains(address, ":"):
		return netip.Prefix{}, errNoAddress
	case err != nil && masked:
		return netip.Prefix{}, errAddress
	case err != nil:
		return beginning(address)
	case !masked:
		return netip.PrefixFrom(ip, ip.BitLen()), nil
	}
	if bits, err := strconv.Atoi(mask); err == nil {
		if bits < 1 || bits > ip.BitLen() {
			return netip.Prefix{}, errMask
		}
		return netip.PrefixFrom(ip, bits).Masked(), nil
	}
	m, err := netip.ParseAddr(mask)
	if err != nil || !m.Is4() || !ip.Is4() {
		return netip.Prefix{}, errMask
	}
	n := binary.BigEndian.Uint32(m.AsSlice())
	ones := bits.LeadingZeros32(^n)
	if n<<ones != 0 {
		return netip.Prefix{}, errHoles
	}
	return netip.PrefixFrom(ip, ones).Masked(), nil
}

// beginning reads 10, 10.1, 10.1. or 10.1.2.
func beginning(text string) (netip.Prefix, error) {
	parts := strings.Split(strings.TrimSuffix(text, "."), ".")
	if len(parts) > 3 {
		return netip.Prefix{}, errAddress
	}
	var b [4]byte
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 8)
		if err != nil {
			return netip.Prefix{}, errAddress
		}
		b[i] = byte(n)
	}
	return netip.PrefixFrom(netip.AddrFrom4(b), 8*len(parts)), nil
}

// requireSection returns what reads <RequireAll> and its kin.
func requireSection(kind settings.RequirementKind) func(*loader, place, *httpdconf.Directive) {
	return func(l *loader, p place, d *httpdconf.Directive) {
		if len(d.Args) > 0 {
			l.fail(d, at(d, 0), "<"+d.Name+"> directive doesn't take additional arguments", "")
			return
		}
		inner := p
		inner.layer, inner.in, inner.section, inner.inside = &settings.Layer{}, inRequire, d, nil
		inner.negative = p.negative != (kind == settings.RequireNone)
		before := l.report.Mistakes.Errors()
		l.walk(d.Body, inner)
		p.layer.Closed = firstClosed(p.layer.Closed, inner.layer.Closed)
		for i := range l.judgements { // what closes, closes the section around
			if l.judgements[i].place.layer == inner.layer {
				l.judgements[i].place.layer = p.layer
			}
		}
		for i := range l.envJudgements {
			if l.envJudgements[i].place.layer == inner.layer {
				l.envJudgements[i].place.layer = p.layer
			}
		}
		if l.report.Mistakes.Errors() > before {
			return
		}
		r := settings.Requirement{Kind: kind, Limited: p.methods}
		if inner.layer.Require != nil {
			r.Children = inner.layer.Require.Children
		}
		if l.sensible(p, d, r) {
			addRequirement(p, r)
		}
	}
}

// sensible reports whether a container can let somebody in, or says in httpd's
// words that it cannot.
//
// Source: httpd modules/aaa/mod_authz_core.c, add_authz_section and
// authz_core_check_section, as seen at work.
func (l *loader) sensible(p place, d *httpdconf.Directive, r settings.Requirement) bool {
	around := "RequireAny"
	if p.in == inRequire {
		around = p.section.Name
	}
	negative := 0
	for _, c := range r.Children {
		if c.Not || c.Kind == settings.RequireNone {
			negative++
		}
	}
	switch {
	case len(r.Children) == 0:
		l.fail(d, d.Pos, "<"+d.Name+"> directive contains no authorization directives", "take it out")
	case r.Kind == settings.RequireNone && !strings.EqualFold(around, "RequireAll"):
		l.fail(d, d.Pos, "<"+d.Name+"> directive has no effect in <"+around+"> directive", "put it into a <RequireAll> with another Require")
	case r.Kind == settings.RequireAll && negative == len(r.Children):
		l.say(d, d.Pos, mistake.Error, "<"+d.Name+"> directive contains only negative authorization directives", "add Require all granted", "AH01624")
	default:
		return true
	}
	return false
}

func firstClosed(a, b *settings.Closed) *settings.Closed {
	if a != nil {
		return a
	}
	return b
}

// legacyOf returns the Order, Allow and Deny of a layer, made if it has none.
func legacyOf(layer *settings.Layer) *settings.Legacy {
	if layer.Legacy == nil {
		layer.Legacy = &settings.Legacy{}
	}
	return layer.Legacy
}

func order(l *loader, p place, d *httpdconf.Directive) {
	var o settings.Order
	switch strings.ToLower(arg(d, 0)) {
	case "deny,allow":
		o = settings.DenyAllow
	case "allow,deny":
		o = settings.AllowDeny
	case "mutual-failure":
		o = settings.MutualFailure
	default:
		l.fail(d, at(d, 0), "unknown order", "write Order allow,deny or Order deny,allow, without a blank")
		return
	}
	legacy := legacyOf(p.layer)
	if p.methods == nil {
		legacy.Order, legacy.Limited = o, nil
	} else {
		legacy.Limited = append(legacy.Limited, settings.LimitedOrder{Order: o, Methods: p.methods})
	}
}

// allowDeny reads Allow and Deny.
//
// Source: httpd modules/aaa/mod_access_compat.c, allow_cmd.
func allowDeny(l *loader, p place, d *httpdconf.Directive) {
	if !strings.EqualFold(arg(d, 0), "from") {
		l.fail(d, at(d, 0), "allow and deny must be followed by 'from'", "write "+d.Name+" from "+arg(d, 1))
		return
	}
	legacy, deny := legacyOf(p.layer), strings.EqualFold(d.Name, "Deny")
	for _, a := range d.Args[1:] {
		rule, err := hostRule(a.Text)
		rule.Limited = p.methods
		switch {
		case err != nil:
			l.fail(d, a.Pos, err.Error(), "write an address, a network as 10.1.0.0/16, its beginning as 10.1, or a name")
			continue
		case rule.Env != "" && deny != strings.HasPrefix(rule.Env, "!"):
			l.judgesEnv(p, d, strings.TrimPrefix(rule.Env, "!"))
		case !rule.All && rule.Env == "":
			l.judges(p, d)
		}
		if deny {
			legacy.Deny = append(legacy.Deny, rule)
		} else {
			legacy.Allow = append(legacy.Allow, rule)
		}
	}
}

// hostRule reads one word after Allow from.
func hostRule(text string) (settings.HostRule, error) {
	if env, ok := strings.CutPrefix(text, "env="); ok {
		return settings.HostRule{Env: env}, nil
	}
	if strings.EqualFold(text, "all") {
		return settings.HostRule{All: true}, nil
	}
	prefix, err := parsePrefix(text)
	switch {
	case err == nil:
		return settings.HostRule{Prefix: prefix}, nil
	case errors.Is(err, errNoAddress) && !strings.Contains(text, "/"):
		return settings.HostRule{Host: strings.ToLower(text)}, nil
	}
	return settings.HostRule{}, err
}
