package serverxml

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	syntax "github.com/catflap/catflap/internal/config/serverxml"
	"github.com/catflap/catflap/internal/mistake"
	"github.com/catflap/catflap/node"
)

// A serverElement is what <Server> says, whose ports are moved.
type serverElement struct {
	node.Shutdown
	offset int
}

var serverTable = table[serverElement]{"Server", []row[serverElement]{
	{"port", func(s *serverElement, g given) { s.Port = g.port() }, "where the node can be told to stop; -1 is nowhere, default 8005"},
	{"address", func(s *serverElement, g given) { s.Address = g.text() }, "and on which address; default localhost"},
	{"shutdown", func(s *serverElement, g given) { s.Command = g.Value }, "the word that stops it"},
	{"portOffset", func(s *serverElement, g given) { s.offset = int(g.number(0, 65535)) }, "is added to its port and those of Connectors"},
}}

// server reads the root.
func (l *loader) server(e *syntax.Element) {
	if e.Name != "Server" {
		l.wrong(e.Pos, fmt.Sprintf("the file begins with <%s>, which is none of Tomcat's server.xml", e.Name), "it has to be <Server>")
		return
	}
	s := serverElement{Shutdown: node.Shutdown{Port: 8005}}
	serverTable.read(l, e, &s)
	s.Port = l.moved(at(e, "port"), s.Port, s.offset)
	l.cfg.Shutdown = s.Shutdown
	for i := range e.Children {
		switch child := &e.Children[i]; child.Name {
		case "Service":
			l.service(child, s.offset)
		case "Listener":
			l.listener(child)
		default:
			l.otherElement("Server", e, child, "<Service>", "<Listener>")
		}
	}
	if len(l.cfg.Services) == 0 {
		l.wrong(e.Pos, "<Server> has no <Service>: there is nothing to run", "")
	}
}

// moved adds an offset to a port.
func (l *loader) moved(pos mistake.Pos, port, offset int) int {
	if port <= 0 || offset == 0 {
		return port
	}
	if port += offset; port < 1 || port > 65535 {
		l.wrong(pos, fmt.Sprintf("with portOffset this is port %d, which there is not", port), "")
		return 0
	}
	return port
}

// listener tells of a <Listener>, none of which is needed.
func (l *loader) listener(e *syntax.Element) {
	name := l.classOf(e, "Listener classes", "")
	switch b := bystanderOf("Listener classes", name); {
	case b == nil:
		l.unsupported(at(e, "className"), fmt.Sprintf("Listener %s is Java, which does not run here: what it does is not done", name), "")
	case b.class == classUnsupported:
		l.unsupported(at(e, "className"), fmt.Sprintf("Listener %s has no effect: %s", shortClass(name), b.why), "")
	}
}

// A serviceElement is what <Service> says.
type serviceElement struct {
	node.Service
	executors map[string]int // maxThreads by name
}

var serviceTable = table[serviceElement]{"Service", []row[serviceElement]{
	{"name", func(s *serviceElement, g given) { s.Name = g.text() }, "for messages"},
}}

// An executorElement is what <Executor> says.
type executorElement struct {
	name       string
	maxThreads int
}

var executorTable = table[executorElement]{"Executor", []row[executorElement]{
	{"name", func(x *executorElement, g given) { x.name = g.text() }, "what a Connector names it by"},
	{"maxThreads", func(x *executorElement, g given) { x.maxThreads = max(0, g.int()) }, "requests at once of each of its Connectors"},
}}

// service reads a <Service>.
func (l *loader) service(e *syntax.Element, offset int) {
	s := serviceElement{executors: map[string]int{}}
	serviceTable.read(l, e, &s)
	for _, other := range l.cfg.Services {
		if other.Name == s.Name {
			l.warn(at(e, "name"), fmt.Sprintf("two Services have the name %q", s.Name), "give one of them another")
		}
	}
	for i := range e.Children {
		if e.Children[i].Name == "Executor" {
			x := executorElement{maxThreads: 200}
			executorTable.read(l, &e.Children[i], &x)
			s.executors[x.name] = x.maxThreads
		}
	}
	engines := 0
	for i := range e.Children {
		switch child := &e.Children[i]; child.Name {
		case "Connector":
			l.connector(child, &s, offset)
		case "Engine":
			if engines++; engines > 1 {
				l.wrong(child.Pos, "a Service has one Engine, and this is another", "put its Hosts into the first one, or it into a Service of its own")
				continue
			}
			l.engine(child, &s.Engine)
		case "Listener":
			l.listener(child)
		case "Executor":
		default:
			l.otherElement("Service", e, child, "<Connector>", "<Engine>", "<Executor>", "<Listener>")
		}
	}
	if engines == 0 {
		l.wrong(e.Pos, "<Service> has no <Engine>: nothing answers its requests", "")
	}
	l.cfg.Services = append(l.cfg.Services, s.Service)
}

var engineTable = table[node.Engine]{"Engine", []row[node.Engine]{
	{"name", func(x *node.Engine, g given) { x.Name = g.text() }, "names the Cluster's channel and its applications' sessions; the same on all nodes"},
	{"defaultHost", func(x *node.Engine, g given) { x.DefaultHost = g.text() }, "the Host of requests for any other name"},
	{"backgroundProcessorDelay", func(x *node.Engine, g given) { x.Background = max(0, g.times(time.Second)) }, "seconds; with processExpiresFrequency: how often sessions that nobody uses are ended; default 10"},
	{"jvmRoute", func(x *node.Engine, g given) { x.Route = g.route() }, "ends each session id, so that balancers find the node; ${jvmRoute} is its default"},
}}

// engine reads an <Engine>.
func (l *loader) engine(e *syntax.Element, to *node.Engine) {
	if route, ok := l.properties["jvmRoute"]; ok {
		to.Route = route
	} else if l.o.Property != nil {
		if route, ok := l.o.Property("jvmRoute"); ok {
			to.Route = route
		}
	}
	engineTable.read(l, e, to)
	name := cmp.Or(to.Name, "Catalina")
	around := &scope{filters: &to.Filters, refuse: &to.Refuse, logs: &to.AccessLogs, what: engineWords}
	l.proxied = map[string]*syntax.Element{}
	hosts := map[string]*syntax.Element{}
	for i := range e.Children {
		switch child := &e.Children[i]; child.Name {
		case "Host":
			l.host(child, to, name, hosts)
		case "Cluster":
			to.Cluster = l.cluster(child, to.Cluster)
		case "Valve":
			l.valve(child, around)
		case "Listener":
			l.listener(child)
		default:
			l.otherElement("Engine", e, child, "<Host>", "<Cluster>", "<Valve>", "<Listener>")
		}
	}
	l.closeFilters(to)
	l.defaultHost(e, to)
}

// defaultHost checks that the default is one of the hosts.
func (l *loader) defaultHost(e *syntax.Element, to *node.Engine) {
	var names []string
	for _, h := range to.Hosts {
		if strings.EqualFold(h.Name, to.DefaultHost) {
			return
		}
		names = append(names, h.Name)
	}
	switch {
	case len(to.Hosts) == 0:
		l.wrong(e.Pos, "<Engine> has no <Host>: nothing answers its requests", "")
	case to.DefaultHost == "":
		l.warn(e.Pos, fmt.Sprintf("<Engine> has no defaultHost: %s is taken", to.Hosts[0].Name), fmt.Sprintf("write defaultHost=%q", to.Hosts[0].Name))
		to.DefaultHost = to.Hosts[0].Name
	default:
		l.wrong(at(e, "defaultHost"), fmt.Sprintf("there is no <Host> with the name %q, which defaultHost names", to.DefaultHost), "name one of its Hosts: "+strings.Join(names, ", "))
	}
}
