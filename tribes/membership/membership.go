// Package membership tells who is in the group. What comes in are datagrams of
// a multicast group and the clock, what goes out are members that joined and
// left, each once and in order, and the heartbeats of the own member.
//
// Source: org.apache.catalina.tribes.membership of Tomcat 10.1.
package membership

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"github.com/catflap/catflap/tribes/internal/wire"
)

// A Listener is told who comes and goes. Its methods are called by one
// goroutine, and return soon.
type Listener interface {
	Joined(m wire.Member)
	Left(m wire.Member)
}

// A Socket sends to a multicast group and hears what others send. Read and
// Write may be called at the same time.
type Socket interface {
	// Read reads a datagram. Close ends it.
	Read(b []byte) (n int, from netip.AddrPort, err error)
	// Write sends a datagram to the group.
	Write(b []byte) error
	Close() error
}

// Config are Tomcat's attributes of <Membership> of McastService. A zero field
// means its default.
type Config struct {
	Group     netip.Addr // address; default 228.0.0.4
	Port      int        // port; default 45564
	Bind      netip.Addr // bind: the address of the interface to use; default: by the route
	Interface string     // or its name
	TTL       int        // ttl; default 1
	NoLoop    bool       // localLoopbackDisabled: what this machine sends is not heard on it

	Frequency time.Duration // frequency of heartbeats; default 500 ms
	DropTime  time.Duration // dropTime: silence after which a member has left; default 3 s
	SoTimeout time.Duration // soTimeout: how often silence is looked for; default Frequency

	NoRecovery    bool          // recoveryEnabled="false"
	RecoveryCount int           // recoveryCounter: errors in a row before the socket is made anew; default 10
	RecoverySleep time.Duration // recoverySleepTime; default 5 s

	Log *slog.Logger // default: nothing is logged
}

func (c Config) withDefaults() Config {
	if !c.Group.IsValid() {
		c.Group = netip.MustParseAddr("228.0.0.4")
	}
	if c.Port == 0 {
		c.Port = 45564
	}
	if c.TTL == 0 {
		c.TTL = 1
	}
	if c.Frequency == 0 {
		c.Frequency = 500 * time.Millisecond
	}
	if c.DropTime == 0 {
		c.DropTime = 3 * time.Second
	}
	if c.SoTimeout == 0 {
		c.SoTimeout = c.Frequency
	}
	if c.RecoveryCount == 0 {
		c.RecoveryCount = 10
	}
	if c.RecoverySleep == 0 {
		c.RecoverySleep = 5 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// An Open makes a socket that has joined the group of cfg.
type Open func(cfg Config) (Socket, error)

// A Probe reports whether a member's receiver takes a connection.
type Probe func(ctx context.Context, m wire.Member) bool
