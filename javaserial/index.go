package javaserial

// An index finds what was put into it. Most streams have few objects, which
// are looked through one by one; a map is made for more.
type index[K comparable, V any] struct {
	few  [16]pair[K, V]
	n    int // how many there are in few
	many map[K]V
}

type pair[K comparable, V any] struct {
	key   K
	value V
}

func (x *index[K, V]) get(key K) (v V, ok bool) {
	if x.many != nil {
		v, ok = x.many[key]
		return v, ok
	}
	for i := range x.few[:x.n] {
		if x.few[i].key == key {
			return x.few[i].value, true
		}
	}
	return v, false
}

// put puts in a key that is not there.
func (x *index[K, V]) put(key K, v V) {
	switch {
	case x.many != nil:
		x.many[key] = v
	case x.n < len(x.few):
		x.few[x.n] = pair[K, V]{key, v}
		x.n++
	default:
		x.many = make(map[K]V, 4*len(x.few))
		for _, each := range x.few {
			x.many[each.key] = each.value
		}
		x.many[key] = v
	}
}
