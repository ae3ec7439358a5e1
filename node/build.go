package node

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/catflap/catflap/node/internal/layout"
)

// buildEngine makes the engine of a service with its hosts and their contexts.
func (n *Node) buildEngine(s *Service) *engine {
	e := &engine{cfg: &s.Engine, names: map[string]*host{}, service: s.Name}
	e.cfg.Name = cmp.Or(e.cfg.Name, "Catalina")
	if len(e.cfg.Hosts) == 0 {
		e.cfg.Hosts = []Host{{Name: cmp.Or(e.cfg.DefaultHost, "localhost"), NoDeploy: true}}
	}
	e.cfg.DefaultHost = cmp.Or(e.cfg.DefaultHost, e.cfg.Hosts[0].Name)
	if e.cfg.Refuse != "" {
		n.log.Warn("all requests are answered 403", "engine", e.cfg.Name, "why", e.cfg.Refuse)
	}
	e.logs = n.openLogs(e.cfg.AccessLogs)
	for i := range e.cfg.Hosts {
		h := n.buildHost(&e.cfg.Hosts[i])
		e.hosts = append(e.hosts, h)
		n.nameHost(e, h, h.cfg.Name)
		for _, alias := range h.cfg.Aliases {
			n.nameHost(e, h, alias)
		}
		if strings.EqualFold(h.cfg.Name, e.cfg.DefaultHost) {
			e.other = h
		}
	}
	if e.other == nil {
		n.faults.add(0, fmt.Sprintf("Engine %s: there is no Host %q, which defaultHost names", e.cfg.Name, e.cfg.DefaultHost), "name one of its Hosts: "+hostNames(e))
	}
	return e
}

func hostNames(e *engine) string {
	var names []string
	for _, h := range e.hosts {
		names = append(names, h.cfg.Name)
	}
	return strings.Join(names, ", ")
}

// nameHost gives h a name of its own in e.
func (n *Node) nameHost(e *engine, h *host, name string) {
	key := strings.ToLower(name)
	if rest, ok := strings.CutPrefix(key, "*."); ok {
		key = "." + rest
	}
	switch there := e.names[key]; {
	case name == "" || key == "." || strings.ContainsAny(key, "*/: \t"):
		n.faults.add(h.cfg.Line, fmt.Sprintf("Host name %q is none", name), "name it as browsers do, without a port; *.example is all names below example")
	case there != nil && there != h:
		n.faults.add(h.cfg.Line, fmt.Sprintf("two Hosts have the name %q", name), "take it from one of them")
	default:
		e.names[key] = h
	}
}

// buildHost makes a host with the contexts of the file and those of its
// appBase.
func (n *Node) buildHost(cfg *Host) *host {
	h := &host{cfg: cfg, appBase: layout.Under(n.cfg.Base, cmp.Or(cfg.AppBase, "webapps")), logs: n.openLogs(cfg.AccessLogs)}
	if cfg.Refuse != "" {
		n.log.Warn("all requests are answered 403", "host", cfg.Name, "why", cfg.Refuse)
	}
	for _, c := range cfg.Contexts {
		n.addContext(h, c)
	}
	if !cfg.NoDeploy {
		n.deploy(h)
	}
	h.sort()
	return h
}

func (h *host) sort() {
	slices.SortStableFunc(h.contexts, func(a, b *webapp) int { return cmp.Compare(len(b.path), len(a.path)) })
}

// addContext adds a context of the file.
func (n *Node) addContext(h *host, c Context) {
	contextPath, version, ok := n.contextPath(c.Line, "Context", c.Path)
	if !ok {
		return
	}
	if h.at(contextPath) != nil {
		n.faults.add(c.Line, fmt.Sprintf("Host %s has two Contexts with path=%q", h.cfg.Name, contextPath), "take one of them away")
		return
	}
	folder := c.DocBase
	if folder == "" {
		folder = layout.FolderOf(contextPath, version)
	}
	a := &webapp{cfg: c, declared: true, path: contextPath, version: version, folder: layout.Under(h.appBase, folder)}
	if c.Refuse != "" {
		n.log.Warn("all requests are answered 403", "host", h.cfg.Name, "context", contextPath, "why", c.Refuse)
	}
	h.contexts = append(h.contexts, a)
}

// contextPath reads the path of a Context or App: "/shop", "/shop##2"; "/" is
// the root context, too.
func (n *Node) contextPath(line int, what, text string) (contextPath, version string, ok bool) {
	contextPath, version, _ = strings.Cut(text, "##")
	if contextPath == "/" {
		contextPath = ""
	}
	if !layout.IsContextPath(contextPath) {
		n.faults.add(line, fmt.Sprintf("%s path %q is none", what, text), `it begins with a slash and does not end with one, as "/shop"; "" is the root context`)
		return "", "", false
	}
	return contextPath, version, true
}
