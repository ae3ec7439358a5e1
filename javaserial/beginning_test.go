package javaserial

import (
	"bytes"
	"reflect"
	"testing"
)

// A stream with a known beginning is read as without knowing it, with all that
// refers back to what is in it; its objects share the descriptor.
func TestBeginning(t *testing.T) {
	text := &String{Text: "Ljava/lang/String;"}
	super := &Class{Name: "Super", SUID: 1, Flags: FlagSerializable, Fields: []Field{{Code: 'J', Name: "n"}}}
	class := &Class{Name: "Sub", SUID: 2, Flags: FlagSerializable, Super: super, Fields: []Field{
		{Code: 'L', Name: "a", Type: text}, {Code: 'L', Name: "b", Type: text}, {Code: '[', Name: "c", Type: &String{Text: "[LSub;"}},
	}}
	of := func(a, b, c Node) *Object {
		return &Object{Class: class, Data: []ClassData{
			{Class: super, Fields: []Value{IntValue(7)}}, {Class: class, Fields: []Value{NodeValue(a), NodeValue(b), NodeValue(c)}},
		}}
	}
	once := &String{Text: "once"}
	refers := of(once, once, NewArray("[LSub;", 3, []Node{of(nil, once, nil), class, super, text}))
	b := NewBeginning(class)
	limits := Limits{Beginnings: []*Beginning{NewBeginning(super), b}}
	data := Encode(refers)
	plain, err := Decode(data, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	quick, err := Decode(data, limits)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(plain, quick) || !bytes.Equal(Encode(quick), data) {
		t.Errorf("read as %+v, want %+v", quick, plain)
	}
	if quick.(*Object).Class != class {
		t.Error("the descriptor is not shared")
	}
	for i := range data {
		_, want := Decode(data[:i], Limits{})
		if _, got := Decode(data[:i], limits); want == nil || got == nil {
			t.Errorf("the first %d bytes: %v, want %v", i, got, want)
		}
	}
	limits.Handles = 3
	if _, err := Decode(data, limits); err == nil {
		t.Error("more objects than may be")
	}
}
