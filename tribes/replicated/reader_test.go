package replicated

import (
	"net/netip"
	"testing"
	"unsafe"

	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/rpc"
)

// A state whose entries all refer to one list, of references to one large member,
// has that list and what the member carries once in memory: 60 KB that come in do
// not become 60 GB.
func TestStateOfReferences(t *testing.T) {
	var c rpc.Classes
	large := c.Object(tribes.Member{Host: netip.MustParseAddr("10.0.0.1"), Port: 4000, Payload: make([]byte, 60000)}, true)
	refs := make([]javaserial.Node, 1000)
	for i := range refs {
		refs[i] = large
	}
	nodes := javaserial.NewArray(nameMembers, suidMembers, refs)
	name := javaserial.ByteArray(make([]byte, 10000))
	var list []any
	for i := range 1000 {
		key, err := keyStream(int64(i))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, javaserial.Opaque{Node: &javaserial.Object{Class: classMessage, Data: []javaserial.ClassData{{Class: classMessage, Fields: []javaserial.Value{
			javaserial.BoolValue(false), javaserial.IntValue(int64(msgProxy)), bytesValue(nil), bytesValue(key),
			javaserial.NodeValue(name), javaserial.NodeValue(nodes), javaserial.NodeValue(large), bytesValue(nil),
		}}}}})
	}
	n, err := javaserial.Java(list)
	if err != nil {
		t.Fatal(err)
	}
	m := newMap(Config{Name: "map"}, nil)
	all := m.stateOf(&message{value: javaserial.Encode(n)}, javaserial.Limits{})
	if len(all) != len(list) {
		t.Fatalf("%d entries of %d", len(all), len(list))
	}
	first := all[0]
	for _, each := range all {
		if len(each.nodes) != len(refs) || &each.nodes[0] != &first.nodes[0] {
			t.Fatal("each entry has the list for itself")
		}
		if unsafe.StringData(each.mapName) != unsafe.StringData(first.mapName) {
			t.Fatal("each entry has the name for itself")
		}
		if &each.primary.Payload[0] != &first.nodes[len(refs)-1].Payload[0] {
			t.Fatal("each entry has what the member carries for itself")
		}
	}
	if kept := m.shared(first.nodes); &kept[0] != &first.nodes[0] {
		t.Error("what an entry keeps is a list of its own")
	}
}
