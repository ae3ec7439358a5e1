package replicated

import (
	"fmt"

	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/rpc"
)

// A reader reads messages of one stream. Members, and lists of them, that a
// stream has once and refers to again are in memory once, too: a reference has
// five bytes, a member up to 64 KiB.
type reader struct {
	classes *rpc.Classes
	seen    map[javaserial.Node]tribes.Member
	lists   map[javaserial.Node][]tribes.Member
	names   map[javaserial.Node]string
}

// message reads m from an object. mine is false if it is of another class.
func (r *reader) message(n javaserial.Node, m *message) (mine bool, err error) {
	o, ok := n.(*javaserial.Object)
	if !ok || o.Class.Name != classMessage.Name {
		return false, nil
	}
	if err := o.Class.CheckSUID(classMessage); err != nil {
		return true, err
	}
	diff, kindOf := field(o, "diff", 'Z'), field(o, "msgtype", 'I')
	if diff == nil || kindOf == nil {
		return true, errLayout
	}
	m.diff, m.kind = diff.Bool(), kind(kindOf.Int())
	for name, to := range map[string]*[]byte{"diffvalue": &m.diffVal, "keydata": &m.key, "valuedata": &m.value} {
		if *to, err = bytesOf(o, name); err != nil {
			return true, err
		}
	}
	if m.mapName, err = r.name(o); err != nil {
		return true, err
	}
	return true, r.members(o, m)
}

// name reads the name of the map.
func (r *reader) name(o *javaserial.Object) (string, error) {
	id, err := bytesOf(o, "mapId")
	if id == nil {
		return "", err
	}
	at := field(o, "mapId", '[').Node()
	name, ok := r.names[at]
	if !ok {
		name = fromLatin1(id)
		put(&r.names, at, name)
	}
	return name, nil
}

// members reads the members of m.
func (r *reader) members(o *javaserial.Object, m *message) error {
	if v := field(o, "primary", 'L'); v != nil && v.Node() != nil {
		primary, err := r.member(v.Node())
		if err != nil {
			return fmt.Errorf("primary: %w", err)
		}
		m.primary = &primary
	}
	v := field(o, "nodes", '[')
	if v == nil || v.Node() == nil {
		m.noNodes = true
		return nil
	}
	all, ok := v.Node().(*javaserial.Array)
	if !ok {
		return errLayout
	}
	if m.nodes, ok = r.lists[all]; ok {
		return nil
	}
	m.nodes = make([]tribes.Member, 0, len(all.Nodes))
	for _, n := range all.Nodes {
		node, err := r.member(n)
		if err != nil {
			return fmt.Errorf("nodes: %w", err)
		}
		m.nodes = append(m.nodes, node)
	}
	put(&r.lists, all, m.nodes)
	return nil
}

func (r *reader) member(n javaserial.Node) (tribes.Member, error) {
	if m, ok := r.seen[n]; ok {
		return m, nil
	}
	m, err := r.classes.Member(n)
	if err != nil {
		return tribes.Member{}, err
	}
	put(&r.seen, n, m)
	return m, nil
}

func put[V any](in *map[javaserial.Node]V, n javaserial.Node, v V) {
	if *in == nil {
		*in = map[javaserial.Node]V{}
	}
	(*in)[n] = v
}

func fromLatin1(b []byte) string {
	runes := make([]rune, len(b))
	for i, c := range b {
		runes[i] = rune(c)
	}
	return string(runes)
}
