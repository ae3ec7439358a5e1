package rpc

import (
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/internal/wire"
)

const (
	nameMember = "org.apache.catalina.tribes.membership.MemberImpl"
	nameStatic = "org.apache.catalina.tribes.membership.StaticMember"
)

// Classes are the descriptors of members in streams. MemberImpl has another
// serialVersionUID in each line of releases of Tomcat, so it is taken over from
// what peers send. The zero Classes begins with that of 10.1.60. Many
// goroutines may use it.
type Classes struct {
	Log *slog.Logger // told when a peer has another one; nil for nobody

	member atomic.Pointer[javaserial.Class]
	told   atomic.Int32 // how often Log was told
}

func (c *Classes) impl() *javaserial.Class {
	if learnt := c.member.Load(); learnt != nil {
		return learnt
	}
	return memberClass(suidMember)
}

const suidMember = -0x7b890c84cd6ac999 // 8476f37b32953667

// releases are the lines of releases by the serialVersionUID of MemberImpl.
var releases = map[int64]string{
	0x2e21087915506d1c: "Tomcat 9.0",
	0x535528fd049659fe: "Tomcat 10.0, 10.1.0 to 10.1.39, 11.0.0 to 11.0.5",
	suidMember:         "Tomcat 10.1.40 and later, 11.0.6 and later",
}

func memberClass(suid int64) *javaserial.Class {
	return &javaserial.Class{Name: nameMember, SUID: suid, Flags: javaserial.FlagExternalizable | javaserial.FlagBlockData}
}

func staticClass(member *javaserial.Class) *javaserial.Class {
	const suid = -0x5cd9fc778149475f // a32603887eb6b8a1
	return &javaserial.Class{Name: nameStatic, SUID: suid, Flags: javaserial.FlagExternalizable | javaserial.FlagBlockData, Super: member}
}

// mostTold bounds what a group of two lines of releases makes us log.
const mostTold = 4

// learn takes over the serialVersionUID of a descriptor that from sent.
func (c *Classes) learn(class *javaserial.Class, from *tribes.Member) {
	if class.Name == nameStatic {
		class = class.Super
	}
	if class == nil || class.Name != nameMember {
		return
	}
	before := c.impl().SUID
	if class.SUID == before {
		return
	}
	c.member.Store(memberClass(class.SUID))
	if c.Log != nil && c.told.Add(1) <= mostTold {
		c.Log.Warn("a peer's MemberImpl has another serialVersionUID: members are written with it from now on; Tomcats of two lines of releases do not read each other's members",
			"member", *from, "serialVersionUID", fmt.Sprintf("%016x", uint64(class.SUID)), "release", releaseOf(class.SUID), "before", releaseOf(before))
	}
}

func releaseOf(suid int64) string {
	if name, ok := releases[suid]; ok {
		return name
	}
	return "unknown"
}

// Object returns m as Java has it. A member that is not this one carries the
// clock's time in place of its age, as Tomcat writes it.
func (c *Classes) Object(m tribes.Member, own bool) *javaserial.Object {
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

// Member reads a member.
func (c *Classes) Member(n javaserial.Node) (tribes.Member, error) {
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
	c.learn(o.Class, &m)
	return m, nil
}
