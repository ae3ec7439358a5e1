package exchange

import (
	"net/netip"
	"sync"
)

// An Interrupter waits for a worker, and can be told that it is in vain.
type Interrupter interface {
	Interrupt()
	Worker() string // its name
}

// A Client is one connection of a client. One request at a time uses it.
type Client struct {
	Remote   netip.AddrPort // the peer, unmapped
	Local    netip.AddrPort // our side, unmapped
	Requests int            // requests begun on it, this one included
	TLS      *TLS           // nil in clear
	Wire     Wire

	// Watched tells that the connection calls Gone when the client goes.
	Watched bool

	mu             sync.Mutex // guards what follows, up to waiting
	gone           bool
	method, target string // of the request that was begun last
	waiting        Interrupter

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

// Begin tells of the request that is under way from now on, for Doing.
func (c *Client) Begin(method, target string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.method, c.target = method, target
}

// Doing returns what the request that was begun last asks for, and the worker
// that it waits for, empty if it waits for none. Other goroutines may ask.
func (c *Client) Doing() (method, target, worker string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting != nil {
		worker = c.waiting.Worker()
	}
	return c.method, c.target, worker
}

// Await lets i be interrupted, once, if the client goes before Rest. It costs
// less than a context does.
func (c *Client) Await(i Interrupter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = i
	if c.gone {
		c.interrupt()
	}
}

// Rest ends Await: when it returns, nothing is interrupted any more. It
// reports whether the client is still there.
func (c *Client) Rest() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = nil
	return !c.gone
}

// Gone tells that the client went.
func (c *Client) Gone() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gone = true
	c.interrupt()
}

// IsGone reports whether the client went.
func (c *Client) IsGone() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.gone
}

// interrupt is called with mu held, so that Rest waits for it.
func (c *Client) interrupt() {
	if c.waiting != nil {
		c.waiting.Interrupt()
		c.waiting = nil
	}
}
