package rpc

import (
	"bytes"

	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
)

// gzipFlag is the default flag of GzipInterceptor.
const gzipFlag = 256

// hint says which interceptor the sender of a message that cannot be read is
// likely to have and this node not: all of a group need the same ones. Empty if
// there is no sign of one.
func hint(data []byte, options tribes.Options) string {
	switch {
	case bytes.HasPrefix(data, []byte{0x1f, 0x8b}):
		if options&gzipFlag == 0 {
			return "it is compressed, with another optionFlag than that of GzipInterceptor here, or none"
		}
		return "it is compressed: this node lacks a GzipInterceptor"
	case len(data) == 64:
		return "it may be a probe or a ping: this node lacks a TcpFailureDetector or TcpPingInterceptor"
	case !bytes.HasPrefix(data, []byte{0xac, 0xed, 0, 5}):
		return "it is no Java stream: the sender is likely to have an EncryptInterceptor, which this node lacks"
	}
	d := javaserial.NewDecoder(data, javaserial.Limits{Objects: 100_000})
	if _, err := d.Object(); err != nil {
		return "if the message is long, it may be a piece of one: the sender may have a FragmentationInterceptor, which this node lacks"
	}
	switch rest := data[d.Offset():]; {
	case len(rest) == 1 && rest[0] == 0:
		return "one byte follows it: the sender is likely to have a FragmentationInterceptor, which this node lacks"
	case len(rest) == 4 || len(rest) == 5 && rest[4] == 0:
		return "a number follows it: the sender is likely to have an OrderInterceptor, which this node lacks"
	}
	return ""
}
