package javaserial

import (
	"errors"
	"reflect"
	"testing"
)

// What Read has read stays as it is when the Decoder reads another stream.
func TestRead(t *testing.T) {
	var kept []Node
	for i := range 40 {
		n, err := Java([]any{"text", int32(i), map[string]any{"a": int64(1000 + i)}})
		if err != nil {
			t.Fatal(err)
		}
		wrong := errors.New("wrong")
		err = Read(Encode(n), Limits{}, func(d *Decoder) error {
			n, err := d.Object()
			kept = append(kept, n)
			if err == nil && i%2 == 1 {
				err = wrong
			}
			return err
		})
		if i%2 == 0 && err != nil || i%2 == 1 && err != wrong {
			t.Errorf("%d: %v", i, err)
		}
		if err := Read([]byte("no stream"), Limits{}, func(d *Decoder) error { _, err := d.Object(); return err }); err == nil {
			t.Error("no stream was read")
		}
	}
	for i, n := range kept {
		want := []any{"text", int32(i), map[string]any{"a": int64(1000 + i)}}
		if got, _ := Go(n); !reflect.DeepEqual(got, want) {
			t.Errorf("%d: %v", i, got)
		}
	}
}
