package node

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/catflap/catflap/cluster"
	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/interceptor"
	"github.com/catflap/catflap/tribes/static"
)

// A group is this node's part in a cluster: the channel, with the managers of
// the sessions that are shared over it.
type group struct {
	cfg          *Cluster
	name         string // clusterName
	channel      *tribes.Channel
	cluster      *cluster.Cluster
	managers     []cluster.Runner
	unreplicated func(*http.Request) bool
}

// What a node receives at most, in bytes, unless its settings say otherwise. A
// Tomcat sends all sessions in one message to a node that starts.
const (
	receiveBudget = 256 << 20
	maxFrame      = 128 << 20
)

// streamLimits are those of what is in such a message.
var streamLimits = javaserial.Limits{Bytes: maxFrame, Objects: 32_000_000, Handles: 16_000_000}

// join makes the part of a Cluster that stands in owner, an Engine or a Host.
// It is nil if something in it is wrong.
func (n *Node) join(cfg *Cluster, owner string, hostLevel bool) *group {
	if cfg == nil {
		return nil
	}
	g := &group{cfg: cfg, name: cmp.Or(cfg.Name, owner)}
	log := n.log.With("cluster", g.name)
	channel := cfg.Channel
	channel.Log = log
	channel.Name = cmp.Or(channel.Name, fileName(g.name))
	if channel.Folder == "" && n.cfg.Base != "" {
		channel.Folder = filepath.Join(n.cfg.Base, "work", fileName(owner))
	}
	channel.Receiver.Budget = cmp.Or(channel.Receiver.Budget, receiveBudget)
	channel.Receiver.MaxFrame = cmp.Or(channel.Receiver.MaxFrame, maxFrame)
	var service *static.Service
	channel.Interceptors, service = n.interceptors(cfg, g.name, log)
	if service != nil {
		channel.NoMembership = true
	}
	var err error
	if g.channel, err = tribes.New(channel); err != nil {
		n.faults.add(cfg.Line, fmt.Sprintf("Cluster %s: %v", g.name, err), "")
		return nil
	}
	g.cluster = cluster.New(cluster.Config{HostLevel: hostLevel, SendOptions: cfg.SendOptions, Limits: streamLimits, Log: log}, g.channel)
	if service != nil {
		if err := service.Open(g.cluster.Dispatcher()); err != nil {
			n.faults.add(cfg.Line, fmt.Sprintf("Cluster %s: Membership: %v", g.name, err), "")
			return nil
		}
	}
	g.unreplicated = n.unreplicated(cfg)
	n.groups = append(n.groups, g)
	return g
}

// interceptors makes those of a Cluster. The service is its static membership,
// nil if it is another.
func (n *Node) interceptors(cfg *Cluster, name string, log *slog.Logger) (all []tribes.Interceptor, service *static.Service) {
	wanted := cfg.Interceptors
	if wanted == nil { // Source: SimpleTcpCluster.checkDefaults
		wanted = []Interceptor{{Config: interceptor.DispatchConfig{}}, {Config: interceptor.FailureDetectorConfig{}}}
	}
	for _, w := range wanted {
		each, err := newInterceptor(w.Config, log)
		if err != nil {
			n.faults.add(w.Line, fmt.Sprintf("Interceptor: %v", err), "")
			continue
		}
		all = append(all, each)
	}
	if cfg.StaticMembers == nil {
		return all, nil
	}
	settings := cfg.Static
	settings.ChannelName, settings.Members, settings.Log = name+"-Channel", cfg.StaticMembers, log
	service, err := static.New(settings)
	if err != nil {
		n.faults.add(cfg.Line, fmt.Sprintf("Cluster %s: Membership: %v", name, err), "")
		return all, nil
	}
	return append(all, service), service
}

// newInterceptor makes the interceptor that a config of package interceptor is
// for.
func newInterceptor(config any, log *slog.Logger) (tribes.Interceptor, error) {
	switch c := config.(type) {
	case interceptor.DispatchConfig:
		c.Log = log
		return interceptor.NewDispatch(c), nil
	case interceptor.FailureDetectorConfig:
		c.Log = log
		return interceptor.NewFailureDetector(c), nil
	case interceptor.PingConfig:
		c.Log = log
		return interceptor.NewPing(c), nil
	case interceptor.StaticMembershipConfig:
		c.Log = log
		return interceptor.NewStaticMembership(c), nil
	case interceptor.OrderConfig:
		c.Log = log
		return interceptor.NewOrder(c), nil
	case interceptor.FragmentationConfig:
		c.Log = log
		return interceptor.NewFragmentation(c), nil
	case interceptor.GzipConfig:
		c.Log = log
		return interceptor.NewGzip(c), nil
	case interceptor.EncryptConfig:
		c.Log = log
		return interceptor.NewEncrypt(c)
	case interceptor.DomainFilterConfig:
		c.Log = log
		return interceptor.NewDomainFilter(c), nil
	case interceptor.ThroughputConfig:
		c.Log = log
		return interceptor.NewThroughput(c), nil
	}
	return nil, fmt.Errorf("%T is no config of package tribes/interceptor", config)
}

// explain tells why a cluster could not be joined, with its place.
func (n *Node) explain(g *group, err error) error {
	if err == nil {
		return nil
	}
	fix := ""
	if errors.Is(err, syscall.EADDRNOTAVAIL) {
		fix = fmt.Sprintf(`give <Receiver> the address of this machine that the other members reach; address="auto" finds it (it has %v)`, g.cfg.Channel.Address)
	}
	return n.faultAt(g.cfg.Line, fmt.Sprintf("Cluster %s: %v", g.name, err), fix)
}

// fileName makes a name one of a file.
func fileName(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.' {
			return r
		}
		return '_'
	}, strings.TrimLeft(name, "."))
}
