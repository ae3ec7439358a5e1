package tribes

import (
	"log/slog"
	"net/netip"
	"time"

	"github.com/catflap/catflap/internal/flood"
)

// Config says how a channel joins its group. A zero field means its default;
// each names Tomcat's attribute.
type Config struct {
	// Name tells several channels of a process apart, in logs and in Folder.
	Name string

	Address  netip.Addr // address of <Receiver>; default "auto": how others reach this node
	Port     int        // port; default 4000
	AutoBind int        // autoBind: how many ports are tried from Port on; default 100
	// SecurePort and UDPPort are told to others; at UDPPort messages with
	// OptionUDP are received. Default -1, none.
	SecurePort, UDPPort int

	Domain  []byte // domain of <Membership>
	Payload []byte // told to others
	ID      ID     // default: a random one, as a fresh start wants it

	Membership   Membership // how the group is joined
	NoMembership bool       // channelStartOptions without 4 and 8: members come from interceptors only
	Receiver     Receiver
	Sender       Sender
	Interceptors []Interceptor // the first is nearest to the application

	// Folder keeps who this node is, so that after a crash it can say goodbye
	// for what it was. Nodes that run at the same time may share it. Default: none.
	Folder string

	HeartbeatEvery time.Duration // of interceptors and connections; default 5 s
	Network        Network       // default System
	Log            *slog.Logger  // default: nothing is logged
}

func (c Config) withDefaults() Config {
	if c.Name == "" {
		c.Name = "channel"
	}
	if c.Port == 0 {
		c.Port = 4000
	}
	if c.AutoBind == 0 {
		c.AutoBind = 100
	}
	c.AutoBind = max(1, c.AutoBind)
	if c.SecurePort == 0 {
		c.SecurePort = -1
	}
	if c.UDPPort == 0 {
		c.UDPPort = -1
	}
	if c.HeartbeatEvery == 0 {
		c.HeartbeatEvery = 5 * time.Second
	}
	if c.Network == nil {
		c.Network = System{}
	}
	c.Log = flood.Limit(c.Log)
	if c.Membership.Log == nil {
		c.Membership.Log = c.Log
	}
	if c.Receiver.Log == nil {
		c.Receiver.Log = c.Log
	}
	if c.ID == (ID{}) {
		c.ID = NewID()
	}
	return c
}
