package javaserial

import "slices"

// object reads an object at any depth.
func (d *Decoder) object() (Node, error) {
	d.skipResets()
	if err := d.count(1); err != nil {
		return nil, err
	}
	if err := d.deeper(); err != nil {
		return nil, err
	}
	code, err := d.byte()
	if err != nil {
		return nil, err
	}
	n, err := d.coded(code)
	if err == nil {
		d.depth--
	}
	return n, err
}

// coded reads the object that begins with code.
func (d *Decoder) coded(code byte) (Node, error) {
	switch code {
	case tcNull:
		return nil, nil
	case tcReference:
		return d.reference()
	case tcString, tcLongString:
		return d.string(code)
	case tcObject:
		return d.plainObject()
	case tcArray:
		return d.array()
	case tcEnum:
		return d.enum()
	case tcClass:
		class, err := d.class()
		if err != nil {
			return nil, err
		}
		n := &ClassObject{class}
		return n, d.assign(n)
	case tcClassDesc, tcProxyClassDesc:
		d.at--
		class, err := d.class()
		if err != nil {
			return nil, err
		}
		return class, nil
	case tcException:
		return nil, d.exception()
	}
	d.at--
	return nil, d.fail("%#02x where an object is expected", code)
}

func (d *Decoder) string(code byte) (Node, error) {
	n := &String{}
	if err := d.assign(n); err != nil {
		return nil, err
	}
	var err error
	if code == tcString {
		n.Text, err = d.utf()
		return n, err
	}
	size, err := d.int64()
	if err != nil {
		return nil, err
	}
	if size < 0 || size > int64(d.limits.String) {
		return nil, d.fail("a string of %d bytes, more than %d", size, d.limits.String)
	}
	n.Text, err = d.text(int(size))
	return n, err
}

// exception reads what stands in place of the rest of the outermost object.
func (d *Decoder) exception() error {
	d.forget()
	open := d.open
	d.open = nil // an exception in the exception ends that one
	thrown, err := d.object()
	if err != nil {
		if stop, ok := err.(*aborted); ok {
			thrown = stop.thrown
		} else {
			return err
		}
	}
	d.open = open
	d.forget()
	return &aborted{thrown}
}

func (d *Decoder) enum() (Node, error) {
	class, err := d.class()
	if err != nil {
		return nil, err
	}
	if class == nil || class.Flags&FlagEnum == 0 {
		return nil, d.fail("an enum constant of %s, which is no enum", nameOf(class))
	}
	n := &Enum{Class: class}
	if err := d.assign(n); err != nil {
		return nil, err
	}
	name, err := d.object()
	if err != nil {
		return nil, err
	}
	var ok bool
	if n.Name, ok = name.(*String); !ok || n.Name == nil {
		return nil, d.fail("an enum constant whose name is not a string")
	}
	return n, nil
}

func (d *Decoder) array() (Node, error) {
	class, err := d.class()
	if err != nil {
		return nil, err
	}
	n := &Array{Class: class}
	if class == nil || len(class.Name) < 2 || class.Name[0] != '[' {
		return nil, d.fail("an array of %s, which is no type of an array", nameOf(class))
	}
	if err := d.assign(n); err != nil {
		return nil, err
	}
	size, err := d.int32()
	if err != nil {
		return nil, err
	}
	if size < 0 || size > d.limits.Array {
		return nil, d.fail("an array of %d elements, more than %d", size, d.limits.Array)
	}
	if w := width(n.element()); w > 0 {
		n.Raw, err = d.take(size * w)
		return n, err
	}
	if size > len(d.data)-d.at { // each takes a byte at least
		return nil, d.fail("an array of %d elements, but %d bytes are left", size, len(d.data)-d.at)
	}
	d.open = append(d.open, n)
	n.Nodes = make([]Node, 0, min(size, 1024))
	for range size {
		element, err := d.object()
		if err != nil {
			return nil, err
		}
		n.Nodes = append(n.Nodes, element)
	}
	d.close()
	return n, nil
}

// close ends the innermost of the objects that are being read.
func (d *Decoder) close() {
	if len(d.open) > 0 {
		d.open = d.open[:len(d.open)-1]
	}
}

func (d *Decoder) plainObject() (Node, error) {
	class, err := d.class()
	if err != nil {
		return nil, err
	}
	if class == nil {
		return nil, d.fail("an object without a class")
	}
	if class.Flags&FlagEnum != 0 || class.Flags&(FlagSerializable|FlagExternalizable) == 0 {
		return nil, d.fail("an object of %s, which is not serializable (flags %#02x)", nameOf(class), class.Flags)
	}
	n := newObject(class)
	if err := d.assign(n); err != nil {
		return nil, err
	}
	d.open = append(d.open, n)
	if class.Flags&FlagExternalizable != 0 {
		if n.Data == nil {
			n.Data = make([]ClassData, 1)
		}
		err = d.external(&n.Data[0], class)
	} else {
		err = d.serial(n, class)
	}
	if err != nil {
		return nil, err
	}
	d.close()
	return n, nil
}

// newObject returns an object of a class, with room for what most have: the
// data of one class, or one number or truth value.
func newObject(class *Class) *Object {
	switch class {
	case classInteger, classLong, classShort, classByte, classFloat, classDouble, classBoolean, classChar:
		return newBoxed(class)
	}
	if class.Super != nil {
		return &Object{Class: class}
	}
	var o struct {
		Object
		data [1]ClassData
	}
	o.Class, o.Data = class, o.data[:]
	return &o.Object
}

// external reads what an externalizable class wrote.
func (d *Decoder) external(data *ClassData, class *Class) error {
	data.Class = class
	if class.Flags&FlagBlockData == 0 {
		return d.fail("%s is externalizable in protocol version 1, which only the class itself can read", nameOf(class))
	}
	var err error
	data.Custom, err = d.contents()
	return err
}

// serial reads what the classes of n's line wrote, the highest first.
func (d *Decoder) serial(n *Object, class *Class) error {
	line := 0
	for c := class; c != nil; c = c.Super {
		line++
	}
	if err := d.count(line); err != nil {
		return err
	}
	if n.Data == nil {
		n.Data = make([]ClassData, line)
	}
	for c := class; c != nil; c = c.Super {
		line--
		n.Data[line].Class = c
	}
	for i := range n.Data {
		data := &n.Data[i]
		if data.Class.Flags&FlagSerializable == 0 {
			continue // it contributes nothing
		}
		if err := d.fields(data); err != nil {
			return err
		}
		if data.Class.Flags&FlagWriteMethod != 0 {
			var err error
			if data.Custom, err = d.contents(); err != nil {
				return err
			}
		}
	}
	return nil
}

// fields reads the values of the default fields.
func (d *Decoder) fields(data *ClassData) error {
	fields := data.Class.Fields
	if len(fields) == 0 {
		return nil
	}
	if err := d.count(len(fields)); err != nil {
		return err
	}
	if data.Fields == nil {
		data.Fields = make([]Value, 0, len(fields))
	}
	for _, f := range fields {
		var v Value
		if w := width(f.Code); w > 0 {
			b, err := d.take(w)
			if err != nil {
				return err
			}
			v = primitive(f.Code, b)
		} else {
			n, err := d.object()
			if err != nil {
				return err
			}
			v = NodeValue(n)
		}
		data.Fields = append(data.Fields, v)
	}
	return nil
}

// contents reads items up to the end mark. Blocks that follow one another are
// one.
func (d *Decoder) contents() ([]Content, error) {
	var all []Content
	grown := false // the last block is a copy that may be appended to
	for {
		if d.at < len(d.data) && d.data[d.at] == tcEndBlockData {
			d.at++
			return all, nil
		}
		isBlock, err := d.enterBlock()
		if err != nil {
			return all, err
		}
		if !isBlock {
			n, err := d.object()
			if err != nil {
				return all, err
			}
			if len(all) == 1 {
				all = slices.Grow(all, 7) // a container's elements follow its head
			}
			all = append(all, Content{Node: n})
			continue
		}
		b, err := d.take(d.block)
		d.block = 0
		if err != nil {
			return all, err
		}
		if len(b) == 0 {
			continue
		}
		if n := len(all); n > 0 && all[n-1].Block != nil {
			if !grown {
				if err := d.use(2 * len(all[n-1].Block)); err != nil {
					return all, err
				}
				all[n-1].Block = append([]byte(nil), all[n-1].Block...)
				grown = true
			}
			if err := d.use(2 * len(b)); err != nil { // it doubles when it grows
				return all, err
			}
			all[n-1].Block = append(all[n-1].Block, b...)
			continue
		}
		grown = false
		all = append(all, Content{Block: b})
	}
}

func nameOf(c *Class) string {
	switch {
	case c == nil:
		return "null"
	case c.Proxy:
		return "a proxy class"
	}
	return c.Name
}
