package javaserial

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/catflap/catflap/internal/vectors"
)

// valueOf returns the value of the only action of a delta, and the rest of the
// stream before it.
func valueOf(t *testing.T, name string) Node {
	t.Helper()
	d := NewDecoder(vectors.Bytes(t, name), Limits{})
	for _, read := range []func() error{
		func() error { _, err := d.UTF(); return err },
		func() error { _, err := d.Bool(); return err },
		func() error { _, err := d.Int32(); return err },
		func() error { _, err := d.Int32(); return err },
		func() error { _, err := d.Int32(); return err },
		func() error { _, err := d.UTF(); return err },
		func() error { _, err := d.Bool(); return err },
	} {
		if err := read(); err != nil {
			t.Fatal(err)
		}
	}
	n, err := d.Object()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.End(); err != nil {
		t.Fatal(err)
	}
	return n
}

// What Java wrote means the value, and the value is written as Java wrote it.
func TestGoAndJava(t *testing.T) {
	tests := []struct {
		vector string
		want   any
	}{
		{"delta-string", "a string value"},
		{"delta-string-empty", ""},
		{"delta-integer", int32(42)},
		{"delta-integer-neg", int32(-1)},
		{"delta-long", int64(9000000000)},
		{"delta-boolean", true},
		{"delta-double", 3.14159},
		{"delta-float", float32(1.5)},
		{"delta-short", int16(-7)},
		{"delta-byte", int8(127)},
		{"delta-character", Char('€')},
		{"delta-date", time.UnixMilli(1700000000000).UTC()},
		{"delta-hashmap", map[string]any{"one": int32(1), "two": "zwei"}},
		{"delta-bytes", []byte{0, 1, 2, 0xff}},
	}
	for _, test := range tests {
		t.Run(test.vector, func(t *testing.T) {
			n := valueOf(t, test.vector)
			got, exact := Go(n)
			if !exact {
				t.Error("not exact")
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("means (-want +got):\n%s", diff)
			}
			back, err := Java(got)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(hex.Dump(Encode(n)), hex.Dump(Encode(back))); diff != "" {
				t.Errorf("written otherwise than by Java (-want +got):\n%s", diff)
			}
		})
	}
}

// Well-known containers are read as lists, maps and sets; they are not exact,
// since Java would get another class back.
func TestGoOfOtherContainers(t *testing.T) {
	tests := []struct {
		vector string
		want   any
	}{
		{"ser-treemap", map[string]any{"a": int32(2), "b": int32(1)}},
		{"ser-linkedhashmap", map[string]any{"z": int32(1), "y": int32(2)}},
		{"ser-hashtable", map[string]any{"k": "v"}},
		{"ser-concurrenthashmap", map[string]any{"k": "v"}},
		{"ser-map-of", map[string]any{"a": int32(1)}},
		{"ser-unmodifiable-map", map[string]any{"u": int32(1)}},
		{"ser-vector", []any{int32(1)}},
		{"ser-arraydeque", []any{int32(1), int32(2)}},
		{"ser-list-of", []any{"a", "b"}},
		{"ser-arrays-aslist", []any{"p", "q"}},
		{"ser-emptylist", []any{}},
		{"ser-treeset", Set{int32(1), int32(2), int32(3)}},
	}
	for _, test := range tests {
		n, err := Decode(vectors.Bytes(t, test.vector), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		got, exact := Go(n)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s means (-want +got):\n%s", test.vector, diff)
		}
		if exact {
			t.Errorf("%s is exact, but Java would get another class back", test.vector)
		}
	}
}

// A HashSet is exact, and of one that Java wrote every byte is the same.
func TestHashSet(t *testing.T) {
	data := vectors.Bytes(t, "ser-hashset")
	n, err := Decode(data, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	got, exact := Go(n)
	if diff := cmp.Diff(Set{"q"}, got); diff != "" || !exact {
		t.Errorf("exact %v, (-want +got):\n%s", exact, diff)
	}
	back, err := Java(got)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(hex.Dump(data), hex.Dump(Encode(back))); diff != "" {
		t.Errorf("written otherwise than by Java (-want +got):\n%s", diff)
	}
}

// An object of a class that means nothing in Go can be looked into.
func TestOpaque(t *testing.T) {
	got, exact := Go(valueOf(t, "delta-pojo"))
	pojo, ok := got.(Opaque)
	if !ok || !exact {
		t.Fatalf("%T, exact %v; want an exact Opaque", got, exact)
	}
	if pojo.Class() != "demo.Pojo" || pojo.SUID() != 4242 {
		t.Errorf("class %s with serialVersionUID %d, want demo.Pojo with 4242", pojo.Class(), pojo.SUID())
	}
	for name, want := range map[string]any{"count": int32(7), "ratio": 2.5, "label": "lbl"} {
		if v, ok := pojo.Field(name); !ok || v != want {
			t.Errorf("field %s is %#v (%v), want %#v", name, v, ok, want)
		}
	}
	if _, ok := pojo.Field("none"); ok {
		t.Error("there is a field that the class has not")
	}
	enum, _ := Go(valueOf(t, "delta-enum"))
	if o, _ := enum.(Opaque); o.EnumName() != "GREEN" && o.EnumName() != "RED" && o.EnumName() != "BLUE" || o.Class() != "demo.Color" {
		t.Errorf("enum %s of %s", o.EnumName(), o.Class())
	}
	ints, _ := Go(valueOf(t, "delta-ints"))
	if all, ok := ints.(Opaque).Elements(); !ok || len(all) == 0 {
		t.Errorf("elements %v, %v", all, ok)
	} else if _, isInt := all[0].(int32); !isInt {
		t.Errorf("an element of int[] is %T", all[0])
	}
}

// Lists that hold themselves, or one list twice, stay what they are in Java.
func TestSharedContainersStayOpaque(t *testing.T) {
	inner := must(Java([]any{"x"}))
	for name, custom := range map[string]func(outer *Object) []Content{
		"itself":     func(outer *Object) []Content { return []Content{{Node: outer}} },
		"one twice":  func(*Object) []Content { return []Content{{Node: inner}, {Node: inner}} },
		"one inside": func(*Object) []Content { return []Content{{Node: must(Java([]any{Opaque{inner}}))}, {Node: inner}} },
	} {
		outer := must(Java([]any{})).(*Object)
		holds := custom(outer)
		outer.Data[0].Fields[0] = IntValue(int64(len(holds)))
		outer.Data[0].Custom = append(outer.Data[0].Custom, holds...)
		v, exact := Go(outer)
		o, ok := v.(Opaque)
		if !ok || !exact || o.Node != Node(outer) {
			t.Errorf("%s: %#v, exact %v; want the object itself", name, v, exact)
			continue
		}
		again, err := Decode(Encode(outer), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if name != "itself" {
			continue
		}
		if list := again.(*Object); list.Data[0].Custom[1].Node != again {
			t.Error("the list no longer holds itself")
		}
	}
}

func must(n Node, err error) Node {
	if err != nil {
		panic(err)
	}
	return n
}

// A value with something unknown in it is not exact: that may refer to what is
// around it.
func TestListOfOpaques(t *testing.T) {
	pojo := valueOf(t, "delta-pojo")
	v, exact := Go(must(Java([]any{Opaque{pojo}, "x"})))
	if exact {
		t.Error("exact")
	}
	if list, ok := v.([]any); !ok || list[0] != any(Opaque{pojo}) || list[1] != "x" {
		t.Errorf("%#v", v)
	}
}

func TestJavaRefuses(t *testing.T) {
	deep := any("x")
	for range goDepth + 1 {
		deep = []any{deep}
	}
	for _, test := range []struct {
		value any
		want  string
	}{
		{struct{}{}, "struct {} has no form in Java; use string, "},
		{[]any{"a", map[string]any{"b": uint8(1)}}, `uint8 at [1]["b"] has no form in Java`},
		{map[any]any{int32(1): []string{"x"}}, "[]string at [1] has no form in Java"},
		{deep, "more than 200 lists and maps in one another"},
	} {
		_, err := Java(test.value)
		if _, ok := errors.AsType[*TypeError](err); !ok || !strings.Contains(err.Error(), test.want) {
			t.Errorf("error %v, want a *TypeError with %q", err, test.want)
		}
	}
}

// Equal small numbers of one stream are one object, as those of Java are.
func TestSmallBoxesAreShared(t *testing.T) {
	e := NewEncoder()
	for _, v := range []any{int32(5), int32(5), true, true, int32(500), int32(500), int64(5)} {
		if err := e.Value(v); err != nil {
			t.Fatal(err)
		}
	}
	all, err := contentsOf(e.Bytes(), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if all[0].Node != all[1].Node || all[2].Node != all[3].Node {
		t.Error("equal small boxes are two objects")
	}
	if all[4].Node == all[5].Node || all[0].Node == all[6].Node {
		t.Error("boxes that Java does not cache are one object")
	}
}

// What goes to Java and comes back is the same.
func TestValuesComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anyValue(3).Draw(t, "value")
		n, err := Decode(Encode(must(Java(want))), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		got, exact := Go(n)
		if diff := cmp.Diff(want, got); diff != "" || !exact {
			t.Fatalf("exact %v, (-want +got):\n%s", exact, diff)
		}
	})
}

func anyValue(depth int) *rapid.Generator[any] {
	scalars := []*rapid.Generator[any]{
		rapid.Just[any](nil),
		rapid.String().AsAny(), rapid.Int64().AsAny(), rapid.Int32().AsAny(), rapid.Int16().AsAny(), rapid.Int8().AsAny(),
		rapid.Bool().AsAny(), rapid.Float64().AsAny(), rapid.Float32().AsAny(), rapid.SliceOf(rapid.Byte()).AsAny(),
		rapid.Custom(func(t *rapid.T) any { return Char(rapid.Uint16().Draw(t, "unit")) }),
		rapid.Custom(func(t *rapid.T) any {
			return time.UnixMilli(rapid.Int64Range(-1<<45, 1<<45).Draw(t, "ms")).UTC()
		}),
	}
	if depth == 0 {
		return rapid.OneOf(scalars...)
	}
	inner := anyValue(depth - 1)
	return rapid.OneOf(append(scalars,
		rapid.Custom(func(t *rapid.T) any { return append([]any{}, rapid.SliceOfN(inner, 0, 8).Draw(t, "list")...) }),
		rapid.Custom(func(t *rapid.T) any { return rapid.MapOfN(rapid.String(), inner, 0, 30).Draw(t, "map") }),
	)...)
}
