package exchange

import (
	"net/netip"
)

// A Client is one connection of a client. One request at a time uses it.
type Client struct {
	Remote   netip.AddrPort // the peer, unmapped
	Local    netip.AddrPort // our side, unmapped
	Requests int            // requests begun on it, this one included
	TLS      bool
	Wire     Wire

	remoteText, localText string
	later                 []func(in, out int64)
}

// Later lets f be called with the bytes of this request on the wire, once its
// response has left.
func (c *Client) Later(f func(in, out int64)) { c.later = append(c.later, f) }

// Flush calls what waits for the response to leave, and counts anew.
func (c *Client) Flush() {
	in, out := c.Wire.Take()
	for _, f := range c.later {
		f(in, out)
	}
	c.later = c.later[:0]
}

// RemoteText returns the address of the peer, without port, as text.
func (c *Client) RemoteText() string {
	if c.remoteText == "" {
		c.remoteText = c.Remote.Addr().String()
	}
	return c.remoteText
}

// LocalText returns the address of our side, without port, as text.
func (c *Client) LocalText() string {
	if c.localText == "" {
		c.localText = c.Local.Addr().String()
	}
	return c.localText
}
