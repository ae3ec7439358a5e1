package javaserial

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// class reads a class descriptor where one is expected; nil is none.
func (d *Decoder) class() (*Class, error) {
	code, err := d.byte()
	if err != nil {
		return nil, err
	}
	switch code {
	case tcNull:
		return nil, nil
	case tcReference:
		n, err := d.reference()
		if err != nil {
			return nil, err
		}
		class, ok := n.(*Class)
		if !ok {
			return nil, d.fail("a reference to something else where a class is expected")
		}
		return class, nil
	case tcClassDesc, tcProxyClassDesc:
		if err := d.count(1); err != nil {
			return nil, err
		}
		if err := d.deeper(); err != nil {
			return nil, err
		}
		class, err := d.shared()
		if class == nil && err == nil {
			class, err = d.newClass(code)
		}
		if err == nil {
			d.depth--
		}
		return class, err
	case tcException:
		return nil, d.exception()
	}
	d.at--
	return nil, d.fail("%#02x where a class is expected", code)
}

// shared takes the descriptor of a known class, so that all streams share it; nil
// if it is that of another one.
func (d *Decoder) shared() (*Class, error) {
	rest := d.data[d.at:]
	if len(rest) < 2 || len(rest)-2 < int(binary.BigEndian.Uint16(rest)) {
		return nil, nil
	}
	k := known()[string(rest[2:2+binary.BigEndian.Uint16(rest)])]
	if k == nil || !bytes.HasPrefix(rest, k.descriptor[1:]) {
		return nil, nil
	}
	at, handles := d.at, len(d.handles)
	d.at += len(k.descriptor) - 1
	if err := d.count(len(k.class.Fields)); err != nil {
		return nil, err
	}
	if err := d.assign(k.class); err != nil {
		return nil, err
	}
	super, err := d.class()
	if err != nil || super == k.class.Super {
		return k.class, err
	}
	d.at, d.handles = at, d.handles[:handles]
	return nil, nil
}

func (d *Decoder) newClass(code byte) (*Class, error) {
	c := &Class{}
	var err error
	if code == tcProxyClassDesc {
		err = d.proxy(c)
	} else {
		err = d.described(c)
	}
	if err != nil {
		return nil, err
	}
	if c.Annotation, err = d.contents(); err != nil {
		return nil, err
	}
	if c.Super, err = d.class(); err != nil {
		return nil, err
	}
	for super, n := c.Super, 0; super != nil; super, n = super.Super, n+1 {
		if super == c || n >= d.limits.Depth {
			return nil, d.fail("%s has more than %d super classes, or itself", nameOf(c), d.limits.Depth)
		}
	}
	return c, nil
}

// described reads the descriptor of a class that is no proxy.
func (d *Decoder) described(c *Class) error {
	var err error
	if c.Name, err = d.utf(); err != nil {
		return err
	}
	if c.SUID, err = d.int64(); err != nil {
		return err
	}
	if err = d.assign(c); err != nil {
		return err
	}
	if c.Flags, err = d.byte(); err != nil {
		return err
	}
	if c.Flags&(FlagSerializable|FlagExternalizable) == FlagSerializable|FlagExternalizable {
		return d.fail("%s is serializable and externalizable at once", c.Name)
	}
	n, err := d.uint16()
	if err != nil {
		return err
	}
	if c.Flags&FlagEnum != 0 && n != 0 {
		return d.fail("the enum %s has %d fields", c.Name, n)
	}
	for range n {
		f, err := d.field()
		if err != nil {
			return err
		}
		c.Fields = append(c.Fields, f)
	}
	return nil
}

func (d *Decoder) field() (Field, error) {
	var f Field
	var err error
	if err = d.count(1); err != nil {
		return f, err
	}
	if f.Code, err = d.byte(); err != nil {
		return f, err
	}
	if f.Name, err = d.utf(); err != nil {
		return f, err
	}
	switch {
	case width(f.Code) > 0:
		return f, nil
	case f.Code != 'L' && f.Code != '[':
		return f, d.fail("field %s has the type code %#02x", f.Name, f.Code)
	}
	n, err := d.object()
	if err != nil {
		return f, err
	}
	var ok bool
	if f.Type, ok = n.(*String); !ok {
		return f, d.fail("the type of field %s is not a string", f.Name)
	}
	return f, nil
}

// proxy reads the descriptor of a dynamic proxy: the interfaces that it has.
func (d *Decoder) proxy(c *Class) error {
	c.Proxy, c.Flags = true, FlagSerializable
	if err := d.assign(c); err != nil {
		return err
	}
	n, err := d.int32()
	if err != nil {
		return err
	}
	if n < 0 || n > 65535 {
		return d.fail("a proxy class of %d interfaces", n)
	}
	for range n {
		if err := d.count(1); err != nil {
			return err
		}
		name, err := d.utf()
		if err != nil {
			return err
		}
		c.Interfaces = append(c.Interfaces, name)
	}
	return nil
}

// Equal reports whether c and other describe the same class in the same way.
func (c *Class) Equal(other *Class) bool {
	for c != other {
		if c == nil || other == nil || c.Name != other.Name || c.SUID != other.SUID || c.Flags != other.Flags ||
			c.Proxy != other.Proxy || len(c.Annotation)+len(other.Annotation) > 0 ||
			!slices.Equal(c.Interfaces, other.Interfaces) || !slices.EqualFunc(c.Fields, other.Fields, sameField) {
			return false
		}
		c, other = c.Super, other.Super
	}
	return true
}

func sameField(a, b Field) bool {
	return a.Code == b.Code && a.Name == b.Name && (a.Type == b.Type || a.Type != nil && b.Type != nil && a.Type.Text == b.Type.Text)
}
