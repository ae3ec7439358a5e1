package streams

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/catflap/catflap/javaserial"
)

// program compiles the Java program, and returns how to run it.
func program(t *testing.T) func(args ...string) (string, error) {
	t.Helper()
	classes := t.TempDir()
	if out, err := exec.Command("javac", "-d", classes, "testdata/Streams.java").CombinedOutput(); err != nil {
		t.Fatalf("javac: %v\n%s", err, out)
	}
	return func(args ...string) (string, error) {
		cmd := exec.Command("java", append([]string{"-Xmx512m", "-XX:+UseSerialGC", "-cp", classes, "Streams"}, args...)...)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
}

func count() int {
	if os.Getenv("CATFLAP_FULL") != "" {
		return 20000
	}
	return 600
}

// A record is one stream in a file of the Java program.
type record struct {
	objects uint32
	stream  []byte
}

func readRecords(t *testing.T, file string) []record {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []record
	for len(data) >= 8 {
		size := binary.BigEndian.Uint32(data)
		all = append(all, record{binary.BigEndian.Uint32(data[4:]), data[8 : 8+size]})
		data = data[8+size:]
	}
	return all
}

func writeRecords(t *testing.T, file string, all []record) {
	t.Helper()
	var b []byte
	for _, r := range all {
		b = binary.BigEndian.AppendUint32(b, uint32(len(r.stream)))
		b = binary.BigEndian.AppendUint32(b, r.objects)
		b = append(b, r.stream...)
	}
	if err := os.WriteFile(file, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// Random graphs go Java → Go → Java and are equal by Java's own reader, shared
// objects still being shared. Each object goes once as a graph, and once as a
// Go value if that is exact.
func TestGraphsComeBackToJava(t *testing.T) {
	java, dir := program(t), t.TempDir()
	seed := strconv.FormatInt(time.Now().UnixNano()%1000000, 10)
	t.Logf("seed %s", seed)
	made, graphs, values := filepath.Join(dir, "made"), filepath.Join(dir, "graphs"), filepath.Join(dir, "values")
	if out, err := java("make", made, seed, strconv.Itoa(count())); err != nil {
		t.Fatalf("make: %v\n%s", err, out)
	}
	records := readRecords(t, made)
	asGraphs, asValues := make([]record, len(records)), make([]record, len(records))
	identical, exactValues, all := 0, 0, 0
	for i, r := range records {
		graph, value := javaserial.NewEncoder(), javaserial.NewEncoder()
		d := javaserial.NewDecoder(r.stream, javaserial.Limits{})
		for range r.objects {
			n, err := d.Object()
			if err != nil {
				t.Fatalf("stream %d: %v", i, err)
			}
			graph.Object(n)
			all++
			if v, exact := javaserial.Go(n); exact && r.objects == 1 {
				exactValues++
				if err := value.Value(v); err != nil {
					t.Fatalf("stream %d: %v", i, err)
				}
			} else {
				value.Object(n)
			}
		}
		if err := d.End(); err != nil {
			t.Fatalf("stream %d: %v", i, err)
		}
		asGraphs[i], asValues[i] = record{r.objects, graph.Bytes()}, record{r.objects, value.Bytes()}
		if bytes.Equal(r.stream, asGraphs[i].stream) {
			identical++
		}
	}
	writeRecords(t, graphs, asGraphs)
	writeRecords(t, values, asValues)
	for file, how := range map[string]string{graphs: "compare", values: "equal"} {
		out, err := java(how, made, file)
		if err != nil || !strings.Contains(out, strconv.Itoa(len(records))+" streams are equal") {
			t.Errorf("%s: %v\n%s", filepath.Base(file), err, out)
		}
	}
	t.Logf("%d streams with %d objects; %d streams byte for byte the same, %d objects as Go values", len(records), all, identical, exactValues)
	if identical != len(records) {
		t.Errorf("only %d of %d streams were written byte for byte as Java wrote them", identical, len(records))
	}
}

// What Go makes is what Java shows.
func TestGoValuesInJava(t *testing.T) {
	java, dir := program(t), t.TempDir()
	when := time.Date(2024, 2, 29, 12, 0, 0, int(7*time.Millisecond), time.UTC)
	tests := []struct {
		value any
		want  string
	}{
		{"grüezi 😀", "java.lang.String grüezi 😀"},
		{7, "java.lang.Long 7"},
		{int64(-1 << 63), "java.lang.Long -9223372036854775808"},
		{int32(42), "java.lang.Integer 42"},
		{int16(-3), "java.lang.Short -3"},
		{int8(5), "java.lang.Byte 5"},
		{true, "java.lang.Boolean true"},
		{1.5, "java.lang.Double 1.5"},
		{float32(0.25), "java.lang.Float 0.25"},
		{javaserial.Char('x'), "java.lang.Character x"},
		{when, "java.util.Date " + strconv.FormatInt(when.UnixMilli(), 10)},
		{[]byte{1, 255}, "[B [1, -1]"},
		{[]any{"a", nil, int32(1), []any{}}, "java.util.ArrayList [a, null, 1, []]"},
		{map[string]any{"one": int32(1)}, "java.util.HashMap {one=1}"},
		{map[any]any{int32(3): "x", "y": 2.5, nil: true}, "java.util.HashMap {null=true, 3=x, y=2.5}"},
		{javaserial.Set{"p"}, "java.util.HashSet [p]"},
		{nil, "null null"},
	}
	var records []record
	for _, test := range tests {
		n, err := javaserial.Java(test.value)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, record{1, javaserial.Encode(n)})
	}
	file := filepath.Join(dir, "values")
	writeRecords(t, file, records)
	out, err := java("print", file)
	if err != nil {
		t.Fatalf("print: %v\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != len(tests) {
		t.Fatalf("%d lines, want %d:\n%s", len(lines), len(tests), out)
	}
	for i, test := range tests {
		if lines[i] != test.want {
			t.Errorf("%#v is in Java %q, want %q", test.value, lines[i], test.want)
		}
	}
}
