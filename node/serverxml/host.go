package serverxml

import (
	"fmt"
	"regexp"
	"strings"

	syntax "github.com/catflap/catflap/internal/config/serverxml"
	"github.com/catflap/catflap/internal/mistake"
	"github.com/catflap/catflap/node"
)

// A hostElement is what <Host> says.
type hostElement struct {
	node.Host
	xmlBase  string
	noXML    bool           // deployXML="false": META-INF/context.xml is not read
	noDeploy bool           // deployOnStartup="false"
	ignore   *regexp.Regexp // deployIgnore
	engine   string
	folder   string // appBase, in the file system
}

var hostTable = table[hostElement]{"Host", []row[hostElement]{
	{"name", func(h *hostElement, g given) { h.Name = g.text() }, "the name in URLs; *.example is every name below example"},
	{"appBase", func(h *hostElement, g given) { h.AppBase = g.text() }, "the folder of its applications, each folder in it one; default webapps; is made if it is missing"},
	{"xmlBase", func(h *hostElement, g given) { h.xmlBase = g.text() }, "the folder of its context descriptors; default conf/ENGINE/HOST"},
	{"deployOnStartup", func(h *hostElement, g given) { h.noDeploy = !g.bool() }, "false: only <Context> elements are applications"},
	{"deployXML", func(h *hostElement, g given) { h.noXML = !g.bool() }, "false: META-INF/context.xml of its folders is not read, and they are answered 403"},
	{"deployIgnore", func(h *hostElement, g given) { h.ignore = g.pattern() }, "names in appBase that are no applications, a regular expression"},
}}

// host reads a <Host>. first has the names that the Engine has so far.
func (l *loader) host(e *syntax.Element, to *node.Engine, engine string, first map[string]*syntax.Element) {
	h := hostElement{Host: node.Host{Line: l.line(e)}, engine: engine}
	hostTable.read(l, e, &h)
	if h.Name == "" {
		l.wrong(e.Pos, "<Host> has no name", "")
		return
	}
	l.hostName(e, at(e, "name"), h.Name, first)
	s := &scope{what: hostWords(h.Name), filters: &h.Filters, refuse: &h.Refuse, logs: &h.AccessLogs}
	var contexts []*syntax.Element
	for i := range e.Children {
		switch child := &e.Children[i]; child.Name {
		case "Alias":
			alias := strings.TrimSpace(child.Text)
			l.hostName(e, child.Pos, alias, first)
			if alias != "" {
				h.Aliases = append(h.Aliases, alias)
			}
		case "Context":
			contexts = append(contexts, child)
		case "Cluster":
			h.Cluster = l.cluster(child, h.Cluster)
		case "Valve":
			l.valve(child, s)
		case "Listener":
			l.listener(child)
		default:
			l.otherElement("Host", e, child, "<Alias>", "<Context>", "<Cluster>", "<Valve>", "<Listener>")
		}
	}
	for _, c := range contexts {
		l.context(c, &h)
	}
	l.deployments(e, &h)
	to.Hosts = append(to.Hosts, h.Host)
}

// hostName notes a name of the host e.
func (l *loader) hostName(e *syntax.Element, pos mistake.Pos, name string, first map[string]*syntax.Element) {
	low := strings.ToLower(name)
	switch other := first[low]; {
	case name == "":
		l.warn(pos, "the name is empty: it has no effect", "")
	case strings.ContainsAny(name, "/: \t") || strings.Contains(strings.TrimPrefix(name, "*."), "*"):
		l.wrong(pos, fmt.Sprintf("%q is no host name", name), "name it as browsers do, without a port; *.example is all names below example")
	case other == nil:
		first[low] = e
	case other != e:
		l.wrong(pos, fmt.Sprintf("the Host of line %d has the name %q, too", other.Pos.Line, name), "take it from one of them")
	}
}

// hostWords names everything of a host.
func hostWords(host string) string { return "everything of the Host " + host }
