package replicated

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/rpc"
)

func readVector(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "testdata", "vectors", name+".bin"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Every message of a real map is understood, and written as Tomcat writes
// it.
func TestMessageVectors(t *testing.T) {
	names, err := filepath.Glob("../testdata/vectors/map-*.bin")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, file := range names {
		name := strings.TrimSuffix(filepath.Base(file), ".bin")
		data := readVector(t, name)
		n, err := javaserial.Decode(data, javaserial.Limits{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var c rpc.Classes
		var m message
		mine, err := m.parse(n, &c)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !mine {
			continue // a question that holds one
		}
		seen++
		if m.mapName != "localhost#/app-map" || m.kind < msgBackup || m.kind > msgPing {
			t.Errorf("%s is %+v", name, m)
		}
		again := javaserial.Encode(m.object(&c, func(tribes.Key) bool { return true }))
		if !bytes.Equal(again, data) {
			t.Errorf("%s written otherwise:\n% x\n% x", name, data, again)
		}
	}
	if seen < 12 {
		t.Errorf("only %d vectors", seen)
	}
}
