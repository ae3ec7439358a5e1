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

import "github.com/catflap/catflap/javaserial"

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
	nameMembers = "[Lorg.apache.catalina.tribes.Member;"
	suidMembers = 0x5ec4606b842d393c
)
