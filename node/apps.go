package node

import (
	"fmt"
	"strings"
)

// place finds for each App the contexts that it is.
func (n *Node) place(apps []App) {
	for i := range apps {
		app := &apps[i]
		contextPath, version, ok := n.contextPath(0, "App", app.Path)
		if app.Handler == nil {
			n.faults.add(0, fmt.Sprintf("App %q has no Handler", app.Path), "give it one: node.App{Path: …, Handler: …}")
			continue
		}
		if !ok {
			continue
		}
		hosts := n.hostsFor(app, contextPath)
		if len(hosts) == 0 && app.Host != "" {
			n.faults.add(0, fmt.Sprintf("App %q is for Host %q, which there is not", app.Path, app.Host), "name one of the Hosts: "+n.allHosts())
		}
		for _, h := range hosts {
			a := h.at(contextPath)
			if a == nil {
				a = &webapp{path: contextPath}
				h.contexts = append(h.contexts, a)
				h.sort()
			}
			if a.app != nil {
				n.faults.add(0, fmt.Sprintf("two Apps have the path %q on Host %s", app.Path, h.cfg.Name), "give one of them another Path or Host")
				continue
			}
			a.app = app
			if version != "" {
				a.version = version
			}
		}
	}
}

func (n *Node) allHosts() string {
	var all []string
	for _, s := range n.services {
		all = append(all, hostNames(s.engine))
	}
	return strings.Join(all, ", ")
}

// hostsFor returns the hosts of an App.
func (n *Node) hostsFor(app *App, contextPath string) []*host {
	var named, having, other []*host
	for _, s := range n.services {
		for _, h := range s.engine.hosts {
			if app.Host != "" && s.engine.names[strings.ToLower(app.Host)] == h {
				named = append(named, h)
			}
			if a := h.at(contextPath); a != nil && a.declared {
				having = append(having, h)
			}
		}
		if s.engine.other != nil {
			other = append(other, s.engine.other)
		}
	}
	switch {
	case app.Host != "":
		return named
	case len(having) > 0:
		return having
	}
	return other
}
