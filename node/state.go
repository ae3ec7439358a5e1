package node

import (
	"net"
	"slices"
	"strings"

	"github.com/catflap/catflap/tribes"
)

// A State is what a Node is at the moment.
type State struct {
	Connectors []ConnectorState // in the order of the Config
	Contexts   []ContextState   // by Host in the order of the Config, then by path
	Clusters   []ClusterState   // that of an Engine before those of its Hosts
}

// A ConnectorState is one Connector.
type ConnectorState struct {
	Protocol string     // HTTP/1.1, HTTPS or AJP/1.3
	Addrs    []net.Addr // where it listens; empty until the Node is Ready
}

// A ContextState is one web application.
type ContextState struct {
	Host, Path string
	App        bool // it is an App, else files
	// Manager is how an App's sessions are kept, and Sessions how many there are
	// on this node: of a BackupManager also those that it has for others.
	Manager  ManagerKind
	Sessions int
}

// A ClusterState is one Cluster.
type ClusterState struct {
	Name    string
	Local   tribes.Member   // this node; zero until it has joined
	Members []tribes.Member // the others, the oldest first
}

// State returns what n is now.
func (n *Node) State() State {
	var s State
	ready := n.isReady()
	for _, each := range n.services {
		for _, c := range each.connectors {
			state := ConnectorState{Protocol: c.protocol()}
			if ready {
				state.Addrs = slices.Clone(c.addrs)
			}
			s.Connectors = append(s.Connectors, state)
		}
		for _, h := range each.engine.hosts {
			byPath := func(a, b *webapp) int { return strings.Compare(a.path, b.path) }
			for _, a := range slices.SortedFunc(slices.Values(h.contexts), byPath) {
				state := ContextState{Host: h.cfg.Name, Path: a.path}
				if a.keeper != nil {
					state.App, state.Sessions, state.Manager = true, a.keeper.Len(), StandardManager
					if k, ok := a.keeper.(interface{ Held() int }); ok {
						state.Sessions = k.Held()
					}
					if m, shared := h.manager(a); shared {
						state.Manager = m.Kind
					}
				}
				s.Contexts = append(s.Contexts, state)
			}
		}
	}
	for _, g := range n.groups {
		s.Clusters = append(s.Clusters, ClusterState{Name: g.name, Local: g.channel.Local(), Members: g.channel.Members()})
	}
	return s
}
