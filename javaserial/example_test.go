package javaserial_test

import (
	"fmt"

	"github.com/catflap/catflap/javaserial"
)

// A stream with an int and a map, as a Java program would write it by writeInt
// and writeObject, and what is in it.
func Example() {
	e := javaserial.NewEncoder()
	e.Int32(1)
	if err := e.Value(map[string]any{"count": int32(3), "tags": []any{"new", "red"}}); err != nil {
		fmt.Println(err)
		return
	}

	d := javaserial.NewDecoder(e.Bytes(), javaserial.Limits{})
	version, err := d.Int32()
	if err != nil {
		fmt.Println(err)
		return
	}
	n, err := d.Object()
	if err != nil {
		fmt.Println(err)
		return
	}
	v, exact := javaserial.Go(n)
	fmt.Println(version, v, exact)
	// Output: 1 map[count:3 tags:[new red]] true
}

// An object of a class that means nothing in Go is looked into, and goes back
// to Java as it came.
func ExampleOpaque() {
	point := &javaserial.Class{
		Name: "org.example.Point", SUID: 1, Flags: javaserial.FlagSerializable,
		Fields: []javaserial.Field{{Code: 'I', Name: "x"}, {Code: 'I', Name: "y"}},
	}
	stream := javaserial.Encode(&javaserial.Object{Class: point, Data: []javaserial.ClassData{{
		Class: point, Fields: []javaserial.Value{javaserial.IntValue(3), javaserial.IntValue(4)},
	}}})

	n, err := javaserial.Decode(stream, javaserial.Limits{}) // one object: a graph of Nodes
	if err != nil {
		fmt.Println(err)
		return
	}
	v, _ := javaserial.Go(n) // what it means in Go, and whether that is all of it
	o := v.(javaserial.Opaque)
	x, _ := o.Field("x")
	fmt.Println(o.Class(), x)
	// Output: org.example.Point 3
}
