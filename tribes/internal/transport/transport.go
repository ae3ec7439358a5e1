// Package transport moves messages between members over TCP and UDP. What comes
// in are messages and the members they are for, what goes out are frames on
// pooled connections; and the other way round frames of any sender, which
// become messages that are delivered one after the other, in the order of their
// connection, and acknowledged.
//
// Source: org.apache.catalina.tribes.transport.nio of Tomcat 10.1.
package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/catflap/catflap/tribes/internal/wire"
)

// A Dial opens a connection to a member's receiver.
type Dial func(ctx context.Context, to netip.AddrPort) (net.Conn, error)

// A SendError tells which members did not get a message.
type SendError struct{ Faulty []Faulty }

// A Faulty is a member that did not get a message, and why.
type Faulty struct {
	Member wire.Member
	Err    error
}

func (e *SendError) Error() string {
	var b strings.Builder
	b.WriteString("not sent to ")
	for i := range e.Faulty {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%s: %v", &e.Faulty[i].Member, e.Faulty[i].Err)
	}
	return b.String()
}

// Unwrap returns the causes.
func (e *SendError) Unwrap() []error {
	all := make([]error, len(e.Faulty))
	for i := range e.Faulty {
		all[i] = e.Faulty[i].Err
	}
	return all
}

// ErrFailAck says that a member got the message but could not work on it.
var ErrFailAck = errors.New("the receiver could not work on the message")

// ErrClosed says that the sender was closed.
var ErrClosed = errors.New("the sender is closed")
