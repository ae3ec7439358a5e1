package node

import (
	"fmt"
	"net"

	"github.com/catflap/catflap/ajp"
)

// makeAJP makes c one of AJP/1.3. Without an address it listens on this machine
// only, and needs no secret there.
func (n *Node) makeAJP(c *connector) {
	cfg, own := c.cfg, c.cfg.AJP
	if cfg.Address == "" {
		c.hosts, c.also = []string{"127.0.0.1", "::1"}, 1
	}
	if own.Secret == "" && !own.SecretNotRequired && !onThisMachine(cfg.Address) {
		n.faults.add(cfg.Line, fmt.Sprintf(`Connector: AJP at address=%q wants a secret: secretRequired is "true", and the secret is null or ""`, cfg.Address),
			`give it secret="…", the same as in the web server's worker; or address="127.0.0.1" if the web server is on this machine; or secretRequired="false" if nobody else can reach the port`)
	}
	c.server = &ajp.Server{
		Handler: c, Secret: own.Secret, SecretNotRequired: own.SecretNotRequired, AllowedRequestAttributes: own.AllowedAttributes, PacketSize: own.PacketSize,
		ConnectionTimeout: cfg.ConnectionTimeout, KeepAliveTimeout: cfg.KeepAliveTimeout, MaxConnections: cfg.MaxConnections,
		MaxHeaderCount: cfg.MaxHeaderCount, MaxPostSize: cfg.MaxPostSize, Log: n.log,
	}
}

// onThisMachine reports whether only this machine can connect to address; ""
// is such a one of AJP.
func onThisMachine(address string) bool {
	if address == "" {
		return true
	}
	addr, err := net.ResolveIPAddr("ip", address)
	return err == nil && addr.IP.IsLoopback()
}
