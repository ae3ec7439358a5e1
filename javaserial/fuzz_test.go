package javaserial

import (
	"bytes"
	"testing"

	"github.com/catflap/catflap/internal/vectors"
)

// FuzzDecode: no input makes it panic or use much memory, and what parses is
// the same after writing and parsing again.
func FuzzDecode(f *testing.F) {
	for _, v := range vectors.All(f) {
		switch v.Kind {
		case "object", "objects", "stream", "delta":
			f.Add(vectors.Bytes(f, v.Name))
		}
	}
	limits := Limits{Bytes: 1 << 16, Depth: 100, Objects: 20000}
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := contentsOf(data, limits)
		if err != nil {
			return
		}
		for _, c := range all {
			v, _ := Go(c.Node)
			if back, err := Java(v); err == nil {
				Encode(back)
			}
			if _, ok := c.Node.(*Aborted); ok {
				return
			}
		}
		once := written(all)
		again, err := contentsOf(once, Limits{})
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if twice := written(again); !bytes.Equal(once, twice) {
			t.Fatalf("written otherwise the second time:\n%x\n%x", once, twice)
		}
	})
}

func FuzzModifiedUTF8(f *testing.F) {
	for _, text := range []string{"", "a", "\x00", "ä€", "😀", "\xed\xa0\x80", "\xff", "\xed\xa0\x80\xed\xb0\x80"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		encoded := appendUTF(nil, string(b))
		if len(encoded) != utfLen(string(b)) {
			t.Fatalf("%d bytes, but utfLen says %d", len(encoded), utfLen(string(b)))
		}
		if _, ok := decodeUTF(encoded); !ok {
			t.Fatalf("what was written cannot be read: %x", encoded)
		}
		text, ok := decodeUTF(b)
		if !ok {
			return
		}
		again := appendUTF(nil, text)
		if back, ok := decodeUTF(again); !ok || back != text {
			t.Fatalf("%q became %q", text, back)
		}
	})
}
