package config

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/catflap/catflap/internal/config/httpdconf"
	"github.com/catflap/catflap/internal/front/settings"
)

// accessRows are the directives about who may come in.
var accessRows = []row{
	{"Require", inRequires, 1, -1, "", require, "all, ip, host, local, each with not.", "TestRequire"},
	{"<RequireAll", inRequires, 0, 0, "", requireSection(settings.RequireAll), "All of what it holds.", "TestRequire"},
	{"<RequireAny", inRequires, 0, 0, "", requireSection(settings.RequireAny), "One of what it holds.", "TestRequire"},
	{"<RequireNone", inRequires, 0, 0, "", requireSection(settings.RequireNone), "None of what it holds.", "TestRequire"},
	{"Order", inSection, 1, 1, "one argument, 'allow,deny', 'deny,allow', or 'mutual-failure'", order, "Which of Allow and Deny overrides.", "TestLegacy"},
	{"Allow", inSection, 2, -1, "at least two arguments, 'from' followed by hostnames or IP-address wildcards", allowDeny, "Who may come in.", "TestLegacy"},
	{"Deny", inSection, 2, -1, "at least two arguments, 'from' followed by hostnames or IP-address wildcards", allowDeny, "Who may not.", "TestLegacy"},
}

func require(l *loader, p place, d *httpdconf.Directive) {
	r, ok := l.requirement(p, d)
	if !ok {
		return
	}
	if p.in == inRequire || r.Kind <= settings.RequireNone {
		l.addRequirement(p, r)
		return
	}
	if r.Not {
		l.fail(d, d.Pos, "negative Require directive has no effect in <RequireAny> directive", "put it into a <RequireAll> with another Require")
		return
	}
	l.addRequirement(p, r)
}

// addRequirement adds r to what the section requires: any of its lines.
func (l *loader) addRequirement(p place, r settings.Requirement) {
	if p.layer.Require == nil {
		p.layer.Require = &settings.Requirement{Kind: settings.RequireAny}
	}
	p.layer.Require.Children = append(p.layer.Require.Children, r)
}

// requirement reads one Require line. What catflap does not check closes the
// section.
func (l *loader) requirement(p place, d *httpdconf.Directive) (settings.Requirement, bool) {
	args := d.Args
	r := settings.Requirement{}
	if strings.EqualFold(args[0].Text, "not") && len(args) > 1 {
		r.Not, args = true, args[1:]
	}
	provider := strings.ToLower(args[0].Text)
	args = args[1:]
	switch provider {
	case "all":
		switch {
		case len(args) == 1 && strings.EqualFold(args[0].Text, "granted"):
			r.Kind = settings.RequireGranted
		case len(args) == 1 && strings.EqualFold(args[0].Text, "denied"):
			r.Kind = settings.RequireDenied
		default:
			l.fail(d, d.Pos, "Argument for 'Require all' must be 'granted' or 'denied'", "")
			return r, false
		}
	case "local":
		r.Kind = settings.RequireLocal
	case "ip":
		r.Kind = settings.RequireIP
		for _, a := range args {
			prefix, err := parsePrefix(a.Text)
			if err != nil {
				l.fail(d, a.Pos, fmt.Sprintf("ip address '%s' appears to be invalid", a.Text), "write an address, a network as 10.1.0.0/16, or its beginning as 10.1")
				return r, false
			}
			r.Prefixes = append(r.Prefixes, prefix)
		}
	case "host":
		r.Kind = settings.RequireHost
		for _, a := range args {
			r.Hosts = append(r.Hosts, strings.ToLower(a.Text))
		}
	case "valid-user", "user", "group", "file-owner", "file-group", "env", "method", "expr", "forward-dns",
		"dbm-group", "dbm-file-group", "dbd-group", "dbd-login", "dbd-logout", "ldap-user", "ldap-group", "ldap-dn", "ldap-attribute",
		"ldap-filter", "ldap-search", "ssl", "ssl-verify-client", "shibboleth", "shib-session", "shib-user", "shib-attr", "claim", "valid-saml":
		l.closes(p, d, "Require "+provider)
		return settings.Requirement{Kind: settings.RequireDenied}, true
	default:
		l.fail(d, d.Args[0].Pos, "Unknown Authz provider: "+provider, near(provider, []string{"all", "ip", "host", "local", "valid-user", "user", "group"}))
		return r, false
	}
	if (r.Kind == settings.RequireIP || r.Kind == settings.RequireHost) && len(args) == 0 {
		l.fail(d, d.Pos, "'require "+provider+"' requires an argument", "")
		return r, false
	}
	return r, true
}

// parsePrefix reads an address, a network with its length or mask, or the
// first bytes of an IPv4 address.
func parsePrefix(text string) (netip.Prefix, error) {
	address, mask, masked := strings.Cut(text, "/")
	if !strings.Contains(address, ":") {
		if parts := strings.Split(strings.TrimSuffix(address, "."), "."); len(parts) < 4 && !masked {
			bits := 8 * len(parts)
			for len(parts) < 4 {
				parts = append(parts, "0")
			}
			ip, err := netip.ParseAddr(strings.Join(parts, "."))
			return netip.PrefixFrom(ip, bits), err
		}
	}
	ip, err := netip.ParseAddr(address)
	if err != nil || !masked {
		return netip.PrefixFrom(ip, ip.BitLen()), err
	}
	if bits, err := strconv.Atoi(mask); err == nil {
		p := netip.PrefixFrom(ip, bits)
		if !p.IsValid() {
			return p, fmt.Errorf("bad length %d", bits)
		}
		return p.Masked(), nil
	}
	m, err := netip.ParseAddr(mask)
	if err != nil || !m.Is4() {
		return netip.Prefix{}, fmt.Errorf("bad mask %q", mask)
	}
	bits := 0
	for _, b := range m.As4() {
		for ; b != 0; b <<= 1 {
			bits++
		}
	}
	return netip.PrefixFrom(ip, bits).Masked(), nil
}

// requireSection returns what reads <RequireAll> and its kin.
func requireSection(kind settings.RequirementKind) func(*loader, place, *httpdconf.Directive) {
	return func(l *loader, p place, d *httpdconf.Directive) {
		inner := place{scope: p.scope, layer: &settings.Layer{}, in: inRequire, location: p.location}
		l.walk(d.Body, inner)
		r := settings.Requirement{Kind: kind}
		if inner.layer.Require != nil {
			r.Children = inner.layer.Require.Children
		}
		p.layer.Closed = firstClosed(p.layer.Closed, inner.layer.Closed)
		if len(r.Children) == 0 {
			return
		}
		l.checkNegatives(d, r)
		l.addRequirement(p, r)
	}
}

// checkNegatives tells of not in a container in which it has no effect.
func (l *loader) checkNegatives(d *httpdconf.Directive, r settings.Requirement) {
	negative := 0
	for _, c := range r.Children {
		if c.Not || c.Kind == settings.RequireNone {
			negative++
		}
	}
	switch {
	case negative > 0 && r.Kind != settings.RequireAll:
		l.fail(d, d.Pos, "negative Require directive has no effect in <"+d.Name+"> directive", "use <RequireAll>")
	case negative == len(r.Children):
		l.fail(d, d.Pos, "<RequireAll> directive contains only negative authorization directives", "add Require all granted")
	}
}

func firstClosed(a, b *settings.Closed) *settings.Closed {
	if a != nil {
		return a
	}
	return b
}

// closes makes the section answer 403, since what restricts it is not checked.
func (l *loader) closes(p place, d *httpdconf.Directive, what string) {
	l.report.Classes[Unsupported]++
	l.say(d, d.Pos, severityUnsupported, what+" is not checked by catflap; so what it restricts answers 403 here and stays closed", "", "")
	if p.layer.Closed == nil {
		p.layer.Closed = &settings.Closed{Place: d.Pos.String(), By: strings.TrimSpace(d.Name + " " + d.Raw)}
	}
}

// legacyOf returns the Order, Allow and Deny of a layer, made if it has none.
func legacyOf(layer *settings.Layer) *settings.Legacy {
	if layer.Legacy == nil {
		layer.Legacy = &settings.Legacy{}
	}
	return layer.Legacy
}

func order(l *loader, p place, d *httpdconf.Directive) {
	switch strings.ToLower(arg(d, 0)) {
	case "deny,allow":
		legacyOf(p.layer).Order = settings.DenyAllow
	case "allow,deny":
		legacyOf(p.layer).Order = settings.AllowDeny
	case "mutual-failure":
		legacyOf(p.layer).Order = settings.MutualFailure
	default:
		l.fail(d, at(d, 0), "unknown order", "write Order allow,deny or Order deny,allow, without a blank")
	}
}

func allowDeny(l *loader, p place, d *httpdconf.Directive) {
	if !strings.EqualFold(arg(d, 0), "from") {
		l.fail(d, at(d, 0), "allow and deny must be followed by 'from'", "write "+d.Name+" from "+d.Raw)
		return
	}
	legacy := legacyOf(p.layer)
	for _, a := range d.Args[1:] {
		var rule settings.HostRule
		env, isEnv := strings.CutPrefix(a.Text, "env=")
		prefix, err := parsePrefix(a.Text)
		switch {
		case strings.EqualFold(a.Text, "all"):
			rule.All = true
		case isEnv:
			rule.Env = env
		case err == nil && strings.ContainsAny(a.Text[:1], "0123456789:"):
			rule.Prefix = prefix
		default:
			rule.Host = strings.ToLower(a.Text)
		}
		if strings.EqualFold(d.Name, "Allow") {
			legacy.Allow = append(legacy.Allow, rule)
		} else {
			legacy.Deny = append(legacy.Deny, rule)
		}
	}
}
