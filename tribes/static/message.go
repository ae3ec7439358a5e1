package static

import (
	"bytes"
	"errors"

	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/rpc"
)

// A kind is what a message is for.
type kind int32

const (
	msgStart kind = 1
	msgStop  kind = 2
	msgPing  kind = 3
)

var (
	classBytes   = javaserial.ByteArray(nil).Class
	classMessage = &javaserial.Class{
		Name: "org.apache.catalina.tribes.membership.StaticMembershipProvider$MemberMessage", SUID: 1, Flags: javaserial.FlagSerializable,
		Fields: []javaserial.Field{
			{Code: 'I', Name: "msgtype"},
			{Code: 'L', Name: "member", Type: &javaserial.String{Text: "Lorg/apache/catalina/tribes/Member;"}},
			{Code: '[', Name: "membershipId", Type: &javaserial.String{Text: "[B"}},
		},
	}
)

// A message is what static members tell each other: that they are there, or
// that they leave.
//
//	msgtype       int     START, STOP or PING
//	member        Member  who says it
//	membershipId  byte[]  the id of the RPC channel
//
// Source: membership.StaticMembershipProvider.MemberMessage.
type message struct {
	kind   kind
	member tribes.Member
	id     []byte
}

// object returns m as Java has it.
func (m *message) object(c *rpc.Classes) *javaserial.Object {
	return &javaserial.Object{Class: classMessage, Data: []javaserial.ClassData{{Class: classMessage, Fields: []javaserial.Value{
		javaserial.IntValue(int64(m.kind)), javaserial.NodeValue(c.Object(m.member, true)), javaserial.NodeValue(javaserial.ByteArray(m.id)),
	}}}}
}

var errLayout = errors.New("message of a static member with another layout")

// parse reads m from an object. mine is false if it is of another class.
func (m *message) parse(n javaserial.Node, c *rpc.Classes) (mine bool, err error) {
	o, ok := n.(*javaserial.Object)
	if !ok || o.Class.Name != classMessage.Name {
		return false, nil
	}
	if err := o.Class.CheckSUID(classMessage); err != nil {
		return true, err
	}
	code, kindOf, ok := o.Field(classMessage.Name, "msgtype")
	if !ok || code != 'I' {
		return true, errLayout
	}
	m.kind = kind(kindOf.Int())
	code, member, ok := o.Field(classMessage.Name, "member")
	if !ok || code != 'L' {
		return true, errLayout
	}
	if m.member, err = c.Member(member.Node()); err != nil {
		return true, err
	}
	code, id, ok := o.Field(classMessage.Name, "membershipId")
	if !ok || code != '[' {
		return true, errLayout
	}
	a, ok := id.Node().(*javaserial.Array)
	if !ok || a.Class.Name != classBytes.Name {
		return true, errLayout
	}
	m.id = bytes.Clone(a.Raw)
	return true, nil
}
