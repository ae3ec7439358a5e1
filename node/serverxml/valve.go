package serverxml

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	syntax "github.com/catflap/catflap/internal/config/serverxml"
	"github.com/catflap/catflap/internal/mistake"
	"github.com/catflap/catflap/node"
)

// A scope is what a Valve holds for: an Engine, a Host or a Context.
type scope struct {
	what    string // in words: "everything of the Host site-a.example"; each has another
	filters *[]node.AddressFilter
	refuse  *string
	logs    *[]node.AccessLog // nil: of a Context, which has none of its own
	guarded *string           // of a Context
}

const valves = "org.apache.catalina.valves."

// valve reads a <Valve> that is not a Cluster's. One that is not known may keep
// somebody out: then everybody is.
func (l *loader) valve(e *syntax.Element, s *scope) {
	name := l.classOf(e, "Valve classes", "")
	pos := at(e, "className")
	b := bystanderOf("Valve classes", name)
	switch {
	case name == "":
		l.wrong(e.Pos, "<Valve> has no className", "")
	case name == valves+"AccessLogValve":
		l.accessLog(e, s)
	case name == valves+"RemoteAddrValve" || name == valves+"RemoteCIDRValve":
		l.addressFilter(e, s, name == valves+"RemoteCIDRValve")
	case name == valves+"RemoteIpValve":
		l.proxied[s.what] = e
		l.unsupported(pos, "RemoteIpValve has no effect: requests have the address, scheme and port that the connection or the AJP front tells", "over AJP the front tells them anyway; over HTTP set scheme, secure, proxyName and proxyPort of the Connector")
	case b == nil:
		l.refuse(pos, s, fmt.Sprintf("the Valve %s is Java, which does not run here, and may keep requests out", name), "remove it if it does not")
	case b.class == classCloses && s.guarded != nil && strings.HasPrefix(name, "org.apache.catalina.authenticator."):
		l.guard(pos, s, shortClass(name)+" asks for a login, which does not happen here", "remove it if all may read these files; an App in this place asks for itself")
	case b.class == classCloses:
		l.refuse(pos, s, shortClass(name)+" "+b.why, "remove it if it keeps nobody out")
	case b.class == classUnsupported:
		l.unsupported(pos, shortClass(name)+" has no effect: "+b.why, "")
	}
}

// refuse closes s.
func (l *loader) refuse(pos mistake.Pos, s *scope, why, fix string) {
	if *s.refuse == "" {
		*s.refuse = why
	}
	l.unsupported(pos, why+": "+s.what+" is answered 403", fix)
}

// guard closes the files of s, which is a Context.
func (l *loader) guard(pos mistake.Pos, s *scope, why, fix string) {
	if *s.guarded == "" {
		*s.guarded = why
	}
	l.unsupported(pos, why+": the files of "+strings.TrimPrefix(s.what, "everything of ")+" are answered 403", fix)
}

// A filterElement is what a RemoteAddrValve or RemoteCIDRValve says.
type filterElement struct {
	node.AddressFilter
	addPort bool
	wrong   bool
}

var filterRows = []row[filterElement]{
	{"denyStatus", func(f *filterElement, g given) { f.Status = int(g.number(100, 999)) }, "what others get; default 403"},
	{"usePeerAddress", func(f *filterElement, g given) { f.Peer = g.bool() }, "the address of the connection counts, also over AJP"},
	{"addConnectorPort", func(f *filterElement, g given) { f.addPort = g.bool() }, "true closes what it stands for"},
	{"invalidAuthenticationWhenDeny", func(f *filterElement, g given) { g.bool() }, "without effect: who is denied gets denyStatus"},
}

var addressTable = table[filterElement]{"Valve RemoteAddrValve", append([]row[filterElement]{
	{"allow", func(f *filterElement, g given) { f.Allow = g.addresses(f) }, "who is let in, by address"},
	{"deny", func(f *filterElement, g given) { f.Deny = g.addresses(f) }, "who is not, whatever allow says"},
}, filterRows...)}

var cidrTable = table[filterElement]{"Valve RemoteCIDRValve", append([]row[filterElement]{
	{"allow", func(f *filterElement, g given) { f.AllowNets = g.nets(f) }, "networks that are let in"},
	{"deny", func(f *filterElement, g given) { f.DenyNets = g.nets(f) }, "networks that are not, whatever allow says"},
}, filterRows...)}

// addressFilter reads a RemoteAddrValve or RemoteCIDRValve.
func (l *loader) addressFilter(e *syntax.Element, s *scope, nets bool) {
	f := filterElement{AddressFilter: node.AddressFilter{Line: l.line(e)}}
	t := addressTable
	if nets {
		t = cidrTable
	}
	t.read(l, e, &f)
	if f.addPort {
		l.refuse(at(e, "addConnectorPort"), s, `addConnectorPort="true" is not supported`, "write addresses without a port")
	}
	if f.Allow == nil && f.Deny == nil && len(f.AllowNets)+len(f.DenyNets) == 0 && !f.wrong {
		l.warn(e.Pos, fmt.Sprintf("<Valve> has neither allow nor deny: it lets nobody in, and %s is answered %d", s.what, max(f.Status, 403)), "")
	}
	*s.filters = append(*s.filters, f.AddressFilter)
}

// addresses reads a regular expression for addresses; an empty one is none.
func (g given) addresses(f *filterElement) *regexp.Regexp {
	if g.Value == "" {
		return nil
	}
	re := g.pattern()
	f.wrong = f.wrong || re == nil
	return re
}

// nets reads networks with commas between.
func (g given) nets(f *filterElement) (all []netip.Prefix) {
	for text := range strings.SplitSeq(g.Value, ",") {
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		p, err := netip.ParsePrefix(text)
		if ip, noNet := netip.ParseAddr(text); err != nil && noNet == nil {
			p, err = ip.Prefix(ip.BitLen())
		}
		if err != nil {
			f.wrong = true
			g.l.wrong(g.Pos, fmt.Sprintf("%s: %q is no network", g.Name, text), "as in 192.0.2.0/24, 2001:db8::/32 or 127.0.0.1")
			continue
		}
		all = append(all, p.Masked())
	}
	return all
}

// closeFilters closes what a filter stands in whose RemoteIpValve has no effect:
// it would let in whom a proxy asks for.
func (l *loader) closeFilters(to *node.Engine) {
	check := func(s *scope, around ...string) {
		judges := func(f node.AddressFilter) bool { return !f.Peer }
		for _, what := range append(around, s.what) {
			if e := l.proxied[what]; e != nil && slices.ContainsFunc(*s.filters, judges) {
				l.refuse(at(e, "className"), s, "RemoteIpValve has no effect, so that addresses cannot be judged", "let the front judge them, or give it AJP")
				return
			}
		}
	}
	check(&scope{what: engineWords, filters: &to.Filters, refuse: &to.Refuse})
	for i := range to.Hosts {
		h := &to.Hosts[i]
		check(&scope{what: hostWords(h.Name), filters: &h.Filters, refuse: &h.Refuse}, engineWords)
		for j := range h.Contexts {
			c := &h.Contexts[j]
			check(&scope{what: contextWords(c.Path, h.Name), filters: &c.Filters, refuse: &c.Refuse}, engineWords, hostWords(h.Name), contextsWords)
		}
	}
}

// engineWords names everything of an engine, contextsWords what conf/web.xml and
// conf/context.xml hold for.
const (
	engineWords   = "everything of the Engine"
	contextsWords = "everything of all Contexts"
)
