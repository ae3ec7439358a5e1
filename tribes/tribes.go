// Package tribes is group membership and messaging, wire-compatible with Apache
// Tomcat's Tribes: a Channel joins a group, tells who comes and goes, sends
// messages to members and delivers theirs. Go members and Tomcats share one
// group.
//
//	application ─ Channel ─ interceptor… ─┬─ transport ── TCP, UDP ── peers
//	                                      └─ membership ─ multicast ─ peers
//
// What comes in are messages of the application and frames of peers, what goes
// out are frames, deliveries, and members that joined and left. A message is
// bytes here; what they mean (Java streams, RPC, replicated maps) is for the
// packages rpc and replicated.
//
// Source: org.apache.catalina.tribes of Tomcat 10.1.
package tribes

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/catflap/catflap/tribes/internal/transport"
	"github.com/catflap/catflap/tribes/internal/wire"
	"github.com/catflap/catflap/tribes/membership"
)

// A Member is a node of the group: a value that nobody changes.
type Member = wire.Member

// A Key is what makes a member the same one: host, port and unique id.
type Key = wire.Key

// An ID is the unique id of a member or a message.
type ID = wire.ID

// A Message is what goes from one member to others. Who sends one sets
// Options, Data and Order; the channel sets the rest.
type Message = wire.Message

// Options say how a message is sent.
type Options = wire.Options

// The options of Tomcat's channelSendOptions.
const (
	OptionBytes     = wire.OptionBytes
	OptionAck       = wire.OptionAck
	OptionSyncAck   = wire.OptionSyncAck
	OptionAsync     = wire.OptionAsync
	OptionSecure    = wire.OptionSecure
	OptionUDP       = wire.OptionUDP
	OptionMulticast = wire.OptionMulticast
)

// ParseOptions reads Tomcat's channelSendOptions: a number or names.
func ParseOptions(text string) (Options, error) { return wire.ParseOptions(text) }

// A SendError tells which members did not get a message.
type SendError = transport.SendError

// A Faulty is a member that did not get a message, and why.
type Faulty = transport.Faulty

// Errors of sending.
var (
	// ErrFailAck says that a member got the message but could not work on it.
	ErrFailAck = transport.ErrFailAck
	// ErrClosed says that the channel does not run.
	ErrClosed = transport.ErrClosed
)

// Membership, Sender and Receiver are settings of the parts of a channel.
type (
	Membership = membership.Config
	Sender     = transport.SenderConfig
	Receiver   = transport.ReceiverConfig
)

// NewID returns a random id with the marks of a version 4 UUID. It is not a
// secret.
func NewID() ID {
	var id ID
	binary.BigEndian.PutUint64(id[:8], rand.Uint64())
	binary.BigEndian.PutUint64(id[8:], rand.Uint64())
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}

// SortByAge sorts members, those that are there longest first.
func SortByAge(all []Member) { membership.SortByAge(all) }
