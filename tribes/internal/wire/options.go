package wire

import (
	"fmt"
	"strconv"
	"strings"
)

// Options say how a message is sent. Bits without a name are free for
// interceptors, and ignored by who does not know them.
//
// Source: tribes.Channel.
type Options int32

const (
	OptionBytes     Options = 1   // the data are bytes, not a Java stream
	OptionAck       Options = 2   // the receiver acknowledges
	OptionSyncAck   Options = 4   // with OptionAck: once it has worked on the message
	OptionAsync     Options = 8   // the sender does not wait
	OptionSecure    Options = 16  // has no effect
	OptionUDP       Options = 32  // by a datagram to the member's UDPPort
	OptionMulticast Options = 64  // by a datagram to the group
	OptionGzip      Options = 256 // the data are compressed (GzipInterceptor)
)

// optionNames are the names in configurations; several may mean one.
var optionNames = []struct {
	option Options
	names  []string // the first is what String uses
}{
	{OptionMulticast, []string{"multicast"}},
	{OptionUDP, []string{"udp"}},
	{OptionSecure, []string{"secure"}},
	{OptionAsync, []string{"async", "asynchronous"}},
	{OptionSyncAck, []string{"sync", "synchronized_ack"}},
	{OptionAck, []string{"use_ack"}},
	{OptionBytes, []string{"byte", "byte_message"}},
}

// ParseOptions reads Tomcat's channelSendOptions: a number, or names with
// commas between them.
//
// Source: tribes.Channel.parseSendOptions.
func ParseOptions(text string) (Options, error) {
	text = strings.TrimSpace(text)
	if n, err := strconv.ParseInt(text, 10, 32); err == nil {
		return Options(n), nil
	}
	var all Options
	for name := range strings.SplitSeq(text, ",") {
		option, ok := optionByName(strings.ToLower(strings.TrimSpace(name)))
		if !ok {
			return 0, fmt.Errorf("send option %q is unknown; use a number, or of byte, use_ack, sync, async, secure, udp, multicast", strings.TrimSpace(name))
		}
		all |= option
	}
	return all, nil
}

func optionByName(name string) (Options, bool) {
	for _, o := range optionNames {
		for _, n := range o.names {
			if n == name {
				return o.option, true
			}
		}
	}
	return 0, false
}

// String names the options as Tomcat does: "sync, use_ack". What has no name is
// a number.
func (o Options) String() string {
	var names []string
	rest := o
	for _, each := range optionNames {
		if o&each.option != 0 {
			names = append(names, each.names[0])
			rest &^= each.option
		}
	}
	if rest != 0 || len(names) == 0 {
		names = append(names, strconv.Itoa(int(rest)))
	}
	return strings.Join(names, ", ")
}

// Has reports whether o has all of the bits of other.
func (o Options) Has(other Options) bool { return o&other == other }
