package javaserial

import "encoding/binary"

type kind int

const (
	kindList kind = iota
	kindSet
	kindMap
)

// A container is what a list, set or map holds: elements, or keys and values in
// turn.
type container struct {
	kind  kind
	nodes []Node
	exact bool // writing it anew gives the same class
}

// layouts say by class name how a container stands in the stream.
var layouts = map[string]struct {
	kind  kind
	of    string                                        // the class in the line that has the data
	parse func(data *ClassData) (nodes []Node, ok bool) // of that class
	exact bool
}{
	"java.util.ArrayList":                       {kindList, "java.util.ArrayList", counted(0), true},
	"java.util.LinkedList":                      {kindList, "java.util.LinkedList", counted(0), false},
	"java.util.ArrayDeque":                      {kindList, "java.util.ArrayDeque", counted(0), false},
	"java.util.Vector":                          {kindList, "java.util.Vector", vectorOf, false},
	"java.util.Arrays$ArrayList":                {kindList, "java.util.Arrays$ArrayList", arrayIn("a"), false},
	"java.util.Collections$EmptyList":           {kindList, "java.util.Collections$EmptyList", nothing, false},
	"java.util.Collections$SingletonList":       {kindList, "java.util.Collections$SingletonList", fieldsIn("element"), false},
	"java.util.concurrent.CopyOnWriteArrayList": {kindList, "java.util.concurrent.CopyOnWriteArrayList", counted(0), false},

	"java.util.HashSet":                  {kindSet, "java.util.HashSet", counted(8), true},
	"java.util.LinkedHashSet":            {kindSet, "java.util.HashSet", counted(8), false},
	"java.util.TreeSet":                  {kindSet, "java.util.TreeSet", sorted, false},
	"java.util.Collections$EmptySet":     {kindSet, "java.util.Collections$EmptySet", nothing, false},
	"java.util.Collections$SingletonSet": {kindSet, "java.util.Collections$SingletonSet", fieldsIn("element"), false},

	"java.util.HashMap":                      {kindMap, "java.util.HashMap", pairs(4), true},
	"java.util.LinkedHashMap":                {kindMap, "java.util.HashMap", pairs(4), false},
	"java.util.Hashtable":                    {kindMap, "java.util.Hashtable", pairs(4), false},
	"java.util.TreeMap":                      {kindMap, "java.util.TreeMap", pairs(0), false},
	"java.util.concurrent.ConcurrentHashMap": {kindMap, "java.util.concurrent.ConcurrentHashMap", untilNull, false},
	"java.util.Collections$EmptyMap":         {kindMap, "java.util.Collections$EmptyMap", nothing, false},
	"java.util.Collections$SingletonMap":     {kindMap, "java.util.Collections$SingletonMap", fieldsIn("k", "v"), false},
}

// wrappers hold another container in a field of one of their classes.
var wrappers = map[string]string{
	"java.util.Collections$UnmodifiableList":             "list",
	"java.util.Collections$UnmodifiableRandomAccessList": "list",
	"java.util.Collections$UnmodifiableSet":              "c",
	"java.util.Collections$UnmodifiableMap":              "m",
}

// containerOf returns what o holds if it is a well-known list, set or map.
func containerOf(o *Object) (container, bool) {
	for range 4 { // wrappers in wrappers
		name, wrapped := wrappers[o.Class.Name]
		if !wrapped {
			break
		}
		_, v, _ := o.Field("", name)
		inner, ok := v.ref.(*Object)
		if !ok {
			return container{}, false
		}
		if content, ok := plainContainer(inner); ok {
			content.exact = false
			return content, true
		}
		o = inner
	}
	return plainContainer(o)
}

func plainContainer(o *Object) (container, bool) {
	if o.Class.is("java.util.CollSer") {
		return collSer(o)
	}
	l, ok := layouts[o.Class.Name]
	if !ok || o.Class.Proxy {
		return container{}, false
	}
	for i := range o.Data {
		if data := &o.Data[i]; data.Class.Name == l.of {
			nodes, ok := l.parse(data)
			exact := l.exact && knownAs(o.Class) != nil
			return container{l.kind, nodes, exact}, ok
		}
	}
	return container{}, false
}

// collSer is what List.of, Set.of and Map.of become.
func collSer(o *Object) (container, bool) {
	_, tag, ok := o.Field("", "tag")
	if !ok || len(o.Data) != 1 {
		return container{}, false
	}
	nodes, ok := counted(0)(&o.Data[0])
	switch tag.Int() {
	case 1, 4:
		return container{kindList, nodes, false}, ok
	case 2:
		return container{kindSet, nodes, false}, ok
	case 3:
		return container{kindMap, nodes, false}, ok && len(nodes)%2 == 0
	}
	return container{}, false
}

// counted reads a block that ends in the number of elements, skip bytes from
// its start, and the elements.
func counted(skip int) func(*ClassData) ([]Node, bool) { return countedBy(skip, 1) }

// pairs reads the like for a map: the number counts keys with their values.
func pairs(skip int) func(*ClassData) ([]Node, bool) { return countedBy(skip, 2) }

func countedBy(skip, each int) func(*ClassData) ([]Node, bool) {
	return func(data *ClassData) ([]Node, bool) {
		if len(data.Custom) == 0 || len(data.Custom[0].Block) != skip+4 {
			return nil, false
		}
		n := int(int32(binary.BigEndian.Uint32(data.Custom[0].Block[skip:])))
		nodes, ok := objects(data.Custom[1:])
		if data.Class.Name == "java.util.ArrayList" {
			size, has := fieldOf(data, "size") // the block has the capacity
			n = int(size.Int())
			ok = ok && has
		}
		return nodes, ok && n*each == len(nodes)
	}
}

// sorted reads a TreeSet: its comparator, how many, the elements.
func sorted(data *ClassData) ([]Node, bool) {
	if len(data.Custom) < 2 || data.Custom[0].Block != nil || len(data.Custom[1].Block) != 4 {
		return nil, false
	}
	nodes, ok := objects(data.Custom[2:])
	return nodes, ok && int(binary.BigEndian.Uint32(data.Custom[1].Block)) == len(nodes)
}

// untilNull reads a ConcurrentHashMap: keys and values up to a null.
func untilNull(data *ClassData) ([]Node, bool) {
	nodes, ok := objects(data.Custom)
	if n := len(nodes); !ok || n < 2 || n%2 != 0 || nodes[n-1] != nil || nodes[n-2] != nil {
		return nil, false
	}
	return nodes[:len(nodes)-2], true
}

// vectorOf reads a Vector: an array that may be longer than what is in it.
func vectorOf(data *ClassData) ([]Node, bool) {
	nodes, ok := arrayIn("elementData")(data)
	n, has := fieldOf(data, "elementCount")
	if !ok || !has || n.Int() < 0 || n.Int() > int64(len(nodes)) {
		return nil, false
	}
	return nodes[:n.Int()], true
}

func nothing(*ClassData) ([]Node, bool) { return nil, true }

func fieldsIn(names ...string) func(*ClassData) ([]Node, bool) {
	return func(data *ClassData) ([]Node, bool) {
		var nodes []Node
		for _, name := range names {
			v, ok := fieldOf(data, name)
			if !ok {
				return nil, false
			}
			nodes = append(nodes, v.ref)
		}
		return nodes, true
	}
}

func arrayIn(name string) func(*ClassData) ([]Node, bool) {
	return func(data *ClassData) ([]Node, bool) {
		v, _ := fieldOf(data, name)
		a, ok := v.ref.(*Array)
		if !ok || width(a.element()) > 0 {
			return nil, false
		}
		return a.Nodes, true
	}
}

func fieldOf(data *ClassData, name string) (v Value, ok bool) {
	for i, f := range data.Class.Fields {
		if f.Name == name && i < len(data.Fields) {
			return data.Fields[i], true
		}
	}
	return Value{}, false
}

// objects returns contents that are all objects.
func objects(all []Content) ([]Node, bool) {
	nodes := make([]Node, 0, len(all))
	for _, c := range all {
		if c.Block != nil {
			return nil, false
		}
		nodes = append(nodes, c.Node)
	}
	return nodes, true
}
