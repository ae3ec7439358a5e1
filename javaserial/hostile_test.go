package javaserial

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"runtime"
	"strings"
	"testing"
)

func stream(t *testing.T, parts ...string) []byte {
	t.Helper()
	b, err := hex.DecodeString("aced0005" + strings.ReplaceAll(strings.Join(parts, ""), " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const (
	descA     = "72 0001 41 0000000000000001 02 0000 78 70" // class A, no fields
	descBytes = "72 0002 5b42 acf317f8060854e0 02 0000 78 70"
	descArray = "72 0013 5b4c6a6176612e6c616e672e4f626a6563743b 90ce589f1073296c 02 0000 78 70"
)

func TestBadStreams(t *testing.T) {
	tests := []struct{ name, hex, want string }{
		{"nothing", "", "ends within"},
		{"unknown code", "6f", "byte 4: 0x6f where an object is expected"},
		{"end mark", "78", "0x78 where an object is expected"},
		{"negative handle", "71 00000000", "a reference to handle 0x0, which was not assigned"},
		{"handle not assigned", "71 007e0000", "a reference to handle 0x7e0000"},
		{"reference to itself as class", "73 71 007e0000", "handle 0x7e0000"},
		{"reference to a string as class", "75" + descArray + "00000002 74 0001 41 73 71 007e0002", "a reference to something else where a class is expected"},
		{"null class", "73 70", "an object without a class"},
		{"array of no array", "75" + descA + "00000000", "an array of A, which is no type of an array"},
		{"array of null", "75 70 00000000", "an array of null"},
		{"negative array", "75" + descBytes + "ffffffff", "an array of -1 elements"},
		{"huge array", "75" + descBytes + "7fffffff", "an array of 2147483647 elements, more than"},
		{"array longer than the stream", "75" + descArray + "00100000", "an array of 1048576 elements, but 0 bytes are left"},
		{"long string", "7c 7fffffffffffffff", "a string of 9223372036854775807 bytes"},
		{"negative long string", "7c ffffffffffffffff", "a string of -1 bytes"},
		{"bad modified UTF-8", "74 0002 c341", "not modified UTF-8"},
		{"four bytes of UTF-8", "74 0004 f09f9880", "not modified UTF-8"},
		{"object of an enum class", "73 72 0001 41 0000000000000000 12 0000 78 70", "not serializable (flags 0x12)"},
		{"enum of a class", "7e" + descA + "74 0001 52", "an enum constant of A, which is no enum"},
		{"enum without a name", "7e 72 0001 41 0000000000000000 12 0000 78 70 70", "name is not a string"},
		{"enum with fields", "7e 72 0001 41 0000000000000000 12 0001 42 0001 61 78 70", "the enum A has 1 fields"},
		{"both kinds", "73 72 0001 41 0000000000000001 06 0000 78 70", "serializable and externalizable at once"},
		{"neither kind", "73 72 0001 41 0000000000000001 00 0000 78 70", "not serializable"},
		{"old externalizable", "73 72 0001 41 0000000000000001 04 0000 78 70", "protocol version 1"},
		{"field of unknown type", "73 72 0001 41 0000000000000001 02 0001 51 0001 61 78 70", "field a has the type code 0x51"},
		{"field type null", "73 72 0001 41 0000000000000001 02 0001 4c 0001 61 70 78 70", "the type of field a is not a string"},
		{"its own super class", "73 72 0001 41 0000000000000001 02 0000 78 71 007e0000", "or itself"},
		{"block longer than the stream", "73 72 0001 41 0000000000000001 03 0000 78 70 7a 7fffffff", "a block of 2147483647 bytes, but 0 are left"},
		{"negative block", "73 72 0001 41 0000000000000001 03 0000 78 70 7a ffffffff", "a block of -1 bytes"},
		{"proxy of many", "73 7d 7fffffff", "a proxy class of 2147483647 interfaces"},
		{"more behind", "70 70", "1 bytes more than expected"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			n, err := Decode(stream(t, test.hex), Limits{})
			if _, ok := errors.AsType[*Error](err); !ok || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%#v, error %v; want an *Error with %q", n, err, test.want)
			}
		})
	}
	for _, data := range []string{"", "\xac\xed\x00", "\xac\xed\x00\x04p", "FLT2002"} {
		if _, err := Decode([]byte(data), Limits{}); err == nil || !strings.Contains(err.Error(), "not a Java object stream") {
			t.Errorf("%q: error %v", data, err)
		}
	}
}

func TestLimits(t *testing.T) {
	nested := strings.Repeat("75"+descArray+"00000001", 1) + strings.Repeat("75 71 007e0000 00000001", 2000) + "70"
	manyClasses := "73"
	for range 1200 {
		manyClasses += "72 0001 41 0000000000000001 02 0000 78"
	}
	wide := "75" + descArray + "00001000" + strings.Repeat("70", 0x1000)
	strs := "75" + descArray + "00000040" + strings.Repeat("74 0001 61", 0x40)
	for _, test := range []struct {
		name, hex string
		limits    Limits
		want      string
	}{
		{"bytes", "74 0003 616263", Limits{Bytes: 9}, "the stream has 10 bytes, more than 9"},
		{"depth", nested, Limits{}, "deeper than 1000"},
		{"line of classes", manyClasses, Limits{}, "deeper than 1000"},
		{"elements", wide, Limits{Objects: 1000}, "more than 1000 objects and elements"},
		{"string", "74 0003 616263", Limits{String: 2}, "a string of 3 bytes, more than 2"},
		{"array", "75" + descBytes + "00000003 010203", Limits{Array: 2}, "an array of 3 elements, more than 2"},
		{"handles", strs, Limits{Handles: 30}, "more than 30 objects that can be referred to"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Decode(stream(t, test.hex), test.limits)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}

// One descriptor with a long line of classes without fields makes every object
// of it long: that counts, or a small stream would fill the memory.
func TestLongLinesCount(t *testing.T) {
	line := ""
	for range 900 {
		line += "72 0001 41 0000000000000001 02 0000 78"
	}
	var b strings.Builder
	b.WriteString("75" + descArray + "00010000")
	b.WriteString("73" + line + "70")
	for range 0xffff {
		b.WriteString("73 71 007e0002")
	}
	data := stream(t, b.String())
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Decode(data, Limits{})
	runtime.ReadMemStats(&after)
	if err == nil || !strings.Contains(err.Error(), "more than 4000000 objects and elements") {
		t.Errorf("error %v", err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 512<<20 {
		t.Errorf("%d MiB for a stream of %d bytes", used>>20, len(data))
	}
}

// A list in lists, each held twice, has a size of 2 to the power of its depth
// for who follows every way.
func TestNoWayIsFollowedTwice(t *testing.T) {
	n := must(Java([]any{}))
	for range 100 {
		n = &Object{Class: classList, Data: []ClassData{{Class: classList, Fields: []Value{IntValue(2)},
			Custom: []Content{{Block: []byte{0, 0, 0, 2}}, {Node: n}, {Node: n}}}}}
	}
	again, err := Decode(Encode(n), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := first(Go(again)).(Opaque); !ok {
		t.Error("not an Opaque")
	}
}

func first(v any, _ bool) any { return v }

// Primitive data and objects do not pass for one another.
func TestWrongKind(t *testing.T) {
	d := NewDecoder(stream(t, "74 0001 61"), Limits{})
	if _, err := d.Int32(); err == nil || !strings.Contains(err.Error(), "an object (0x74) where 4 bytes of primitive data are expected") {
		t.Errorf("error %v", err)
	}
	d = NewDecoder(stream(t, "77 02 0001"), Limits{})
	if _, err := d.Object(); err == nil || !strings.Contains(err.Error(), "0x77 where an object is expected") {
		t.Errorf("error %v", err)
	}
	d = NewDecoder(stream(t, "77 04 00000001 70"), Limits{})
	if _, err := d.Bool(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Object(); err == nil || !strings.Contains(err.Error(), "3 bytes of primitive data where an object is expected") {
		t.Errorf("error %v", err)
	}
	if _, err := d.Bool(); err == nil {
		t.Error("the first error does not stick")
	}
}

// Primitive data may stand in several blocks, also cut within a value.
func TestPrimitiveDataOverBlocks(t *testing.T) {
	e := NewEncoder()
	for i := range int32(600) {
		e.Bool(i%2 == 0)
		e.Int32(i)
	}
	if !e.UTF("ende €") {
		t.Fatal("UTF refuses")
	}
	data := e.Bytes()
	if n := binary.BigEndian.Uint32(data[5:]); data[4] != tcBlockDataLong || n != blockSize {
		t.Errorf("the first block has the code %#x and %d bytes", data[4], n)
	}
	d := NewDecoder(data, Limits{})
	for i := range int32(600) {
		b, err := d.Bool()
		n, err2 := d.Int32()
		if err != nil || err2 != nil || n != i || b != (i%2 == 0) {
			t.Fatalf("item %d: %v %v %v %v", i, b, n, err, err2)
		}
	}
	if text, err := d.UTF(); text != "ende €" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	if err := d.End(); err != nil {
		t.Error(err)
	}
	if e.UTF(strings.Repeat("€", MaxUTF/3+1)) {
		t.Error("UTF takes more than MaxUTF bytes")
	}
}

// What reading takes is asked for before it is used, and refused in words.
func TestRoom(t *testing.T) {
	elements := make([]Node, 10_000)
	for i := range elements {
		elements[i] = &String{Text: "text"}
	}
	data := Encode(NewArray("[Ljava.lang.Object;", 1, elements))
	used := 0
	if _, err := Decode(data, Limits{Room: func(n int) bool { used += n; return true }}); err != nil {
		t.Fatal(err)
	}
	if used < 10_000*48 || used > 10_000*200 {
		t.Errorf("%d bytes were asked for", used)
	}
	left := 256 << 10
	if _, err := Decode(data, Limits{Room: func(n int) bool { left -= n; return left >= 0 }}); err == nil {
		t.Error("more is read than there is room for")
	}
	if _, err := Decode(Encode(&String{Text: "small"}), Limits{Room: func(int) bool { return false }}); err != nil {
		t.Errorf("a small object needs no room: %v", err)
	}
}
