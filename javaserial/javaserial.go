// Package javaserial reads and writes Java object streams (stream protocol
// version 2), of which Tomcat's session messages are made. What comes in are
// the bytes of a stream, what goes out are its contents as a graph of Nodes,
// and back.
//
// A Decoder reads any valid stream within hard Limits. It never needs a class
// and never instantiates anything: an object is its class descriptor and its
// data. Go turns the part of a graph that means something in Go (strings,
// numbers, dates, lists, maps) into Go values; what is left stays an Opaque.
// An Encoder writes graphs and Go values so that Java reads equal objects,
// shared ones still being shared.
//
// Source: "Java Object Serialization Specification", chapter 6.
package javaserial

import (
	"cmp"
	"fmt"
)

// Bytes of the grammar.
const (
	magic   = 0xaced
	version = 5

	tcNull           = 0x70
	tcReference      = 0x71
	tcClassDesc      = 0x72
	tcObject         = 0x73
	tcString         = 0x74
	tcArray          = 0x75
	tcClass          = 0x76
	tcBlockData      = 0x77
	tcEndBlockData   = 0x78
	tcReset          = 0x79
	tcBlockDataLong  = 0x7a
	tcException      = 0x7b
	tcLongString     = 0x7c
	tcProxyClassDesc = 0x7d
	tcEnum           = 0x7e

	firstHandle = 0x7e0000
)

// Flags of a Class.
const (
	FlagWriteMethod    = 0x01 // has custom data after its fields
	FlagSerializable   = 0x02 // its fields are written
	FlagExternalizable = 0x04 // it writes everything itself
	FlagBlockData      = 0x08 // what an externalizable class writes ends with a mark
	FlagEnum           = 0x10
)

// blockSize is how much primitive data Java collects before it writes a block.
const blockSize = 1024

// An Error tells what is wrong with a stream, and where.
type Error struct {
	Offset int // in bytes from the start of the stream
	Reason string
}

func (e *Error) Error() string {
	return fmt.Sprintf("java stream: byte %d: %s", e.Offset, e.Reason)
}

// Limits bound what a Decoder takes from one stream. A zero field means its
// default.
type Limits struct {
	Bytes   int // of the whole stream; default 64 MiB
	Depth   int // of objects in objects, and of a class's super classes; default 1000
	Objects int // objects, array elements, references and nulls together; default 4,000,000
	String  int // bytes of one string; default 16 MiB
	Array   int // elements of one array; default 16,777,216
	Handles int // objects that can be referred to; default 2,000,000
	// Room is asked for so many more bytes of memory before they are used; false
	// ends the reading. What it counts is an estimate on the safe side. Default:
	// none is asked.
	Room func(n int) bool
}

func (l Limits) withDefaults() Limits {
	l.Bytes = cmp.Or(l.Bytes, 64<<20)
	l.Depth = cmp.Or(l.Depth, 1000)
	l.Objects = cmp.Or(l.Objects, 4_000_000)
	l.String = cmp.Or(l.String, 16<<20)
	l.Array = cmp.Or(l.Array, 16<<20)
	l.Handles = cmp.Or(l.Handles, 2_000_000)
	return l
}
