package replicated

import (
	"bytes"
	"strings"
	"testing"

	"github.com/catflap/catflap/internal/vectors"
	"github.com/catflap/catflap/javaserial"
	"github.com/catflap/catflap/tribes"
	"github.com/catflap/catflap/tribes/rpc"
)

// Every message of a real map is understood, and written as Tomcat writes
// it.
func TestMessageVectors(t *testing.T) {
	seen := 0
	for _, v := range vectors.All(t) {
		name := v.Name
		if !strings.HasPrefix(name, "map-") {
			continue
		}
		data := vectors.Bytes(t, name)
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
