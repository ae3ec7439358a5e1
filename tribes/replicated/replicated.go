// Package replicated is the replicated map of Tomcat's Tribes. What comes in are
// entries that this node puts, and messages of the same map on other nodes;
// what goes out are messages, and entries that live on when a node dies.
//
// In a Lazy map the node that owns an entry is its primary, one other node has a
// backup, all others know only where the two are (a proxy), and fetch the entry
// when they need it. In a Copy map every node has every entry.
//
// Source: org.apache.catalina.tribes.tipis.AbstractReplicatedMap,
// LazyReplicatedMap and ReplicatedMap of Tomcat 10.1.
package replicated

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/internal/wire"
)

// Descriptors of Tomcat's classes and the types of their fields.
var (
	typeBytes   = &javaserial.String{Text: "[B"}
	typeMembers = &javaserial.String{Text: "[Lorg/apache/catalina/tribes/Member;"}
	typeMember  = &javaserial.String{Text: "Lorg/apache/catalina/tribes/Member;"}

	classMessage = &javaserial.Class{
		Name: "org.apache.catalina.tribes.tipis.AbstractReplicatedMap$MapMessage", SUID: 1, Flags: javaserial.FlagSerializable,
		Fields: []javaserial.Field{
			{Code: 'Z', Name: "diff"}, {Code: 'I', Name: "msgtype"}, {Code: '[', Name: "diffvalue", Type: typeBytes},
			{Code: '[', Name: "keydata", Type: typeBytes}, {Code: '[', Name: "mapId", Type: typeBytes},
			{Code: '[', Name: "nodes", Type: typeMembers}, {Code: 'L', Name: "primary", Type: typeMember},
			{Code: '[', Name: "valuedata", Type: typeBytes},
		},
	}
	classEnum  = &javaserial.Class{Name: "java.lang.Enum", Flags: javaserial.FlagSerializable | javaserial.FlagEnum}
	classState = &javaserial.Class{
		Name:  "org.apache.catalina.tribes.tipis.AbstractReplicatedMap$State",
		Flags: javaserial.FlagSerializable | javaserial.FlagEnum, Super: classEnum,
	}
)

const (
	nameMember  = "org.apache.catalina.tribes.membership.MemberImpl"
	nameStatic  = "org.apache.catalina.tribes.membership.StaticMember"
	nameMembers = "[Lorg.apache.catalina.tribes.Member;"
	suidMembers = 0x5ec4606b842d393c
)

// Classes are the descriptors of members in streams. MemberImpl has another
// serialVersionUID in each line of releases of Tomcat, so it is taken over from
// what peers send. The zero Classes begins with that of 10.1.60. Many
// goroutines may use it.
type Classes struct {
	member atomic.Pointer[javaserial.Class]
}

func (c *Classes) impl() *javaserial.Class {
	if learnt := c.member.Load(); learnt != nil {
		return learnt
	}
	return memberClass(suidMember)
}

const suidMember = -0x7b890c84cd6ac999 // 8476f37b32953667

func memberClass(suid int64) *javaserial.Class {
	return &javaserial.Class{Name: nameMember, SUID: suid, Flags: javaserial.FlagExternalizable | javaserial.FlagBlockData}
}

func staticClass(member *javaserial.Class) *javaserial.Class {
	const suid = -0x5cd9fc77c149475f // a32603887eb6b8a1
	return &javaserial.Class{Name: nameStatic, SUID: suid, Flags: javaserial.FlagExternalizable | javaserial.FlagBlockData, Super: member}
}

// learn takes over the serialVersionUID of a descriptor, and reports whether it
// is another one than before.
func (c *Classes) learn(class *javaserial.Class) bool {
	if class.Name == nameStatic {
		class = class.Super
	}
	if class == nil || class.Name != nameMember || class.SUID == c.impl().SUID {
		return false
	}
	c.member.Store(memberClass(class.SUID))
	return true
}

// object returns m as Java has it. A member that is not this one carries the
// clock's time in place of its age, as Tomcat writes it.
func (c *Classes) object(m tribes.Member, own bool) *javaserial.Object {
	if !own {
		m.Alive = time.Now().UnixMilli()
	}
	class := c.impl()
	if m.Static {
		class = staticClass(class)
	}
	b := m.AppendTo(nil)
	block := append([]byte{byte(len(b) >> 24), byte(len(b) >> 16), byte(len(b) >> 8), byte(len(b))}, b...)
	return &javaserial.Object{Class: class, Data: []javaserial.ClassData{{Class: class, Custom: []javaserial.Content{{Block: block}}}}}
}

// member reads a member.
func (c *Classes) memberOf(n javaserial.Node) (tribes.Member, error) {
	o, ok := n.(*javaserial.Object)
	if !ok || o.Class.Name != nameMember && o.Class.Name != nameStatic || len(o.Data) != 1 || len(o.Data[0].Custom) != 1 || len(o.Data[0].Custom[0].Block) < 4 {
		return tribes.Member{}, fmt.Errorf("%s where a member is expected", javaserial.Opaque{Node: n}.Class())
	}
	b := o.Data[0].Custom[0].Block
	m, size, err := wire.ParseMember(b[4:])
	if err != nil {
		return tribes.Member{}, err
	}
	if size != len(b)-4 {
		return tribes.Member{}, fmt.Errorf("%d bytes behind a member", len(b)-4-size)
	}
	m.Static = o.Class.Name == nameStatic
	c.learn(o.Class)
	return m, nil
}
