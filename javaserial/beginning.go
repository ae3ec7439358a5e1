package javaserial

import "bytes"

// A Beginning is how streams begin whose first object is of one class, up to
// the object's data. A Decoder that knows it reads no descriptor there, and its
// objects share one. Many goroutines may use it.
type Beginning struct {
	class   *Class
	bytes   []byte
	handles []Node // what is assigned in bytes, in order
}

// NewBeginning returns the beginning of streams with an object of c. The class
// and its super classes have fewer than 16 descriptors and signatures together.
func NewBeginning(c *Class) *Beginning {
	e := NewEncoder()
	e.out = append(e.out, tcObject)
	e.class(c)
	b := &Beginning{class: c, bytes: e.out, handles: make([]Node, e.next)}
	for _, each := range e.handles.few[:e.handles.n] {
		b.handles[each.value] = each.key
	}
	return b
}

// beginSize is where the descriptor of the first object begins, behind its code.
const beginSize = 6

// begin takes one of the beginnings of Limits. It returns nil if the stream has
// none of them.
func (d *Decoder) begin() (*Class, error) {
	for _, b := range d.limits.Beginnings {
		if !bytes.HasPrefix(d.data, b.bytes) {
			continue
		}
		if err := d.count(len(b.handles)); err != nil {
			return nil, err
		}
		for _, n := range b.handles {
			if err := d.assign(n); err != nil {
				return nil, err
			}
		}
		d.at = len(b.bytes)
		return b.class, nil
	}
	return nil, nil
}
