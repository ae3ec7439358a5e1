package replicated

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/rpc"
)

// A kind is what a message is for.
type kind int32

// Source: AbstractReplicatedMap.MapMessage.
const (
	msgBackup          kind = 1
	msgRetrieveBackup  kind = 2
	msgProxy           kind = 3
	msgRemove          kind = 4
	msgState           kind = 5
	msgStart           kind = 6
	msgStop            kind = 7
	msgInit            kind = 8
	msgCopy            kind = 9
	msgStateCopy       kind = 10
	msgAccess          kind = 11
	msgNotifyMapMember kind = 12
	msgPing            kind = 13
)

// A message is what the nodes of a map tell each other. Key and value are
// streams of their own.
type message struct {
	kind    kind
	mapName string // Latin-1
	diff    bool   // diffValue is to be applied to what is there
	diffVal []byte
	key     []byte // nil for none
	value   []byte // nil for none
	nodes   []tribes.Member
	noNodes bool // nodes is null, not empty
	primary *tribes.Member
	from    tribes.Key // who sends it; not of answers
}

// A claim of the primary is numbered, so that all nodes agree which of two
// counts. The number is where a diff would be, which Tomcat does not look at in
// messages without one.
const markVersion = 'v'

// setVersion numbers a claim. 0 is none.
func (m *message) setVersion(n uint64) *message {
	if n != 0 {
		m.diffVal = binary.BigEndian.AppendUint64([]byte{markVersion}, n)
	}
	return m
}

// version returns the number of a claim, 0 if a Tomcat has made it.
func (m *message) version() uint64 {
	if m.diff || len(m.diffVal) != 9 || m.diffVal[0] != markVersion {
		return 0
	}
	return min(binary.BigEndian.Uint64(m.diffVal[1:]), mostVersion)
}

// mostVersion keeps the count from wrapping round.
const mostVersion = 1 << 62

// object returns m as Java has it. own tells whether a member is this node.
func (m *message) object(c *rpc.Classes, own func(tribes.Key) bool) *javaserial.Object {
	return (&writer{classes: c, own: own}).message(m)
}

// A writer makes objects of messages that go out in one stream. If shares is not
// nil they have their members in common, and the name of the map, as those of a
// Tomcat have: then a member is there once, not in each.
type writer struct {
	classes *rpc.Classes
	own     func(tribes.Key) bool
	shares  map[tribes.Key]javaserial.Node
	mapName javaserial.Node
}

func (w *writer) message(m *message) *javaserial.Object {
	var nodes javaserial.Node
	if !m.noNodes {
		all := make([]javaserial.Node, len(m.nodes))
		for i := range m.nodes {
			all[i] = w.member(&m.nodes[i])
		}
		nodes = javaserial.NewArray(nameMembers, suidMembers, all)
	}
	var primary javaserial.Node
	if m.primary != nil {
		primary = w.member(m.primary)
	}
	name := w.mapName
	if name == nil {
		name = javaserial.ByteArray(latin1(m.mapName))
	}
	if w.shares != nil {
		w.mapName = name
	}
	fields := []javaserial.Value{
		javaserial.BoolValue(m.diff), javaserial.IntValue(int64(m.kind)), bytesValue(m.diffVal), bytesValue(m.key),
		javaserial.NodeValue(name), javaserial.NodeValue(nodes), javaserial.NodeValue(primary), bytesValue(m.value),
	}
	return &javaserial.Object{Class: classMessage, Data: []javaserial.ClassData{{Class: classMessage, Fields: fields}}}
}

func (w *writer) member(m *tribes.Member) javaserial.Node {
	key := m.Key()
	if n := w.shares[key]; n != nil {
		return n
	}
	n := w.classes.Object(*m, w.own(key))
	if w.shares != nil {
		w.shares[key] = n
	}
	return n
}

func bytesValue(b []byte) javaserial.Value {
	if b == nil {
		return javaserial.NodeValue(nil)
	}
	return javaserial.NodeValue(javaserial.ByteArray(b))
}

func latin1(text string) []byte {
	b := make([]byte, 0, len(text))
	for _, r := range text {
		b = append(b, byte(r))
	}
	return b
}

var errLayout = errors.New("map message with another layout")

// parse reads m from an object. mine is false if it is of another class.
func (m *message) parse(n javaserial.Node, c *rpc.Classes) (mine bool, err error) {
	return (&reader{classes: c}).message(n, m)
}

func field(o *javaserial.Object, name string, code byte) *javaserial.Value {
	if got, v, ok := o.Field(classMessage.Name, name); ok && got == code {
		return &v
	}
	return nil
}

func bytesOf(o *javaserial.Object, name string) ([]byte, error) {
	v := field(o, name, '[')
	if v == nil || v.Node() == nil {
		return nil, nil
	}
	a, ok := v.Node().(*javaserial.Array)
	if !ok || a.Class.Name != "[B" {
		return nil, fmt.Errorf("%w: %s is no byte[]", errLayout, name)
	}
	return a.Raw, nil
}

// States of a map, as its pings tell them.
const (
	stateNew         = "NEW"
	stateTransferred = "STATETRANSFERRED"
	stateInitialized = "INITIALIZED"
)

func stateNode(name string) javaserial.Node {
	return &javaserial.Enum{Class: classState, Name: &javaserial.String{Text: name}}
}

// stateOf returns the name of the state in a stream, "" if there is none.
func stateOf(stream []byte, limits javaserial.Limits) string {
	n, err := javaserial.Decode(stream, limits)
	if err != nil {
		return ""
	}
	return javaserial.Opaque{Node: n}.EnumName()
}
