package javaserial

import "sync"

// Descriptors of the classes of which values are made.
var (
	classNumber  = &Class{Name: "java.lang.Number", SUID: suid(0x86ac951d0b94e08b), Flags: FlagSerializable}
	classInteger = boxClass("java.lang.Integer", 0x12e2a0a4f7818738, 'I', classNumber)
	classLong    = boxClass("java.lang.Long", 0x3b8be490cc8f23df, 'J', classNumber)
	classShort   = boxClass("java.lang.Short", 0x684d37133460da52, 'S', classNumber)
	classByte    = boxClass("java.lang.Byte", 0x9c4e6084ee50f51c, 'B', classNumber)
	classFloat   = boxClass("java.lang.Float", 0xdaedc9a2db3cf0ec, 'F', classNumber)
	classDouble  = boxClass("java.lang.Double", 0x80b3c24a296bfb04, 'D', classNumber)
	classBoolean = boxClass("java.lang.Boolean", 0xcd207280d59cfaee, 'Z', nil)
	classChar    = boxClass("java.lang.Character", 0x348b47d96b1a2678, 'C', nil)

	classDate = &Class{Name: "java.util.Date", SUID: suid(0x686a81014b597419), Flags: FlagSerializable | FlagWriteMethod}
	classList = &Class{
		Name: "java.util.ArrayList", SUID: suid(0x7881d21d99c7619d), Flags: FlagSerializable | FlagWriteMethod,
		Fields: []Field{{Code: 'I', Name: "size"}},
	}
	classMap = &Class{
		Name: "java.util.HashMap", SUID: suid(0x0507dac1c31660d1), Flags: FlagSerializable | FlagWriteMethod,
		Fields: []Field{{Code: 'F', Name: "loadFactor"}, {Code: 'I', Name: "threshold"}},
	}
	classSet = &Class{Name: "java.util.HashSet", SUID: suid(0xba44859596b8b734), Flags: FlagSerializable | FlagWriteMethod}

	classBytes   = arrayClass("[B", 0xacf317f8060854e0)
	classInts    = arrayClass("[I", 0x4dba602676eab2a5)
	classLongs   = arrayClass("[J", 0x782004b512b17593)
	classShorts  = arrayClass("[S", 0xef832e06e55db0fa)
	classChars   = arrayClass("[C", 0xb02666b0e25d84ac)
	classBools   = arrayClass("[Z", 0x578f203914b85de2)
	classFloats  = arrayClass("[F", 0x0b9c818922e00c42)
	classDoubles = arrayClass("[D", 0x3ea68c14ab635a1e)
	classStrings = arrayClass("[Ljava.lang.String;", 0xadd256e7e91d7b47)
	classObjects = arrayClass("[Ljava.lang.Object;", 0x90ce589f1073296c)
)

func suid(n uint64) int64 { return int64(n) }

func boxClass(name string, id uint64, code byte, super *Class) *Class {
	return &Class{Name: name, SUID: suid(id), Flags: FlagSerializable, Fields: []Field{{Code: code, Name: "value"}}, Super: super}
}

func arrayClass(name string, id uint64) *Class {
	return &Class{Name: name, SUID: suid(id), Flags: FlagSerializable}
}

// StringArray returns a String[].
func StringArray(texts []string) *Array {
	n := &Array{Class: classStrings, Nodes: make([]Node, len(texts))}
	for i, text := range texts {
		n.Nodes[i] = &String{text}
	}
	return n
}

// ByteArray returns a byte[] that keeps b.
func ByteArray(b []byte) *Array { return &Array{Class: classBytes, Raw: b} }

// NewArray returns an array of objects whose class has the serialVersionUID
// id; name is as Class.getName says: "[Lorg.example.Thing;".
func NewArray(name string, id int64, elements []Node) *Array {
	return &Array{Class: &Class{Name: name, SUID: id, Flags: FlagSerializable}, Nodes: elements}
}

// A knownClass is one of the classes above.
type knownClass struct {
	class      *Class
	descriptor []byte // as it stands in a stream, without the super class
}

// known are the classes above by name, to share descriptors among values that
// are kept long.
var known = sync.OnceValue(func() map[string]*knownClass {
	m := map[string]*knownClass{}
	for _, c := range []*Class{
		classNumber, classInteger, classLong, classShort, classByte, classFloat, classDouble, classBoolean, classChar,
		classDate, classList, classMap, classSet, classBytes, classInts, classLongs, classShorts, classChars, classBools,
		classFloats, classDoubles, classStrings, classObjects,
	} {
		b := appendHead(nil, c)
		for _, f := range c.Fields {
			b = appendField(b, f) // none is an object
		}
		m[c.Name] = &knownClass{c, append(b, tcEndBlockData)}
	}
	return m
})

// knownAs returns the known class that c equals, or nil.
func knownAs(c *Class) *knownClass {
	if k := known()[c.Name]; k != nil && k.class.Equal(c) {
		return k
	}
	return nil
}
