package privilege

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// The child and the parent speak over two pairs of sockets that keep packets
// apart (SOCK_SEQPACKET). On the first each packet of the child is a request,
// which the parent answers before it takes the next. On the second the parent
// sends orders and the child reports.

// maxPacket bounds a packet, in bytes. It holds any name (4096), any command
// that is meant seriously, and a state with the mistakes of a reload.
const maxPacket = 128 << 10

// A verb is what the child asks the parent to do with a name.
type verb byte

const (
	askRead        verb = 'r'
	askStat        verb = 's'
	askAppend      verb = 'a'
	askPipe        verb = '|'
	askListen      verb = 'l'
	askUnlisten    verb = 'x' // the child is about to close it
	askWritePid    verb = 'p'
	askRemovePid   verb = 'q'
	askWriteState  verb = 't' // the data is the state
	askRemoveState verb = 'u'
	askRenew       verb = 'n' // the configuration is about to be read again
	askSettle      verb = 'o' // it was: the data is 1 if it was taken, 0 if not
	askKeep        verb = 'k' // the data is for the next child, in place of what was before
	askKept        verb = 'g' // what was kept for this one
)

// A request is a packet of the child on the first pair.
//
//	verb    byte
//	length  uint16  of name, in bytes
//	name            without a zero byte
//	data            the rest
type request struct {
	verb verb
	name string
	data []byte
}

// appendTo appends the packet of r to b.
func (r request) appendTo(b []byte) []byte {
	b = append(b, byte(r.verb))
	b = binary.BigEndian.AppendUint16(b, uint16(len(r.name)))
	b = append(b, r.name...)
	return append(b, r.data...)
}

// errPacket is a packet that is not of the form of its kind.
var errPacket = errors.New("privilege: a packet that is none")

// parseRequest reads a packet; data of the result is of b.
func parseRequest(b []byte) (request, error) {
	if len(b) < 3 || len(b) > maxPacket {
		return request{}, errPacket
	}
	length := int(binary.BigEndian.Uint16(b[1:]))
	if len(b) < 3+length || strings.IndexByte(string(b[3:3+length]), 0) >= 0 {
		return request{}, errPacket
	}
	r := request{verb: verb(b[0]), name: string(b[3 : 3+length]), data: b[3+length:]}
	switch r.verb {
	case askRead, askStat, askAppend, askPipe, askListen, askUnlisten, askWritePid, askRemovePid, askRemoveState:
		if length == 0 || len(r.data) > 0 {
			return request{}, errPacket
		}
	case askWriteState:
		if length == 0 {
			return request{}, errPacket
		}
	case askKeep:
		if length > 0 {
			return request{}, errPacket
		}
	case askRenew, askKept:
		if length > 0 || len(r.data) > 0 {
			return request{}, errPacket
		}
	case askSettle:
		if length > 0 || len(r.data) != 1 || r.data[0] > 1 {
			return request{}, errPacket
		}
	default:
		return request{}, errPacket
	}
	return r, nil
}

// A reply is the parent's packet that answers a request; an open file comes
// beside it.
//
//	errno   uint32  0 if there is none
//	mode    uint32  fs.FileMode, of stat
//	size    uint64  of stat
//	time    int64   of the last change, in Unix ns, of stat
//	length  uint16  of text, in bytes
//	text            why it was refused; empty if it was not
//	data            the rest: what was kept
type reply struct {
	errno syscall.Errno
	mode  fs.FileMode
	size  int64
	time  int64
	text  string
	data  []byte
}

// replyHead is how long a reply is without text and data.
const replyHead = 26

// maxKept bounds what is kept for the next child, in bytes: a packet holds it.
const maxKept = maxPacket - replyHead

// maxText bounds the text of a reply or report, in bytes.
const maxText = 4096

func (r reply) appendTo(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(r.errno))
	b = binary.BigEndian.AppendUint32(b, uint32(r.mode))
	b = binary.BigEndian.AppendUint64(b, uint64(r.size))
	b = binary.BigEndian.AppendUint64(b, uint64(r.time))
	text := r.text[:min(len(r.text), maxText)]
	b = binary.BigEndian.AppendUint16(b, uint16(len(text)))
	return append(append(b, text...), r.data...)
}

func parseReply(b []byte) (reply, error) {
	if len(b) < replyHead || len(b) > maxPacket {
		return reply{}, errPacket
	}
	text := b[replyHead:]
	length := int(binary.BigEndian.Uint16(b[24:]))
	if length > len(text) || length > maxText {
		return reply{}, errPacket
	}
	return reply{
		errno: syscall.Errno(binary.BigEndian.Uint32(b)), mode: fs.FileMode(binary.BigEndian.Uint32(b[4:])),
		size: int64(binary.BigEndian.Uint64(b[8:])), time: int64(binary.BigEndian.Uint64(b[16:])), text: string(text[:length]), data: text[length:],
	}, nil
}

// refusal is the reply that tells err.
func refusal(err error) reply {
	r := reply{text: err.Error()}
	if r.text == "" {
		r.text = "refused"
	}
	errors.As(err, &r.errno)
	return r
}

// err is the error that r tells, nil if it tells none.
func (r reply) err() error {
	if r.text == "" {
		return nil
	}
	return &toldError{r.text, r.errno}
}

// A toldError is an error of the parent: its text, and what errors.Is wants.
type toldError struct {
	text  string
	errno syscall.Errno
}

func (e *toldError) Error() string { return e.text }

func (e *toldError) Unwrap() error {
	switch e.errno {
	case 0:
		return nil
	case syscall.EPERM: // a rule of ours: the text tells more than the number
		return fs.ErrPermission
	}
	return e.errno
}

// A toldInfo is what the parent tells of a file.
type toldInfo struct {
	name string
	r    reply
}

func (i toldInfo) Name() string       { return filepath.Base(i.name) }
func (i toldInfo) Size() int64        { return i.r.size }
func (i toldInfo) Mode() fs.FileMode  { return i.r.mode }
func (i toldInfo) ModTime() time.Time { return time.Unix(0, i.r.time) }
func (i toldInfo) IsDir() bool        { return i.r.mode.IsDir() }
func (i toldInfo) Sys() any           { return nil }

// A State is what the child reports of itself.
type State byte

const (
	Serving   State = 'r' // from now on, or again after a reload
	Reloading State = 'l'
	Stopping  State = 's'
)

// A report is a packet of the child on the second pair: the State, and a line
// for people.
type report struct {
	state State
	line  string
}

func (r report) appendTo(b []byte) []byte {
	return append(append(b, byte(r.state)), plain(r.line)...)
}

// parseReport reads a packet. What is in the line cannot break out of it.
func parseReport(b []byte) (report, error) {
	if len(b) < 1 || len(b) > 1+maxText {
		return report{}, errPacket
	}
	r := report{State(b[0]), plain(string(b[1:]))}
	switch r.state {
	case Serving, Reloading, Stopping:
		return r, nil
	}
	return report{}, errPacket
}

// plain is text as one line of at most maxText bytes.
func plain(text string) string {
	text = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(text, "?"))
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "")
	}
	return text
}

// unexpected is the error for a name that is not on the list.
func unexpected(r request) error {
	what := "PidFile"
	switch r.verb {
	case askRead, askStat:
		what = "file"
	case askAppend:
		what = "log"
	case askPipe:
		what = "program"
	case askListen, askUnlisten:
		what = "address"
	}
	return fmt.Errorf("%w: the configuration, as the parent process last read it, names no %s %s", syscall.EPERM, what, r.name)
}
