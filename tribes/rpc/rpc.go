// Package rpc asks members of a group and gets their answers. What comes in are
// questions, Java objects, and the members they are for; what goes out are
// their answers. A Dispatcher stands on a tribes.Channel: it reads the objects
// in messages, gives questions and answers to the Channel with their id, and
// other objects to who takes them.
//
// Source: org.apache.catalina.tribes.group.RpcChannel of Tomcat 10.1.
package rpc

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
)

// Descriptors of Tomcat's classes.
var (
	classMessage = &javaserial.Class{
		Name: "org.apache.catalina.tribes.group.RpcMessage", SUID: 0x712a750ff274e509,
		Flags: javaserial.FlagExternalizable | javaserial.FlagBlockData,
	}
	classNoChannel = &javaserial.Class{
		Name: "org.apache.catalina.tribes.group.RpcMessage$NoRpcChannelReply", SUID: 0x7bab8fb36a4b5ba6,
		Flags: javaserial.FlagExternalizable | javaserial.FlagBlockData, Super: classMessage,
	}
)

// A message is a question or an answer.
//
//	reply    boolean    not of a noChannel
//	uuid     int32, n   16 bytes
//	rpcId    int32, n   Latin-1
//	message  object     not of a noChannel
//
// Source: group.RpcMessage.
type message struct {
	reply     bool
	noChannel bool // there is nobody with that id here
	uuid      tribes.ID
	id        string
	content   javaserial.Node
}

// latin1 turns text into bytes, one a character.
func latin1(text string) []byte {
	b := make([]byte, 0, len(text))
	for _, r := range text {
		b = append(b, byte(r))
	}
	return b
}

func fromLatin1(b []byte) string {
	runes := make([]rune, len(b))
	for i, c := range b {
		runes[i] = rune(c)
	}
	return string(runes)
}

// object returns m as Java has it.
func (m *message) object() *javaserial.Object {
	var block []byte
	if !m.noChannel {
		block = append(block, 0)
		if m.reply {
			block[0] = 1
		}
	}
	block = binary.BigEndian.AppendUint32(block, uint32(len(m.uuid)))
	block = append(block, m.uuid[:]...)
	id := latin1(m.id)
	block = binary.BigEndian.AppendUint32(block, uint32(len(id)))
	block = append(block, id...)
	class, custom := classNoChannel, []javaserial.Content{{Block: block}}
	if !m.noChannel {
		class, custom = classMessage, append(custom, javaserial.Content{Node: m.content})
	}
	return &javaserial.Object{Class: class, Data: []javaserial.ClassData{{Class: class, Custom: custom}}}
}

var errNoMessage = errors.New("RPC message with another layout")

// parse reads m from an object. mine is false if it is another class.
func (m *message) parse(n javaserial.Node) (mine bool, err error) {
	o, ok := n.(*javaserial.Object)
	if !ok {
		return false, nil
	}
	class := classMessage
	switch o.Class.Name {
	case classMessage.Name:
	case classNoChannel.Name:
		class, m.noChannel, m.reply = classNoChannel, true, true
	default:
		return false, nil
	}
	if err := o.Class.CheckSUID(class); err != nil {
		return true, err
	}
	if len(o.Data) != 1 || len(o.Data[0].Custom) == 0 || o.Data[0].Custom[0].Block == nil {
		return true, errNoMessage
	}
	custom := o.Data[0].Custom
	b := custom[0].Block
	if !m.noChannel {
		if len(b) < 1 || len(custom) != 2 || custom[1].Block != nil {
			return true, errNoMessage
		}
		m.reply, b, m.content = b[0] != 0, b[1:], custom[1].Node
	} else if len(custom) != 1 {
		return true, errNoMessage
	}
	uuid, b, ok := counted(b)
	if !ok || len(uuid) != len(m.uuid) {
		return true, fmt.Errorf("%w: an id of %d bytes", errNoMessage, len(uuid))
	}
	copy(m.uuid[:], uuid)
	id, b, ok := counted(b)
	if !ok || len(b) > 0 {
		return true, errNoMessage
	}
	m.id = fromLatin1(id)
	return true, nil
}

// counted takes the bytes that follow their number.
func counted(b []byte) (field, rest []byte, ok bool) {
	if len(b) < 4 {
		return nil, nil, false
	}
	n := int(int32(binary.BigEndian.Uint32(b)))
	if n < 0 || n > len(b)-4 {
		return nil, nil, false
	}
	return b[4 : 4+n], b[4+n:], true
}
