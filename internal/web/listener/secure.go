package listener

import (
	"errors"
	"net"
	"net/netip"
	"syscall"

	"github.com/catflap/catflap/internal/front/exchange"
	"github.com/catflap/catflap/internal/web/handshake"
	"github.com/catflap/catflap/internal/web/http1"
)

// A Way is how a client is spoken to. Its zero value is HTTP/1 in clear.
type Way struct {
	TLS *handshake.Policy // nil in clear
	H2C bool              // in clear also HTTP/2, for clients that begin with it
	H2  H2                // once HTTP/2 is spoken
	// Handshake and Head are how fast the client has to be with them; without,
	// Limits.HeaderTimeout holds.
	Handshake, Head exchange.Pace
}

// way asks for the Way of a connection.
func (g *Group) way(local netip.AddrPort, serverName string) Way {
	if g.config.Way == nil {
		return Way{}
	}
	return g.config.Way(local, serverName)
}

// begin does what comes before HTTP. It returns who speaks HTTP/1 with c, or
// how to speak HTTP/2; neither if the connection is at its end.
func (g *Group) begin(c *Conn) (*http1.Server, *H2) {
	way := g.way(c.Client.Local, "")
	c.pacing.pace = way.Head
	if way.TLS == nil {
		if way.H2C && !g.closing.Load() && c.prefaced() {
			return nil, &way.H2
		}
		return g.server, nil
	}
	c.pacing.pace = way.Handshake
	c.Enter(http1.Idle)
	chosen := way
	a, err := g.handshake.Do(&wire{Conn: c.Conn, c: c}, func(serverName string) *handshake.Policy {
		if serverName != "" {
			if named := g.way(c.Client.Local, serverName); named.TLS != nil {
				chosen = named
			}
		}
		return chosen.TLS
	}, !g.closing.Load())
	switch {
	case errors.Is(err, errAstray):
		return g.astray, nil
	case err != nil:
		if g.config.Failed != nil {
			g.config.Failed(c, err)
		}
		return nil, nil
	}
	c.secure, c.Policy, c.Client.TLS = a.Conn, a.Policy, a.TLS
	c.pacing.pace = chosen.Head
	if a.Protocol == "h2" {
		return nil, &chosen.H2
	}
	return g.server, nil
}

// A wire is the socket below TLS, or below HTTP/2 in clear: what passes is
// counted here, and its first byte tells whether it is TLS at all.
type wire struct {
	net.Conn
	c      *Conn
	looked bool
}

// errAstray is what a handshake ends with that is HTTP.
var errAstray = errors.New("HTTP in clear on an address that is TLS")

func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	w.c.Client.Wire.AddIn(n)
	if !w.looked && n > 0 {
		w.looked = true
		if first := p[0] | 0x20; first >= 'a' && first <= 'z' { // TLS begins with 0x16
			w.c.kept = append([]byte(nil), p[:n]...)
			return 0, errAstray
		}
	}
	return n, err
}

func (w *wire) Write(p []byte) (int, error) {
	w.c.extend()
	n, err := w.Conn.Write(p)
	w.c.Client.Wire.AddOut(n)
	return n, err
}

// prefaced waits for the first bytes of a client in clear and reports whether
// they begin HTTP/2. They stay to be read.
func (c *Conn) prefaced() bool {
	if c.raw == nil {
		return false
	}
	c.Enter(http1.Idle)
	const preface = "PRI * HTTP/2.0\r\n"
	found := false
	c.raw.Read(func(fd uintptr) bool {
		var first [len(preface)]byte
		n, _, err := syscall.Recvfrom(int(fd), first[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		switch {
		case err == syscall.EINTR, err == syscall.EAGAIN:
			return false
		case err != nil, n <= 0:
			return true
		}
		found = string(first[:n]) == preface
		return found || string(first[:n]) != preface[:n]
	})
	return found
}

// Waiting implements http1.Conn.
func (c *Conn) Waiting() bool {
	if c.raw == nil {
		return false
	}
	waiting := false
	c.raw.Control(func(fd uintptr) {
		var one [1]byte
		n, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		waiting = n > 0 && err == nil
	})
	return waiting
}
