package javaserial

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"
	"unicode/utf16"
)

// An entry is a key with its value on the way into a HashMap.
type entry struct {
	key, value any
	order      string // among keys of one bucket
	bucket     uint32
}

func stringEntries(m map[string]any) []entry {
	all := make([]entry, 0, len(m))
	for k, v := range m {
		all = append(all, entry{key: k, value: v, order: k})
	}
	return all
}

func anyEntries(m map[any]any) []entry {
	all := make([]entry, 0, len(m))
	for k, v := range m {
		all = append(all, entry{key: k, value: v, order: fmt.Sprintf("%T %v", k, k)})
	}
	return all
}

// mapOf returns a HashMap, its entries in the order of Java's: by bucket, and
// within a bucket by key, as if they had been put in that order.
func (b *boxes) mapOf(entries []entry, depth int) (Node, error) {
	capacity := arrange(entries)
	custom := make([]Content, 1, 1+2*len(entries))
	custom[0].Block = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(capacity)), uint32(len(entries)))
	for _, entry := range entries {
		key, err := b.of(entry.key, depth)
		if err != nil {
			return nil, within(err, fmt.Sprintf("[%#v]", entry.key))
		}
		value, err := b.of(entry.value, depth)
		if err != nil {
			return nil, within(err, fmt.Sprintf("[%#v]", entry.key))
		}
		custom = append(custom, Content{Node: key}, Content{Node: value})
	}
	threshold := int64(0)
	if len(entries) > 0 {
		threshold = int64(capacity) * 3 / 4
	}
	fields := []Value{FloatValue(0.75), IntValue(threshold)}
	return &Object{Class: classMap, Data: []ClassData{{Class: classMap, Fields: fields, Custom: custom}}}, nil
}

// set returns a HashSet. A Set that holds one value twice has it twice in the
// stream; Java takes it once.
func (b *boxes) set(values Set, depth int) (Node, error) {
	entries := make([]entry, len(values))
	for i, v := range values {
		entries[i] = entry{key: v, order: fmt.Sprintf("%T %v", v, v)}
	}
	capacity := arrange(entries)
	custom := make([]Content, 1, 1+len(entries))
	block := binary.BigEndian.AppendUint32(nil, uint32(capacity))
	block = binary.BigEndian.AppendUint32(block, math.Float32bits(0.75))
	custom[0].Block = binary.BigEndian.AppendUint32(block, uint32(len(entries)))
	for i, entry := range entries {
		n, err := b.of(entry.key, depth)
		if err != nil {
			return nil, within(err, fmt.Sprintf("[%d]", i))
		}
		custom = append(custom, Content{Node: n})
	}
	return &Object{Class: classSet, Data: []ClassData{{Class: classSet, Custom: custom}}}, nil
}

// arrange brings entries into the order of a HashMap that they were put into,
// and returns the number of its buckets.
func arrange(entries []entry) (capacity int) {
	capacity = 16
	for len(entries) > capacity*3/4 {
		capacity *= 2
	}
	for i := range entries {
		h := uint32(hashOf(entries[i].key))
		entries[i].bucket = (h ^ h>>16) & uint32(capacity-1)
	}
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.bucket, b.bucket), cmp.Compare(a.order, b.order))
	})
	return capacity
}

// hashOf is Object.hashCode of what v is in Java; 0 where only its class knows.
func hashOf(v any) int32 {
	switch v := v.(type) {
	case string:
		h := int32(0)
		for _, r := range v {
			if r > 0xffff {
				high, low := utf16.EncodeRune(r)
				h = (h*31+high)*31 + low
			} else {
				h = h*31 + r
			}
		}
		return h
	case int:
		return foldLong(int64(v))
	case int64:
		return foldLong(v)
	case int32:
		return v
	case int16:
		return int32(v)
	case int8:
		return int32(v)
	case Char:
		return int32(v)
	case bool:
		if v {
			return 1231
		}
		return 1237
	case float32:
		if v != v {
			return 0x7fc00000
		}
		return int32(math.Float32bits(v))
	case float64:
		if v != v {
			return 0x7ff80000
		}
		return foldLong(int64(math.Float64bits(v)))
	case time.Time:
		return foldLong(v.UnixMilli())
	}
	return 0
}

func foldLong(n int64) int32 { return int32(n ^ int64(uint64(n)>>32)) }
