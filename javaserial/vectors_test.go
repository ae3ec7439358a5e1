package javaserial

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/catflap/catflap/internal/vectors"
)

// contentsOf reads all of a stream.
func contentsOf(data []byte, limits Limits) ([]Content, error) {
	d := NewDecoder(data, limits)
	var all []Content
	for {
		c, err := d.Next()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
}

// written writes contents as they were read.
func written(all []Content) []byte {
	e := NewEncoder()
	for _, c := range all {
		if c.Block != nil {
			e.Raw(c.Block)
		} else {
			e.Object(c.Node)
		}
	}
	return e.Bytes()
}

func TestVectorsDecode(t *testing.T) {
	seen := 0
	for _, v := range vectors.All(t) {
		if v.Kind != "object" && v.Kind != "objects" {
			continue
		}
		seen++
		t.Run(v.Name, func(t *testing.T) {
			all, err := contentsOf(vectors.Bytes(t, v.Name), Limits{})
			if err != nil {
				t.Fatal(err)
			}
			tree := &describer{ids: map[Node]int{}}
			var got any
			if v.Kind == "object" {
				got = tree.node(all[0].Node)
			} else {
				got = tree.contents(all, true)
			}
			text, err := json.Marshal(got)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(normal(t, v.Expect), normal(t, text)); diff != "" {
				t.Errorf("decoded otherwise (-want +got):\n%s", diff)
			}
		})
	}
	if seen < 40 {
		t.Errorf("only %d vectors of objects", seen)
	}
}

func normal(t *testing.T, text []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// What Java wrote is written again byte for byte; only resets and exceptions
// are not.
func TestVectorsWrittenAgain(t *testing.T) {
	seen := 0
	for _, v := range vectors.All(t) {
		switch v.Kind {
		case "object", "objects", "stream", "delta":
		default:
			continue
		}
		if v.Name == "ser-sequence-reset" || v.Name == "ser-exception" {
			continue
		}
		seen++
		t.Run(v.Name, func(t *testing.T) {
			data := vectors.Bytes(t, v.Name)
			all, err := contentsOf(data, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(hex.Dump(data), hex.Dump(written(all))); diff != "" {
				t.Errorf("written otherwise (-want +got):\n%s", diff)
			}
		})
	}
	if seen < 100 {
		t.Errorf("only %d vectors", seen)
	}
}

func TestEveryPrefixIsAnError(t *testing.T) {
	for _, v := range vectors.All(t) {
		if v.Kind != "object" && v.Kind != "stream" {
			continue
		}
		data := vectors.Bytes(t, v.Name)
		for n := range min(len(data), 2000) {
			_, err := Decode(data[:n], Limits{})
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Fatalf("%s cut to %d of %d bytes: error %v, want an *Error", v.Name, n, len(data), err)
			}
		}
	}
}

// A describer makes the generic tree of index.json.
type describer struct {
	ids  map[Node]int
	next int
}

func (d *describer) id(n Node) int {
	d.next++
	d.ids[n] = d.next
	return d.next
}

type tree = map[string]any

func (d *describer) node(n Node) any {
	if id, ok := d.ids[n]; ok {
		return tree{"ref": id}
	}
	switch n := n.(type) {
	case nil:
		return nil
	case *String:
		if len(n.Text) > 2000 {
			return tree{"string-length": len(n.Text)}
		}
		return n.Text
	case *ClassObject:
		return tree{"class": n.Class.Name, "suid": n.Class.SUID}
	case *Enum:
		return tree{"id": d.id(n), "enum": n.Class.Name, "constant": n.Name.Text}
	case *Array:
		return d.array(n)
	case *Object:
		return d.object(n)
	case *Aborted:
		partial := d.node(n.Partial).(tree)
		partial["values"] = append(partial["values"].([]any), tree{"exception": d.node(n.Thrown)})
		return partial
	}
	return "?"
}

func (d *describer) array(n *Array) any {
	m := tree{"id": d.id(n), "array": n.Class.Name}
	values := []any{}
	for i := range n.Len() {
		if n.Raw != nil {
			values = append(values, n.At(i).Int())
		} else {
			values = append(values, d.node(n.Nodes[i]))
		}
	}
	m["values"] = values
	return m
}

func (d *describer) object(n *Object) any {
	m := tree{"id": d.id(n), "class": n.Class.Name}
	if n.Class.Proxy {
		m["class"] = tree{"proxy": n.Class.Interfaces}
	}
	var all []any
	for _, data := range n.Data {
		one := tree{"of": data.Class.Name, "suid": data.Class.SUID, "flags": data.Class.Flags}
		if data.Class.Proxy {
			one["of"], one["suid"] = "proxy", nil
		}
		if len(data.Fields) > 0 {
			fields := tree{}
			for i, f := range data.Class.Fields {
				fields[f.Name] = d.value(f.Code, data.Fields[i])
			}
			one["fields"] = fields
		}
		if len(data.Custom) > 0 {
			one["annotations"] = d.contents(data.Custom, true)
		}
		all = append(all, one)
	}
	m["data"] = all
	return m
}

func (d *describer) value(code byte, v Value) any {
	switch code {
	case 'Z':
		return v.Bool()
	case 'F', 'D':
		return floatText(v.Float(code))
	case '[', 'L':
		return d.node(v.Node())
	}
	return v.Int()
}

func floatText(f float64) string {
	text := strconv.FormatFloat(f, 'g', -1, 64)
	if f == float64(int64(f)) {
		text = strconv.FormatFloat(f, 'f', 1, 64)
	}
	return text
}

// contents describes custom data, long blocks cut as Java writes them.
func (d *describer) contents(all []Content, cut bool) []any {
	out := []any{}
	for _, c := range all {
		if c.Block == nil {
			out = append(out, d.node(c.Node))
			continue
		}
		for b := c.Block; len(b) > 0; {
			part := b[:min(len(b), blockSize)]
			b = b[len(part):]
			if len(part) > 64 {
				sum := sha256.Sum256(part)
				out = append(out, tree{"block": tree{"len": len(part), "sha256": hex.EncodeToString(sum[:])}})
			} else {
				out = append(out, tree{"block": hex.EncodeToString(part)})
			}
		}
	}
	return out
}
